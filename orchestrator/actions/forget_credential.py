"""Forget key, certificate and record of the org; say what is left behind in it."""

from __future__ import annotations

from orchestrator.actions.base import RunContext
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import iso


class ForgetCredential:
    """The vault's scope of the org and that of the run; forgetting twice is no error."""

    spec = ActionSpec(
        name="forget_credential",
        summary="Remove key, certificate and record of the org from the vault; name what is left in the org.",
        faults=frozenset({"removal_incomplete"}),
        evidence=frozenset({"forgotten"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Forgetting is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `forgotten`; `removal_incomplete` when a person has something to delete."""
        ctx.vault.forget(ctx.org_scope)
        ctx.vault.forget(ctx.run_scope)
        evidence = {"forgotten": {"at": iso(ctx.now_s()), "scope": ctx.org_scope}}
        if left := ctx.evidence.get("left"):
            return Failed("removal_incomplete", f"left in the org: {'; '.join(left)}", evidence)
        return Done(evidence=evidence, detail="key, certificate and record are forgotten")
