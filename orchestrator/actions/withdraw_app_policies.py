"""Take back what let the integration user use a packaged app; the package itself stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection, org_host, read_record, write_record
from orchestrator.actions.deploying import DEPLOY_FAULTS, TRANSPORT, Deploying
from orchestrator.actions.read_app_policies import read_policies
from orchestrator.errors import OrgFault
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import iso
from orchestrator.salesforce.deploys import DeployStatus
from orchestrator.salesforce.package import Package, build_package
from orchestrator.salesforce.package_policies import OAUTH_POLICY, Policy, former_policy, permission_sets
from orchestrator.salesforce.setup_links import setup_link


class WithdrawAppPolicies(Deploying):
    """Our permission set leaves the app's list, the switches are as before, the assignment goes.

    What to take back stands in the credential record, so it works long after the run. A package is never
    uninstalled by a machine: its records of the customer's would go with it.
    """

    spec = ActionSpec(
        name="withdraw_app_policies",
        summary="Take the pre-authorisation of a packaged app back; never uninstalls.",
        faults=DEPLOY_FAULTS | {"credential_absent"},
        parameters={"transport": TRANSPORT},
        waits=True,
        evidence=frozenset({"access_withdrawn"}),
    )

    def package(self, ctx: RunContext, org: Connection) -> Package | Outcome:
        """The policies without us; for a Connected App the row of SetupEntityAccess goes instead."""
        record = _record(ctx)
        app, provisioned = record["app"], record["provisioned"]["package"]
        access = provisioned["access"]
        if app["kind"] == "connected_app":
            _delete(ctx, org, "SetupEntityAccess", str(provisioned["access_row_id"]))
            return self._withdrawn(ctx, org, record)
        before = {one["type"]: Policy.from_json(one) for one in provisioned["policies_before"]}
        ours = str(access["permission_set"])
        policies = read_policies(org, str(app["name"]))
        listed = [one for one in policies if one.type_name == OAUTH_POLICY]
        if not any(ours in permission_sets(one) for one in listed):
            return self._withdrawn(ctx, org, record)
        former = [former_policy(one, before[one.type_name], str(app["name"]), ours) for one in policies]
        return build_package(former, org.api_version)

    def done(self, ctx: RunContext, org: Connection, status: DeployStatus) -> Outcome:
        """Evidence: `access_withdrawn` (what, when, how the package is uninstalled by hand)."""
        return self._withdrawn(ctx, org, _record(ctx))

    def _withdrawn(self, ctx: RunContext, org: Connection, record: dict[str, Any]) -> Done:
        access = record["provisioned"]["package"]["access"]
        user_id = facts.user_id(org, str(record["username"]))
        row = facts.assignment_id(org, user_id, str(access["permission_set_id"])) if user_id else None
        if row is not None:
            _delete(ctx, org, "PermissionSetAssignment", row)
        provisioned = {key: given for key, given in record["provisioned"].items() if key != "package"}
        write_record(ctx, {**record, "provisioned": provisioned, "assignments": {}})
        detail = f"{record['username']} is no longer let in by {record['app']['name']}"
        uninstall = setup_link(org_host(ctx), "installed_packages")
        return Done(
            evidence={
                "access_withdrawn": {
                    "at": iso(ctx.now_s()),
                    "app": record["app"]["name"],
                    "permission_set": access["permission_set"],
                    "uninstall_by_hand": uninstall,
                }
            },
            detail=f"{detail}; to uninstall the package: {uninstall}",
        )


def _record(ctx: RunContext) -> dict[str, Any]:
    record = read_record(ctx)
    package: Mapping[str, Any] = ((record or {}).get("provisioned") or {}).get("package") or {}
    if record is None or "access" not in package:
        raise org_fault("credential_absent", f"nothing is on record that was set for '{ctx.org['name']}'")
    return record


def _delete(ctx: RunContext, org: Connection, object_name: str, record_id: str) -> None:
    """Delete a row; one that is gone already is as good."""
    ctx.effect()
    try:
        org.rest.delete(object_name, record_id)
    except OrgFault as refused:
        if refused.code != "record_missing":
            raise
