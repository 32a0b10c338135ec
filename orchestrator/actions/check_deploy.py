"""Send what a run would deploy as a check-only deploy: the org validates it and keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import Connection
from orchestrator.actions.deploy_client_app import CONNECTED, CONNECTED_IF_ALLOWED, EXTERNAL, DeployClientApp
from orchestrator.actions.deploy_permission_set import wanted_sets
from orchestrator.actions.deploying import DEPLOY_FAULTS, deploy_evidence
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.salesforce.deploys import DeployStatus
from orchestrator.salesforce.package import Component


class CheckDeploy(DeployClientApp):
    """Permission sets and client app in one package, checkOnly = true (Metadata API guide, DeployOptions).

    In one package because the app refers to its permission set, which a check does not bring about.
    """

    spec = ActionSpec(
        name="check_deploy",
        summary="Check-only deploy of the permission sets and the client app; changes nothing.",
        faults=DEPLOY_FAULTS,
        parameters=DeployClientApp.spec.parameters,
        waits=True,
        evidence=frozenset({"check_deploy"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """A check whose id was lost is simply sent again: it changes nothing."""
        return super().observe(ctx) if ctx.notes.get("deploy_id") else None

    def check_only(self, ctx: RunContext) -> bool:
        """Never for real."""
        return True

    def beside(self, ctx: RunContext) -> Sequence[Component]:
        """The permission sets, which a run deploys before the app."""
        return tuple(wanted_sets(ctx).values())

    def done(self, ctx: RunContext, org: Connection, status: DeployStatus) -> Outcome:
        """Evidence: `check_deploy` (id, status, the kind of app that would be made)."""
        kind = CONNECTED if self._kind(ctx) == CONNECTED_IF_ALLOWED else self._kind(ctx)
        found = {**deploy_evidence(status), "kind": kind}
        return Done(evidence={"check_deploy": found}, detail=f"the org accepts it, {status.request_id}")

    def failed(self, ctx: RunContext, outcome: Failed) -> Outcome:
        """A way out as the run would take it; else the org's reasons as evidence."""
        answered = super().failed(ctx, outcome)
        if not isinstance(answered, Failed):
            return answered
        kind = self._kind(ctx)
        found = {**outcome.evidence.get("deploy", {}), "kind": EXTERNAL if kind == EXTERNAL else CONNECTED}
        return Failed(outcome.code, outcome.detail, {"check_deploy": found})
