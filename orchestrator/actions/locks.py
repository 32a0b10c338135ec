"""How each lock is applied, read back and undone, by the integration user and by nobody else.

Which locks are applied, and in what order, is decided by the pure chooser in `salesforce.lockdown`;
this file only knows how. Every `before` is what `undo` needs, taken and journaled before the change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection
from orchestrator.actions.deploying import require_id
from orchestrator.actions.snapshot import SETTINGS, read_settings
from orchestrator.redaction import Secret
from orchestrator.salesforce.package import Component
from orchestrator.salesforce.permission_sets import api_only_set, sso_set


class Lock(Protocol):
    """One lock."""

    def before(self, ctx: RunContext, org: Connection, user_id: str) -> dict[str, Any]:
        """What is there now: journaled before the change, and all that `undo` may rely on."""
        ...

    def apply(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> None:
        """Close the door."""
        ...

    def holds(self, org: Connection, user_id: str, before: Mapping[str, Any]) -> bool:
        """Read back: whether it is closed."""
        ...

    def undo(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> str:
        """Open it again exactly as it was; says what was done, or why it cannot be."""
        ...


class BlockPasswordGrant:
    """OauthOidcSettings.blockOAuthUnPwFlow = true (Metadata API guide, OauthOidcSettings, v56 and later)."""

    TYPE = "OauthOidcSettings"

    def before(self, ctx: RunContext, org: Connection, user_id: str) -> dict[str, Any]:
        """The whole settings record: a write resets what it leaves out."""
        return {"settings": read_settings(org, self.TYPE)}

    def apply(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> None:
        """Write the settings as they were, with the one switch turned."""
        self._write(org, before["settings"], blocked=True)

    def holds(self, org: Connection, user_id: str, before: Mapping[str, Any]) -> bool:
        """An org may report success and keep the old value, so the value is read."""
        return truth(read_settings(org, self.TYPE).get("blockOAuthUnPwFlow"))

    def undo(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> str:
        """Write the settings as they were, and read them back: an undo is believed no more than a lock."""
        was = truth(before["settings"].get("blockOAuthUnPwFlow"))
        self._write(org, before["settings"], blocked=was)
        if self.holds(org, user_id, before) is not was:
            raise org_fault("lock_not_read_back", f"blockOAuthUnPwFlow does not read {was} after the undo")
        return f"blockOAuthUnPwFlow set back to {str(was).lower()}"

    def _write(self, org: Connection, settings: Mapping[str, Any], *, blocked: bool) -> None:
        # A boolean, never its Python name as text: the library would send "False" as true.
        changed = {**settings, "blockOAuthUnPwFlow": blocked}
        org.metadata.upsert(self.TYPE, [{"fullName": SETTINGS[self.TYPE], **changed}])


class WithdrawAnyApiAuth:
    """Take the permission sets away that grant this user nothing but "Use Any API Auth"."""

    def before(self, ctx: RunContext, org: Connection, user_id: str) -> dict[str, Any]:
        """The sets to take away, as the plan names them."""
        names = ctx.found("lock_plan")["any_api_auth_sets"]
        rows = {
            name: require_id(facts.permission_set_id(org, name), f"permission set {name}") for name in names
        }
        return {"permission_sets": rows, "user_id": user_id}

    def apply(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> None:
        """Delete the assignments."""
        for set_id in before["permission_sets"].values():
            row = facts.assignment_id(org, user_id, set_id)
            if row is not None:
                ctx.effect()
                org.rest.delete("PermissionSetAssignment", row)

    def holds(self, org: Connection, user_id: str, before: Mapping[str, Any]) -> bool:
        """The permission is gone, whatever granted it."""
        return not facts.permissions_of(org, user_id, {"UseAnyApiAuth"})

    def undo(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> str:
        """Assign them again."""
        for set_id in before["permission_sets"].values():
            _assign(ctx, org, user_id, set_id)
        return f"assigned again: {', '.join(before['permission_sets'])}"


class PermissionByOwnSet:
    """A permission that locks (IsSsoEnabled, ApiUserOnly), given by a permission set of our own.

    Undoing it is one deleted assignment; no profile is ever touched.
    """

    def __init__(self, permission: str, suffix: str, make: Callable[[str, str], Component]) -> None:
        self.permission = permission
        self.suffix = suffix
        self.make = make

    def before(self, ctx: RunContext, org: Connection, user_id: str) -> dict[str, Any]:
        """The name of the set, and whether the user held the permission before."""
        name = f"{ctx.found('app')['name']}_{self.suffix}"
        held = bool(facts.permissions_of(org, user_id, {self.permission}))
        return {"permission_set": name, "held_before": held}

    def apply(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> None:
        """Make the set and assign it."""
        name = str(before["permission_set"])
        component = self.make(name, name.replace("_", " "))
        org.metadata.upsert("PermissionSet", [{"fullName": name, **component.fields}])
        set_id = require_id(facts.permission_set_id(org, name), f"permission set {name}")
        _assign(ctx, org, user_id, set_id)

    def holds(self, org: Connection, user_id: str, before: Mapping[str, Any]) -> bool:
        """The user holds the permission."""
        return bool(facts.permissions_of(org, user_id, {self.permission}))

    def undo(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> str:
        """Delete the assignment of our set."""
        name = str(before["permission_set"])
        set_id = facts.permission_set_id(org, name)
        row = None if set_id is None else facts.assignment_id(org, user_id, set_id)
        if row is not None:
            ctx.effect()
            org.rest.delete("PermissionSetAssignment", row)
        return f"assignment of {name} removed"


class ReplacePassword:
    """A random password that nobody knows (REST: POST sobjects/User/{id}/password)."""

    def before(self, ctx: RunContext, org: Connection, user_id: str) -> dict[str, Any]:
        """When the password was last changed: the only trace of a change one can read."""
        return {"last_password_change": _last_password_change(org, user_id)}

    def apply(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> None:
        """Set it and forget it; all character classes, 256 random bits."""
        org.rest.set_password(user_id, Secret(f"Aa1!{ctx.random_hex(32)}"))

    def holds(self, org: Connection, user_id: str, before: Mapping[str, Any]) -> bool:
        """The time of the last change moved."""
        return bool(_last_password_change(org, user_id) != before["last_password_change"])

    def undo(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> str:
        """Not possible: nobody keeps the old password. The owner resets it by mail."""
        return "cannot be undone; the owner resets it with 'Forgot your password' or an administrator does"


class EndSessions:
    """Delete the user's sessions (AuthSession), except the one we work with when it is the user's own."""

    def before(self, ctx: RunContext, org: Connection, user_id: str) -> dict[str, Any]:
        """How many there are."""
        return {"sessions": len(_sessions(org, user_id))}

    def apply(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> None:
        """Delete them one by one."""
        for session_id in _sessions(org, user_id):
            ctx.effect()
            org.rest.delete("AuthSession", session_id)

    def holds(self, org: Connection, user_id: str, before: Mapping[str, Any]) -> bool:
        """None is left."""
        return not _sessions(org, user_id)

    def undo(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> str:
        """Nothing to undo."""
        return "nothing to undo; the user logs in again"


class FreezeUser:
    """UserLogin.IsFrozen = true."""

    def before(self, ctx: RunContext, org: Connection, user_id: str) -> dict[str, Any]:
        """The UserLogin row as it is."""
        row = _user_login(org, user_id)
        return {"user_login_id": row["Id"], "was_frozen": bool(row["IsFrozen"])}

    def apply(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> None:
        """Freeze."""
        org.rest.update("UserLogin", str(before["user_login_id"]), {"IsFrozen": True})

    def holds(self, org: Connection, user_id: str, before: Mapping[str, Any]) -> bool:
        """The row says frozen."""
        return bool(_user_login(org, user_id)["IsFrozen"])

    def undo(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> str:
        """As it was."""
        ctx.effect()
        org.rest.update("UserLogin", str(before["user_login_id"]), {"IsFrozen": before["was_frozen"]})
        return f"IsFrozen set back to {before['was_frozen']}"


class DeactivateUser:
    """User.IsActive = false."""

    def before(self, ctx: RunContext, org: Connection, user_id: str) -> dict[str, Any]:
        """Whether the user is active."""
        return {"was_active": _is_active(org, user_id)}

    def apply(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> None:
        """Deactivate."""
        org.rest.update("User", user_id, {"IsActive": False})

    def holds(self, org: Connection, user_id: str, before: Mapping[str, Any]) -> bool:
        """The row says inactive."""
        return not _is_active(org, user_id)

    def undo(self, ctx: RunContext, org: Connection, user_id: str, before: Mapping[str, Any]) -> str:
        """As it was."""
        ctx.effect()
        org.rest.update("User", user_id, {"IsActive": before["was_active"]})
        return f"IsActive set back to {before['was_active']}"


LOCKS: Mapping[str, Lock] = {
    "block_password_grant": BlockPasswordGrant(),
    "withdraw_any_api_auth": WithdrawAnyApiAuth(),
    "require_sso": PermissionByOwnSet("IsSsoEnabled", "Sso", sso_set),
    "api_only": PermissionByOwnSet("ApiUserOnly", "ApiOnly", api_only_set),
    "replace_password": ReplacePassword(),
    "end_sessions": EndSessions(),
    "freeze_user": FreezeUser(),
    "deactivate_user": DeactivateUser(),
}


def truth(value: Any) -> bool:
    """A boolean as XML, JSON or zeep give it."""
    return str(value).lower() == "true"


def _assign(ctx: RunContext, org: Connection, user_id: str, set_id: str) -> None:
    if facts.assignment_id(org, user_id, set_id) is None:
        ctx.effect()
        org.rest.create("PermissionSetAssignment", {"AssigneeId": user_id, "PermissionSetId": set_id})


def _sessions(org: Connection, user_id: str) -> list[str]:
    rows = org.rest.query(
        "SELECT Id FROM AuthSession WHERE UsersId = {user} AND IsCurrent = false", user=user_id
    )
    return [str(row["Id"]) for row in rows]


def _last_password_change(org: Connection, user_id: str) -> str | None:
    row = _one(org, "SELECT LastPasswordChangeDate FROM User WHERE Id = {user}", user_id)
    changed = row["LastPasswordChangeDate"]
    return None if changed is None else str(changed)


def _user_login(org: Connection, user_id: str) -> Mapping[str, Any]:
    return _one(org, "SELECT Id, IsFrozen FROM UserLogin WHERE UserId = {user}", user_id)


def _is_active(org: Connection, user_id: str) -> bool:
    return bool(_one(org, "SELECT IsActive FROM User WHERE Id = {user}", user_id)["IsActive"])


def _one(org: Connection, soql: str, user_id: str) -> Mapping[str, Any]:
    rows = org.rest.query(soql, user=user_id)
    if len(rows) != 1:
        raise org_fault("answer_unknown", f"{len(rows)} rows where one was expected: {soql}")
    return rows[0]
