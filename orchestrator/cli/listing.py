"""`runs list`: every run, the newest first; those that only looked are left out until asked for."""

from __future__ import annotations

from typing import Any

import click

from orchestrator.cli.choosing import LOOKING_ONLY, batch_of, limited
from orchestrator.cli.options import Console, global_options, is_terminal, open_app
from orchestrator.cli.output import print_json, rich_console
from orchestrator.ports import RunRecord, RunStatus, iso, result_of

_WIDTH_IN_PIPES = 240  # one run, one line, for grep
_COLUMNS = ("run", "org", "playbook", "result", "state", "updated", "last answer")


@click.command("list")
@click.option("--org", help="Only runs of this org.")
@click.option("--status", type=click.Choice([str(status) for status in RunStatus]), help="Only these.")
@click.option("--state", metavar="STATE", help="Only runs that stand in this state.")
@click.option("--batch", metavar="BATCH", help="Only those of this fleet (an id or its beginning).")
@click.option("--limit", metavar="EXPR", help="Only those of these orgs; as in `run`.")
@click.option("--playbook", metavar="NAME", help="Only runs of this playbook.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only the newest N.")
@click.option("--all", "everything", is_flag=True, help="Also runs that only look (verify, plan).")
@global_options
@click.pass_obj
def list_runs(console: Console, /, **options: Any) -> int:
    """Runs, newest first."""
    app = open_app(console)
    batch = None if options["batch"] is None else batch_of(app, options["batch"])
    records = app.journal.standings(
        statuses=[RunStatus(options["status"])] if options["status"] else (), batch=batch
    )
    records.sort(key=lambda record: (record.created_s, record.run), reverse=True)
    for name, value in (("org", options["org"]), ("playbook", options["playbook"])):
        records = [record for record in records if value in {None, getattr(record, name)}]
    if options["state"] is not None:
        records = [record for record in records if record.position.state == options["state"]]
    records = limited(records, options["limit"])
    shown = records
    if not (options["everything"] or options["playbook"]):
        shown = [record for record in records if record.playbook not in LOOKING_ONLY]
    hidden = len(records) - len(shown)
    _print(console, shown[: options["last"]], hidden)
    return 0


def _print(console: Console, records: list[RunRecord], hidden: int) -> None:
    if console.as_json:
        print_json([row(record) for record in records])
        return
    note = f"{hidden} run(s) that only looked are not shown; --all shows them" if hidden else ""
    if not records:
        click.echo(f"no runs; {note}" if note else "no runs")
        return
    from rich.table import Table  # noqa: PLC0415 - 50 ms that --json need not pay

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, overflow="fold", no_wrap=column in {"run", "result"})
    for record in records:
        shown = row(record)
        last = record.code if result_of(record) != "succeeded" else ""
        table.add_row(*(str(shown[column]) for column in _COLUMNS[:-1]), last)
    rich = rich_console(console)
    if not is_terminal():
        rich.width = _WIDTH_IN_PIPES
    rich.print(table)
    if note:
        rich.print(note, style="dim", markup=False)


def row(record: RunRecord) -> dict[str, Any]:
    """One run of `runs list --json`."""
    return {
        "run": record.run,
        "org": record.org,
        "playbook": record.playbook,
        "batch": record.batch or None,
        "status": str(record.status),
        "result": result_of(record),
        "state": record.position.state,
        "code": record.code or None,
        "started": iso(record.created_s),
        "updated": iso(record.updated_s or record.created_s),
    }
