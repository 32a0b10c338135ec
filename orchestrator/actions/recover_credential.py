"""The credential in use is refused: look whether an interrupted rotation left one that works."""

from __future__ import annotations

from orchestrator.actions.base import RunContext
from orchestrator.actions.generations import (
    IN_USE,
    NEXT,
    PREVIOUS,
    Generation,
    kept,
    required,
    take_into_use,
)
from orchestrator.actions.open_setup_session import BY_BOOTSTRAP, working_token
from orchestrator.errors import Disposition, OrgFault
from orchestrator.machine import Again, Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter


class RecoverCredential:
    """One honest try of the credential in use, and of those beside it when it is refused.

    Front ends disagree for minutes after a certificate was replaced, so the playbook asks for several
    successes of the one in use in a row; a switch to another starts the count again. The one that is
    switched away from is kept as the previous one: nothing is forgotten here.
    """

    spec = ActionSpec(
        name="recover_credential",
        summary="Put the credential of an interrupted rotation to use when the one in use is refused.",
        outcomes=frozenset({"succeeded", "bootstrap"}),
        faults=frozenset({"credential_absent", "credential_refused"}),
        parameters={
            "by": Parameter("string", default="integration_user", choices=("integration_user", BY_BOOTSTRAP))
        },
        waits=True,
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Trying is looking."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """No evidence: the run plans anew with what is in use then."""
        present = required(ctx, IN_USE)
        refusal = _refusal(ctx, present)
        if refusal is None:
            return Done(detail=f"certificate {present.sha256[:16]}… works")
        others = [(name, one) for name in (NEXT, PREVIOUS) if (one := kept(ctx, name)) is not None]
        for name, other in others:
            if _refusal(ctx, other) is None:
                take_into_use(ctx, other, former=present)
                if name == NEXT:
                    ctx.vault.forget(ctx.org_scope, NEXT)
                return Again(
                    refusal.code, f"the {name} certificate {other.sha256[:16]}… works; it is used now"
                )
        if ctx.parameters["by"] == BY_BOOTSTRAP:
            return Done(
                "bootstrap", detail=f"the credential is refused ({refusal.code}); bootstrap replaces it"
            )
        if not others:
            return Failed("credential_refused", f"the org refuses the credential: {refusal.code}")
        return Again(refusal.code, "neither the credential in use nor one beside it works")


def _refusal(ctx: RunContext, generation: Generation) -> OrgFault | None:
    """Why the org refuses *generation*; None when it works. Raises OrgFault for passing troubles."""
    try:
        working_token(ctx, generation)
    except OrgFault as refused:
        if refused.kind.disposition is Disposition.BACK_OFF:
            raise
        return refused
    return None
