"""Take the locks back: one mechanism per visit, newest first, each looked at before and read back after."""

from __future__ import annotations

from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection, jwt_connection
from orchestrator.actions.restoration import Applied, Found, Restoration, Seen
from orchestrator.actions.restoring import RESTORATIONS
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso


class RestoreAccess:
    """Undo the next lock of `undo_plan`. The state leads back to itself until none is left (`more`).

    Nothing is written over what somebody else has changed since, unless the playbook says `force`.
    """

    spec = ActionSpec(
        name="restore_access",
        summary="Take the next lock back: look, undo exactly what the lock changed, read the old value back.",
        outcomes=frozenset({"succeeded", "more"}),
        faults=frozenset(
            {
                "org_drifted",
                "undo_not_read_back",
                "org_id_mismatch",
                "read_only",
                "permission_missing",
                "license_missing",
                "record_missing",
            }
        ),
        parameters={
            "force": Parameter("boolean", default=False, description="write over what others changed since"),
        },
        waits=True,
        evidence=frozenset({"restored"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """The look is the first thing `apply` does, in doubt or not."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `restored`, one entry per mechanism that was looked at."""
        step = _next(ctx)
        if step is None:
            return Done(detail="nothing is left to take back")
        name = str(step["mechanism"])
        restoration = RESTORATIONS.get(name)
        if restoration is None:
            return self._settled(ctx, name, Seen(Found.FINAL, "unknown to this version", "undo it by hand"))
        org = jwt_connection(ctx)
        _right_org(ctx, org)
        lock = Applied(name, step["before"], _user_id(ctx, org), str(step.get("applied_at") or ""))
        seen = restoration.look(org, lock)
        if seen.found is Found.DRIFTED and not ctx.parameters["force"]:
            return Failed("org_drifted", f"{name}: {seen.text}. {seen.person}".strip())
        begun = ctx.notes.get("restoring") == name
        if seen.found in {Found.LOCKED, Found.DRIFTED} or (begun and seen.found is Found.RESTORED):
            return self._restore(ctx, org, restoration, lock, seen)
        return self._settled(ctx, name, seen)

    def _restore(
        self, ctx: RunContext, org: Connection, restoration: Restoration, lock: Applied, seen: Seen
    ) -> Outcome:
        ctx.note(restoring=lock.mechanism, found=str(seen.found))
        done = restoration.restore(ctx, org, lock)
        now = restoration.look(org, lock)
        if now.found is Found.LOCKED:
            return Failed("undo_not_read_back", f"{lock.mechanism}: {done}, but {now.text}")
        forced = f"; forced over drift: {seen.text}" if seen.found is Found.DRIFTED else ""
        return self._settled(ctx, lock.mechanism, Seen(now.found, f"{done}{forced}", now.person), found=seen)

    def _settled(self, ctx: RunContext, name: str, seen: Seen, *, found: Seen | None = None) -> Done:
        entry: dict[str, Any] = {
            "mechanism": name,
            "restored": seen.found is Found.RESTORED,
            "read_back": seen.found is Found.RESTORED,
            "changed": found is not None,
            "at": iso(ctx.now_s()),
            "note": seen.text,
            "person": seen.person,
        }
        restored = [*ctx.evidence.get("restored", []), entry]
        left = len(ctx.found("undo_plan")["steps"]) - len(restored)
        verb = "restored" if entry["restored"] else "not restorable"
        return Done(
            "more" if left > 0 else "succeeded", {"restored": restored}, f"{name} {verb}: {seen.text}"
        )


def _next(ctx: RunContext) -> dict[str, Any] | None:
    done = {entry["mechanism"] for entry in ctx.evidence.get("restored", [])}
    return next(
        (dict(step) for step in ctx.found("undo_plan")["steps"] if step["mechanism"] not in done), None
    )


def _right_org(ctx: RunContext, org: Connection) -> None:
    """Immediately before each change: the session is of the pinned org, and the org can be written."""
    row = facts.organization(org)
    if str(row["Id"])[:15] != str(ctx.found("org_id"))[:15]:
        raise org_fault("org_id_mismatch", f"the session is of org {row['Id']}")
    if row.get("IsReadOnly"):
        raise org_fault("read_only", "Organization.IsReadOnly is true")


def _user_id(ctx: RunContext, org: Connection) -> str:
    """The user whose password was locked; by name where an old record has no id."""
    plan = ctx.found("undo_plan")
    found = plan["user_id"] or facts.user_id(org, str(plan["username"]))
    if not found:
        raise org_fault("record_missing", f"the org has no user {plan['username']}")
    return str(found)
