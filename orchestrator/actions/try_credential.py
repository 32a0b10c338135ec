"""Try the credential an earlier run left: a re-run must not need the password again."""

from __future__ import annotations

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import PRIVATE_KEY, jwt_connection, jwt_username, read_record
from orchestrator.errors import Disposition, OrgFault
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec


class TryCredential:
    """Mint a token with the stored credential of this org, if there is one and it is for this org."""

    spec = ActionSpec(
        name="try_credential",
        summary="Use the OAuth credential of an earlier run when it still works.",
        outcomes=frozenset({"succeeded", "absent", "refused"}),
        waits=True,
        evidence=frozenset(
            {"credential", "app", "certificate", "instance_url", "provisioned", "assignments"}
        ),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Trying is looking."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Done `succeeded` when it works, `absent` when there is none, `refused` when the org says no."""
        record = read_record(ctx)
        if record is None or ctx.vault.get(ctx.org_scope, PRIVATE_KEY) is None:
            return Done("absent", detail="no credential of this org in the vault")
        if record["org_id"][:15] != str(ctx.found("org_id"))[:15]:
            return Done("absent", detail=f"the stored credential is of another org, {record['org_id']}")
        if record["username"] != jwt_username(ctx):
            return Done("absent", detail=f"the stored credential is of user {record['username']}")
        found = {
            "app": record["app"],
            "certificate": record["certificate"],
            "org_id": record["org_id"],
            "audience": record["audience"],
        }
        ctx.evidence = {**ctx.evidence, **found}
        try:
            connection = jwt_connection(ctx, fresh=True)
            connection.rest.query("SELECT Id FROM Organization")
        except OrgFault as refused:
            if refused.kind.disposition is Disposition.BACK_OFF:
                raise
            detail = f"the stored credential is refused: {refused.code}"
            return Done("refused", {"credential": {"found": True, "refused": refused.code}}, detail)
        evidence = {
            **found,
            "credential": {"found": True, "works": True, "run": record["run"]},
            "instance_url": connection.instance_url,
            "provisioned": record.get("provisioned", {}),
            "assignments": record.get("assignments", {}),
        }
        return Done(evidence=evidence, detail="the credential of an earlier run works")
