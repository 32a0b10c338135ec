"""Read the effective consumer key and the deployed certificate back; neither is ever assumed."""

from __future__ import annotations

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import bootstrap_connection
from orchestrator.actions.deploy_client_app import read_oauth
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.salesforce.certificate import certificate_sha256


class ReadConsumerKey:
    """readMetadata of the app's OAuth settings: the key in force, and the fingerprint of the certificate.

    Source: Metadata API guide, ExtlClntAppGlobalOauthSettings and ConnectedApp (`consumerKey`,
    `certificate` are returned, the secret never).
    """

    spec = ActionSpec(
        name="read_consumer_key",
        summary="Read the app's consumer key and certificate back and compare the fingerprint.",
        faults=frozenset({"certificate_mismatch", "app_not_found"}),
        waits=True,
        evidence=frozenset({"app"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Reading is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `app` (kind, name, consumer_key, whether it is the one sent)."""
        app = ctx.found("client_app")
        oauth = read_oauth(bootstrap_connection(ctx), app["kind"], app["name"])
        if oauth is None or not oauth.get("consumerKey"):
            raise org_fault("app_not_found", f"{app['name']} is deployed but its key cannot be read yet")
        key = str(oauth["consumerKey"])
        deployed = certificate_sha256(str(oauth["certificate"])) if oauth.get("certificate") else None
        ours = ctx.found("certificate")["sha256"]
        if deployed is not None and deployed != ours:
            return Failed("certificate_mismatch", f"the org holds certificate {deployed}, ours is {ours}")
        return Done(
            evidence={
                "app": {
                    "kind": app["kind"],
                    "name": app["name"],
                    "consumer_key": key,
                    "key_as_sent": key == app["sent_consumer_key"],
                    "certificate_read_back": deployed is not None,
                }
            },
            detail=f"consumer key {key[:8]}… is in force",
        )
