"""Delete an app that a rotation has made needless: the former one, or a new one that did not prove itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.actions import removal
from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import Connection
from orchestrator.actions.deploy_certificate import certificate_package
from orchestrator.actions.deploy_client_app import existing_app, read_oauth
from orchestrator.actions.deploying import (
    DEPLOY_FAULTS,
    TRANSPORT,
    Deploying,
    deploy_evidence,
    deploy_under_way,
)
from orchestrator.actions.generations import IN_USE, PREVIOUS, required
from orchestrator.actions.plan_rotation import AB
from orchestrator.errors import Defect
from orchestrator.machine import Again, Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import iso
from orchestrator.salesforce.certificate import certificate_sha256
from orchestrator.salesforce.deploys import DeployStatus
from orchestrator.salesforce.package import Package, destructive_package


class RetireApp(Deploying):
    """The whole former app in one destructive deploy, if marker, consumer key and certificate are ours."""

    spec = ActionSpec(
        name="retire_app",
        summary="Delete the former client app, once the new credential has proven itself again.",
        faults=DEPLOY_FAULTS | {"credential_absent", "undo_not_read_back"},
        parameters={"transport": TRANSPORT},
        waits=True,
        one_way=True,
        evidence=frozenset({"retired", "deploy"}),
    )

    def package(self, ctx: RunContext, org: Connection) -> Package | Outcome:
        """What of the former app is in the org, to be deleted."""
        former = required(ctx, PREVIOUS)
        if former.app["name"] == required(ctx, IN_USE).app["name"]:
            raise Defect("the former app is the one in use")
        members = removal.members_of(org, former.app)
        if not members:
            return self._gone(ctx)
        if problem := removal.not_our_app(org, former.app, former.sha256):
            return Failed("app_is_foreign", problem)
        return destructive_package(members, org.api_version)

    def done(self, ctx: RunContext, org: Connection, status: DeployStatus) -> Outcome:
        """Read back: nothing of the app is left."""
        if left := removal.members_of(org, required(ctx, PREVIOUS).app):
            return Failed("undo_not_read_back", f"the deploy succeeded, but the org still has {sorted(left)}")
        return self._gone(ctx, status)

    def _gone(self, ctx: RunContext, status: DeployStatus | None = None) -> Done:
        name = required(ctx, PREVIOUS).app["name"]
        evidence: dict[str, Any] = {"retired": {"app": name, "at": iso(ctx.now_s())}}
        if status is not None:
            evidence["deploy"] = deploy_evidence(status)
        return Done(evidence=evidence, detail=f"{name} is not in the org any more")


class RollBackCertificate(Deploying):
    """Take back what the deploy of the new certificate did: put the old one in place, or remove the new app.

    What is in use is never touched: an app is removed only when it is not the one in use and holds the
    certificate that this run made.
    """

    spec = ActionSpec(
        name="roll_back_certificate",
        summary="Put the certificate in use back into its app, or remove the app that did not prove itself.",
        faults=DEPLOY_FAULTS | {"credential_absent", "undo_not_read_back"},
        parameters={"transport": TRANSPORT},
        waits=True,
        evidence=frozenset({"rolled_back", "deploy", "client_app"}),
    )

    def package(self, ctx: RunContext, org: Connection) -> Package | Outcome:
        """The deploy that takes it back; an outcome when there is nothing to take back."""
        rotation = ctx.found("rotation")
        if (
            unfinished := deploy_under_way(ctx, org)
        ) is not None:  # what it will have done cannot be seen yet
            return Again("deploy_in_progress", f"deploy {unfinished} has to end before it is taken back")
        if rotation["mode"] == AB:
            return self._without_new_app(ctx, org, str(rotation["new_app"]))
        former = required(ctx, IN_USE)
        if self._holds(org, former.app, former.sha256):
            return _rolled_back(ctx, "the app holds the former certificate")
        return certificate_package(
            org, str(former.app["kind"]), str(former.app["name"]), former.certificate_pem
        )

    def done(self, ctx: RunContext, org: Connection, status: DeployStatus) -> Outcome:
        """Read back."""
        rotation, former = ctx.found("rotation"), required(ctx, IN_USE)
        if rotation["mode"] == AB:
            if existing_app(org, str(rotation["new_app"])) is not None:
                return Failed("undo_not_read_back", f"the org still has {rotation['new_app']}")
            return _rolled_back(ctx, f"{rotation['new_app']} is not in the org any more", status)
        if not self._holds(org, former.app, former.sha256):
            return Failed("undo_not_read_back", "the app does not hold the former certificate")
        outcome = _rolled_back(ctx, "the former certificate is in the app again", status)
        # How long a wrong-key answer may be a front end that lags behind is counted from the latest deploy.
        app = {name: former.app[name] for name in ("kind", "name")}
        deployed = {**ctx.evidence.get("client_app", {}), **app, "deployed_at_s": ctx.now_s()}
        return replace(outcome, evidence={**outcome.evidence, "client_app": deployed})

    def _without_new_app(self, ctx: RunContext, org: Connection, name: str) -> Package | Outcome:
        if name == required(ctx, IN_USE).app["name"]:
            raise Defect("the app to be removed is the one in use")
        found = existing_app(org, name)
        if found is None:
            return _rolled_back(ctx, f"there is no app {name}")
        app = {"kind": found["kind"], "name": name}
        if not self._holds(org, app, str(ctx.found("certificate")["sha256"])):
            return _rolled_back(ctx, f"{name} does not hold the certificate of this run and is left alone")
        return destructive_package(removal.members_of(org, app), org.api_version)

    def _holds(self, org: Connection, app: dict[str, Any], sha256: str) -> bool:
        oauth = read_oauth(org, str(app["kind"]), str(app["name"])) or {}
        certificate = oauth.get("certificate")
        return bool(certificate) and certificate_sha256(str(certificate)) == sha256


def _rolled_back(ctx: RunContext, detail: str, status: DeployStatus | None = None) -> Done:
    evidence: dict[str, Any] = {"rolled_back": {"at": iso(ctx.now_s()), "how": detail}}
    if status is not None:
        evidence["deploy"] = deploy_evidence(status)
    return Done(evidence=evidence, detail=detail)
