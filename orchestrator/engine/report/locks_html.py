"""The lock-down of a run as HTML: the plan, each lock with its undo, and the old password's last try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.report.markup import (
    Markup,
    code,
    element,
    facts,
    joined,
    moment,
    quoted_json,
    table,
)
from orchestrator.engine.report.sections import Sections, Tree
from orchestrator.engine.report.words import PRINCIPALS, listing, path_words


def lock_sections(run: Tree, section: Sections) -> list[Markup | None]:
    """Plan, locks and probe; each only when the run came so far."""
    return [_plan(run, section), _locks(run, section), _probe(run, section)]


def _plan(run: Tree, section: Sections) -> Markup | None:
    plan = run["lock_plan"]
    if not plan:
        return None
    principal = str(plan.get("principal") or "")
    steps = [
        (number, code(step.get("mechanism")), step.get("reason"), step.get("danger"))
        for number, step in enumerate(plan.get("steps") or [], 1)
    ]
    left_out = [(code(one.get("mechanism")), one.get("reason")) for one in plan.get("left_out") or []]
    return section(
        "Plan of the lock-down",
        facts(
            [
                ("User", plan.get("username")),
                ("User id", code(plan["user_id"]) if plan.get("user_id") else None),
                ("Treated as", f"{principal}: {PRINCIPALS.get(principal, '')}".rstrip(": ")),
            ]
        ),
        table("Steps chosen, in order", ("Step", "Mechanism", "Reason", "Danger"), steps, head_column=1)
        if steps
        else element("p", "No lock fits this org and this user."),
        table("Left out", ("Mechanism", "Why"), left_out) if left_out else None,
    )


def _locks(run: Tree, section: Sections) -> Markup | None:
    locks = run["lockdown"]
    if not locks:
        return None
    undo = element("pre", code(f"orchestrator runs undo {run['run']}"))
    undo = joined([element("p", "To take back what can be taken back:"), undo])
    shown = [_lock(number, lock, run["started"], section) for number, lock in enumerate(locks, 1)]
    return section("Locks", *shown, undo)


def _lock(number: int, lock: Tree, started: str, section: Sections) -> Markup:
    applied_at = str(lock.get("applied_at") or "")
    earlier = " (before this run: by an earlier one)" if applied_at and applied_at < started else None
    closes = [path_words(str(path)) for path in lock.get("closes") or []]
    undo = lock.get("undo") if isinstance(lock.get("undo"), Mapping) else {}
    known = facts(
        [
            ("Applied", joined([moment(applied_at), earlier])),
            ("Closes", listing(closes) if closes else "no way in by itself"),
            (
                "Touches",
                {"org": "the whole org", "user": "this user"}.get(str(lock.get("scope")), lock.get("scope")),
            ),
            ("Read back", "yes" if lock.get("read_back") else "NO"),
            ("Shown by", lock.get("how_proven")),
            ("Canary", lock.get("canary")),
            ("Undone in this run", lock.get("undone")),
            ("Undoing failed", lock.get("undo_failed")),
            ("To undo", (undo or {}).get("how")),
            ("Before it stood", quoted_json(undo["before"]) if undo and undo.get("before") else None),
        ]
    )
    title = f"{number}. {lock.get('mechanism')}" + (" (undone)" if "undone" in lock else "")
    return element("div", section.heading(title), known, class_="keep")


def _probe(run: Tree, section: Sections) -> Markup | None:
    probe = run["password_probe"]
    if not probe:
        return None
    history = probe.get("login_history")
    if not probe.get("when"):
        return section(
            "The old password, tried again",
            element("p", f"It was not tried: {probe.get('meaning')}."),
        )
    return section(
        "The old password, tried again",
        facts(
            [
                ("Tried", moment(str(probe["when"]))),
                ("How", probe.get("path")),
                ("Answer", code(probe.get("answer"))),
                ("Lock that this proves", code(probe["proves"]) if probe.get("proves") else "none"),
                ("Meaning", probe.get("meaning")),
            ]
        ),
        element("p", "The org answered:"),
        element("pre", code(probe.get("text"))),
        _history(history),
    )


def _history(history: Any) -> Markup:
    if not isinstance(history, Mapping):
        return element("p", "Login History showed no row of this attempt.")
    rows = [tuple(code(value) for value in history.values())]
    return joined([table("The row of Login History, as the org returned it", list(history), rows)])
