"""Look at everything a run of `hybrid` would change, and say what it would become. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection, bootstrap_connection, jwt_connection, jwt_username
from orchestrator.actions.deploy_client_app import CONNECTED, CONNECTED_IF_ALLOWED, EXTERNAL, existing_app
from orchestrator.actions.deploy_permission_set import wanted_sets
from orchestrator.actions.deploying import MARKER
from orchestrator.actions.locks import LOCKS
from orchestrator.actions.plan_lockdown import lock_plan
from orchestrator.actions.preflight import ACCEPT_NO_OTHER_ADMIN
from orchestrator.actions.snapshot import settings_snapshot
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.salesforce.lockdown import MECHANISMS, Principal
from orchestrator.salesforce.plan import before_and_after, facts_of, persons_part


class Survey:
    """App, permission sets, assignments, settings, administrators and locks, as they are and would be."""

    spec = ActionSpec(
        name="survey",
        summary="Read what a run would change and what it would become; changes nothing.",
        outcomes=frozenset({"succeeded", "nothing_to_deploy"}),
        faults=frozenset({"app_is_foreign", "permission_missing", "record_missing", "read_only"}),
        parameters={
            "app_name": Parameter("string", required=True),
            "kind": Parameter(
                "string", default=EXTERNAL, choices=(EXTERNAL, CONNECTED, CONNECTED_IF_ALLOWED)
            ),
            "principal": Parameter("string", default="handed_over", choices=get_args(Principal)),
            "accept_no_other_admin": ACCEPT_NO_OTHER_ADMIN,
            "check_deploy": Parameter(
                "boolean", default=True, description="whether a check-only deploy follows"
            ),
        },
        waits=True,
        evidence=frozenset({"plan", "observed", "permission_sets"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Reading is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `plan` (for people), `observed` (what must still hold when the plan is run)."""
        by_password = "bootstrap" in ctx.evidence
        entered = ctx.evidence.get("bootstrap") or {}
        org = bootstrap_connection(ctx) if by_password else jwt_connection(ctx)
        plan: dict[str, Any] = {
            "about": _org(ctx, org),
            "looked_as": {
                "username": str(entered["username"]) if by_password else jwt_username(ctx),
                "how": _HOW.get(entered["method"], entered["method"])
                if by_password
                else "the stored credential",
                "password_attempts": int(ctx.evidence.get("password_attempts", 0)) if by_password else 0,
            },
        }
        plan |= self._provisioning(ctx, org) if by_password else _provisioned(ctx)
        plan |= self._locking(ctx, org, by_password=by_password)
        plan["person"] = persons_part(plan)
        found = {"plan": plan, "observed": facts_of(plan, ctx.org)}
        if foreign := [
            one for one in (plan["client_app"], *plan["permission_sets"]) if one["state"] == "foreign"
        ]:
            names = ", ".join(str(one["name"]) for one in foreign)
            return Failed("app_is_foreign", f"{names}: exists and was not made by this tool", found)
        if not by_password:
            return Done("nothing_to_deploy", found, "the credential of an earlier run works")
        found["permission_sets"] = {one["purpose"]: one["name"] for one in plan["permission_sets"]}
        return Done(
            "succeeded" if ctx.parameters["check_deploy"] else "nothing_to_deploy", found, _said(plan)
        )

    def _provisioning(self, ctx: RunContext, org: Connection) -> dict[str, Any]:
        """What is deployed and assigned when there is no working credential."""
        name, preflight = str(ctx.parameters["app_name"]), ctx.found("preflight")
        app = existing_app(org, name)
        ours = app is not None and MARKER in app["description"]
        sets = wanted_sets(ctx)
        records = org.metadata.read("PermissionSet", [item.member for item in sets.values()])
        user = preflight["integration_user"]
        ids = facts.permission_set_ids(org, [item.member for item in sets.values()])
        assigned = facts.assignment_ids(org, user["id"], list(ids.values())) if ids else {}
        rows, assignments = [], []
        for (purpose, item), record in zip(sets.items(), records, strict=True):
            mine = record is not None and record.get("description") == item.fields["description"]
            state = "absent" if record is None else "ours" if mine else "foreign"
            rows.append({"purpose": purpose, "name": item.member, "state": state})
            there = ids.get(item.member) in assigned
            assignments.append(
                {"permission_set": item.member, "username": user["username"], "is_there": there}
            )
        return {
            "client_app": {
                "name": name,
                "kind": app["kind"] if app is not None else str(ctx.parameters["kind"]),
                "state": "absent" if app is None else "ours" if ours else "foreign",
            },
            "permission_sets": rows,
            "assignments": assignments,
            "rights_lent": list(preflight["known_setup_permissions"]) if "setup" in sets else [],
            "integration_user": {key: user[key] for key in ("id", "username", "is_active", "is_frozen")},
            "settings": _without_time(ctx.found("snapshot")),
        }

    def _locking(self, ctx: RunContext, org: Connection, *, by_password: bool) -> dict[str, Any]:
        """The chooser's plan, and each lock's before and after."""
        earlier = ctx.evidence.get("provisioned") or {}
        if not by_password and (earlier.get("lockdown") or not ctx.org.get("username")):
            run = (
                f"run {earlier['run']} locked this org at {earlier['at']}" if earlier else "no bootstrap user"
            )
            left = [{"path": path, "why": run, "manual_step": ""} for path in earlier.get("open") or ()]
            return {**_NO_LOCKS, "settings": {}, "stays_open": left, "already": run}
        if not by_password:
            _refuse_without_rights(ctx, org)
        tree = lock_plan(ctx, org)
        ctx.evidence = {**ctx.evidence, "app": {"name": ctx.parameters["app_name"]}, "lock_plan": tree}
        locks = [self._lock(ctx, org, step, tree["user_id"]) for step in tree["steps"]]
        kept = ("principal", "left_out", "stays_open", "caveats", "other_admins", "override")
        chosen = {key: tree[key] for key in kept}
        return (
            chosen
            | ({} if by_password else {"settings": _without_time(settings_snapshot(org, ""))})
            | {"locks": locks}
        )

    def _lock(
        self, ctx: RunContext, org: Connection, step: Mapping[str, str], user_id: str
    ) -> dict[str, Any]:
        mechanism = MECHANISMS[step["mechanism"]]
        before, after = before_and_after(mechanism.id, LOCKS[mechanism.id].before(ctx, org, user_id))
        return {**step, "scope": mechanism.scope, "undo": mechanism.undone, "before": before, "after": after}


