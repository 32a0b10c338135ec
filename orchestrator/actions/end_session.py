"""End the password session of a run that only looked, and keep nothing of it."""

from __future__ import annotations

from orchestrator.actions.adopt_oauth import end_bootstrap_session
from orchestrator.actions.base import RunContext
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import iso


class EndSession:
    """Log out, see that the session is dead, forget the session and the throwaway key."""

    spec = ActionSpec(
        name="end_session",
        summary="End the bootstrap session of a run that only looked; forget its throwaway certificate.",
        faults=frozenset({"session_survives"}),
        waits=True,
        evidence=frozenset({"session_ended"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Logging out twice is harmless."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `session_ended` (when, what became of the session)."""
        fate = end_bootstrap_session(ctx)
        ctx.vault.forget(ctx.run_scope)
        return Done(
            evidence={"session_ended": {"at": iso(ctx.now_s()), "bootstrap_session": fate}},
            detail=f"bootstrap session: {fate}",
        )
