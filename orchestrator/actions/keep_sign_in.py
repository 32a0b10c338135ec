"""Keep what a login in a browser gave, where no certificate was uploaded: a refresh token."""

from __future__ import annotations

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import CERTIFICATE, PRIVATE_KEY, write_record
from orchestrator.actions.sign_in import CLIENT_SECRET, REFRESH_TOKEN, client_secret
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso


class KeepSignIn:
    """Move refresh token and consumer secret to the org's place in the vault; the record is written last.

    Key and certificate go along: whoever uploads the certificate later has JWT bearer without another set-up.
    The refresh token is not spent to prove itself: an app may rotate it, and the login it came from has just
    been used for two reads.
    """

    spec = ActionSpec(
        name="keep_sign_in",
        summary="Store the refresh token of a login under the org.",
        faults=frozenset({"refresh_token_scope_missing"}),
        parameters={"client_secret": Parameter("secret", description="of the app, if it asks for one")},
        evidence=frozenset({"kept"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Each step is harmless when repeated, so it is repeated."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `kept` (what, when)."""
        token = ctx.vault.get(ctx.run_scope, REFRESH_TOKEN) or ctx.vault.get(ctx.org_scope, REFRESH_TOKEN)
        if token is None:
            return Failed("refresh_token_scope_missing", "the login gave no refresh token")
        secret = client_secret(ctx, ctx.parameters.get("client_secret"))
        if secret is None:
            ctx.vault.forget(ctx.org_scope, CLIENT_SECRET)
        else:
            ctx.vault.put(ctx.org_scope, CLIENT_SECRET, secret)
        for name in (CERTIFICATE, PRIVATE_KEY):
            made = ctx.vault.get(ctx.run_scope, name)
            if made is not None:
                ctx.vault.put(ctx.org_scope, name, made)
        ctx.vault.put(ctx.org_scope, REFRESH_TOKEN, token)
        signed_in = ctx.found("signed_in")
        write_record(
            ctx,
            {
                "org": ctx.org["name"],
                "org_id": signed_in["org_id"],
                "instance_url": ctx.found("instance_url"),
                "my_domain": ctx.found("host")["my_domain"],
                "audience": ctx.found("host")["audiences"][0],
                "username": signed_in["username"],
                "app": ctx.found("app"),
                "grant": "refresh_token",
                "certificate": ctx.found("certificate"),
                "run": ctx.run,
                "proven_at": signed_in["at"],
                "assignments": {},
                "provisioned": {},
            },
        )
        ctx.vault.forget(ctx.run_scope)
        kept = {"at": iso(ctx.now_s()), "grant": "refresh_token"}
        return Done(evidence={"kept": kept}, detail="the refresh token is in the vault")
