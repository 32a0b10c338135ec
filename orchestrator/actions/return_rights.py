"""Give the rights back that were lent for an undo, write the credential record anew, say what is left."""

from __future__ import annotations

from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection, jwt_connection, read_record, write_record
from orchestrator.errors import OrgFault
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import iso


class ReturnRights:
    """Delete the assignment of the tool's own temporary set; rights the user has otherwise are its own.

    From here on the record says that nothing is locked, so that a later hybrid run locks anew.
    """

    spec = ActionSpec(
        name="return_rights",
        summary="Withdraw the rights lent for the undo, prove JWT once more, record the outcome.",
        faults=frozenset({"permission_missing", "undo_impossible"}),
        waits=True,
        evidence=frozenset({"rights_withdrawn", "provisioned"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """After a crash the assignment may be gone, and with it the right to see that it is gone."""
        if ctx.notes.get("withdrawing") is None:
            return None
        return self._finish(ctx) if self._assignment(ctx, jwt_connection(ctx)) is None else None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `rights_withdrawn`, `provisioned`; `undo_impossible` when a person has to do the rest."""
        org = jwt_connection(ctx)
        row = self._assignment(ctx, org)
        if row is not None:
            ctx.note(withdrawing=ctx.found("rights")["permission_set"])
            ctx.effect()
            org.rest.delete("PermissionSetAssignment", row)
        return self._finish(ctx)

    def _assignment(self, ctx: RunContext, org: Connection) -> str | None:
        """Id of the assignment; None also for a user who may not look, and so has no rights left."""
        rights = ctx.found("rights")
        if not rights.get("permission_set_id"):
            return None
        try:
            return facts.assignment_id(org, str(rights["user_id"]), str(rights["permission_set_id"]))
        except OrgFault as refused:
            if refused.code != "permission_missing":
                raise
            return None

    def _finish(self, ctx: RunContext) -> Outcome:
        jwt_connection(ctx, fresh=True).rest.query("SELECT Id FROM Organization")
        withdrawn = ctx.notes.get("withdrawing")
        evidence: dict[str, Any] = {"rights_withdrawn": withdrawn, "provisioned": self._record(ctx)}
        persons = [
            f"{entry['mechanism']}: {entry['note']}; {entry['person']}"
            for entry in ctx.evidence.get("restored", [])
            if entry["person"]
        ]
        if persons:
            return Failed("undo_impossible", ". ".join(persons), evidence)
        return Done(
            evidence=evidence, detail=f"{withdrawn} withdrawn; JWT works" if withdrawn else "JWT works"
        )

    def _record(self, ctx: RunContext) -> dict[str, Any]:
        record = read_record(ctx)
        if record is None:
            raise org_fault("credential_absent", "the credential record is not in the vault")
        provisioned = {"at": iso(ctx.now_s()), "run": ctx.run, "lockdown": [], "undone": True}
        write_record(ctx, {**record, "provisioned": provisioned})
        return provisioned
