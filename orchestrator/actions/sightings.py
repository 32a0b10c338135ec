"""What one principal can see of the client app and of a user; every read may be refused, and says so.

`verify` looks with the thin rights of the JWT user, `doctor` with whatever session there is. So a value is
either read, or an `Unread` with the reason; what cannot be read is never guessed.
Sources: enterprise WSDL (ExternalClientApplication, ExtlClntAppOauthPlcyCnfg, ExtlClntAppPlcyCnfg,
ConnectedApplication, SetupEntityAccess, UserLogin), metadata guide (readMetadata).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from orchestrator.actions import facts
from orchestrator.actions.credential import Connection
from orchestrator.actions.deploy_client_app import CONNECTED, read_oauth
from orchestrator.errors import Disposition, OrgFault
from orchestrator.salesforce.certificate import certificate_sha256

Value = TypeVar("Value")

ADMIN_APPROVED = "AdminApprovedPreAuthorized"
SELF_AUTHORIZED = "AllSelfAuthorized"
# A permission set of this licence cannot hold app grants (knowledge article 001453686).
INTEGRATION_LICENSE_KEY = "SalesforceAPIIntegrationPsl"


@dataclass(frozen=True, slots=True)
class Unread:
    """Why a value could not be read: a code of the catalogue, and what the org said."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class AppSeen:
    """The client app as the org shows it.

    Attributes:
        app_id: `0xI…` or `0H4…`; "" when no such app is visible.
        consumer_key: in force.
        certificate_sha256: fingerprint of the certificate in the app; "" when it holds none.
        enabled: the app and its OAuth plug-in are on.
        policy: `AdminApprovedPreAuthorized` or `AllSelfAuthorized`.
        granted_sets: ids (15 characters) of the permission sets and profiles that are pre-authorised.
    """

    app_id: str | Unread
    consumer_key: str | Unread
    certificate_sha256: str | Unread
    enabled: bool | Unread
    policy: str | Unread
    granted_sets: frozenset[str] | Unread


@dataclass(frozen=True, slots=True)
class UserSeen:
    """A user as far as logging in is concerned; `id` is "" when no such user is visible."""

    id: str
    is_active: bool | Unread
    is_frozen: bool | Unread
    is_password_locked: bool | Unread
    profile: str
    license: str


def attempt(call: Callable[[], Value], *, patient: bool = True) -> Value | Unread:
    """The result of *call*, or why there is none.

    Args:
        call: a read.
        patient: a passing trouble of network or platform is raised, so that the state tries again.

    Raises:
        OrgFault: a passing trouble, when *patient*.
    """
    try:
        return call()
    except OrgFault as refused:
        if patient and refused.kind.disposition is Disposition.BACK_OFF:
            raise
        return Unread(refused.code, refused.detail)


def see_app(org: Connection, kind: str, name: str, *, patient: bool = True) -> AppSeen:
    """The app of that kind and API name, with the rights of whoever *org* is."""
    oauth = attempt(lambda: read_oauth(org, kind, name) or {}, patient=patient)
    key, fingerprint = _key_and_fingerprint(oauth)
    if kind == CONNECTED:
        return _connected(org, name, key, fingerprint, patient=patient)
    rows = attempt(
        lambda: org.rest.query(
            "SELECT Id FROM ExternalClientApplication WHERE DeveloperName = {name}", name=name
        ),
        patient=patient,
    )
    if isinstance(rows, Unread):
        return AppSeen(rows, key, fingerprint, rows, rows, rows)
    if not rows:
        missing = Unread("record_missing", f"no External Client App {name} is visible")
        return AppSeen("", key, fingerprint, missing, missing, missing)
    app_id = str(rows[0]["Id"])
    return AppSeen(
        app_id,
        key,
        fingerprint,
        attempt(lambda: _enabled(org, app_id), patient=patient),
        attempt(lambda: _policy(org, app_id), patient=patient),
        attempt(lambda: _granted(org, app_id), patient=patient),
    )


def see_user(org: Connection, username: str, *, patient: bool = True) -> UserSeen | Unread:
    """The user of that username."""
    rows = attempt(
        lambda: org.rest.query(
            "SELECT Id, IsActive, Profile.Name, Profile.UserLicense.Name FROM User WHERE Username = {name}",
            name=username,
        ),
        patient=patient,
    )
    if isinstance(rows, Unread):
        return rows
    if not rows:
        missing = Unread("record_missing", f"no user {username} is visible")
        return UserSeen("", missing, missing, missing, "", "")
    row = rows[0]
    login = attempt(lambda: _user_login(org, str(row["Id"])), patient=patient)
    profile = row.get("Profile") or {}
    return UserSeen(
        id=str(row["Id"]),
        is_active=bool(row["IsActive"]),
        is_frozen=login if isinstance(login, Unread) else bool(login["IsFrozen"]),
        is_password_locked=login if isinstance(login, Unread) else bool(login["IsPasswordLocked"]),
        profile=str(profile.get("Name") or ""),
        license=str((profile.get("UserLicense") or {}).get("Name") or ""),
    )


