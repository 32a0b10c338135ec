"""Ask the org about a pasted consumer key at once, before anybody logs in."""

from __future__ import annotations

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import org_host
from orchestrator.actions.sign_in import client_secret, unfinished
from orchestrator.errors import UsageError
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.salesforce.key_asking import check_key
from orchestrator.salesforce.key_check import clean_key


class CheckConsumerKey:
    """Two questions to public endpoints; see `salesforce.key_check`. No login, no lockout."""

    spec = ActionSpec(
        name="check_consumer_key",
        summary="Ask the org, without a user, whether it knows the key, the callback and the secret.",
        outcomes=frozenset({"succeeded", "secret_required", "refused"}),
        parameters={
            "consumer_key": Parameter("string", required=True, description="as pasted"),
            "client_secret": Parameter("secret", description="of the app, if it asks for one"),
        },
        waits=True,
        evidence=frozenset({"app", "key_checked_at_s", "problem"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Asking is looking."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `app` (kind, name, consumer_key) once the key is known, else `problem`."""
        guided = ctx.found("guided")
        try:
            key = clean_key(str(ctx.parameters["consumer_key"]))
        except UsageError as wrong:
            return unfinished(ctx, "refused", wrong.code, wrong.detail)
        verdict = check_key(
            ctx.network,
            org_host(ctx),
            consumer_key=key,
            callback_url=str(guided["callback_url"]),
            client_secret=client_secret(ctx, ctx.parameters.get("client_secret")),
        )
        if verdict.code in {"client_secret_required", "client_credentials_invalid"}:
            return unfinished(ctx, "secret_required", verdict.code, verdict.detail)
        if not verdict.is_known:
            return unfinished(ctx, "refused", verdict.code, verdict.detail)
        app = {"kind": guided["app_kind"], "name": guided["app_name"], "consumer_key": key}
        return Done(evidence={"app": app, "problem": None}, detail=verdict.detail)
