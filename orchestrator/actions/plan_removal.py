"""Before anything is removed: what is ours, what stays; and, twice, the proof that the removal may begin."""

from __future__ import annotations

from orchestrator.actions import facts, removal
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import (
    Connection,
    connect,
    jwt_connection,
    jwt_username,
    mint,
    read_record,
)
from orchestrator.machine import Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso

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
        app = ctx.found("app")
        if (emptied := removal.carries_our_rights(ctx, org, sets)) is not None:
            staying.append(f"permission set {emptied}, emptied: the right to delete it comes from it")
        going = ", ".join(
            [
                f"{app['kind']} {app['name']}",
                *(f"permission set {one['name']}" for one in sets if one["name"] != emptied),
            ]
        )
        stays = f" What stays: {'; '.join(staying)}." if staying else ""
        question = (
            f"Delete {going} in org {ctx.found('org_id')} and forget the key of {jwt_username(ctx)}? "
            f"Nothing brings them back.{stays}"
        )
        plan = {
            "components": members,
            "permission_sets": sets,
            "staying": staying,
            "other_ways_in": ways,
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
        ways = _checked(ctx, connect(ctx, token.instance_url, token.token))
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


def _lockdown(ctx: RunContext) -> list[dict[str, str]]:
    return list(((read_record(ctx) or {}).get("provisioned") or {}).get("lockdown") or [])
