"""What an unquoted YAML scalar means here: the part of YAML 1.2's core schema nobody can misread.

Words and numbers that YAML 1.1 and 1.2 readers understand differently have no meaning at all.
"""

from __future__ import annotations

import re

_CONSTANTS: dict[str, bool | None] = {
    "true": True,
    "false": False,
    "null": None,
    "Null": None,
    "NULL": None,
    "~": None,
    "": None,
}
# YAML 1.1 booleans (yaml.org/type/bool.html) except the two everybody agrees on.
AMBIGUOUS_WORDS = frozenset(
    form(word)
    for word in ("y", "n", "yes", "no", "on", "off", "true", "false")
    for form in (str.lower, str.title, str.upper)
) - {"true", "false"}

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{0,17}|\.[0-9]{1,17}")
_OTHER_NUMBERS = (
    (re.compile(r"[-+]?0[0-9_]+"), "a number with leading zeros is octal to some YAML readers"),
    (
        re.compile(r"[-+]?0(?:o[0-7_]+|x[0-9a-fA-F_]+|b[01_]+)"),
        "octal, hexadecimal and binary numbers are not read",
    ),
    (re.compile(r"[-+]?[0-9]+(?:_[0-9_]*)+(?:\.[0-9_]*)?"), "numbers with underscores are not read"),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"),
        "digits with colons are a base-60 number to some YAML readers",
    ),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"), "infinity and not-a-number are not values"),
    (re.compile(r"[-+]?[0-9]{19,}"), "the number has too many digits"),
    (
        re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"),
        "a number of this form is a text to some YAML readers",
    ),
)
_FIRST = frozenset("0123456789+-.")


class NumberRefused(ValueError):
    """The scalar looks like a number that YAML readers disagree about; the message does not quote it."""


def plain_value(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar.

    Raises:
        NumberRefused: it looks like a number, but readers would disagree which.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _FIRST:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    for pattern, problem in _OTHER_NUMBERS:
        if pattern.fullmatch(text):
            raise NumberRefused(problem)
    return text
