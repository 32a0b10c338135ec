"""Words and numbers for people: results, verdicts, durations. Everything a report says in fixed words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

RESULTS: Mapping[str, str] = {
    "succeeded": "Succeeded",
    "failed": "Failed",
    "needs_attention": "Needs attention",
    "waiting": "Waiting for a person",
    "interrupted": "Not finished",
    "cancelled": "Cancelled",
}
"""Result → how it is written, the best first."""

GRAVEST_FIRST = ("failed", "needs_attention", "waiting", "interrupted", "cancelled", "succeeded")

PATHS: Mapping[str, str] = {
    "soap_login": "SOAP login()",
    "password_grant": "OAuth username-password flow",
    "ui": "login page",
}
"""Password path → how it is written."""

VERDICTS: Mapping[str, str] = {
    "proven_closed": "Proven closed",
    "closed_unproven": "Closed by configuration, unproven",
    "open": "Open",
}
"""State of a password path → how it is written."""

APP_KINDS: Mapping[str, str] = {
    "external_client_app": "External Client App",
    "connected_app": "Connected App",
}

PRINCIPALS: Mapping[str, str] = {
    "handed_over": "an account whose password was handed over: the password dies, the account lives",
    "human_admin": "a person's own account: nothing of the person's is touched",
    "dedicated": "an account made for this: it is deactivated",
    "integration_user": "the integration user itself",
}

_MINUTE_S = 60
_HOUR_S = 3_600
_DAY_S = 86_400
_SECONDS_SHOWN_WITH_A_DECIMAL = 10


def path_words(path: str) -> str:
    """A password path for people."""
    return PATHS.get(path, path)


def duration_words(seconds: float | None) -> str:
    """`12 ms`, `4.1 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`; a dash for None."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{max(seconds, 0.0) * 1000:.0f} ms"
    if seconds < _SECONDS_SHOWN_WITH_A_DECIMAL:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    for unit_s, name, part_s, part in (
        (_DAY_S, "d", _HOUR_S, "h"),
        (_HOUR_S, "h", _MINUTE_S, "min"),
        (_MINUTE_S, "min", 1, "s"),
    ):
        if whole >= unit_s:
            rest = whole % unit_s // part_s
            return f"{whole // unit_s} {name}" + (f" {rest} {part}" if rest else "")
    return f"{whole} s"


def days_left(not_after: str, at_s: float) -> int | None:
    """Whole days from *at_s* (Unix seconds) to an ISO time; negative once passed, None if unreadable."""
    try:
        end = dt.datetime.fromisoformat(not_after)
    except ValueError:
        return None
    if end.tzinfo is None:
        end = end.replace(tzinfo=dt.UTC)
    return int((end.timestamp() - at_s) // _DAY_S)


def listing(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
