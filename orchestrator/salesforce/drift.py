"""Whether an org still is as a run left it: the form of a check, its verdict, and the pure judgements.

Pure. Four states, and only one of them is bad: what cannot be read is shown and never claimed to hold.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.salesforce.lockdown_mechanisms import PasswordPath

CheckState = Literal["holds", "drifted", "not_readable", "not_applicable"]
Result = Literal["holds", "drifted", "unreachable"]

CLOCKS_DIFFER_S = 90.0  # ours and the org's; the same allowance as verify_lockdown's


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        check: stable name.
        state: `holds`, `drifted`, `not_readable` (with these rights) or `not_applicable` (to this org).
        expected, seen: in words; `seen` says why when nothing could be read.
        remedy: what to do when it drifted; "" otherwise.
        warning: it holds, but not for long.
    """

    check: str
    state: CheckState
    expected: str
    seen: str
    remedy: str = ""
    warning: bool = False

    def as_json(self) -> dict[str, Any]:
        """Evidence form."""
        tree: dict[str, Any] = {
            "check": self.check,
            "state": self.state,
            "expected": self.expected,
            "seen": self.seen,
            "remedy": self.remedy,
        }
        return {**tree, "warning": True} if self.warning else tree


def verdict(checks: Iterable[Check]) -> Result:
    """`drifted` if any check drifted, else `holds`; what could not be read does not fail by itself."""
    return "drifted" if any(check.state == "drifted" for check in checks) else "holds"


def expiry_check(days_left: int, not_after: str, warn_days: int) -> Check:
    """The certificate's end, which Salesforce does not enforce for this flow, so that we do.

    Args:
        days_left: whole days, negative after the end.
        not_after: the end as recorded.
        warn_days: warn when fewer are left.
    """
    expected = f"at least {warn_days} days left"
    renew = "run `orchestrator run rotate-certificate` for this org"
    if days_left < 0:
        return Check("certificate_expiry", "drifted", expected, f"expired on {not_after}", renew)
    seen = f"{days_left} days left, until {not_after}"
    if days_left < warn_days:
        return Check("certificate_expiry", "holds", expected, seen, renew, warning=True)
    return Check("certificate_expiry", "holds", expected, seen)


# Login types that are no password (object reference, LoginHistory.LoginType and LoginSubType).
_NO_PASSWORD = (
    "saml",
    "third party sso",
    "certificate-based",
    "lightning login",
    "passwordless",
    "employee login",
    "help and training",
)
_OAUTH = ("remote access",)
_UI = ("application",)


def password_path(row: Mapping[str, Any]) -> PasswordPath | None:
    """The path a row of LoginHistory came in by, if it was a password's; None otherwise."""
    kind = str(row.get("LoginType") or "").lower()
    sub_kind = str(row.get("LoginSubType") or "").lower()
    if kind.startswith(_OAUTH):
        return "password_grant" if "password" in sub_kind else None
    if kind.startswith(_NO_PASSWORD):
        return None
    return "ui" if kind in _UI else "soap_login"


def password_logins(
    rows: Iterable[Mapping[str, Any]], since: dt.datetime, left_open: Collection[str]
) -> list[str]:
    """Successful logins by password since the lock, on paths that were to be closed; one sentence each."""
    found = []
    for row in rows:
        path = password_path(row)
        if path is None or path in left_open or str(row.get("Status")) != "Success":
            continue
        if salesforce_time(str(row["LoginTime"])) >= since:
            found.append(f"{row['LoginTime']} {row['LoginType']} from {row.get('SourceIp')}")
    return found


def salesforce_time(text: str) -> dt.datetime:
    """A date and time as REST writes it (`2026-08-24T21:26:29.000+0000`) or as we do (`…Z`)."""
    return dt.datetime.fromisoformat(text)
