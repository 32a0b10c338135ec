"""Whether the certificate is due, and how it will be replaced; from the vault alone."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import read_record, sets_named_after
from orchestrator.actions.deploy_client_app import CONNECTED, CONNECTED_IF_ALLOWED
from orchestrator.actions.generations import NEXT, kept
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.salesforce.certificate import days_left
from orchestrator.salesforce.client_app_plan import MAX_NAME_LENGTH
from orchestrator.salesforce.drift import salesforce_time

AB, IN_PLACE = "ab", "in_place"
EXPORTS = "exports"
_SECOND = "_B"


class PlanRotation:
    """Asks nobody: an org whose certificate is not due costs a scheduled fleet run no request."""

    spec = ActionSpec(
        name="plan_rotation",
        summary="Look whether the certificate is due, and lay down how it will be replaced.",
        outcomes=frozenset({"succeeded", "nothing_to_do"}),
        faults=frozenset({"credential_absent"}),
        parameters={
            "mode": Parameter("string", default=AB, choices=(AB, IN_PLACE)),
            "not_before_days_left": Parameter("integer", description="not due while more days are left"),
        },
        evidence=frozenset({"rotation", "permission_sets", "assignments", "provisioned"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Reading is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `rotation` (mode, days left, the former app and certificate, the app to come)."""
        record = read_record(ctx)
        if record is None:
            raise org_fault("credential_absent", f"the vault holds no credential of '{ctx.org['name']}'")
        named = ctx.org.get("integration_user") or ctx.org.get("username")
        if named and record["username"] != named:
            raise org_fault("credential_absent", f"the credential is of {record['username']}, not {named}")
        rotation = self._rotation(ctx, record)
        left, threshold = rotation["days_left"], ctx.parameters.get("not_before_days_left")
        if threshold is not None and left > threshold and kept(ctx, NEXT) is None:
            detail = f"nothing to do: {left} days left, due below {threshold + 1}"
            return Done("nothing_to_do", {"rotation": {**rotation, "nothing_to_do": True}}, detail)
        assignments = {key: row for key, row in record.get("assignments", {}).items() if key != "setup"}
        access = str(assignments.get("access", {}).get("permission_set") or f"{rotation['sets']}_Access")
        evidence = {
            "rotation": rotation,
            "permission_sets": {"access": access},
            "assignments": assignments,
            "provisioned": record.get("provisioned", {}),
        }
        return Done(evidence=evidence, detail=_told(rotation))

    def _rotation(self, ctx: RunContext, record: Mapping[str, Any]) -> dict[str, Any]:
        app, certificate = record["app"], record["certificate"]
        now = dt.datetime.fromtimestamp(ctx.now_s(), dt.UTC)
        base, mode = sets_named_after(app), str(ctx.parameters["mode"])
        connected_again = mode == AB and app["kind"] == CONNECTED
        return {
            "mode": mode,
            "days_left": days_left(salesforce_time(str(certificate["not_after"])), now),
            "former": {"app": dict(app), "certificate": dict(certificate), "run": record["run"]},
            "new_app": str(app["name"]) if mode == IN_PLACE else other_name(base, str(app["name"])),
            # New Connected Apps are blocked in most orgs, so the second one is what the org allows.
            "new_kind": CONNECTED_IF_ALLOWED if connected_again else str(app["kind"]),
            "sets": base,
            "handed_over": handed_over(ctx, str(certificate["sha256"])),
        }


def other_name(base: str, present: str) -> str:
    """The name of the second app: the two names of an org take turns."""
    second = base[: MAX_NAME_LENGTH - len(_SECOND)].rstrip("_") + _SECOND
    return second if present == base else base


def handed_over(ctx: RunContext, sha256: str) -> list[dict[str, Any]]:
    """Where `credentials export` has brought the key of that certificate."""
    stored = ctx.vault.get(ctx.org_scope, EXPORTS)
    exports = [] if stored is None else json.loads(stored.reveal())
    return [dict(one) for one in exports if one["certificate_sha256"] == sha256]


def _told(rotation: Mapping[str, Any]) -> str:
    days = rotation["days_left"]
    age = f"{days} days left" if days >= 0 else f"expired {-days} days ago"
    how = "in place" if rotation["mode"] == IN_PLACE else f"by a second app, {rotation['new_app']}"
    return f"certificate: {age}; to be replaced {how}"
