"""Salesforce organization ids: 15 case-sensitive characters, or 18 with three check characters.

The check characters say, for each five characters, which are upper-case letters, so that an id that
went through something that ignores case is noticed (Salesforce help, "15-character vs. 18-character
record IDs"; the alphabet is A-Z followed by 0-5).
"""

from __future__ import annotations

import re

_CHECK_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_LONG = 18
_SHORT = 15
_SHAPE = re.compile(r"00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
# Never the end of a real org id, whose third character is an upper-case D: written by people and
# documents that do not know the check characters, and so taken for "not given".
_UNCHECKED = "AAA"


class OrgIdRefused(ValueError):
    """Not an organization id; the message says why, `remedy` what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


def check_characters(id15: str) -> str:
    """The three check characters of a 15-character id."""
    return "".join(
        _CHECK_ALPHABET[
            sum(1 << place for place, letter in enumerate(id15[start : start + 5]) if letter.isupper())
        ]
        for start in (0, 5, 10)
    )


def canonical_org_id(text: str) -> str:
    """The 18-character form of *text*.

    Raises:
        OrgIdRefused: *text* is no organization id, or its check characters are wrong.
    """
    source = "copy it from Setup, Company Information, Salesforce.com Organization ID"
    if len(text) not in {_SHORT, _LONG}:
        raise OrgIdRefused(f"an org id has 15 or 18 characters, this one {len(text)}", source)
    if not text.startswith("00D"):
        raise OrgIdRefused("an org id starts with 00D", source)
    if _SHAPE.fullmatch(text) is None:
        raise OrgIdRefused("an org id consists of letters and digits", source)
    check = check_characters(text[:_SHORT])
    if len(text) == _LONG and text[_SHORT:].upper() not in {check, _UNCHECKED}:
        raise OrgIdRefused(
            "the last three characters do not fit the first fifteen (upper and lower case count)", source
        )
    return text[:_SHORT] + check
