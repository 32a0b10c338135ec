"""Stop unless the credential in the vault is a way into this very org."""

from __future__ import annotations

from orchestrator.actions.base import RunContext
from orchestrator.actions.recall_lockdown import judge_credential
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec


class RecallCredential:
    """Judge what `try_credential` found, where a run can do nothing without it."""

    spec = ActionSpec(
        name="recall_credential",
        summary="Stop unless the stored credential works and is of this org and user.",
        faults=frozenset({"credential_absent", "credential_refused", "org_id_mismatch"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Reading is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """No evidence of its own."""
        return judge_credential(ctx) or Done(detail="the credential works and is of this org")