_HOW = {"soap_login": "one password login", "password_grant": "one password login"}
_NO_LOCKS: dict[str, Any] = {
    "principal": None,
    "left_out": [],
    "caveats": [],
    "other_admins": [],
    "override": None,
    "locks": [],
}


def _provisioned(ctx: RunContext) -> dict[str, Any]:
    """With a working credential a run deploys nothing; it goes on to the proofs."""
    app = ctx.found("app")
    return {
        "client_app": {"name": app["name"], "kind": app["kind"], "state": "in_use"},
        "permission_sets": [],
        "assignments": [],
        "rights_lent": [],
        "integration_user": {"username": jwt_username(ctx)},
    }


def _refuse_without_rights(ctx: RunContext, org: Connection) -> None:
    """As the run would: it has no other session to give the rights with."""
    needed = {"ModifyMetadata", "CustomizeApplication", "ManageUsers"}
    user_id = facts.user_id(org, jwt_username(ctx)) or ""
    if missing := sorted(needed - facts.permissions_of(org, user_id, needed)):
        raise org_fault("permission_missing", f"{jwt_username(ctx)} lacks {', '.join(missing)}")


def _org(ctx: RunContext, org: Connection) -> dict[str, Any]:
    row, host = facts.organization(org), ctx.found("host")
    if str(row["Id"])[:15] != str(ctx.found("org_id"))[:15]:
        raise org_fault("org_id_mismatch", f"the session is of org {row['Id']}")
    return {
        "org_id": row["Id"],
        "name": row["Name"],
        "type": row["OrganizationType"],
        "is_sandbox": row["IsSandbox"],
        "host": host["my_domain"],
        "kind": host["kind"],
        "api_version": ctx.found("api_version"),
        "observed_at": iso(ctx.now_s()),
    }


def _without_time(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in snapshot.items() if key != "taken_at"}


def _said(plan: Mapping[str, Any]) -> str:
    locks = ", ".join(lock["mechanism"] for lock in plan["locks"]) or "no lock"
    return f"client app {plan['client_app']['state']}; {locks}"
