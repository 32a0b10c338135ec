"""Assign the permission sets to the integration user, and see that they are assigned."""

from __future__ import annotations

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection, bootstrap_connection
from orchestrator.machine import Done, Outcome
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
        user_id = str(ctx.found("preflight")["integration_user"]["id"])
        for name in ctx.found("permission_sets").values():
            set_id = facts.permission_set_id(org, name)
            if set_id is None:
                raise org_fault("permission_assignment_missing", f"permission set {name} is not visible yet")
            if facts.assignment_id(org, user_id, set_id) is None:
                ctx.effect()
                ctx.note(assigning=name)
                org.rest.create("PermissionSetAssignment", {"AssigneeId": user_id, "PermissionSetId": set_id})
        seen = self._seen(ctx, org)
        if seen is None:
            raise org_fault("permission_assignment_missing", "the assignment was accepted but is not there")
        return seen

    def _seen(self, ctx: RunContext, org: Connection) -> Outcome | None:
        user_id = str(ctx.found("preflight")["integration_user"]["id"])
        assigned = {}
        for purpose, name in ctx.found("permission_sets").items():
            set_id = facts.permission_set_id(org, name)
            row = None if set_id is None else facts.assignment_id(org, user_id, set_id)
            if row is None:
                return None
            assigned[purpose] = {"permission_set": name, "permission_set_id": set_id, "assignment_id": row}
        username = ctx.found("preflight")["integration_user"]["username"]
        return Done(evidence={"assignments": assigned}, detail=f"assigned to {username}")
