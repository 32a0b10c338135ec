"""Read the policies of the packaged app as the subscriber has them: the ground an undo stands on."""

from __future__ import annotations

from orchestrator.actions.base import RunContext
from orchestrator.actions.credential import Connection, bootstrap_connection
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.salesforce.package_policies import POLICY_TYPES, Policy, absent_policy, plain


class ReadAppPolicies:
    """Found by the app they name: the org names its policies itself, and not always alike."""

    spec = ActionSpec(
        name="read_app_policies",
        summary="Keep the packaged app's policies as they are now, for undo.",
        waits=True,
        evidence=frozenset({"policies_before"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Reading is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `policies_before`. A run that comes here again keeps what it read first."""
        kept = ctx.evidence.get("policies_before")
        if kept is not None:
            return Done(evidence={"policies_before": kept}, detail="kept from before")
        app = ctx.found("app")
        if app["kind"] == "connected_app":
            return Done(evidence={"policies_before": []}, detail="a Connected App's policies are not changed")
        policies = read_policies(bootstrap_connection(ctx), str(app["name"]))
        missing = [policy.type_name for policy in policies if not policy.fields]
        detail = f"the app has no {' and no '.join(missing)} yet" if missing else "two policies"
        return Done(evidence={"policies_before": [policy.as_json() for policy in policies]}, detail=detail)


def read_policies(org: Connection, app: str) -> list[Policy]:
    """The OAuth policy and the app policy of *app*; one that is not there has no fields. Raises OrgFault."""
    found = []
    for type_name in POLICY_TYPES:
        names = [str(row["fullName"]) for row in org.metadata.list(type_name)]
        records = org.metadata.read(type_name, names) if names else []
        own = next((row for row in records if row and row.get("externalClientApplication") == app), None)
        policy = absent_policy(type_name, app)
        found.append(policy if own is None else Policy(type_name, str(own["fullName"]), plain(own)))
    return found
