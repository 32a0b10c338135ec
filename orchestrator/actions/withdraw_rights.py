"""Take the temporary rights of the integration user back: what stays is what its work needs."""

from __future__ import annotations

from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import jwt_connection, read_record, write_record
from orchestrator.errors import OrgFault
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import iso


class WithdrawRights:
    """Delete the assignment of the temporary set, mint once more, write the result into the credential."""

    spec = ActionSpec(
        name="withdraw_rights",
        summary="Withdraw the temporary rights, prove JWT once more, record what was provisioned.",
        waits=True,
        faults=frozenset({"permission_missing"}),
        evidence=frozenset({"rights_withdrawn", "provisioned"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """After a crash the assignment may be gone, and with it the right to see that it is gone."""
        if ctx.notes.get("withdrawing") is None:
            return None
        try:
            gone = self._is_gone(ctx)
        except OrgFault as refused:
            if refused.code != "permission_missing":
                raise
            gone = True
        return self._finish(ctx) if gone else None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `rights_withdrawn`, `provisioned`."""
        setup = self._setup(ctx)
        if setup is not None:
            ctx.note(withdrawing=setup["permission_set"])
            ctx.effect()
            jwt_connection(ctx).rest.delete("PermissionSetAssignment", setup["assignment_id"])
        return self._finish(ctx)

    def _setup(self, ctx: RunContext) -> dict[str, Any] | None:
        setup = ctx.evidence.get("assignments", {}).get("setup")
        return None if setup is None else dict(setup)

    def _is_gone(self, ctx: RunContext) -> bool:
        setup = self._setup(ctx)
        if setup is None:
            return True
        user_id = str(ctx.found("jwt_proofs")[-1]["user_id"])
        return facts.assignment_id(jwt_connection(ctx), user_id, setup["permission_set_id"]) is None

    def _finish(self, ctx: RunContext) -> Outcome:
        jwt_connection(ctx, fresh=True).rest.query("SELECT Id FROM Organization")
        setup = self._setup(ctx)
        withdrawn = setup["permission_set"] if setup is not None else None
        left = _left_open(ctx)
        record = read_record(ctx)
        if record is None:
            raise org_fault("credential_absent", "the credential record is not in the vault")
        provisioned = {
            "at": iso(ctx.now_s()),
            "run": ctx.run,
            "lockdown": ctx.evidence.get("lockdown", []),
            "password_probe": ctx.evidence.get("password_probe"),
            "lock_plan": ctx.evidence.get("lock_plan"),
            "open": left,
        }
        kept = {name: row for name, row in record.get("assignments", {}).items() if name != "setup"}
        write_record(ctx, {**record, "assignments": kept, "provisioned": provisioned})
        detail = f"{withdrawn} withdrawn; JWT works" if withdrawn else "no temporary rights were given"
        if left:
            detail += f"; a password still opens: {', '.join(left)}"
        return Done(
            evidence={
                "rights_withdrawn": withdrawn,
                "provisioned": {"at": provisioned["at"], "run": ctx.run},
            },
            detail=detail,
        )


def _left_open(ctx: RunContext) -> list[str]:
    """Paths on which a password keeps its power, as the verification judged them."""
    judged = ctx.evidence.get("verdicts", {})
    return sorted(path for path, verdict in judged.items() if verdict["state"] == "open")
