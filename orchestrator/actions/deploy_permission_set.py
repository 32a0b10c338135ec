"""Deploy the permission sets: the empty gate that pre-authorises, and temporary rights for the lock-down."""

from __future__ import annotations

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import Connection
from orchestrator.actions.deploying import DEPLOY_FAULTS, TRANSPORT, Deploying, deploy_evidence, foreign
from orchestrator.actions.preflight import PERMISSIONS
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.salesforce.deploys import DeployStatus
from orchestrator.salesforce.package import Component, Package, build_package
from orchestrator.salesforce.permission_sets import preauthorisation_set, setup_set
from orchestrator.salesforce.service_rights import read_rights, service_set


class DeployPermissionSet(Deploying):
    """One set without licence and without rights is the gate; a second, temporary one carries rights.

    A set bound to the "Salesforce API Integration" licence cannot hold app assignments (knowledge
    article 001453686), so the gate has no licence. The second is made only when the integration user
    lacks what the lock-down needs, and is withdrawn when the run is done.
    """

    spec = ActionSpec(
        name="deploy_permission_set",
        summary="Deploy the pre-authorisation permission set, and temporary rights if they are lacking.",
        faults=DEPLOY_FAULTS,
        parameters={
            "app_name": Parameter("string", required=True),
            "grant_setup_rights": Parameter("boolean", default=True),
            "permissions": PERMISSIONS,
            "transport": TRANSPORT,
        },
        waits=True,
        evidence=frozenset({"permission_sets", "deploy"}),
    )

    def package(self, ctx: RunContext, org: Connection) -> Package | Outcome:
        """Both sets in one package; stops when a set of that name is not ours."""
        sets = list(wanted_sets(ctx).values())
        existing = org.metadata.read("PermissionSet", [item.member for item in sets])
        for item, record in zip(sets, existing, strict=True):
            # The description is the mark of what this tool made.
            if record is not None and record.get("description") != item.fields["description"]:
                return foreign("permission set", item.member)
        return build_package(sets, org.api_version)

    def done(self, ctx: RunContext, org: Connection, status: DeployStatus) -> Outcome:
        """Evidence: `permission_sets` with the names to assign."""
        names = {purpose: item.member for purpose, item in wanted_sets(ctx).items()}
        return Done(
            evidence={"permission_sets": names, "deploy": deploy_evidence(status)},
            detail=f"permission set {' and '.join(names.values())} deployed",
        )


def wanted_sets(ctx: RunContext) -> dict[str, Component]:
    """`access`; `service` when the playbook names permissions; `setup` when rights lack and are lent."""
    name = str(ctx.parameters["app_name"])
    sets = {"access": preauthorisation_set(f"{name}_Access", f"{name} access", name)}
    if permissions := ctx.parameters.get("permissions"):
        sets["service"] = service_set(f"{name}_Service", f"{name} service", read_rights(permissions))
    preflight = ctx.found("preflight")
    if preflight["integration_user_lacks"] and ctx.parameters.get("grant_setup_rights", True):
        known = preflight["known_setup_permissions"]
        sets["setup"] = setup_set(f"{name}_Setup", f"{name} set-up, temporary", known)
    return sets
