"""Deploy the client app that trusts our certificate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import CERTIFICATE, Connection, jwt_username
from orchestrator.actions.deploying import (
    DEPLOY_FAULTS,
    MARKER,
    TRANSPORT,
    Deploying,
    deploy_evidence,
    foreign,
)
from orchestrator.errors import Defect
from orchestrator.machine import Again, Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.salesforce.client_app import ClientAppPlan, build_client_app, default_members
from orchestrator.salesforce.deploys import DeployStatus
from orchestrator.salesforce.package import Component, Package

EXTERNAL = "external_client_app"
CONNECTED = "connected_app"
CONNECTED_IF_ALLOWED = "connected_app_if_allowed"


class DeployClientApp(Deploying):
    """An External Client App of five components, or a Connected App where the org still allows one.

    The consumer key is ours, random, written down before the deploy and sent only when the app is new:
    a key is unique across Salesforce and cannot be changed. An app of the same name that this tool made
    is adopted (its certificate is replaced, its key kept); anybody else's stops the run.
    """

    spec = ActionSpec(
        name="deploy_client_app",
        summary="Deploy the OAuth app with our certificate, pre-authorised for the permission set.",
        faults=DEPLOY_FAULTS,
        parameters={
            "app_name": Parameter("string", required=True, description="API name, at most 30 characters"),
            "label": Parameter("string", description="shown in Setup; the API name by default"),
            "contact_email": Parameter("string", description="of the app; the integration user by default"),
            "kind": Parameter(
                "string", default=EXTERNAL, choices=(EXTERNAL, CONNECTED, CONNECTED_IF_ALLOWED)
            ),
            "scopes": Parameter("list", default=("Api", "RefreshToken")),
            "callback_url": Parameter(
                "string", default="https://login.salesforce.com/services/oauth2/success"
            ),
            "transport": TRANSPORT,
        },
        waits=True,
        evidence=frozenset({"client_app", "deploy"}),
    )

    def check_only(self, ctx: RunContext) -> bool:
        """The first deploy only asks, when the playbook wants a Connected App if one is allowed."""
        return self._kind(ctx) == CONNECTED_IF_ALLOWED

    def package(self, ctx: RunContext, org: Connection) -> Package | Outcome:
        """The app's components; without a consumer key when the app is there already and ours."""
        name = str(ctx.parameters["app_name"])
        kind = CONNECTED if self._kind(ctx) == CONNECTED_IF_ALLOWED else self._kind(ctx)
        existing = existing_app(org, name)
        if existing is not None and MARKER not in existing["description"]:
            return foreign("client app", name)
        if existing is not None:
            kind = existing["kind"]
            ctx.note(kind=kind, adopting=True)
        else:
            ctx.note(adopting=False, consumer_key=ctx.notes.get("consumer_key") or ctx.random_hex(32))
        return build_client_app(self._plan(ctx, name, kind), org.api_version, self.beside(ctx))

    def beside(self, ctx: RunContext) -> Sequence[Component]:
        """Components that go into the same package."""
        return ()

    def done(self, ctx: RunContext, org: Connection, status: DeployStatus) -> Outcome:
        """Evidence: `client_app` (kind, name, when); or, after a check-only deploy, on to the real one."""
        if self._kind(ctx) == CONNECTED_IF_ALLOWED:
            ctx.note(kind=CONNECTED, deploy_id=None, announced_at=None)
            return Again("deploy_in_progress", "the org still allows a Connected App")
        name = str(ctx.parameters["app_name"])
        adopting = bool(ctx.notes.get("adopting"))
        return Done(
            evidence={
                "client_app": {
                    "kind": self._kind(ctx),
                    "name": name,
                    "adopted_existing": adopting,
                    "sent_consumer_key": None if adopting else ctx.notes.get("consumer_key"),
                    "deployed_at_s": ctx.now_s(),
                },
                "deploy": deploy_evidence(status),
            },
            detail=f"{self._kind(ctx)} {name} {'updated' if adopting else 'created'}, {status.request_id}",
        )

    def failed(self, ctx: RunContext, outcome: Failed) -> Outcome:
        """A refused check-only deploy means an External Client App; a taken key means another key."""
        if self._kind(ctx) == CONNECTED_IF_ALLOWED and outcome.code == "connected_app_creation_blocked":
            ctx.note(kind=EXTERNAL, deploy_id=None, announced_at=None)
            return Again(
                "deploy_in_progress", "the org allows no Connected App; an External Client App it is"
            )
        if outcome.code == "consumer_key_taken":
            ctx.note(consumer_key=None, deploy_id=None, announced_at=None)
            return Again(outcome.code, outcome.detail)
        if outcome.code == "consumer_key_on_update" and not ctx.notes.get("adopting"):
            # An earlier deploy of ours was still under way when this one was made: now it updates.
            ctx.note(deploy_id=None, announced_at=None)
            return Again(outcome.code, outcome.detail)
        return outcome

    def _kind(self, ctx: RunContext) -> str:
        """What the playbook asks for, until a check-only deploy or an existing app decided otherwise."""
        return str(ctx.notes.get("kind") or ctx.parameters["kind"])

    def _plan(self, ctx: RunContext, name: str, kind: str) -> ClientAppPlan:
        certificate = ctx.vault.get(ctx.run_scope, CERTIFICATE)
        if certificate is None:
            raise Defect("the certificate of this run is not in the vault")
        return ClientAppPlan(
            kind="connected_app" if kind == CONNECTED else "external_client_app",
            name=name,
            label=str(ctx.parameters.get("label") or name),
            contact_email=str(ctx.parameters.get("contact_email") or jwt_username(ctx)),
            description=f"{MARKER}; OAuth JWT bearer for {jwt_username(ctx)}",
            certificate_pem=certificate.reveal(),
            consumer_key=None if ctx.notes.get("adopting") else ctx.notes.get("consumer_key"),
            scopes=tuple(ctx.parameters["scopes"]),
            permission_set=str(ctx.found("permission_sets")["access"]),
            callback_url=str(ctx.parameters["callback_url"]),
        )


def existing_app(org: Connection, name: str) -> dict[str, Any] | None:
    """The client app of that name, of either kind: kind and description; None when there is none."""
    for kind, metadata_type in ((EXTERNAL, "ExternalClientApplication"), (CONNECTED, "ConnectedApp")):
        record = org.metadata.read(metadata_type, [name])[0]
        if record is not None:
            return {"kind": kind, "description": str(record.get("description") or "")}
    return None


def read_oauth(org: Connection, kind: str, name: str) -> dict[str, Any] | None:
    """Consumer key and certificate as the org holds them; None while the component is not visible."""
    if kind == CONNECTED:
        record = org.metadata.read("ConnectedApp", [name])[0]
        return None if record is None else dict(record.get("oauthConfig") or {})
    record = org.metadata.read("ExtlClntAppGlobalOauthSettings", [default_members(name).global_oauth])[0]
    return None if record is None else dict(record)
