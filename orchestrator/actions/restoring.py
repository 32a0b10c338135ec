"""How each lock is looked at and taken back later; see `restoration` for what that means."""

from __future__ import annotations

import abc
import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import Connection
from orchestrator.actions.locks import LOCKS, PermissionByOwnSet, truth
from orchestrator.actions.restoration import Applied, Found, Restoration, Seen, the_row
from orchestrator.actions.restoring_sets import GiveBackAnyApiAuth, TakeOwnSet
from orchestrator.actions.snapshot import SETTINGS, read_settings
from orchestrator.errors import Defect

# Clocks differ, and the org writes the date of our own change a moment before we write ours.
_SAME_CHANGE = dt.timedelta(minutes=5)


class _Switch(abc.ABC):
    """A lock that is one boolean: the old value and the present one tell everything."""

    field: str
    before_key: str

    def look(self, org: Connection, lock: Applied) -> Seen:
        """Locked means true; the lock never sets anything to false."""
        was, now = self._was(lock), self._now(org, lock)
        if now is was:
            return Seen(Found.RESTORED, f"{self._shown(now)}, as before the lock")
        if now:
            return Seen(Found.LOCKED, f"{self._shown(now)}, as the lock left it")
        return Seen(Found.DRIFTED, f"{self._shown(value=True)} before the lock and after it, and is not now")

    def restore(self, ctx: RunContext, org: Connection, lock: Applied) -> str:
        """Write the old value."""
        ctx.effect()
        self._write(org, lock, value=self._was(lock))
        return f"set back: {self._shown(self._was(lock))}"

    def _shown(self, value: bool) -> str:  # noqa: FBT001 - its word is asked for
        return f"{self.field} is {str(value).lower()}"

    def _was(self, lock: Applied) -> bool:
        return truth(lock.before[self.before_key])

    @abc.abstractmethod
    def _now(self, org: Connection, lock: Applied) -> bool:
        """The present value."""

    @abc.abstractmethod
    def _write(self, org: Connection, lock: Applied, *, value: bool) -> None:
        """Set it."""


class UnblockPasswordGrant(_Switch):
    """OauthOidcSettings.blockOAuthUnPwFlow; the other settings are written as they are today."""

    field = "blockOAuthUnPwFlow"
    TYPE = "OauthOidcSettings"

    def _was(self, lock: Applied) -> bool:
        return truth(lock.before["settings"].get(self.field))

    def _now(self, org: Connection, lock: Applied) -> bool:
        return truth(read_settings(org, self.TYPE).get(self.field))

    def _write(self, org: Connection, lock: Applied, *, value: bool) -> None:
        # Not the snapshot: a write resets what it leaves out, and others may have changed the rest since.
        settings = {**read_settings(org, self.TYPE), self.field: value}
        org.metadata.upsert(self.TYPE, [{"fullName": SETTINGS[self.TYPE], **settings}])


class Unfreeze(_Switch):
    """UserLogin.IsFrozen."""

    field = "IsFrozen"
    before_key = "was_frozen"

    def _now(self, org: Connection, lock: Applied) -> bool:
        return bool(the_row(org, "SELECT IsFrozen FROM UserLogin WHERE UserId = {user}", lock)["IsFrozen"])

    def _write(self, org: Connection, lock: Applied, *, value: bool) -> None:
        org.rest.update("UserLogin", str(lock.before["user_login_id"]), {"IsFrozen": value})


class Reactivate(_Switch):
    """User.IsActive, which the lock sets to false; a licence is taken again."""

    field = "IsActive"
    before_key = "was_active"

    def _shown(self, value: bool) -> str:  # noqa: FBT001 - see the base
        return super()._shown(not value)

    def _was(self, lock: Applied) -> bool:
        return not truth(lock.before[self.before_key])

    def _now(self, org: Connection, lock: Applied) -> bool:
        return not the_row(org, "SELECT IsActive FROM User WHERE Id = {user}", lock)["IsActive"]

    def _write(self, org: Connection, lock: Applied, *, value: bool) -> None:
        org.rest.update("User", lock.user_id, {"IsActive": not value})


class PasswordStaysReplaced:
    """A random password that nobody kept: only a person can set another."""

    def look(self, org: Connection, lock: Applied) -> Seen:
        """Whether it was ever replaced, and whether somebody has set another one since."""
        changed = the_row(org, "SELECT LastPasswordChangeDate FROM User WHERE Id = {user}", lock)[
            "LastPasswordChangeDate"
        ]
        if changed == lock.before.get("last_password_change"):
            return Seen(Found.RESTORED, "the password was never replaced")
        if lock.applied_at and changed and _moment(str(changed)) > _moment(lock.applied_at) + _SAME_CHANGE:
            return Seen(Found.FINAL, f"somebody has set another password at {changed}")
        return Seen(
            Found.FINAL,
            "the old password was replaced by one that nobody knows",
            "the owner chooses a new password with 'Forgot your password?', or an administrator sends a "
            "reset in Setup > Users",
        )

    def restore(self, ctx: RunContext, org: Connection, lock: Applied) -> str:
        """Nothing can be done."""
        return "not restorable"


class SessionsStayEnded:
    """Sessions are begun by logging in."""

    def look(self, org: Connection, lock: Applied) -> Seen:
        """Nothing to bring back."""
        return Seen(Found.FINAL, "ended sessions do not come back; who logs in has a new one")

    def restore(self, ctx: RunContext, org: Connection, lock: Applied) -> str:
        """Nothing to do."""
        return "nothing to restore"


def _own_set(mechanism: str) -> TakeOwnSet:
    lock = LOCKS[mechanism]
    if not isinstance(lock, PermissionByOwnSet):
        raise Defect(f"{mechanism} has no permission set of its own")
    return TakeOwnSet(lock)


RESTORATIONS: Mapping[str, Restoration] = MappingProxyType(
    {
        "block_password_grant": UnblockPasswordGrant(),
        "withdraw_any_api_auth": GiveBackAnyApiAuth(),
        "require_sso": _own_set("require_sso"),
        "api_only": _own_set("api_only"),
        "replace_password": PasswordStaysReplaced(),
        "end_sessions": SessionsStayEnded(),
        "freeze_user": Unfreeze(),
        "deactivate_user": Reactivate(),
    }
)

# What no machine can bring back, and what a person does about it; for those who ask before a run.
NOT_RESTORABLE: Mapping[str, str] = MappingProxyType(
    {
        "replace_password": "the owner chooses a new password with 'Forgot your password?'",
        "end_sessions": "nothing to do; who logs in has a new session",
    }
)

# Any one of each group is needed to take the lock back (object reference, Metadata API guide).
_DEPLOYS = (("CustomizeApplication",), ("ModifyMetadata", "ModifyAllData"))
_ADMINISTERS = (("ManageUsers",),)
RIGHTS_NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {name: _DEPLOYS if name == "block_password_grant" else _ADMINISTERS for name in RESTORATIONS}
    | {"end_sessions": (), "withdraw_any_api_auth": (*_ADMINISTERS, _DEPLOYS[1])}
)


def _moment(text: str) -> dt.datetime:
    """A timestamp of ours (`…Z`) or of the REST API (`…+0000`)."""
    return dt.datetime.fromisoformat(text)
