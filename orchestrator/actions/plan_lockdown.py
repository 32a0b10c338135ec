"""Read what the chooser needs, as the integration user, and write its plan into the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.bootstrap_password import has_password
from orchestrator.actions.credential import Connection, jwt_connection, jwt_username
from orchestrator.actions.facts import UserFacts
from orchestrator.actions.locks import truth
from orchestrator.actions.preflight import ACCEPT_NO_OTHER_ADMIN, accepted_reason, no_admin_override
from orchestrator.actions.snapshot import read_settings
from orchestrator.errors import OrgFault
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.salesforce.lockdown import AnyApiAuthGrant, LockPlan, OrgFacts, Principal, choose

ANY_API_AUTH = "UseAnyApiAuth"
# What the integration user must hold to lock and to undo; the rest of the temporary set makes reading easier.
_NEEDED = ("ModifyMetadata", "CustomizeApplication", "ManageUsers")


class PlanLockdown:
    """Which locks fit this org and the user whose password was handed over, why, and what stays open."""

    spec = ActionSpec(
        name="plan_lockdown",
        summary="Choose the locks for this org and this bootstrap user; explain what is left open.",
        outcomes=frozenset({"succeeded", "already_locked", "nothing_to_lock", "needs_approval"}),
        faults=frozenset({"permission_missing", "no_other_admin", "record_missing", "read_only"}),
        parameters={
            "principal": Parameter("string", default="handed_over", choices=get_args(Principal)),
            "require_sso": Parameter("boolean", default=False, description="of a handed-over account too"),
            "accept_no_other_admin": ACCEPT_NO_OTHER_ADMIN,
            "approve": Parameter("boolean", default=False, description="ask a person before the first lock"),
        },
        waits=True,
        evidence=frozenset({"lock_plan", "lockdown", "password_probe", "override"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Reading is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `lock_plan` (steps with reasons, what is left out, what stays open)."""
        earlier = ctx.evidence.get("provisioned") or {}
        if earlier.get("lockdown"):
            kept = {"lockdown": earlier["lockdown"], "password_probe": earlier.get("password_probe")}
            if left := earlier.get("open"):
                kept["lock_plan"] = earlier["lock_plan"]
                left_open = f"run {earlier['run']} left open: {', '.join(left)}"
                return Done("nothing_to_lock", kept, f"{left_open}; the password is tried again")
            return Done(
                "already_locked", kept, f"locked and probed by run {earlier['run']} at {earlier['at']}"
            )
        username = ctx.org.get("username")
        if not username:
            return Done("nothing_to_lock", detail="the orgs file names nobody whose password was handed over")
        org = jwt_connection(ctx)
        # Asked first: without these rights even the questions that follow are refused.
        held = facts.permissions_of(org, str(ctx.found("jwt_proofs")[-1]["user_id"]), _NEEDED)
        if missing := sorted(set(_NEEDED) - held):
            raise org_fault("permission_missing", f"{jwt_username(ctx)} lacks {', '.join(missing)}")
        tree = lock_plan(ctx, org)
        found = {"lock_plan": tree, **({"override": tree["override"]} if tree["override"] else {})}
        names = [step["mechanism"] for step in tree["steps"]]
        if not names:
            return Done("nothing_to_lock", found, "no lock fits this org and user")
        detail = f"{tree['principal']}: {', '.join(names)}"
        if not ctx.parameters["approve"]:
            return Done(evidence=found, detail=detail)
        approval = _approval(ctx, tree)
        tree["approval"] = approval
        return Done("succeeded" if approval["approved"] else "needs_approval", found, detail)


def _approval(ctx: RunContext, tree: Mapping[str, Any]) -> dict[str, Any]:
    """What a person has been asked, and whether the yes covers this plan.

    The only way back to this state leads through the answer "approved" (a proof that grew old while the
    question stood is made again), so a plan that was asked about was approved. Another user, or a lock
    that was not among those asked about, is asked about anew.
    """
    earlier = ctx.evidence.get("lock_plan") or {}
    asked = earlier.get("approval")
    steps = [step["mechanism"] for step in tree["steps"]]
    if asked and set(steps) <= set(asked["steps"]) and earlier["user_id"] == tree["user_id"]:
        return {**asked, "approved": True}
    return {"asked_at": iso(ctx.now_s()), "steps": steps, "approved": False}


def lock_plan(ctx: RunContext, org: Connection) -> dict[str, Any]:
    """The chooser's plan for the bootstrap user of the orgs file, read as whoever *org* is; reads only.

    Raises:
        OrgFault: `read_only`, a wait; `record_missing`; as the org refuses.
    """
    jwt_user, user = _users(org, [jwt_username(ctx), str(ctx.org["username"])])
    known = _known_permissions(ctx, org)
    rows = facts.permission_sets_of(org, user.id, {"ApiUserOnly", ANY_API_AUTH} & (known | {"ApiUserOnly"}))
    grants = _grants(org, rows)
    others = facts.other_admins(org, {user.id, jwt_user.id})
    api_only = any(row["PermissionsApiUserOnly"] for row in rows)
    found = _facts(ctx, org, (user, jwt_user), known, grants, others=others, is_api_only=api_only)
    if found.is_read_only:  # nothing would fit now; that is no reason to lock nothing
        raise org_fault("read_only", "Organization.IsReadOnly is true")
    plan = choose(
        found,
        _principal(ctx),
        sso_asked_for=bool(ctx.parameters.get("require_sso")),
    )
    tree = _as_json(plan, user, jwt_user, grants)
    return {
        **tree,
        "summary": "; ".join(f"{step['mechanism']} ({step['danger']})" for step in tree["steps"]),
        "other_admins": [other["username"] for other in others],
        "override": no_admin_override(ctx, others),
    }


