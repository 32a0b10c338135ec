"""Look around before a package is installed: the integration user, and calls that are left."""

from __future__ import annotations

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import bootstrap_connection
from orchestrator.actions.preflight import integration_user
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import iso


class PreflightPackage:
    """What would stop the run later. Nothing is locked by it, so other ways into the org do not matter."""

    spec = ActionSpec(
        name="preflight_package",
        summary="Check org, integration user and read-only mode before a package is installed.",
        faults=frozenset({"integration_user_missing", "user_inactive", "read_only", "org_id_mismatch"}),
        waits=True,
        evidence=frozenset({"organization", "preflight", "org_id"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Reading is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `organization`, `preflight` (the integration user; it is lent no rights)."""
        org = bootstrap_connection(ctx)
        organization = facts.organization(org)
        if str(organization["Id"])[:15] != str(ctx.found("org_id"))[:15]:
            return Failed("org_id_mismatch", f"the session is of org {organization['Id']}")
        if organization.get("IsReadOnly"):
            raise org_fault("read_only", "Organization.IsReadOnly is true")
        user = integration_user(ctx, org)
        preflight = {
            "at": iso(ctx.now_s()),
            "integration_user": user.as_json(),
            "integration_user_lacks": [],
            "known_setup_permissions": [],
        }
        return Done(
            evidence={
                "organization": organization,
                "org_id": organization["Id"],
                "preflight": preflight,
            },
            detail=f"{organization['OrganizationType']}; {user.username} is active",
        )
