"""Let an input or a piece of evidence decide which way a playbook goes."""

from __future__ import annotations

from orchestrator.actions.base import RunContext
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter


class Choose:
    """`succeeded` when the value is true, `declined` when it is false; touches nothing."""

    spec = ActionSpec(
        name="choose",
        summary="Go one way when a value is true, another when it is false.",
        outcomes=frozenset({"succeeded", "declined"}),
        parameters={"when": Parameter("boolean", required=True, description="an input or evidence")},
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """There is nothing to see."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """No evidence of its own."""
        chosen = bool(ctx.parameters["when"])
        return Done("succeeded" if chosen else "declined", detail="yes" if chosen else "no")
