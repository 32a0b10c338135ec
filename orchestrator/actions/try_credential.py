"""Try the credential an earlier run left: a re-run must not need the password again."""

from __future__ import annotations

from typing import Any

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import PRIVATE_KEY, jwt_connection, read_record
from orchestrator.errors import Disposition, OrgFault
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec

# A session that is seconds old, and an answer nobody knows: neither says that the credential is bad.
_NO_REFUSAL = frozenset({"token_not_honoured", "answer_unknown"})


class TryCredential:
    """Mint a token with the stored credential of this org, if there is one and it is for this org."""

    spec = ActionSpec(
        name="try_credential",
        summary="Use the OAuth credential of an earlier run when it still works.",
        outcomes=frozenset({"succeeded", "absent", "refused"}),
        waits=True,
        evidence=frozenset(
            {
                *("credential", "app", "certificate", "instance_url", "provisioned", "assignments"),
                "password_baseline",
            }
        ),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Trying is looking."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Done `succeeded` when it works, `absent` when there is none, `refused` when the org says no."""
        record = stored_credential(ctx)
        if isinstance(record, str):
            return Done("absent", detail=record)
        found = {
            "app": record["app"],
            "certificate": record["certificate"],
            "org_id": record["org_id"],
            "audience": record["audience"],
            "credential": {
                "found": True,
                "works": True,
                "run": record["run"],
                "username": record["username"],
            },
        }
        ctx.evidence = {**ctx.evidence, **found}
        try:
            connection = jwt_connection(ctx, fresh=True)
            connection.rest.query("SELECT Id FROM Organization")
        except OrgFault as refused:
            if refused.kind.disposition is Disposition.BACK_OFF or refused.code in _NO_REFUSAL:
                raise
            detail = f"the stored credential is refused: {refused.code}"
            return Done("refused", {"credential": {"found": True, "refused": refused.code}}, detail)
        evidence = {
            **found,
            "instance_url": connection.instance_url,
            "provisioned": record.get("provisioned", {}),
            "assignments": record.get("assignments", {}),
        }
        if baseline := record.get("password_baseline"):
            evidence["password_baseline"] = baseline
        return Done(evidence=evidence, detail="the credential of an earlier run works")


def stored_credential(ctx: RunContext) -> dict[str, Any] | str:
    """The record of the credential in the vault that is for this org and user, or why there is none."""
    record = read_record(ctx)
    if record is None or ctx.vault.get(ctx.org_scope, PRIVATE_KEY) is None:
        return "no credential of this org in the vault"
    if record["org_id"][:15] != str(ctx.found("org_id"))[:15]:
        return f"the stored credential is of another org, {record['org_id']}"
    named = ctx.org.get("integration_user") or ctx.org.get("username")
    if named and record["username"] != named:
        return f"the stored credential is of user {record['username']}"
    return record
