"""`runs list / show / watch / approve / cancel / undo`: the record, the live view, and control."""

from __future__ import annotations

import sys
import threading
from typing import Any

import click

from orchestrator.app import App
from orchestrator.cli.exits import exit_code
from orchestrator.cli.options import Console, global_options, open_app, parse_settings
from orchestrator.cli.output import print_json, rich_console, run_json
from orchestrator.cli.progress import JsonLines, Lines
from orchestrator.cli.undo import undo
from orchestrator.engine.events import Event
from orchestrator.engine.operator import answer_run
from orchestrator.engine.replay import events_of
from orchestrator.errors import UsageError
from orchestrator.ports import RunRecord, RunStatus, iso, result_of
from orchestrator.redaction import redact

_WATCH_EVERY_S = 0.5


@click.group()
def runs() -> None:
    """List, show, watch, approve, cancel and undo runs."""


runs.add_command(undo)


@runs.command("list")
@click.option("--org", help="Only runs of this org.")
@click.option("--status", type=click.Choice([str(status) for status in RunStatus]), help="Only these.")
@global_options
@click.pass_obj
def list_runs(console: Console, org: str | None, status: str | None) -> int:
    """All runs, newest first."""
    app = open_app(console)
    chosen = [RunStatus(status)] if status else []
    records = app.journal.runs(statuses=chosen, org=org)
    if console.as_json:
        print_json([_row(record) for record in records])
        return 0
    if not records:
        click.echo("no runs")
        return 0
    from rich.table import Table  # noqa: PLC0415 - 50 ms that --json need not pay

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("run", "org", "playbook", "result", "state", "updated", "last answer"):
        table.add_column(column, overflow="fold", no_wrap=column in {"run", "result"})
    for record in records:
        row = _row(record)
        last = record.code if result_of(record) != "succeeded" else ""
        table.add_row(
            row["run"], row["org"], row["playbook"], row["result"], row["state"], row["updated"], last
        )
    rich_console(console).print(table)
    return 0


def _row(record: RunRecord) -> dict[str, Any]:
    return {
        "run": record.run,
        "org": record.org,
        "playbook": record.playbook,
        "status": str(record.status),
        "result": result_of(record),
        "state": record.position.state,
        "code": record.code or None,
        "started": iso(record.created_s),
        "updated": iso(record.updated_s or record.created_s),
    }


@runs.command("show")
@click.argument("run")
@global_options
@click.pass_obj
def show(console: Console, run: str) -> int:
    """Everything the journal knows about RUN (an id or its beginning)."""
    app = open_app(console)
    record = app.journal.run(run)
    attempts = app.journal.attempts(record.run)
    if console.as_json:
        print_json(run_json(record, attempts))
        return 0
    rich = rich_console(console)
    rich.print(f"run       {record.run}", markup=False)
    rich.print(f"org       {record.org}  {record.evidence.get('org_id', '')}", markup=False)
    rich.print(f"playbook  {record.playbook}  {record.playbook_digest[:12]}", markup=False)
    rich.print(f"result    {result_of(record)}  in state {record.position.state}", markup=False)
    rich.print(f"started   {iso(record.created_s)}   updated {iso(record.updated_s or record.created_s)}\n")
    for attempt in attempts:
        took = "in doubt" if attempt.settled_s is None else f"{attempt.settled_s - attempt.intended_s:6.2f} s"
        detail = f"{attempt.code}: {attempt.detail}" if attempt.code else attempt.detail
        text = f"{attempt.seq:>4} {attempt.state:<22} {took:>9}  {attempt.outcome or '-':<10} {detail}"
        rich.print(redact(text), markup=False)
    rich.print("\nevidence", markup=False)
    _print_tree(rich, dict(record.evidence), 1)
    return 0


