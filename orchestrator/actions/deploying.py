"""What all deploys share: announce, send once, write the id down, watch, judge every status word.

Source: Metadata API guide, deploy(), checkDeployStatus(), DeployResult (nine status words).
"""

from __future__ import annotations

import abc
import datetime as dt
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection, bootstrap_connection, jwt_connection
from orchestrator.errors import Disposition
from orchestrator.machine import Again, Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.salesforce.archive import zip_package
from orchestrator.salesforce.deploys import DeployStatus
from orchestrator.salesforce.package import Package

MARKER = "Made by the orchestrator"

UNDER_WAY = frozenset({"Pending", "InProgress", "FinalizingDeploy", "Canceling"})
DEPLOY_FAULTS = frozenset(
    {
        "deploy_failed",
        "deploy_component_failed",
        "deploy_partial",
        "deploy_canceled",
        "deploy_unknown",
        "deploy_finalizing_failed",
        "connected_app_creation_blocked",
        "consumer_key_taken",
        "consumer_key_on_update",
        "app_exists",
        "app_is_foreign",
        "cross_reference_missing",
        "element_invalid",
        "permission_missing",
    }
)
TRANSPORT = Parameter(
    "string", default="soap", choices=("soap", "rest"), description="API that carries the archive"
)


class Deploying(abc.ABC):
    """Base of the actions that deploy something and wait for the org to say how it went."""

    spec: ActionSpec

    @abc.abstractmethod
    def package(self, ctx: RunContext, org: Connection) -> Package | Outcome:
        """What to deploy; or an outcome when nothing needs to be, or may be, deployed."""

    @abc.abstractmethod
    def done(self, ctx: RunContext, org: Connection, status: DeployStatus) -> Outcome:
        """What a deploy that succeeded means for this action."""

    def check_only(self, ctx: RunContext) -> bool:
        """Whether the next deploy only validates."""
        return False

    def observe(self, ctx: RunContext) -> Outcome | None:
        """The deploy an earlier try sent: by its id or, when that was lost, among the org's requests."""
        org = self.connection(ctx)
        deploy_id = ctx.notes.get("deploy_id")
        if deploy_id is None and ctx.notes.get("announced_at"):  # the answer, or we, got lost
            deploy_id = find_lost_deploy(
                org,
                str(ctx.notes["announced_at"]),
                _deployer(ctx),
                known=_known_ids(ctx),
            )
            if deploy_id is not None:
                ctx.note(deploy_id=deploy_id)
        if deploy_id is None:
            return None
        return self._judge(ctx, org, self._status(ctx, org, str(deploy_id)))

    def apply(self, ctx: RunContext) -> Outcome:
        """Send the package once; the answer is only that the org has taken it."""
        org = self.connection(ctx)
        package = self.package(ctx, org)
        if not isinstance(package, Package):
            return package
        archive = zip_package(package)
        ctx.effect()
        ctx.note(announced_at=_seconds(ctx.now_s()), deploy_id=None)
        check_only = self.check_only(ctx)
        if ctx.parameters.get("transport") == "rest":
            deploy_id = org.metadata.deploy_rest(archive, check_only=check_only)
        else:
            deploy_id = org.metadata.deploy(archive, check_only=check_only)
        ctx.note(deploy_id=deploy_id)
        return self._judge(ctx, org, self._status(ctx, org, deploy_id))

    def connection(self, ctx: RunContext) -> Connection:
        """Who deploys: the bootstrap session until OAuth is adopted, the integration user after."""
        return jwt_connection(ctx) if "adopted" in ctx.evidence else bootstrap_connection(ctx)

    def _status(self, ctx: RunContext, org: Connection, deploy_id: str) -> DeployStatus:
        if ctx.parameters.get("transport") == "rest":
            return org.metadata.status_rest(deploy_id)
        return org.metadata.status(deploy_id)

    def _judge(self, ctx: RunContext, org: Connection, status: DeployStatus) -> Outcome:
        """All nine words; a failure that may pass is sent again, every other one stops."""
        if status.state in UNDER_WAY:
            return Again("deploy_in_progress", f"deploy {status.request_id} is {status.state}")
        if status.state == "Succeeded":
            return _remembered(ctx, status, self.done(ctx, org, status))
        evidence = {"deploy": deploy_evidence(status)}
        refused = status.fault()
        if refused is None:
            raise org_fault("answer_unknown", f"deploy {status.request_id} is {status.state} and not done")
        if refused.kind.disposition in {Disposition.BACK_OFF, Disposition.WAIT}:
            ctx.note(deploy_id=None, announced_at=None)
            return Again(refused.code, refused.detail, evidence=evidence)
        return self.failed(ctx, Failed(refused.code, refused.detail, evidence))

    def failed(self, ctx: RunContext, outcome: Failed) -> Outcome:
        """A deploy that failed for good; subclasses that know a way out take it here."""
        return outcome


