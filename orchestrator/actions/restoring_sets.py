"""Taking back the locks that are assignments of permission sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import Connection
from orchestrator.actions.locks import PermissionByOwnSet, truth
from orchestrator.actions.restoration import Applied, Found, Seen, holders
from orchestrator.errors import OrgFault
from orchestrator.salesforce.permission_sets import ANY_API_AUTH_PERMISSION


class GiveBackAnyApiAuth:
    """Assign the permission sets again that granted nothing but Use Any API Auth, while that is so."""

    def look(self, org: Connection, lock: Applied) -> Seen:
        """A set that is gone, or grants something else today, is drift: giving it back is not giving back."""
        missing = []
        for name, set_id in dict(lock.before["permission_sets"]).items():
            if facts.assignment_id(org, lock.user_id, set_id) is not None:
                continue
            record = org.metadata.read("PermissionSet", [name])[0]
            if record is None:
                return Seen(
                    Found.DRIFTED,
                    f"permission set {name} is not in the org any more",
                    f"if it is still wanted, give {ANY_API_AUTH_PERMISSION} in Setup > Permission Sets",
                )
            if (granted := _granted(record)) != {ANY_API_AUTH_PERMISSION}:
                return Seen(
                    Found.DRIFTED,
                    f"permission set {name} grants {', '.join(sorted(granted)) or 'nothing'} today",
                    f"decide in Setup > Permission Sets whether the user shall have {name} as it is now",
                )
            missing.append(name)
        if missing:
            return Seen(Found.LOCKED, f"not assigned: {', '.join(missing)}")
        return Seen(Found.RESTORED, "the permission sets are assigned")

    def restore(self, ctx: RunContext, org: Connection, lock: Applied) -> str:
        """Create the assignments that are missing."""
        given = []
        for name, set_id in dict(lock.before["permission_sets"]).items():
            if facts.permission_set_id(org, name) is None:
                continue
            if facts.assignment_id(org, lock.user_id, set_id) is None:
                ctx.effect()
                org.rest.create(
                    "PermissionSetAssignment", {"AssigneeId": lock.user_id, "PermissionSetId": set_id}
                )
                given.append(name)
        return f"assigned again: {', '.join(given) or 'nothing'}"


class TakeOwnSet:
    """Take the tool's own set (single sign-on, API only) from the user, and delete it when nobody has it."""

    def __init__(self, lock: PermissionByOwnSet) -> None:
        self._made = lock

    def look(self, org: Connection, lock: Applied) -> Seen:
        """What counts is our assignment; the same permission by another way is somebody else's."""
        name, permission = str(lock.before["permission_set"]), self._made.permission
        if self._assignment(org, lock) is not None:
            return Seen(Found.LOCKED, f"{name} is assigned")
        held = bool(facts.permissions_of(org, lock.user_id, {permission}))
        if held is bool(lock.before["held_before"]):
            return Seen(Found.RESTORED, f"{name} is not assigned")
        how = "holds it by another way now" if held else "held it before and does not now"
        return Seen(
            Found.DRIFTED,
            f"{name} is not assigned, but as to {permission} the user {how}",
            f"decide in Setup > Users whether the user shall have {permission}",
        )

    def restore(self, ctx: RunContext, org: Connection, lock: Applied) -> str:
        """Delete the assignment; then the set, which is worth nothing without one."""
        name = str(lock.before["permission_set"])
        row = self._assignment(org, lock)
        if row is not None:
            ctx.effect()
            org.rest.delete("PermissionSetAssignment", row)
        return f"assignment of {name} removed" + self._delete(ctx, org, name)

    def _assignment(self, org: Connection, lock: Applied) -> str | None:
        set_id = facts.permission_set_id(org, str(lock.before["permission_set"]))
        return None if set_id is None else facts.assignment_id(org, lock.user_id, set_id)

    def _delete(self, ctx: RunContext, org: Connection, name: str) -> str:
        """An empty set left behind is untidy, not unsafe: failing to delete it never fails an undo."""
        set_id = facts.permission_set_id(org, name)
        ours = self._made.make(name, name.replace("_", " ")).fields["description"]
        try:
            record = org.metadata.read("PermissionSet", [name])[0]
            if set_id is None or record is None or record.get("description") != ours or holders(org, set_id):
                return ""
            ctx.effect()
            org.metadata.delete("PermissionSet", [name])
        except OrgFault as refused:
            return f"; the set itself is left ({refused.code})"
        return " and the set deleted"


def _granted(record: Mapping[str, Any]) -> set[str]:
    listed = record.get("userPermissions") or []
    rows = listed if isinstance(listed, list) else [listed]
    return {str(row["name"]) for row in rows if truth(row.get("enabled"))}