def see_assignment(org: Connection, user_id: str, set_id: str, *, patient: bool = True) -> bool | Unread:
    """Whether the user holds the permission set.

    A user always holds the set its profile owns, so a reader who sees none of the user's sets sees nothing.
    """
    rows = attempt(
        lambda: org.rest.query(
            "SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = {user}", user=user_id
        ),
        patient=patient,
    )
    if isinstance(rows, Unread):
        return rows
    if not rows:
        return Unread(
            "permission_missing", "no permission set of the user is visible, not even the profile's"
        )
    return set_id[:15] in {str(row["PermissionSetId"])[:15] for row in rows}


def see_permission(org: Connection, user_id: str, name: str, *, patient: bool = True) -> bool | Unread:
    """Whether the user holds the user permission *name*, through profile or permission sets."""
    rows = attempt(lambda: facts.permission_sets_of(org, user_id, {name}), patient=patient)
    if isinstance(rows, Unread):
        return rows
    if not rows:
        return Unread(
            "permission_missing", "no permission set of the user is visible, not even the profile's"
        )
    return any(row.get(f"Permissions{name}") for row in rows)


def see_set_license(org: Connection, set_id: str, *, patient: bool = True) -> str | Unread:
    """Developer name of the permission set licence the set is bound to; "" for none or another licence."""

    def read() -> str:
        rows = org.rest.query("SELECT LicenseId FROM PermissionSet WHERE Id = {set}", set=set_id)
        license_id = rows[0].get("LicenseId") if rows else None
        if not license_id:
            return ""
        found = org.rest.query(
            "SELECT DeveloperName FROM PermissionSetLicense WHERE Id = {license}", license=license_id
        )
        return str(found[0]["DeveloperName"]) if found else ""

    return attempt(read, patient=patient)


def _key_and_fingerprint(oauth: dict[str, Any] | Unread) -> tuple[str | Unread, str | Unread]:
    if isinstance(oauth, Unread):
        return oauth, oauth
    if not oauth:
        missing = Unread("record_missing", "the app has no OAuth settings that can be read")
        return missing, missing
    certificate = str(oauth.get("certificate") or "")
    key = str(oauth.get("consumerKey") or "")
    unread_key = Unread("consumer_secret_access_off", "the org does not give the consumer key away")
    return key or unread_key, certificate_sha256(certificate) if certificate else ""


def _connected(
    org: Connection, name: str, key: str | Unread, fingerprint: str | Unread, *, patient: bool
) -> AppSeen:
    """A Connected App has no switch of its own, and stands in SOQL under its label."""
    no_switch = Unread("step_not_applicable", "a Connected App has no switch that can be read")
    rows = attempt(
        lambda: org.rest.query(
            "SELECT Id, OptionsAllowAdminApprovedUsersOnly FROM ConnectedApplication WHERE Name = {name}",
            name=name,
        ),
        patient=patient,
    )
    if isinstance(rows, Unread):
        return AppSeen(rows, key, fingerprint, no_switch, rows, rows)
    if not rows:
        missing = Unread("record_missing", f"no Connected App labelled {name} is visible")
        return AppSeen("", key, fingerprint, no_switch, missing, missing)
    app_id = str(rows[0]["Id"])
    policy = ADMIN_APPROVED if rows[0]["OptionsAllowAdminApprovedUsersOnly"] else SELF_AUTHORIZED
    granted = attempt(lambda: _granted(org, app_id), patient=patient)
    return AppSeen(app_id, key, fingerprint, no_switch, policy, granted)


def _enabled(org: Connection, app_id: str) -> bool | Unread:
    rows = org.rest.query(
        "SELECT IsEnabled, OauthPluginStatus FROM ExtlClntAppPlcyCnfg "
        "WHERE ExternalClientApplicationId = {app}",
        app=app_id,
    )
    if not rows:
        return Unread("policy_missing", "no app policy is visible")
    return bool(rows[0]["IsEnabled"]) and str(rows[0].get("OauthPluginStatus") or "") != "Disabled"


def _policy(org: Connection, app_id: str) -> str | Unread:
    rows = org.rest.query(
        "SELECT PermittedUsersPolicyType FROM ExtlClntAppOauthPlcyCnfg "
        "WHERE ExternalClientApplicationId = {app}",
        app=app_id,
    )
    return (
        str(rows[0]["PermittedUsersPolicyType"])
        if rows
        else Unread("policy_missing", "no OAuth policy is visible")
    )


def _granted(org: Connection, app_id: str) -> frozenset[str]:
    rows = org.rest.query("SELECT ParentId FROM SetupEntityAccess WHERE SetupEntityId = {app}", app=app_id)
    return frozenset(str(row["ParentId"])[:15] for row in rows)


def _user_login(org: Connection, user_id: str) -> dict[str, Any] | Unread:
    rows = org.rest.query(
        "SELECT IsFrozen, IsPasswordLocked FROM UserLogin WHERE UserId = {user}", user=user_id
    )
    return rows[0] if rows else Unread("record_missing", "no UserLogin row of the user is visible")