def deploy_evidence(status: DeployStatus) -> dict[str, Any]:
    """What the org said about a deploy, for the record."""
    return {
        "id": status.request_id,
        "status": status.state,
        "failures": [
            {"type": f.component_type, "name": f.full_name, "problem": f.problem} for f in status.failures
        ],
    }


def _deployer(ctx: RunContext) -> str:
    """Id of the user as whom `connection` deploys."""
    if "adopted" not in ctx.evidence:
        return str(ctx.found("bootstrap")["user_id"])
    token = ctx.tokens.get("jwt")  # `connection` has just minted or used it
    if token is None or not token.user_id:
        return str(ctx.found("jwt_proofs")[-1]["user_id"])
    return str(token.user_id)


def _known_ids(ctx: RunContext) -> frozenset[str]:
    """Deploys of this run whose end is in the record: none of them is the one that was lost."""
    return frozenset(str(each)[:15] for each in ctx.evidence.get("deploy_ids", []))


def _remembered(ctx: RunContext, status: DeployStatus, outcome: Outcome) -> Outcome:
    """*outcome* with the id among those of the run: two deploys of one run can be seconds apart."""
    if not isinstance(outcome, Done):
        return outcome
    ids = [*ctx.evidence.get("deploy_ids", []), status.request_id]
    return replace(outcome, evidence={**outcome.evidence, "deploy_ids": ids})


def find_lost_deploy(
    org: Connection, announced_at: str, me: str, *, known: Collection[str] = frozenset()
) -> str | None:
    """Id of the newest real deploy of our own user since *announced_at* (RFC 3339); None when there is none.

    Between sending an archive and reading the answer a process can die. The org then knows a deploy
    whose id we never saw; it is in the Tooling API's DeployRequest. The same admin deploying something
    else in the same minute would be mistaken for ours, and then found out by the read-back that follows.

    Args:
        org: as the user who deploys.
        announced_at: when the archive was about to be sent; two minutes are allowed for clocks that differ.
        me: id of that user.
        known: ids (15 characters) of earlier deploys.
    """
    since = dt.datetime.fromisoformat(announced_at) - dt.timedelta(minutes=2)
    rows = org.rest.query_tooling(
        "SELECT Id, Status, CreatedDate FROM DeployRequest WHERE CheckOnly = false "
        "AND CreatedById = {me} AND CreatedDate >= {since:literal} ORDER BY CreatedDate DESC",
        me=me,
        since=since.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    return next((str(row["Id"]) for row in rows if str(row["Id"])[:15] not in known), None)


def deploy_under_way(ctx: RunContext, org: Connection) -> str | None:
    """Id of a real deploy of our own user that the org still works on; None when there is none."""
    rows = org.rest.query_tooling(
        "SELECT Id FROM DeployRequest WHERE CheckOnly = false AND CreatedById = {me} "
        "AND Status IN ('Pending', 'InProgress', 'FinalizingDeploy', 'Canceling')",
        me=_deployer(ctx),
    )
    return str(rows[0]["Id"]) if rows else None


def foreign(what: str, name: str) -> Failed:
    """Somebody else's component has the name we would use."""
    return Failed(
        "app_is_foreign",
        f"{what} '{name}' exists in the org and was not made by this tool",
    )


def require_id(found: str | None, what: str) -> str:
    """*found*, or OrgFault `answer_unknown` when the org does not show what it just accepted."""
    if found is None:
        raise org_fault("answer_unknown", f"the org reports success but does not show {what}")
    return found


def _seconds(at_s: float) -> str:
    return dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
