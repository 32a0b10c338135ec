"""Checks of the client app and of the grant that lets the JWT user use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.actions.credential import Connection
from orchestrator.actions.deploy_client_app import CONNECTED
from orchestrator.actions.sightings import ADMIN_APPROVED, AppSeen, Unread, see_app, see_assignment
from orchestrator.salesforce.drift import Check

_APP_PAGE = "Setup > External Client App Manager"


def app_checks(org: Connection, record: Mapping[str, Any], user_id: str) -> list[Check]:
    """Certificate, switch and policy of the app, and the assignment of its permission set.

    Args:
        org: as the JWT user, whose token was just accepted.
        record: the credential record.
        user_id: of the JWT user.

    Raises:
        OrgFault: passing troubles only.
    """
    app = record["app"]
    seen = see_app(org, str(app["kind"]), str(app["name"]))
    access = (record.get("assignments") or {}).get("access") or {}
    return [
        _certificate(seen, str(record["certificate"]["sha256"])),
        _enabled(seen, str(app["kind"])),
        _policy(seen, str(access.get("permission_set") or ""), str(access.get("permission_set_id") or "")),
        _assignment(org, user_id, access),
    ]


def unread(check: str, expected: str, why: Unread) -> Check:
    """The check of something these rights do not show."""
    return Check(check, "not_readable", expected, f"{why.code}: {why.detail}")


def _certificate(seen: AppSeen, ours: str) -> Check:
    expected = f"sha256 {ours}"
    if isinstance(seen.certificate_sha256, Unread):
        return unread("certificate_in_app", expected, seen.certificate_sha256)
    if seen.certificate_sha256 != ours:
        return Check(
            "certificate_in_app",
            "drifted",
            expected,
            f"sha256 {seen.certificate_sha256}"
            if seen.certificate_sha256
            else "the app holds no certificate",
            "find out who changed the app (Setup > View Setup Audit Trail), then put ours back: "
            "`orchestrator run hybrid`",
        )
    return Check("certificate_in_app", "holds", expected, expected)


def _enabled(seen: AppSeen, kind: str) -> Check:
    expected = "the app and its OAuth plug-in are on"
    if kind == CONNECTED:
        return Check("app_enabled", "not_applicable", expected, "a Connected App has no such switch")
    if isinstance(seen.enabled, Unread):
        return unread("app_enabled", expected, seen.enabled)
    if not seen.enabled:
        return Check("app_enabled", "drifted", expected, "switched off", f"switch it on again in {_APP_PAGE}")
    return Check("app_enabled", "holds", expected, expected)


def _policy(seen: AppSeen, set_name: str, set_id: str) -> Check:
    expected = f"{ADMIN_APPROVED} with permission set {set_name}"
    if isinstance(seen.policy, Unread):
        return unread("app_policy", expected, seen.policy)
    if seen.policy != ADMIN_APPROVED:
        remedy = f"choose 'Admin approved users are pre-authorized' in {_APP_PAGE} > Policies"
        return Check("app_policy", "drifted", expected, seen.policy, remedy)
    granted = seen.granted_sets
    if not isinstance(granted, Unread) and not granted:
        # The token was accepted, so there is a grant: it is hidden from us, not absent.
        granted = Unread("permission_missing", "the policy is as expected; no grant of the app is visible")
    if isinstance(granted, Unread):
        return unread("app_policy", expected, granted)
    if not set_id:
        missing = Unread("record_missing", "the record of the credential does not say which set it was")
        return unread("app_policy", expected, missing)
    if set_id[:15] not in granted:
        seen_words = f"{seen.policy} for {len(granted)} other grants"
        remedy = f"add the permission set to the app in {_APP_PAGE} > Policies"
        return Check("app_policy", "drifted", expected, seen_words, remedy)
    others = len(granted) - 1
    also = f" and {others} other grants" if others else ""
    return Check("app_policy", "holds", expected, f"{expected}{also}")


def _assignment(org: Connection, user_id: str, access: Mapping[str, Any]) -> Check:
    expected = f"the JWT user holds permission set {access.get('permission_set') or 'of the app'}"
    if not access.get("permission_set_id"):
        missing = Unread("record_missing", "the record of the credential does not say which set it was")
        return unread("assignment", expected, missing)
    holds = see_assignment(org, user_id, str(access["permission_set_id"]))
    if isinstance(holds, Unread):
        return unread("assignment", expected, holds)
    if not holds:
        remedy = "assign it again in Setup > Permission Sets > Manage Assignments"
        return Check("assignment", "drifted", expected, "not assigned", remedy)
    return Check("assignment", "holds", expected, "assigned")