def _users(org: Connection, usernames: list[str]) -> list[UserFacts]:
    found = facts.users_by_username(org, usernames)
    for username, user in zip(usernames, found, strict=True):
        if user is None:
            raise org_fault("record_missing", f"the org has no user {username}")
    return [user for user in found if user is not None]


def _known_permissions(ctx: RunContext, org: Connection) -> frozenset[str]:
    """Permissions of the org that decide about locks; preflight has read the long list already."""
    seen = ctx.evidence.get("preflight") or {}
    answers = {
        "IsSsoEnabled": seen.get("sso_permission_exists"),
        ANY_API_AUTH: seen.get("any_api_auth_exists"),
    }
    if None in answers.values():
        return facts.existing_permissions(org)
    return frozenset(name for name, exists in answers.items() if exists)


def _facts(
    ctx: RunContext,
    org: Connection,
    users: tuple[UserFacts, UserFacts],
    known: frozenset[str],
    grants: tuple[AnyApiAuthGrant, ...],
    *,
    others: Sequence[Mapping[str, str]],
    is_api_only: bool,
) -> OrgFacts:
    user, jwt_user = users
    named = str(ctx.org.get("break_glass_user") or "").lower()
    sso = dict(read_settings(org, "SecuritySettings").get("singleSignOnSettings") or {})
    return OrgFacts(
        is_read_only=bool(facts.organization(org).get("IsReadOnly")),
        has_sso_permission="IsSsoEnabled" in known,
        has_delegated_gateway="yes" if truth(sso.get("enableForceDelegatedCallout")) else "unknown",
        any_api_auth_field_exists=ANY_API_AUTH in known,
        any_api_auth_holders=grants,
        ropc_already_blocked=truth(read_settings(org, "OauthOidcSettings").get("blockOAuthUnPwFlow")),
        other_admins=len(others),
        break_glass_ok=bool(accepted_reason(ctx))
        or (bool(named) and named in {other["username"].lower() for other in others}),
        bootstrap_user_is_integration_user=user.id == jwt_user.id,
        user_is_api_only=is_api_only,
        password_was_given="password" in (ctx.org.get("secrets") or {}),
        soap_login_enabled=_soap_login_enabled(ctx),
    )


def _principal(ctx: RunContext) -> Any:
    """Whose account it is; without a password nothing was handed over, and it is its person's own."""
    chosen = ctx.org.get("bootstrap_principal") or ctx.parameters["principal"]
    return "human_admin" if chosen == "handed_over" and not has_password(ctx) else chosen


def _soap_login_enabled(ctx: RunContext) -> bool | None:
    """What the bootstrap found out about login(); None when it was not tried."""
    if (ctx.evidence.get("bootstrap") or {}).get("method") == "soap_login":
        return True
    refused = {row["code"] for row in ctx.evidence.get("ladder", [])}
    return False if "soap_login_disabled" in refused else None


def _grants(org: Connection, rows: Sequence[Mapping[str, Any]]) -> tuple[AnyApiAuthGrant, ...]:
    """Through which permission sets the user holds Use Any API Auth, and whether they grant more."""
    return tuple(
        AnyApiAuthGrant(
            name=str(row["Name"]),
            is_dedicated=not row["IsOwnedByProfile"] and _grants_nothing_else(org, row["Name"], row["Id"]),
            is_profile=bool(row["IsOwnedByProfile"]),
        )
        for row in rows
        if row.get(f"Permissions{ANY_API_AUTH}")
    )


def _grants_nothing_else(org: Connection, name: str, set_id: str) -> bool:
    """Whether taking the set away takes nothing else away; in doubt it does."""
    record = org.metadata.read("PermissionSet", [name])[0]
    if record is None:
        return False
    listed = record.get("userPermissions") or []
    rows = listed if isinstance(listed, list) else [listed]
    if {row["name"] for row in rows if truth(row.get("enabled"))} != {ANY_API_AUTH}:
        return False
    try:
        return not any(
            org.rest.query(
                "SELECT Id FROM {table:literal} WHERE ParentId = {set} LIMIT 1", table=table, set=set_id
            )
            for table in ("ObjectPermissions", "SetupEntityAccess")
        )
    except OrgFault:
        return False


def _as_json(
    plan: LockPlan, user: UserFacts, jwt_user: UserFacts, grants: tuple[AnyApiAuthGrant, ...]
) -> dict[str, Any]:
    return {
        "principal": plan.principal,
        "user_id": user.id,
        "username": user.username,
        "jwt_user_id": jwt_user.id,
        "any_api_auth_sets": [grant.name for grant in grants if grant.is_dedicated],
        "steps": [
            {"mechanism": step.mechanism.id, "reason": step.reason, "danger": step.mechanism.danger}
            for step in plan.steps
        ],
        "left_out": [{"mechanism": name, "reason": reason} for name, reason in plan.left_out],
        "stays_open": [
            {"path": path.path, "why": path.why, "manual_step": path.manual_step} for path in plan.stays_open
        ],
        "caveats": list(plan.caveats),
        "may_probe_with_password": plan.may_probe_with_password,
    }
