"""Let the integration user use the vendor's app: the subscriber's policies and the pre-authorisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection, jwt_username, org_host
from orchestrator.actions.deploying import DEPLOY_FAULTS, TRANSPORT, Deploying, deploy_evidence
from orchestrator.actions.read_app_policies import read_policies
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec
from orchestrator.salesforce.deploys import DeployStatus
from orchestrator.salesforce.package import Package, build_package
from orchestrator.salesforce.package_policies import APP_POLICY, lets_in, wanted_policy
from orchestrator.salesforce.setup_links import setup_link


class SetAppPolicies(Deploying):
    """External Client App: both of its policies by deploy. Connected App: SetupEntityAccess by REST.

    Everything else a policy says is kept. The switch "Admin approved users are pre-authorized" of a vendor's
    Connected App cannot be set by API (ConnectedApplication is read-only), so where the vendor did not set it
    a person is asked. Source: metadata guide, ExtlClntAppOauthConfigurablePolicies; object reference,
    SetupEntityAccess, ConnectedApplication.
    """

    spec = ActionSpec(
        name="set_app_policies",
        summary="Pre-authorise the permission set for the packaged app and switch the app on.",
        outcomes=frozenset({"succeeded", "by_hand"}),
        faults=DEPLOY_FAULTS,
        parameters={"transport": TRANSPORT},
        waits=True,
        evidence=frozenset({"client_app", "package", "provisioned", "deploy"}),
    )

    def package(self, ctx: RunContext, org: Connection) -> Package | Outcome:
        """The policies that are not yet as wanted; Done when all are."""
        app, access = ctx.found("app"), _access(ctx)
        if app["kind"] == "connected_app":
            return self._connected(ctx, org)
        policies = read_policies(org, str(app["name"]))
        lacking = [policy for policy in policies if not lets_in(policy, access["permission_set"])]
        if not lacking:
            return self._set(ctx, "the policies are as wanted", {})
        wanted = [wanted_policy(policy, str(app["name"]), access["permission_set"]) for policy in lacking]
        return build_package(wanted, org.api_version)

    def done(self, ctx: RunContext, org: Connection, status: DeployStatus) -> Outcome:
        """Evidence: `client_app`, `provisioned` (what an undo needs); read back, not believed."""
        app, access = ctx.found("app"), _access(ctx)
        policies = read_policies(org, str(app["name"]))
        if lacking := [one.type_name for one in policies if not lets_in(one, access["permission_set"])]:
            raise org_fault("answer_unknown", f"the deploy succeeded and {lacking[0]} is as before")
        return self._set(ctx, "policies deployed and read back", {"deploy": deploy_evidence(status)})

    def _connected(self, ctx: RunContext, org: Connection) -> Outcome:
        app, access = ctx.found("app"), _access(ctx)
        app_id = connected_app_id(org, str(app["name"]))
        if app_id is None:
            raise org_fault("app_not_found", f"{app['name']} is not among the apps of the org yet")
        row_id = access_row(org, app_id, access["permission_set_id"])
        if row_id is None:
            ctx.effect()
            ctx.note(granting=app_id)
            row_id = org.rest.create(
                "SetupEntityAccess", {"ParentId": access["permission_set_id"], "SetupEntityId": app_id}
            )
        rows = org.rest.query(
            "SELECT OptionsAllowAdminApprovedUsersOnly FROM ConnectedApplication WHERE Id = {app}", app=app_id
        )
        if not (rows and rows[0]["OptionsAllowAdminApprovedUsersOnly"]):
            return Done(
                "by_hand",
                {"package": {**ctx.found("package"), "question": _question(ctx)}},
                "the app's Permitted Users policy can be set by a person only",
            )
        return self._set(ctx, "pre-authorised by SetupEntityAccess", {}, access_row_id=row_id)

    def _set(self, ctx: RunContext, detail: str, more: dict[str, Any], **ids: str) -> Done:
        app = ctx.found("app")
        package = {
            "version_id": ctx.found("package")["version_id"],
            "policies_before": ctx.found("policies_before"),
            "access": _access(ctx),
            **ids,
        }
        evidence = {
            "client_app": {
                "kind": app["kind"],
                "name": app["name"],
                "deployed_at_s": ctx.now_s(),
                "switched_on": _was_off(app["kind"], ctx.found("policies_before")),
            },
            "provisioned": {**(ctx.evidence.get("provisioned") or {}), "package": package},
            **more,
        }
        return Done(evidence=evidence, detail=detail)


def connected_app_id(org: Connection, full_name: str) -> str | None:
    """Id of an installed Connected App, by namespace and name; ConnectedApplication has neither."""
    namespace, _, name = full_name.partition("__")
    rows = org.rest.query(
        "SELECT ApplicationId FROM AppMenuItem WHERE NamespacePrefix = {namespace} AND Name = {name} "
        "AND Type = 'ConnectedApplication'",
        namespace=namespace,
        name=name,
    )
    return str(rows[0]["ApplicationId"]) if rows else None


def access_row(org: Connection, app_id: str, set_id: str) -> str | None:
    """Id of the SetupEntityAccess row that pre-authorises the set for the app, or None."""
    rows = org.rest.query(
        "SELECT Id FROM SetupEntityAccess WHERE SetupEntityId = {app} AND ParentId = {set}",
        app=app_id,
        set=set_id,
    )
    return str(rows[0]["Id"]) if rows else None


def _was_off(kind: str, policies: Sequence[Mapping[str, Any]]) -> bool:
    """Whether front ends may go on calling the app blocked for a while.

    An External Client App that was switched off; a Connected App that is not installed is called blocked too.
    """
    if kind == "connected_app":
        return True
    return any(
        policy["type"] == APP_POLICY and str(policy["fields"].get("isEnabled")).lower() == "false"
        for policy in policies
    )


def _access(ctx: RunContext) -> dict[str, str]:
    """The assignment of the pre-authorisation set."""
    return {key: str(value) for key, value in ctx.found("assignments")["access"].items()}


def _question(ctx: RunContext) -> str:
    page = setup_link(org_host(ctx), "connected_apps")
    return (
        f"Open {page}, edit the policies of {ctx.found('app')['name']} and set Permitted Users to "
        f"'Admin approved users are pre-authorized'; the set of {jwt_username(ctx)} is on its list "
        "already. "
        "Approve when it is done; it is also noticed by itself."
    )
