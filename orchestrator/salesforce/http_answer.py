"""A whole HTTP answer, and what it means when it is not in the language that was due."""

from __future__ import annotations

import email.utils
import json as jsonlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from orchestrator.catalogue import FAULTS
from orchestrator.errors import OrgFault
from orchestrator.salesforce.answers import classify

_FIRST_REDIRECT_STATUS = 300
_SHOWN_CHARACTERS = 2000
_LONGEST_RETRY_AFTER_S = 86_400
_MOST_DIGITS = 18
_MOST_LEVELS = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Its body and headers may hold secrets and so are not shown.

    Attributes:
        headers: names in any case.
        url: what was asked, after redirects within the same host.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str

    @property
    def host(self) -> str:
        """Who answered, with the port if there was one in the URL."""
        return urlsplit(self.url).netloc

    @property
    def media_type(self) -> str:
        """Content type without parameters, lower case; "" when there is none."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def retry_after_s(self) -> float | None:
        """What the server asked for with Retry-After, in seconds from now; None when it did not."""
        return retry_after_s(self.headers)

    @property
    def date_s(self) -> float | None:
        """The server's clock (Date header) in Unix seconds; None when it sent none."""
        return _http_date_s(self.headers.get("Date", ""))

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            OrgFault: it is not (or not UTF-8): what the status means, else `not_json`.
        """
        try:
            return check_depth(jsonlib.loads(self.body.decode("utf-8"), parse_constant=_no_number))
        except (ValueError, RecursionError):
            raise self.unusable("not_json") from None

    def unusable(self, expected: Literal["not_json", "not_xml"]) -> OrgFault:
        """The fault of an answer in the wrong language: a page of an edge, of maintenance, of a proxy."""
        text = self.body[:_SHOWN_CHARACTERS].decode("utf-8", "replace")
        kind = FAULTS[expected]
        if self.status >= _FIRST_REDIRECT_STATUS:
            by_status = classify("network", str(self.status), text)
            kind = kind if by_status.code == "answer_unknown" else by_status
        # The page itself is not quoted: it may echo what was sent.
        due = {"not_json": "JSON", "not_xml": "a SOAP envelope"}[expected]
        detail = (
            f"{self.host} answered {self.status} with {self.media_type or 'no content type'}, not with {due}"
        )
        return OrgFault(kind, detail, retry_after_s=self.retry_after_s)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds from now, from its two forms (RFC 9110 section 10.2.3); None without one."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(min(whole_number(text), _LONGEST_RETRY_AFTER_S))
    at_s = _http_date_s(text)
    return None if at_s is None else min(max(0.0, at_s - time.time()), float(_LONGEST_RETRY_AFTER_S))


def check_depth(tree: Any) -> Any:
    """*tree*, if it is no deeper than anything an org has to say; whatever walks it later may then recurse.

    Raises:
        ValueError: it is.
    """
    level = [tree]
    for _ in range(_MOST_LEVELS):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return tree
    raise ValueError("nested too deeply")


def _no_number(word: str) -> None:
    """NaN and Infinity, which Python would take, are no JSON (RFC 8259 section 6)."""
    raise ValueError(word)


def whole_number(text: str) -> int:
    """The number *text* writes in decimal digits; 0 for anything else, and for more than 18 digits."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else 0


def _http_date_s(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, OverflowError):
        return None
