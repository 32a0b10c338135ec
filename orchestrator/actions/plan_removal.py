"""Before anything is removed: what is ours, what stays; and, twice, the proof that the removal may begin."""

from __future__ import annotations

from orchestrator.actions import facts, removal
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.bootstrap import RUNGS
from orchestrator.actions.credential import (
    Connection,
    connect_minted,
    jwt_connection,
    jwt_username,
    mint,
    org_host,
    read_record,
)
from orchestrator.actions.deploy_client_app import existing_app
from orchestrator.actions.generations import PREVIOUS, kept
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.salesforce.setup_links import user_link

# As in the playbook `decommission`: not the credential itself, and nobody waits at a browser.
_OF_AN_ADMIN = ("soap_login", "password_grant", "access_token", "sfdx_auth_url", "sf_cli")
_FAULTS = frozenset({"app_is_foreign", "no_other_admin", "org_id_mismatch", "permission_missing"})


class PlanRemoval:
    """List what will go and what stays, for the person who is asked."""

    spec = ActionSpec(
        name="plan_removal",
        summary="List what this tool made in the org and what will stay; refuse somebody else's app.",
        outcomes=frozenset({"succeeded", "approved"}),
        faults=_FAULTS,
        parameters={
            "approved": Parameter("boolean", default=False, description="a person need not be asked")
        },
        waits=True,
        evidence=frozenset({"removal_plan"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Reading is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `removal_plan` (components, sets, what stays, other ways in, the question)."""
        org = jwt_connection(ctx, fresh=True)
        ways = _checked(ctx, org)
        members = removal.app_members(ctx, org)
        sets, staying = removal.our_sets(ctx, org)
        locks = [lock["mechanism"] for lock in _lockdown(ctx)]
        if locks:
            staying.append(f"the locks {', '.join(locks)}; undo them first if the password is to work again")
        user = made_user(ctx)
        app = ctx.found("app")
        staying += _of_an_unfinished_rotation(ctx, org, str(app["name"]))
        if (emptied := removal.carries_our_rights(ctx, org, sets)) is not None:
            staying.append(f"permission set {emptied}, emptied: the right to delete it comes from it")
        going = ", ".join(
            [
                f"{app['kind']} {app['name']}",
                *(f"permission set {one['name']}" for one in sets if one["name"] != emptied),
            ]
        )
        stays = f" What stays: {'; '.join(staying)}." if staying else ""
        retire = f", deactivate user {user['username']}" if user else ""
        question = (
            f"Delete {going} in org {ctx.found('org_id')}{retire} and forget the key of {jwt_username(ctx)}? "
            f"Nothing brings them back.{stays}"
        )
        plan = {
            "components": members,
            "permission_sets": sets,
            "staying": staying,
            "other_ways_in": ways,
            "integration_user": user,
            "made_user": bool(user),
            "admin_offered": any(RUNGS[name].is_offered(ctx) for name in _OF_AN_ADMIN),
            "question": question,
        }
        name = "approved" if ctx.parameters["approved"] else "succeeded"
        return Done(name, {"removal_plan": plan}, question)


class ConfirmOurs:
    """One proof: a fresh JWT login into the pinned org, our own app read back, and people who can get in."""

    spec = ActionSpec(
        name="confirm_ours",
        summary="Prove anew that org and app are the right ones and that people can get in without it.",
        faults=_FAULTS,
        waits=True,
        evidence=frozenset({"removal_proof"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Every proof is a new one."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `removal_proof` (when, org, app, other ways in)."""
        token = mint(ctx)
        if token.org_id[:15] != str(ctx.found("org_id"))[:15]:
            raise org_fault("org_id_mismatch", f"the token is of org {token.org_id}")
        ways = _checked(ctx, connect_minted(ctx, token))
        proof = {"at": iso(ctx.now_s()), "org_id": token.org_id, "other_ways_in": ways}
        return Done(
            evidence={"removal_proof": proof}, detail=f"ours; {len(ways)} administrator(s) can log in"
        )


def _checked(ctx: RunContext, org: Connection) -> list[str]:
    """Usernames of the other ways in. Raises OrgFault when the removal may not begin."""
    row = facts.organization(org)
    if str(row["Id"])[:15] != str(ctx.found("org_id"))[:15]:
        raise org_fault("org_id_mismatch", f"the session is of org {row['Id']}")
    if row.get("IsReadOnly"):
        raise org_fault("read_only", "Organization.IsReadOnly is true")
    if problem := removal.whats_not_ours(ctx, org):
        raise org_fault("app_is_foreign", problem)
    ways = removal.other_ways_in(ctx, org)
    if not ways:
        raise org_fault("no_other_admin", "nobody else could get into the org by browser")
    return ways


def made_user(ctx: RunContext) -> dict[str, str]:
    """Username, id and Setup page of the integration user if this tool made it; {} otherwise."""
    known = (read_record(ctx) or {}).get("integration_user") or {}
    if not known.get("made"):
        return {}
    link = user_link(org_host(ctx), str(known["id"]))
    return {"username": str(known["username"]), "id": str(known["id"]), "link": link}


def _of_an_unfinished_rotation(ctx: RunContext, org: Connection, name: str) -> list[str]:
    """The former app, when a rotation could not retire it."""
    former = kept(ctx, PREVIOUS)
    if former is None or former.app["name"] == name or existing_app(org, str(former.app["name"])) is None:
        return []
    return [f"client app {former.app['name']} of an unfinished rotation; delete it in Setup"]


def _lockdown(ctx: RunContext) -> list[dict[str, str]]:
    return list(((read_record(ctx) or {}).get("provisioned") or {}).get("lockdown") or [])
