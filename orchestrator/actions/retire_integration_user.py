"""Deactivate the integration user, if this tool made it: Salesforce deletes no users."""

from __future__ import annotations

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection, bootstrap_connection
from orchestrator.actions.facts import UserFacts
from orchestrator.actions.integration_user import is_made_by_us
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec


class RetireIntegrationUser:
    """Works as the bootstrap user, because nobody can deactivate itself.

    Only the user that the credential record names as made by this tool, while it still has the same id and
    carries the mark; anybody else is named as left.
    """

    spec = ActionSpec(
        name="retire_integration_user",
        summary="Deactivate the integration user if this tool made it; it frees the licence.",
        faults=frozenset({"permission_missing", "undo_not_read_back"}),
        waits=True,
        evidence=frozenset({"retired", "left"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Done when it is inactive already, or is none of ours."""
        org = bootstrap_connection(ctx)
        return self._judge(ctx, org, self._user(ctx, org))

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `retired` (username), `left` when it is not ours any more."""
        org = bootstrap_connection(ctx)
        user = self._user(ctx, org)
        if (settled := self._judge(ctx, org, user)) is not None:
            return settled
        assert user is not None  # noqa: S101 - else it was settled
        ctx.note(retiring=user.username)
        ctx.effect()
        org.rest.update("User", user.id, {"IsActive": False})
        settled = self._judge(ctx, org, self._user(ctx, org))
        if settled is None:
            raise org_fault("undo_not_read_back", f"{user.username} is still active")
        return settled

    def _user(self, ctx: RunContext, org: Connection) -> UserFacts | None:
        return facts.user_by_username(org, str(ctx.found("removal_plan")["integration_user"]["username"]))

    def _judge(self, ctx: RunContext, org: Connection, user: UserFacts | None) -> Outcome | None:
        planned = ctx.found("removal_plan")["integration_user"]
        left = list(ctx.evidence.get("left", []))
        if user is None:
            return Done(evidence={"retired": None}, detail=f"the org has no user {planned['username']}")
        if user.id[:15] != str(planned["id"])[:15] or not is_made_by_us(org, user.id):
            said = f"user {user.username}, which is not the one this tool made"
            return Done(evidence={"retired": None, "left": [*left, said]}, detail=f"left: {said}")
        if user.is_active:
            return None
        return Done(evidence={"retired": user.username}, detail=f"{user.username} is deactivated")
