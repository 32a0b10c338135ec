"""Prove that the way in is closed: our session is dead, and the token endpoint does not know the app."""

from __future__ import annotations

from orchestrator.actions import removal
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import connect, mint, org_host
from orchestrator.errors import OrgFault
from orchestrator.machine import Again, Done, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import iso
from orchestrator.salesforce.token import revoke


class ProveRemoved:
    """One refusal that means "no such app". A token that is still given is revoked at once and waited out."""

    spec = ActionSpec(
        name="prove_removed",
        summary="Revoke the session in use, see it dead, and see the JWT refused because the app is unknown.",
        faults=frozenset({"session_survives"}),
        waits=True,
        evidence=frozenset({"jwt_refused", "session_revoked"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Every refusal is a new one."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `jwt_refused` (when, answer), `session_revoked`."""
        self._end_session(ctx)
        try:
            token = mint(ctx)
        except OrgFault as refused:
            if refused.code not in removal.GONE:
                return Again("app_survives", f"refused, but not because the app is gone: {refused.code}")
            refusal = {"at": iso(ctx.now_s()), "answer": refused.code, "text": refused.detail}
            return Done(
                evidence={"jwt_refused": refusal, "session_revoked": True},
                detail=f"refused: {refused.detail}",
            )
        revoke(ctx.network, org_host(ctx), token.token)
        return Again("app_survives", "a front end still gave a token; it was revoked")

    def _end_session(self, ctx: RunContext) -> None:
        kept = removal.kept_token(ctx)
        if kept is None:
            return
        instance_url, token = kept
        ctx.effect()
        revoke(ctx.network, org_host(ctx), token)
        try:
            connect(ctx, instance_url, token).rest.limits()
        except OrgFault as refused:
            if not removal.is_dead(refused):
                raise
        else:
            raise org_fault("session_survives", "the session still works after it was revoked")
        ctx.tokens.pop("jwt", None)
        ctx.vault.forget(ctx.run_scope, removal.REMOVAL_SESSION)