def _print_tree(rich: Any, tree: Any, depth: int) -> None:
    """Evidence as an indented outline; long lists of plain values on one line."""
    pad = "  " * depth
    rows = tree.items() if isinstance(tree, dict) else enumerate(tree, 1)
    for key, value in rows:
        if (
            isinstance(value, dict | list)
            and value
            and any(isinstance(v, dict | list) for v in _values(value))
        ):
            rich.print(f"{pad}{key}", markup=False)
            _print_tree(rich, value, depth + 1)
        elif isinstance(value, dict):
            text = ", ".join(f"{name}={item}" for name, item in value.items())
            rich.print(redact(f"{pad}{key}: {text}"), markup=False)
        else:
            rich.print(redact(f"{pad}{key}: {value}"), markup=False)


def _values(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


@runs.command("watch")
@click.argument("run")
@global_options
@click.pass_obj
def watch(console: Console, run: str) -> int:
    """Follow RUN, whoever drives it, until it is over or waits for a person."""
    app = open_app(console)
    record = app.journal.run(run)
    tell = JsonLines(sys.stdout) if console.as_json else Lines(color=console.color, many=False, verbose=True)
    pause = threading.Event()
    told = 0
    while True:
        record = app.journal.run(record.run)
        happened = events_of(record, app.journal.attempts(record.run))
        for event in happened[told:]:
            tell(event)
        told = max(told, len(happened))
        if record.status is not RunStatus.ACTIVE:
            return exit_code([record], [])
        pause.wait(_WATCH_EVERY_S)


@runs.command("approve")
@click.argument("run_ids", metavar="RUN...", nargs=-1)
@click.option("--input", "inputs", multiple=True, metavar="KEY=VALUE", help="What the question asks for.")
@click.option("--reject", is_flag=True, help="Say no.")
@click.option("--all", "everything", is_flag=True, help="Every run that waits for an answer.")
@global_options
@click.pass_obj
def approve(
    console: Console, run_ids: tuple[str, ...], inputs: tuple[str, ...], *, reject: bool, everything: bool
) -> int:
    """Answer the question RUN waits with; `resume` then drives it on."""
    app = open_app(console)
    waiting = app.journal.runs(statuses=[RunStatus.AWAITING_OPERATOR]) if everything else []
    chosen = [record.run for record in waiting] or [app.journal.run(run_id).run for run_id in run_ids]
    if not chosen:
        raise UsageError("no run to answer", code="nothing_selected", remedy="name runs, or give --all")
    given = parse_settings(inputs, "--input")
    answered = [_answer(app, run_id, approved=not reject, inputs=given) for run_id in chosen]
    if console.as_json:
        print_json([_row(record) for record in answered])
    elif not console.quiet:
        for record in answered:
            click.echo(
                f"{record.run}: {'rejected' if reject else 'approved'}; now in {record.position.state}"
            )
    return 0


def _answer(app: App, run_id: str, *, approved: bool, inputs: dict[str, str]) -> RunRecord:
    record = app.journal.run(run_id)
    machine = app.playbook_of(record.playbook_digest).machine.scaled(record.speed)
    return answer_run(app.journal, machine, record, approved=approved, inputs=inputs, now_s=app.clock.now_s())


@runs.command("cancel")
@click.argument("run_ids", metavar="RUN...", nargs=-1, required=True)
@global_options
@click.pass_obj
def cancel(console: Console, run_ids: tuple[str, ...]) -> int:
    """Ask RUN to stop at its next step; what is done stays done and is in the record."""
    app = open_app(console)
    observer = JsonLines(sys.stdout) if console.as_json else _quietly
    engine = app.engine(observer)
    for run_id in run_ids:
        record = app.journal.run(run_id)
        app.journal.request_cancel(record.run, app.clock.now_s())
        record = engine.cancel_if_free(record.run)
        if not console.as_json and not console.quiet:
            over = record.status is RunStatus.CANCELLED
            click.echo(f"{record.run}: {'cancelled' if over else 'will stop at its next step'}")
    return 0


def _quietly(_event: Event) -> None:
    """Cancelling prints its own line."""
