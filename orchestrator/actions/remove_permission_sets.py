"""Remove what the app needed: sessions, assignments and permission sets; our own rights at the very end."""

from __future__ import annotations

from typing import Any

from orchestrator.actions import removal
from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import Connection
from orchestrator.actions.restoration import holders
from orchestrator.errors import Disposition, OrgFault
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec

_NO_RIGHT = "permission_missing"


class RemovePermissionSets:
    """Uses the session that `remove_app` kept; says what that session could not remove.

    The last thing removed is the temporary set that carries the very rights to remove it. Its assignment can
    be taken; the set without holders then cannot be deleted by us, unless the user has the rights elsewhere.
    """

    spec = ActionSpec(
        name="remove_permission_sets",
        summary="End the app's sessions, delete assignments and permission sets of the tool, rights last.",
        waits=True,
        evidence=frozenset({"removed", "left"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Each step of apply is harmless when repeated, so it is repeated."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `removed` and `left`, one sentence each."""
        sets = [dict(one) for one in ctx.found("removal_plan")["permission_sets"]]
        removed: list[str] = list(ctx.notes.get("removed", []))
        left: list[str] = []
        org = removal.kept_session(ctx)
        try:
            if "sessions" not in removed:
                left += self._end_sessions(ctx, org)
                removed.append("sessions")
                ctx.note(removed=removed)
            for one in sets:
                if one["name"] not in removed:
                    self._remove(ctx, org, one)
                    removed.append(one["name"])
                    ctx.note(removed=removed)
        except OrgFault as refused:
            if refused.code != _NO_RIGHT and not removal.is_dead(refused):
                raise
            left += [_left(one, ctx, refused) for one in sets if one["name"] not in removed]
        said = f"; left: {'; '.join(left)}" if left else ""
        return Done(
            evidence={"removed": removed, "left": left}, detail=f"removed: {', '.join(removed)}{said}"
        )

    def _remove(self, ctx: RunContext, org: Connection, one: dict[str, Any]) -> None:
        """Assignments, ours last (it may carry the right to remove the others), then the set."""
        me = str(ctx.found("rights")["user_id"])[:15]
        rows = sorted(holders(org, str(one["id"])), key=lambda row: str(row["AssigneeId"])[:15] == me)
        for row in rows:
            ctx.note(unassigning=one["name"])
            ctx.effect()
            org.rest.delete("PermissionSetAssignment", str(row["Id"]))
        if org.metadata.read("PermissionSet", [str(one["name"])])[0] is not None:
            ctx.effect()
            org.metadata.delete("PermissionSet", [str(one["name"])])

    def _end_sessions(self, ctx: RunContext, org: Connection) -> list[str]:
        """Tokens that others hold: sessions of the integration user begun through this app, but ours.

        Sessions end by themselves, so an org that does not show which are the app's stops nothing.
        """
        name = str(ctx.found("app")["name"])
        try:
            rows = org.rest.query(
                "SELECT Id, LoginHistory.Application FROM AuthSession "
                "WHERE UsersId = {user} AND IsCurrent = false",
                user=str(ctx.found("rights")["user_id"]),
            )
        except OrgFault as refused:
            if refused.kind.disposition is not Disposition.STOP or removal.is_dead(refused):
                raise
            return [f"sessions begun through {name}, until they time out ({refused.code})"]
        for row in rows:
            if (row.get("LoginHistory") or {}).get("Application") == name:
                ctx.effect()
                org.rest.delete("AuthSession", str(row["Id"]))
        return []


def _left(one: dict[str, Any], ctx: RunContext, refused: OrgFault) -> str:
    """What stays of a set, and whether anybody may still hold it."""
    unassigned = ctx.notes.get("unassigning") == one["name"] and refused.code == _NO_RIGHT
    held = "nobody holds it" if unassigned or not one["assignments"] else "its assignments are left too"
    return f"permission set {one['name']} ({held}; {refused.code})"
