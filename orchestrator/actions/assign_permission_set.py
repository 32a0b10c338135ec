"""Assign the permission sets to the integration user, and see that they are assigned."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import Connection, bootstrap_connection
from orchestrator.machine import Again, Done, Outcome
from orchestrator.playbook.model import ActionSpec


class AssignPermissionSet:
    """PermissionSetAssignment by REST; verified by reading, never by the answer alone."""

    spec = ActionSpec(
        name="assign_permission_set",
        summary="Assign the deployed permission sets to the integration user and verify it.",
        faults=frozenset({"permission_missing", "license_missing", "permission_assignment_missing"}),
        waits=True,
        evidence=frozenset({"assignments"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Done when every set is assigned already."""
        return self._seen(ctx, bootstrap_connection(ctx))

    def apply(self, ctx: RunContext) -> Outcome:
        """Create the assignments that are missing, then read them back."""
        org = bootstrap_connection(ctx)
        user_id = _user_id(ctx)
        names = list(ctx.found("permission_sets").values())
        set_ids = facts.permission_set_ids(org, names)
        if missing := [name for name in names if name not in set_ids]:
            return Again("permission_assignment_missing", f"permission set {missing[0]} is not visible yet")
        assigned = facts.assignment_ids(org, user_id, list(set_ids.values()))
        for name, set_id in set_ids.items():
            if set_id not in assigned:
                ctx.effect()
                ctx.note(assigning=name)
                org.rest.create("PermissionSetAssignment", {"AssigneeId": user_id, "PermissionSetId": set_id})
        seen = self._seen(ctx, org, set_ids)
        if seen is None:
            return Again("permission_assignment_missing", "the assignment was accepted but is not there")
        return seen

    def _seen(
        self, ctx: RunContext, org: Connection, known: Mapping[str, str] | None = None
    ) -> Outcome | None:
        """Done when the org shows every assignment; *known* are ids of sets read a moment ago."""
        wanted = ctx.found("permission_sets")
        set_ids = known or facts.permission_set_ids(org, list(wanted.values()))
        rows = facts.assignment_ids(org, _user_id(ctx), list(set_ids.values())) if set_ids else {}
        assigned = {}
        for purpose, name in wanted.items():
            set_id = set_ids.get(name)
            if set_id is None or set_id not in rows:
                return None
            assigned[purpose] = {
                "permission_set": name,
                "permission_set_id": set_id,
                "assignment_id": rows[set_id],
            }
        username = ctx.found("preflight")["integration_user"]["username"]
        return Done(evidence={"assignments": assigned}, detail=f"assigned to {username}")


def _user_id(ctx: RunContext) -> str:
    return str(ctx.found("preflight")["integration_user"]["id"])
