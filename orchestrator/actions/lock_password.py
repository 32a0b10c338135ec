"""Lock password access: one mechanism per visit, read back, canary, undone when the canary fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import (
    Connection,
    forget_undo_token,
    jwt_connection,
    keep_undo_token,
    recall_undo_token,
)
from orchestrator.actions.locks import LOCKS
from orchestrator.errors import Disposition, OrgFault
from orchestrator.machine import Again, Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.salesforce.lockdown import MECHANISMS

# A late front end may still answer as before the app settled: no lock can cause these answers, and
# undoing a lock because of them would be wrong (a replaced password cannot come back). Proofs that passed
# while one front end of several lagged were seen in 2 % of simulated orgs with 2 to 10 minutes of
# propagation; five minutes more let it catch up.
CANARY_PATIENCE_S = 300.0
# A platform in trouble may also stand in the way of the undo; after that the window of the state comes near,
# and what is still in force must be on the record before it closes.
UNDO_PATIENCE_S = 600.0
SESSION_OVER = frozenset({"token_not_honoured", "session_not_valid_for_api"})


class LockPassword:
    """Applies the next mechanism of the plan. The state leads back to itself until none is left (`more`).

    Each mechanism is an attempt of its own in the journal: what was there before is written down, then
    the change is made, read back, and a fresh JWT login with a real call shows that the way in still
    works. If it does not, this mechanism is undone at once and the run stops for a person.
    """

    spec = ActionSpec(
        name="lock_password",
        summary="Apply the next lock of the plan, read it back, prove JWT again, undo on failure.",
        outcomes=frozenset({"succeeded", "more"}),
        faults=frozenset(
            {
                "lock_not_read_back",
                "lock_canary_failed",
                "no_other_admin",
                "permission_missing",
                "proof_stale",
                "read_only",
            }
        ),
        parameters={
            "canary_logins": Parameter("integer", default=2, description="JWT logins after each lock"),
        },
        waits=True,
        one_way=True,
        evidence=frozenset({"lockdown"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """When the lock under way holds already, only its canary is missing."""
        name = ctx.notes.get("mechanism")
        if name is None or name in applied(ctx):
            return None
        before = ctx.notes["before"]
        if ctx.notes.get("undoing") == name:
            recall_undo_token(ctx)
            return self._undo(ctx, str(name), before, str(ctx.notes.get("canary", "")))
        return self._canary(ctx, str(name), before) if self._holds(ctx, str(name), before) else None

    def _holds(self, ctx: RunContext, name: str, before: Mapping[str, Any]) -> bool:
        """Whether the lock under way is in force; asked first with what a process that died has left.

        JWT may be broken by now, and then only that session can look, and undo.
        """
        is_recalled = recall_undo_token(ctx)
        try:
            return LOCKS[name].holds(jwt_connection(ctx), _user_id(ctx), before)
        except OrgFault as refused:
            if not is_recalled or refused.code not in SESSION_OVER:
                raise
        return LOCKS[name].holds(jwt_connection(ctx, fresh=True), _user_id(ctx), before)

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `lockdown`, one entry per mechanism applied."""
        name = _next(ctx)
        if name is None:
            return Done(detail="nothing left to lock")
        org = jwt_connection(ctx)
        self._interlock(ctx, org)
        lock, user_id = LOCKS[name], _user_id(ctx)
        before = ctx.notes.get("before") if ctx.notes.get("mechanism") == name else None
        if before is None:
            before = lock.before(ctx, org, user_id)
            ctx.note(mechanism=name, before=before)
        keep_undo_token(ctx)
        ctx.effect()
        try:
            lock.apply(ctx, org, user_id, before)
        except OrgFault as refused:
            if refused.code != "password_policy":
                raise
            return Again(refused.code, f"{refused.detail}; another password will be drawn")
        if not lock.holds(org, user_id, before):
            return Failed("lock_not_read_back", f"{name} was accepted but the org still shows the old value")
        return self._canary(ctx, name, before)

    def _interlock(self, ctx: RunContext, org: Connection) -> None:
        """Immediately before the door: the org is the pinned one, writable, and another way in exists."""
        row = facts.organization(org)
        if str(row["Id"])[:15] != str(ctx.found("org_id"))[:15]:
            raise org_fault("org_id_mismatch", f"the session is of org {row['Id']}")
        if row.get("IsReadOnly"):
            raise org_fault("read_only", "Organization.IsReadOnly is true")
        plan = ctx.found("lock_plan")
        others = facts.other_admins(org, {_user_id(ctx), str(plan["jwt_user_id"])})
        usernames = {admin["username"].lower() for admin in others}
        named = str(ctx.org.get("break_glass_user") or "").lower()
        accepted = bool(plan.get("override")) and not named
        if (not usernames and not accepted) or (named and named not in usernames):
            raise org_fault("no_other_admin", f"{named or 'no administrator'} can log in besides ours")

    def _canary(self, ctx: RunContext, name: str, before: Mapping[str, Any]) -> Outcome:
        try:
            for _ in range(int(ctx.parameters["canary_logins"])):
                org = jwt_connection(ctx, fresh=True)
                facts.organization(org)
        except OrgFault as refused:
            return self._canary_failed(ctx, name, before, refused)
        forget_undo_token(ctx)
        locks = [*ctx.evidence.get("lockdown", []), _entry(ctx, name, before)]
        left = _next(ctx, done={lock["mechanism"] for lock in locks})
        return Done(
            "succeeded" if left is None else "more",
            {"lockdown": locks},
            f"{name} holds; JWT still works" + ("" if left is None else f"; next {left}"),
        )

    def _canary_failed(
        self, ctx: RunContext, name: str, before: Mapping[str, Any], refused: OrgFault
    ) -> Outcome:
        """A platform in trouble is waited for; a refusal that lasts means the lock goes back."""
        passing = refused.kind.disposition is Disposition.BACK_OFF
        late_node = refused.kind.disposition is Disposition.WAIT
        patient = (ctx.now_s() - ctx.entered_at_s) * ctx.speed < CANARY_PATIENCE_S
        if passing or (late_node and patient):
            return Again(refused.code, f"canary after {name}: {refused.detail}", refused.retry_after_s or 0.0)
        ctx.note(undoing=name, canary=refused.code)
        return self._undo(ctx, name, before, refused.code)

    def _undo(self, ctx: RunContext, name: str, before: Mapping[str, Any], code: str) -> Outcome:
        """Take the lock back with the session from before it; begun once, it is gone through with."""
        entry = {**_entry(ctx, name, before), "canary": f"failed: {code}"}
        try:
            said = LOCKS[name].undo(ctx, _session_that_still_works(ctx), _user_id(ctx), before)
        except OrgFault as stuck:
            passing = stuck.kind.disposition is Disposition.BACK_OFF
            if passing and (ctx.now_s() - ctx.entered_at_s) * ctx.speed < UNDO_PATIENCE_S:
                return Again(stuck.code, f"undoing {name}: {stuck.detail}", stuck.retry_after_s or 0.0)
            said = f"the lock is still in force, undoing it failed ({stuck.code}: {stuck.detail})"
            entry["undo_failed"] = said
        else:
            entry["undone"] = said
        return Failed(
            "lock_canary_failed",
            f"after {name} JWT was refused ({code}); {said}",
            {"lockdown": [*ctx.evidence.get("lockdown", []), entry]},
        )


