"""Begin a login in a browser: address, state and verifier, sealed until its callback comes."""

from __future__ import annotations

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import org_host
from orchestrator.actions.sign_in import AUTHORIZATION_CODE, AUTHORIZATION_REFUSAL, keep_authorization
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import iso
from orchestrator.salesforce.web_flow import begin


class BeginSignIn:
    """Web server flow with PKCE (RFC 7636) and a state; nothing is sent."""

    spec = ActionSpec(
        name="begin_sign_in",
        summary="Make the address of a login in a browser, with PKCE and state.",
        evidence=frozenset({"sign_in"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """A login that was begun and never shown is begun anew."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `sign_in` (when it was begun, where it comes back to); the address is a secret."""
        guided = ctx.found("guided")
        authorization = begin(
            org_host(ctx),
            str(ctx.found("app")["consumer_key"]),
            str(guided["callback_url"]),
            scopes=[str(scope) for scope in guided["scopes"]],
            entropy=lambda count: bytes.fromhex(ctx.random_hex(count)),
        )
        for name in (AUTHORIZATION_CODE, AUTHORIZATION_REFUSAL):
            ctx.vault.forget(ctx.run_scope, name)
        keep_authorization(ctx.vault, ctx.run_scope, authorization)
        begun = {"begun_at": iso(ctx.now_s()), "callback_url": authorization.redirect_uri}
        return Done(evidence={"sign_in": begun}, detail=f"a login at {org_host(ctx).my_domain} may begin")
