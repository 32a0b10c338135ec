"""Which app a person is asked to make by hand in this org, and what goes into its fields."""

from __future__ import annotations

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import org_host
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.salesforce.discovery import api_versions
from orchestrator.texts.setup_steps import APP_KINDS, app_kinds

SCOPES = ("api", "refresh_token")


class PlanGuidedSetup:
    """External Client App by default, Connected App where the texts know of nothing else.

    Sources: metadata guide (External Client Apps), Salesforce help 005228017 (no new Connected Apps since
    Spring '26).
    """

    spec = ActionSpec(
        name="plan_guided_setup",
        summary="Choose the kind of app a person makes by hand, and the values for its fields.",
        parameters={
            "app_kind": Parameter(
                "string", default="by_release", choices=("by_release", "external_client_app", "connected_app")
            ),
            "app_name": Parameter("string", required=True, description="API name of the app"),
            "callback_port": Parameter(
                "integer", required=True, description="port the browser comes back to"
            ),
        },
        waits=True,
        evidence=frozenset({"guided"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Deciding again decides the same."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `guided` (app_kind, app_name, app_label, callback_url, scopes, release of the org)."""
        release = float(api_versions(ctx.network, org_host(ctx))[-1])
        kind = str(ctx.parameters["app_kind"])
        if kind == "by_release":
            kind = (app_kinds(str(ctx.found("host")["kind"]), release) or APP_KINDS)[0]
        name = str(ctx.parameters["app_name"])
        guided = {
            "app_kind": kind,
            "app_name": name,
            "app_label": name.replace("_", " "),
            "callback_url": f"http://localhost:{int(ctx.parameters['callback_port'])}/OauthRedirect",
            "scopes": list(SCOPES),
            "release": release,
        }
        return Done(evidence={"guided": guided}, detail=f"{kind} {name}, made by hand in Setup")