def applied(ctx: RunContext) -> set[str]:
    """Mechanisms that are applied, with their canary, in this run."""
    return {lock["mechanism"] for lock in ctx.evidence.get("lockdown", []) if "undone" not in lock}


def _next(ctx: RunContext, done: set[str] | None = None) -> str | None:
    done = applied(ctx) if done is None else done
    for step in ctx.found("lock_plan")["steps"]:
        if step["mechanism"] not in done:
            return str(step["mechanism"])
    return None


def _user_id(ctx: RunContext) -> str:
    return str(ctx.found("lock_plan")["user_id"])


def _session_that_still_works(ctx: RunContext) -> Connection:
    """The token minted before the lock: a live session outlives most locks."""
    recall_undo_token(ctx)
    return jwt_connection(ctx)


def _entry(ctx: RunContext, name: str, before: Mapping[str, Any]) -> dict[str, Any]:
    mechanism = MECHANISMS[name]
    return {
        "mechanism": name,
        "closes": list(mechanism.closes),
        "scope": mechanism.scope,
        "applied_at": iso(ctx.now_s()),
        "read_back": True,
        "how_proven": mechanism.read_back,
        "canary": f"{ctx.parameters['canary_logins']} JWT logins with a data read after the lock",
        "undo": {"how": mechanism.undone, "before": dict(before)},
    }
