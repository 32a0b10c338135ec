"""Bring a new certificate into the org: with a second app beside the first, or into the app there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import CERTIFICATE, PRIVATE_KEY, Connection
from orchestrator.actions.deploy_client_app import (
    CONNECTED,
    DeployClientApp,
    existing_app,
    read_oauth,
)
from orchestrator.actions.deploying import MARKER, foreign
from orchestrator.actions.generations import IN_USE, NEXT, Generation, keep, required
from orchestrator.actions.plan_rotation import AB, IN_PLACE
from orchestrator.errors import Defect
from orchestrator.machine import Failed, Outcome
from orchestrator.playbook.model import Parameter
from orchestrator.salesforce.client_app import default_members
from orchestrator.salesforce.package import Component, Fields, Package, build_package

# Written by Salesforce, immutable, or said by the file's name.
_NOT_SENT = frozenset({"fullName", "consumerKey", "consumerSecret", "oauthLink"})


class DeployCertificate(DeployClientApp):
    """A/B deploys a whole second app; in place only the component with the certificate is deployed.

    In place everything else of that component is sent as it was read a moment ago, because a deploy resets
    what it leaves out. The new key pair is kept beside the one in use before anything is sent: from the
    deploy on, either of the two may be the one that works.
    """

    spec = replace(
        DeployClientApp.spec,
        name="deploy_certificate",
        summary="Deploy the new certificate, with a second app or into the app there is.",
        faults=DeployClientApp.spec.faults | {"org_drifted"},
        parameters={
            **DeployClientApp.spec.parameters,
            "mode": Parameter("string", default=AB, choices=(AB, IN_PLACE)),
        },
    )

    def package(self, ctx: RunContext, org: Connection) -> Package | Outcome:
        """The second app, or the component of the first that holds its certificate."""
        if ctx.parameters["mode"] == AB:
            return super().package(ctx, org)
        name = str(ctx.parameters["app_name"])
        existing = existing_app(org, name)
        if existing is None:
            return Failed("org_drifted", f"there is no client app {name} in the org any more")
        if MARKER not in existing["description"]:
            return foreign("client app", name)
        certificate_pem = self._keep_beside(ctx)
        ctx.note(kind=existing["kind"], adopting=True)
        return certificate_package(org, str(existing["kind"]), name, certificate_pem)

    def _keep_beside(self, ctx: RunContext) -> str:
        key = ctx.vault.get(ctx.run_scope, PRIVATE_KEY)
        certificate = ctx.vault.get(ctx.run_scope, CERTIFICATE)
        if key is None or certificate is None:
            raise Defect("the key pair of this run is not in the vault")
        present = required(ctx, IN_USE)
        record = {**present.record, "certificate": ctx.found("certificate"), "run": ctx.run}
        keep(ctx, NEXT, Generation(record, key, certificate.reveal()))
        return certificate.reveal()


def certificate_package(org: Connection, kind: str, name: str, certificate_pem: str) -> Package:
    """The one component of the app that holds the certificate, with everything else as the org has it."""
    pem = certificate_pem.strip()
    if kind == CONNECTED:
        seen = _sendable(org.metadata.read("ConnectedApp", [name])[0])
        oauth = seen.get("oauthConfig")
        if not isinstance(oauth, Mapping):
            raise Defect(f"the Connected App {name} has no oauthConfig")
        fields: Fields = {**seen, "oauthConfig": {**oauth, "certificate": pem}}
        return build_package([Component("ConnectedApp", name, fields)], org.api_version)
    fields = {**_sendable(read_oauth(org, kind, name)), "certificate": pem}
    member = default_members(name).global_oauth
    return build_package([Component("ExtlClntAppGlobalOauthSettings", member, fields)], org.api_version)


def _sendable(record: Any) -> dict[str, object]:
    """What was read, in the form it is deployed in."""
    if not isinstance(record, Mapping):
        raise Defect("the component with the certificate was there a moment ago")
    return {
        str(name): _value(value)
        for name, value in record.items()
        if value is not None and name not in _NOT_SENT
    }


def _value(value: Any) -> object:
    if isinstance(value, Mapping):
        return _sendable(value)
    if isinstance(value, (list, tuple)):
        return [_value(one) for one in value]
    return value if isinstance(value, (bool, int)) else str(value)
