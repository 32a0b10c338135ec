"""Checks that the locks of a run are still in force, and that no password has worked since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import Connection
from orchestrator.actions.locks import LOCKS
from orchestrator.actions.sightings import Unread, attempt, see_permission
from orchestrator.actions.verify_app import unread
from orchestrator.salesforce.drift import CLOCKS_DIFFER_S, Check, password_logins, salesforce_time
from orchestrator.salesforce.lockdown_mechanisms import MECHANISMS
from orchestrator.salesforce.token import AccessToken

_AGAIN = (
    "find out who changed it (Setup > View Setup Audit Trail), then lock again with `orchestrator run hybrid`"
)
# Permission that the lock gives (True) or takes away (False).
_BY_PERMISSION = {
    "withdraw_any_api_auth": ("UseAnyApiAuth", False),
    "require_sso": ("IsSsoEnabled", True),
    "api_only": ("ApiUserOnly", True),
}


def lock_checks(
    ctx: RunContext, org: Connection, record: Mapping[str, Any], token: AccessToken
) -> list[Check]:
    """One check per lock that a run applied, and one of the logins since.

    Args:
        ctx: of the verification.
        org: as the JWT user.
        record: the credential record.
        token: the one just bought; its answer told the server's clock.

    Raises:
        OrgFault: passing troubles only.
    """
    provisioned = record.get("provisioned") or {}
    locks = [lock for lock in provisioned.get("lockdown") or [] if "undone" not in lock]
    if not locks:
        expected = "the locks of a run"
        return [Check("lockdown", "not_applicable", expected, "no lock-down of this org is on record")]
    user_id = _user_id(ctx, org, provisioned)
    if isinstance(user_id, Unread):
        return [unread("lockdown", "the locked user", user_id)]
    offset_s = 0.0 if token.server_date_s is None else token.server_date_s - ctx.now_s()
    locked_at = max(salesforce_time(lock["applied_at"]) for lock in locks) + dt.timedelta(seconds=offset_s)
    checks = [_lock_check(org, user_id, lock, locked_at) for lock in locks]
    checks.append(_logins_check(org, user_id, token.user_id, locked_at, provisioned))
    return checks


def _user_id(ctx: RunContext, org: Connection, provisioned: Mapping[str, Any]) -> str | Unread:
    """The user whose password was locked: as planned, else by the username of the orgs file."""
    plan = provisioned.get("lock_plan") or {}
    if plan.get("user_id"):
        return str(plan["user_id"])
    username = str(ctx.org.get("username") or "")
    rows = attempt(lambda: org.rest.query("SELECT Id FROM User WHERE Username = {name}", name=username))
    if isinstance(rows, Unread):
        return rows
    return (
        str(rows[0]["Id"]) if rows else Unread("record_missing", f"no user {username or 'named'} is visible")
    )


def _lock_check(org: Connection, user_id: str, lock: Mapping[str, Any], locked_at: dt.datetime) -> Check:
    name = str(lock["mechanism"])
    check = f"lock:{name}"
    if name == "replace_password":
        return _password_check(org, user_id, lock, locked_at)
    expected = MECHANISMS[name].read_back
    if name == "end_sessions":
        why = "done once; what came after is in password_logins"
        return Check(check, "not_applicable", expected, why)
    before = (lock.get("undo") or {}).get("before") or {}
    if name in _BY_PERMISSION:
        permission, wanted = _BY_PERMISSION[name]
        held = see_permission(org, user_id, permission)
        holds = held if isinstance(held, Unread) else held is wanted
    else:
        holds = attempt(lambda: LOCKS[name].holds(org, user_id, before))
    if isinstance(holds, Unread):
        return unread(check, expected, holds)
    if not holds:
        return Check(check, "drifted", expected, "not in force any more", _AGAIN)
    return Check(check, "holds", expected, "as it was left")


def _password_check(org: Connection, user_id: str, lock: Mapping[str, Any], locked_at: dt.datetime) -> Check:
    """The password was not changed again since we replaced it: its date is the only trace there is."""
    check, expected = "lock:replace_password", f"no password change after {lock['applied_at']}"
    rows = attempt(
        lambda: org.rest.query("SELECT LastPasswordChangeDate FROM User WHERE Id = {user}", user=user_id)
    )
    if isinstance(rows, Unread):
        return unread(check, expected, rows)
    changed = rows[0].get("LastPasswordChangeDate") if rows else None
    if not changed:
        return unread(check, expected, Unread("record_missing", "the date of the last change is not visible"))
    if salesforce_time(str(changed)) > locked_at + dt.timedelta(seconds=CLOCKS_DIFFER_S):
        return Check(
            check,
            "drifted",
            expected,
            f"changed on {changed}",
            "somebody set a new password (by mail or by an administrator): find out who, lock again with "
            "`orchestrator run hybrid`",
        )
    return Check(check, "holds", expected, f"last changed on {changed}")


def _logins_check(
    org: Connection, user_id: str, jwt_user_id: str, locked_at: dt.datetime, provisioned: Mapping[str, Any]
) -> Check:
    """No successful login by password since the lock, on the paths that were closed."""
    left_open = sorted(_left_open(provisioned))
    expected = "no successful password login since the lock" + (
        f" (left open on purpose: {', '.join(left_open)})" if left_open else ""
    )
    # The JWT user's own tokens fill the history; they are no password logins.
    own = " AND LoginType != 'Remote Access 2.0'" if user_id[:15] == jwt_user_id[:15] else ""
    since = locked_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = attempt(
        lambda: org.rest.query(
            "SELECT LoginTime, LoginType, LoginSubType, Status, SourceIp FROM LoginHistory "
            "WHERE UserId = {user} AND LoginTime >= {since:literal}{own:literal} "
            "ORDER BY LoginTime DESC LIMIT 2000",
            user=user_id,
            since=since,
            own=own,
        )
    )
    if isinstance(rows, Unread):
        return unread("password_logins", expected, rows)
    found = password_logins(rows, locked_at, left_open)
    if found:
        shown = "; ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")  # noqa: PLR2004
        return Check("password_logins", "drifted", expected, shown, _AGAIN)
    if not rows and user_id[:15] != jwt_user_id[:15]:
        # Users without Manage Users see their own history only, and get no refusal for another's.
        allowed = see_permission(org, jwt_user_id, "ManageUsers")
        if allowed is not True:
            hidden = Unread("permission_missing", "no row of the user is visible to the JWT user")
            return unread("password_logins", expected, hidden)
    seen = f"{len(rows)} login attempts since {since}, none by password succeeded"
    return Check("password_logins", "holds", expected, seen)


def _left_open(provisioned: Mapping[str, Any]) -> set[str]:
    """Paths the lock-down left open, by plan or by verdict."""
    plan = provisioned.get("lock_plan") or {}
    return {str(row["path"]) for row in plan.get("stays_open") or []} | set(provisioned.get("open") or [])
