"""Rules for users, their logins, passwords and sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.simulator import sessions
from orchestrator.simulator.catalogue import random_password, random_token
from orchestrator.simulator.org import Org
from orchestrator.simulator.permissions import SSO_PERMISSION
from orchestrator.simulator.refusals import (
    RecordRefused,
    bad_reference,
    insufficient_access,
    not_found,
    refuse_in_read_only,
)
from orchestrator.simulator.users import Profile, User

if TYPE_CHECKING:
    from orchestrator.simulator.record_rules import Change
    from orchestrator.simulator.simulation import Simulator

_USER_ADMIN = frozenset({"ManageUsers", "ManageInternalUsers"})
_NEEDED = [
    "Username",
    "LastName",
    "Email",
    "Alias",
    "ProfileId",
    "TimeZoneSidKey",
    "LocaleSidKey",
    "EmailEncodingKey",
    "LanguageLocaleKey",
]
_KEPT = ("Title", "Department", "CompanyName", "FederationIdentifier")
_ATTRIBUTES = {
    "Username": "username",
    "Email": "email",
    "FirstName": "first_name",
    "LastName": "last_name",
    "Alias": "alias",
    "IsActive": "is_active",
}
_DUPLICATE_USERNAME = (
    "Duplicate Username.<br>The username already exists in this or another Salesforce organization. "
    "Usernames must be "
    "unique across all Salesforce organizations. To resolve, use a different username (it doesn't "
    "need to match the "
    "user's email address). "
)


def find_user(org: Org, user_id: str) -> User:
    """Return the user with an id of 15 or 18 characters.

    Raises:
        RecordRefused: NOT_FOUND.
    """
    found = next((user for key, user in org.users.items() if key[:15] == user_id[:15]), None)
    if found is None:
        raise not_found()
    return found


def create_user(change: Change, fields: Mapping[str, Any]) -> str:
    """Create a user without password, as the API does."""
    if not _USER_ADMIN & change.permissions:
        raise insufficient_access()
    missing = [name for name in _NEEDED if not fields.get(name)]
    if missing:
        raise RecordRefused(
            "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", fields=missing
        )
    username = str(fields["Username"])
    _check_email(str(fields["Email"]))
    _check_username(change, username)
    profile = _profile(change.org, str(fields["ProfileId"]))
    is_active = bool(fields.get("IsActive", True))
    if is_active:
        _check_license(change.org, profile)
    user = User(
        id=change.org.next_id("005"),
        user_login_id=change.org.next_id("0Yw"),
        username=username,
        email=str(fields["Email"]),
        first_name=str(fields.get("FirstName") or ""),
        last_name=str(fields["LastName"]),
        profile_id=profile.id,
        alias=str(fields["Alias"])[:8],
        is_active=is_active,
        created_wall_s=change.sim.wall_s(change.org),
        extra_fields={name: fields[name] for name in _KEPT if name in fields},
    )
    change.org.users[user.id] = user
    change.sim.catalogue.register_username(username, change.sim.seed_of(change.org))
    _audit(change.sim, change.org, change.actor, "createduser", f"Created new user {user.name}")
    return user.id


def update_user(change: Change, user_id: str, fields: Mapping[str, Any]) -> None:
    """Change a user; deactivation protects the last administrator."""
    user = find_user(change.org, user_id)
    only_self = user.id == change.actor.id and not {"IsActive", "ProfileId", "Username"} & set(fields)
    if not only_self and not _USER_ADMIN & change.permissions:
        raise insufficient_access()
    _check_update(change, user, fields)
    if "ProfileId" in fields:
        user.profile_id = _profile(change.org, str(fields["ProfileId"])).id
    for name, value in fields.items():
        attribute = _ATTRIBUTES.get(name)
        if attribute is not None:
            setattr(user, attribute, value)
        elif name != "ProfileId":
            user.extra_fields[name] = value
    if "Username" in fields:
        change.sim.catalogue.register_username(user.username, change.sim.seed_of(change.org))
    if "IsActive" in fields:
        _note_activation(change, user)


def _check_update(change: Change, user: User, fields: Mapping[str, Any]) -> None:
    if "IsActive" in fields:
        _check_activation(change, user, active=bool(fields["IsActive"]))
    if "Username" in fields and str(fields["Username"]).lower() != user.username.lower():
        _check_username(change, str(fields["Username"]))
    if "ProfileId" in fields:
        profile = _profile(change.org, str(fields["ProfileId"]))
        if change.org.profiles[user.profile_id].license_name != profile.license_name:
            _check_license(change.org, profile)


def _note_activation(change: Change, user: User) -> None:
    action, verb = ("activateduser", "Activated") if user.is_active else ("deactivateduser", "Deactivated")
    _audit(change.sim, change.org, change.actor, action, f"{verb} user {user.name}")
    if not user.is_active:
        sessions.close_all_of(change.org, user.id)


def update_user_login(change: Change, user_login_id: str, fields: Mapping[str, Any]) -> None:
    """Freeze, unfreeze or unlock a user."""
    org = change.org
    user = next((each for each in org.users.values() if each.user_login_id[:15] == user_login_id[:15]), None)
    if user is None:
        raise not_found()
    if "IsFrozen" in fields:
        frozen = bool(fields["IsFrozen"])
        if frozen and user.id == change.actor.id:
            raise RecordRefused("CANNOT_FREEZE_SELF", "You can't freeze your own user account.")
        user.is_frozen = frozen
        verb = "Froze" if frozen else "Unfroze"
        _audit(change.sim, org, change.actor, f"{verb.lower()}user", f"{verb} user {user.name}")
    if "IsPasswordLocked" in fields:
        if fields["IsPasswordLocked"]:
            raise RecordRefused(
                "INVALID_FIELD", "IsPasswordLocked can only be set to false", fields=["IsPasswordLocked"]
            )
        user.locked_until_s = None
        user.failed_attempts = 0
        _audit(change.sim, org, change.actor, "unlockeduser", f"Unlocked user {user.name}")


def delete_auth_session(change: Change, session_id: str) -> None:
    """End a session by its AuthSession id."""
    found = next((each for each in change.org.sessions.values() if each.id[:15] == session_id[:15]), None)
    if found is None:
        raise not_found(deleted=True)
    sessions.close(change.org, found.token)


def delete_oauth_token(change: Change, grant_id: str) -> None:
    """Revoke a refresh token by its OauthToken id."""
    found = next((each for key, each in change.org.oauth_grants.items() if key[:15] == grant_id[:15]), None)
    if found is None or found.revoked:
        raise not_found(deleted=True)
    if found.user_id != change.actor.id and not {"ManageUsers", "CustomizeApplication"} & change.permissions:
        raise insufficient_access()
    found.revoked = True


# --- passwords


def set_password(sim: Simulator, org: Org, actor: User, user: User, password: str) -> None:
    """Set another user's password (REST POST .../password, SOAP setPassword); the old security token dies.

    Raises:
        RecordRefused: own password, missing right, or a password the policy refuses.
    """
    if actor.id == user.id:
        raise RecordRefused("INSUFFICIENT_ACCESS", "Cannot set password for self", status=403)
    _check_password_right(org, actor)
    check_new_password(org, user, password)
    user.set_password(password, sim.wall_s(org), new_token=random_token(org.rng))
    _audit(sim, org, actor, "changedpassword", f"For user {user.username}, changed password")
    _end_sessions_if_asked(org, user)


def reset_password(sim: Simulator, org: Org, actor: User, user: User) -> str:
    """Reset a password and return the temporary one (REST DELETE .../password, SOAP resetPassword).

    Raises:
        RecordRefused: missing right, or the user is under single sign-on (help 000385305).
    """
    _check_password_right(org, actor)
    if SSO_PERMISSION in org.permissions_of(user):
        raise RecordRefused(
            "INVALID_OPERATION", "Cannot reset the password of a single sign-on user", status=400
        )
    temporary = random_password(org.rng)
    user.set_password(temporary, sim.wall_s(org), new_token=random_token(org.rng))
    user.password_expired = True
    _audit(sim, org, actor, "resetpassword", f"For user {user.username}, reset password")
    _end_sessions_if_asked(org, user)
    return temporary


def check_new_password(org: Org, user: User, password: str) -> None:
    """Apply the password policy.

    Raises:
        RecordRefused: INVALID_NEW_PASSWORD.
    """
    minimum = int(org.setting("SecuritySettings", "passwordPolicies", "minimumPasswordLength", default="8"))
    if len(password) < minimum:
        raise RecordRefused(
            "INVALID_NEW_PASSWORD", f"Your password must be at least {minimum} characters long.", status=400
        )
    if not any(letter.isalpha() for letter in password) or not any(letter.isdigit() for letter in password):
        raise RecordRefused(
            "INVALID_NEW_PASSWORD", "Your password must include letters and numbers", status=400
        )
    if user.password_matches(password):
        raise RecordRefused("INVALID_NEW_PASSWORD", "invalid repeated password", status=400)


def _check_password_right(org: Org, actor: User) -> None:
    refuse_in_read_only(org)
    if not {"ManageUsers", "ResetPasswords", "ManageInternalUsers"} & org.permissions_of(actor):
        raise RecordRefused(
            "INSUFFICIENT_ACCESS", "insufficient access rights on cross-reference id", status=403
        )


def _end_sessions_if_asked(org: Org, user: User) -> None:
    if org.setting_is_on(
        "SecuritySettings", "sessionSettings", "terminateUserSessionsWhenAdminResetsPassword"
    ):
        sessions.close_all_of(org, user.id)


# --- checks


def _check_email(address: str) -> None:
    local, mark, domain = address.partition("@")
    if not local or not mark or "." not in domain or " " in address:
        raise RecordRefused(
            "INVALID_EMAIL_ADDRESS", f"Email: invalid email address: {address}", fields=["Email"]
        )


def _check_username(change: Change, username: str) -> None:
    local, mark, domain = username.partition("@")
    if not local or not mark or "." not in domain:
        raise RecordRefused(
            "INVALID_EMAIL_ADDRESS", f"Username: invalid email address: {username}", fields=["Username"]
        )
    if change.sim.org_by_username(username) is not None:
        raise RecordRefused("DUPLICATE_USERNAME", _DUPLICATE_USERNAME, fields=["Username"])


def _profile(org: Org, profile_id: str) -> Profile:
    found = next((each for key, each in org.profiles.items() if key[:15] == profile_id[:15]), None)
    if found is None:
        raise bad_reference("ProfileId")
    return found


def _check_license(org: Org, profile: Profile) -> None:
    license_ = next((each for each in org.licenses.values() if each.name == profile.license_name), None)
    used = sum(
        user.is_active and org.profiles[user.profile_id].license_name == profile.license_name
        for user in org.users.values()
    )
    if license_ is None or used >= license_.total:
        raise RecordRefused("LICENSE_LIMIT_EXCEEDED", "License Limit Exceeded")


def _check_activation(change: Change, user: User, *, active: bool) -> None:
    org = change.org
    if active:
        if not user.is_active:
            _check_license(org, org.profiles[user.profile_id])
        return
    if user.id == change.actor.id:
        raise RecordRefused(
            "FIELD_INTEGRITY_EXCEPTION", "You can't deactivate your own user.", fields=["IsActive"]
        )
    others = [
        each
        for each in org.users.values()
        if each.id != user.id
        and each.is_active
        and "ManageUsers" in org.profiles[each.profile_id].user_permissions
    ]
    if "ManageUsers" in org.profiles[user.profile_id].user_permissions and not others:
        raise RecordRefused("CANNOT_DISABLE_LAST_ADMIN", "You cannot disable the last system administrator.")


def _audit(sim: Simulator, org: Org, actor: User, action: str, display: str) -> None:
    org.audit(action, "Manage Users", display, sim.wall_s(org), actor)
