"""Which requests the guided page answers at all. Pure.

The page is on loopback, but every site a person visits can send their browser there. Three things keep them
out: the Host must be ours (against DNS rebinding), the address holds a random token, and whatever changes
something must come from a page of our own (Origin and Sec-Fetch-Site). Under `Referrer-Policy: no-referrer`
browsers write `Origin: null` for our own forms, so null counts only beside Sec-Fetch-Site: same-origin, or
without that header from a browser too old to send it, which then still has to know the token.

Sources: Fetch standard (Origin header of navigations), W3C Fetch Metadata, OWASP CSRF prevention.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

MAX_BODY_BYTES = 64 * 1024
FORM = "application/x-www-form-urlencoded"
_DESTINATIONS = frozenset({"", "document", "style", "script", "empty"})


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, as far as it was read.

    Attributes:
        headers: names in lower case.
        path: as sent, without the query.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str:
        """One header in lower case, "" without it."""
        return self.headers.get(name, "").strip().lower()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a visit is not answered."""

    status: HTTPStatus
    reason: str
    remedy: str


_TERMINAL = "Open the address that the terminal shows."


def refusal(visit: Visit, port: int, token: str, callback_path: str) -> Refusal | None:
    """Why *visit* is not answered; None when it is.

    Args:
        visit: the request.
        port: where the page is served.
        token: that every address of the page begins with.
        callback_path: the one address without it, where logins come back to.
    """
    if visit.header("host") not in {f"localhost:{port}", f"127.0.0.1:{port}"}:
        return Refusal(HTTPStatus.MISDIRECTED_REQUEST, "This page has another address.", _TERMINAL)
    if visit.method not in {"GET", "POST"}:
        return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and POST are answered.", _TERMINAL)
    if visit.path == callback_path:
        return _callback_refusal(visit)
    if not hmac.compare_digest(
        visit.path.split("/")[1].encode() if "/" in visit.path else b"", token.encode()
    ):
        return Refusal(
            HTTPStatus.FORBIDDEN,
            "This address is incomplete: the secret part is missing or wrong.",
            _TERMINAL,
        )
    if visit.header("sec-fetch-dest") not in _DESTINATIONS:
        return Refusal(HTTPStatus.FORBIDDEN, "The page does not open inside another page.", _TERMINAL)
    return _post_refusal(visit, port) if visit.method == "POST" else _read_refusal(visit)


def _callback_refusal(visit: Visit) -> Refusal | None:
    is_navigation = visit.header("sec-fetch-mode") in {"", "navigate"}
    on_top = visit.header("sec-fetch-dest") in {"", "document"}
    if visit.method != "GET" or visit.header("origin") or not is_navigation or not on_top:
        return Refusal(HTTPStatus.FORBIDDEN, "Only a login that ends here may open this page.", _TERMINAL)
    return None


def _read_refusal(visit: Visit) -> Refusal | None:
    from_elsewhere = visit.header("sec-fetch-site") in {"cross-site", "same-site"}
    if from_elsewhere and visit.header("sec-fetch-mode") != "navigate":
        return Refusal(HTTPStatus.FORBIDDEN, "Another site asked for a part of this page.", _TERMINAL)
    return None


def _post_refusal(visit: Visit, port: int) -> Refusal | None:
    origin, site = visit.header("origin"), visit.header("sec-fetch-site")
    own = {f"http://localhost:{port}", f"http://127.0.0.1:{port}"}
    if site not in {"", "same-origin"} or (origin not in own | {"", "null"}):
        return Refusal(
            HTTPStatus.FORBIDDEN, "This was sent from another site's page, so nothing was done.", _TERMINAL
        )
    if visit.header("content-type").partition(";")[0].strip() != FORM:
        return Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Only forms of this page are taken.",
            "Use the page's own form.",
        )
    return None
