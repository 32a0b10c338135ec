"""`runs undo RUN`: a run of `restore-password-access` that starts with what RUN has locked."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from orchestrator.app import App
from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.cli.run import drive
from orchestrator.errors import UsageError
from orchestrator.ports import AttemptRecord, NewRun, RunRecord, RunStatus
from orchestrator.redaction import redact
from orchestrator.shipped import playbook_source

PLAYBOOK = "restore-password-access"
_UNFINISHED = (RunStatus.ACTIVE, RunStatus.AWAITING_OPERATOR)
_FIRST = 0


@click.command("undo")
@click.argument("run")
@click.option(
    "--orgs", "orgs_file", metavar="FILE", help="Orgs file, where `file:` references are relative to."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also write over what somebody has changed since the lock.")
@click.option("--until", metavar="STATE", help="Stop before entering STATE.")
@click.option("--detach", is_flag=True, help="Only record the run; `resume` drives it.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="Divide waits; loopback only.")
@global_options
@click.pass_obj
def undo(console: Console, /, run: str, orgs_file: str | None, **options: Any) -> int:
    """Take back what RUN (an id or its beginning) has locked, newest lock first."""
    app = open_app(console, speed=options["speed"], orgs_file=orgs_file)
    record = app.journal.run(run)
    locks = locks_of(record, app.journal.attempts(record.run))
    _refuse_unless_undoable(app, record, locks)
    _confirm(console, record, locks, asked=not options["yes"])
    new = new_undo(app, record, locks, force=options["force"])
    app.journal.create_run(new)
    if options["detach"]:
        click.echo(new.run)
        return 0
    return drive(
        app, console, [[new.run]], {"concurrency": 1, "max_failures": None, "until": options["until"]}
    )


def new_undo(app: App, record: RunRecord, locks: Sequence[Mapping[str, Any]], *, force: bool) -> NewRun:
    """The run that undoes *record*: the same org, pinned to the org id that was locked. Not yet written."""
    from orchestrator.fleet.org_entry import OrgEntry  # noqa: PLC0415 - heavy
    from orchestrator.playbook.inputs import read_inputs  # noqa: PLC0415 - heavy

    compiled = app.compile(*playbook_source(PLAYBOOK))
    app.journal.put_playbook(compiled.digest, compiled.source)
    inputs = read_inputs(compiled.inputs, {"force": "true"} if force else {})
    pinned = record.evidence.get("org_id")
    entry = OrgEntry.from_public({**record.org_entry, **({"org_id": pinned} if pinned else {})})
    new = app.new_run(entry, compiled, inputs, batch=app.owner.id, priority=_FIRST)
    made = (record.evidence.get("assignments") or {}).get("setup") or {}
    undoes = {
        "run": record.run,
        "lockdown": [dict(lock) for lock in locks],
        "lock_plan": dict(record.evidence.get("lock_plan") or {}),
        "setup_set": dict(made),
    }
    return replace(new, evidence={"undoes": undoes})


def locks_of(record: RunRecord, attempts: Sequence[AttemptRecord]) -> list[dict[str, Any]]:
    """Every lock that the run applied or may have applied, oldest first.

    The evidence has the finished ones. One that was cut off, refused or taken back half-way is known by what
    was written down before it was begun; whether anything came of it, the org will say.
    """
    locks = {str(lock["mechanism"]): dict(lock) for lock in record.evidence.get("lockdown", [])}
    notes: dict[str, Any] = {}
    for attempt in attempts:
        notes = {**(notes if attempt.attempt > 1 else {}), **attempt.notes}
        name = notes.get("mechanism")
        if name is not None and "before" in notes and str(name) not in locks:
            locks[str(name)] = {"mechanism": str(name), "undo": {"before": dict(notes["before"])}}
    return list(locks.values())


def _refuse_unless_undoable(app: App, record: RunRecord, locks: Sequence[Mapping[str, Any]]) -> None:
    if not locks:
        raise UsageError(
            f"{record.run} has locked nothing",
            code="nothing_to_undo",
            remedy="name a run of the hybrid flow that reached `lock_password`; see `orchestrator runs list`",
        )
    busy = app.journal.runs(statuses=_UNFINISHED, org=record.org)
    if busy:
        raise UsageError(
            f"run {busy[0].run} of '{record.org}' is not over and may lock or unlock by itself",
            code="run_unfinished",
            remedy=f"`orchestrator resume {busy[0].run}` or `orchestrator runs cancel {busy[0].run}` first",
        )


def _confirm(console: Console, record: RunRecord, locks: Sequence[Mapping[str, Any]], *, asked: bool) -> None:
    """Show what will be undone, and ask on a terminal.

    Raises:
        UsageError: there is no terminal to ask on, and no --yes.
        click.Abort: the answer is no.
    """
    if not console.as_json and not console.quiet:
        for line in undo_lines(record, locks):
            click.echo(redact(line))
    if not asked:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody can be asked: standard input is no terminal",
            code="confirmation_needed",
            remedy="look at `orchestrator runs show`, then give --yes",
        )
    click.confirm(f"undo {len(locks)} lock(s) of {record.org}?", abort=True, err=True)


def undo_lines(record: RunRecord, locks: Sequence[Mapping[str, Any]]) -> list[str]:
    """What will be undone, in which order, and what cannot be."""
    from orchestrator.actions.restoring import NOT_RESTORABLE  # noqa: PLC0415 - heavy
    from orchestrator.salesforce.lockdown_mechanisms import MECHANISMS  # noqa: PLC0415 - heavy

    username = (record.evidence.get("lock_plan") or {}).get("username") or record.org_entry.get("username")
    lines = [f"{record.org}  undo of run {record.run}, locks of {username}"]
    able = [str(lock["mechanism"]) for lock in reversed(locks) if lock["mechanism"] not in NOT_RESTORABLE]
    for number, name in enumerate(able, start=1):
        how = MECHANISMS[name].undone if name in MECHANISMS else "unknown to this version"
        lines.append(f"  {number}. {name:<22} {how}")
    lines.extend(
        f"  -  {name:<22} cannot be undone: {NOT_RESTORABLE[name]}"
        for lock in reversed(locks)
        if (name := str(lock["mechanism"])) in NOT_RESTORABLE
    )
    return lines
