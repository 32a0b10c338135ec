"""What was locked in this org, from the run that is undone or from the credential record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import jwt_username, read_record
from orchestrator.actions.restoring import NOT_RESTORABLE
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec


class RecallLockdown:
    """Find the locks, the user they were for, and that the way in belongs to this very org.

    `runs undo` starts its run with the evidence of the run it undoes (`undoes`); a plain run of the playbook
    reads the credential record in the vault, where the hybrid flow wrote what it had locked.
    """

    spec = ActionSpec(
        name="recall_lockdown",
        summary="Find out what was locked, in which order and for whom, and that the credential still works.",
        outcomes=frozenset({"succeeded", "nothing_to_undo"}),
        faults=frozenset({"credential_absent", "credential_refused", "org_id_mismatch"}),
        evidence=frozenset({"undo_plan"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Reading is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `undo_plan` (source, user, steps newest lock first)."""
        judged = judge_credential(ctx)
        if judged is not None:
            return judged
        provisioned = dict(ctx.evidence.get("provisioned") or {})
        undone = dict(ctx.evidence.get("undoes") or {})
        source = undone or provisioned
        locks = list(source.get("lockdown") or [])
        if not locks:
            return Done("nothing_to_undo", detail="nothing that this tool locked is on record for this org")
        plan = dict(source.get("lock_plan") or provisioned.get("lock_plan") or {})
        steps = [
            {
                "mechanism": lock["mechanism"],
                "before": lock["undo"]["before"],
                "applied_at": lock.get("applied_at", ""),
            }
            for lock in reversed(locks)
        ]
        names = ", ".join(_described(step["mechanism"]) for step in steps)
        return Done(
            evidence={
                "undo_plan": {
                    "of_run": source.get("run"),
                    "source": "journal" if undone else "credential record",
                    "user_id": plan.get("user_id"),
                    "username": plan.get("username") or ctx.org.get("username"),
                    "steps": steps,
                }
            },
            detail=f"to take back, newest first: {names}",
        )


def judge_credential(ctx: RunContext) -> Failed | None:
    """Why the credential that `try_credential` tried is no way in; None when it is one.

    Raises:
        OrgFault: `credential_absent`.
    """
    credential: Mapping[str, Any] = ctx.evidence.get("credential") or {}
    record = read_record(ctx)
    if record is None:
        raise org_fault("credential_absent", f"the vault holds no credential of '{ctx.org['name']}'")
    if record["org_id"][:15] != str(ctx.found("org_id"))[:15]:
        return Failed("org_id_mismatch", f"the credential is of org {record['org_id']}")
    if record["username"] != jwt_username(ctx):
        return Failed(
            "credential_absent", f"the credential is of {record['username']}, not {jwt_username(ctx)}"
        )
    if not credential.get("works"):
        return Failed("credential_refused", f"the org refuses the credential: {credential.get('refused')}")
    return None


def _described(mechanism: str) -> str:
    return f"{mechanism} (not restorable)" if mechanism in NOT_RESTORABLE else mechanism
