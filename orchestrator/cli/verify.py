"""`verify`: is every org still as it was left? Read-only, for cron."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from orchestrator.app import App
from orchestrator.cli.exits import exit_code
from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.cli.orgs import check_urls, load_orgs
from orchestrator.cli.output import print_errors, print_json, rich_console
from orchestrator.cli.run import DEFAULT_CONCURRENCY, check_secrets, signals
from orchestrator.engine.events import ignore
from orchestrator.fleet.local import Drive, LocalDispatcher
from orchestrator.ports import RunRecord
from orchestrator.redaction import redact
from orchestrator.shipped import playbook_source

if TYPE_CHECKING:
    from orchestrator.fleet.org_entry import OrgEntry

_COLORS = {"holds": "green", "drifted": "red", "not_readable": "yellow", "not_applicable": "dim"}
_RESULT_COLORS = {"holds": "green", "drifted": "red"}
_UNCONCLUDED = "unreachable"


@click.command()
@click.option("--orgs", "orgs_file", required=True, metavar="FILE", help="Orgs file (YAML or CSV).")
@click.option("--org", "names", multiple=True, metavar="NAME", help="Only this org (repeatable).")
@click.option("--limit", metavar="EXPR", help="Names, globs, label=value; ',' or, '&' and, '!' not.")
@click.option(
    "--warn-days",
    type=click.IntRange(0, 3650),
    default=30,
    show_default=True,
    help="Warn when the certificate has fewer days left.",
)
@click.option(
    "--probe-password", is_flag=True, help="Try the old password once per org; a failed login counts there."
)
@click.option("--concurrency", type=click.IntRange(1, 256), default=DEFAULT_CONCURRENCY, show_default=True)
@click.option("--speed", type=float, default=1.0, show_default=True, help="Divide waits; loopback only.")
@global_options
@click.pass_obj
def verify(console: Console, /, orgs_file: str, **options: Any) -> int:
    """Check, read-only, that JWT works, passwords do not, and nothing drifted. Exit 0 only if all holds."""
    from orchestrator.fleet.selection import select  # noqa: PLC0415 - heavy

    app = open_app(console, speed=options["speed"], orgs_file=orgs_file)
    entries = select(load_orgs(orgs_file), options["limit"], options["names"])
    _ = app.network  # a wrong --connect-to is found before anything is recorded
    check_urls(entries)
    if options["probe_password"]:
        check_secrets(app, entries)
    order, drive = _drive(app, entries, options)
    rows = [_row(app.journal.run(run), drive) for run in order]  # the journal is the truth, evidence included
    if console.as_json:
        print_json({"orgs": rows})
    else:
        _print(console, rows)
    print_errors(drive.errors, as_json=console.as_json)
    return exit_code(drive.standing.values(), drive.errors.values())


def _drive(app: App, entries: Sequence[OrgEntry], options: Mapping[str, Any]) -> tuple[list[str], Drive]:
    """One run of the playbook `verify` per org, journaled like any other; run ids in the file's order."""
    from orchestrator.playbook.inputs import read_inputs  # noqa: PLC0415 - heavy

    compiled = app.compile(*playbook_source("verify"))
    given = {
        "warn_days": str(options["warn_days"]),
        "probe_password": "true" if options["probe_password"] else "false",
    }
    inputs = read_inputs(compiled.inputs, given)
    app.journal.put_playbook(compiled.digest, compiled.source)
    runs = [app.new_run(entry, compiled, inputs, batch=app.owner.id, priority=0) for entry in entries]
    for new in runs:
        app.journal.create_run(new)
    stop = threading.Event()
    engine = app.engine(ignore, stop.is_set)
    dispatcher = LocalDispatcher(engine, concurrency=options["concurrency"], stop=stop)
    order = [new.run for new in runs]
    with signals(stop):
        drive = dispatcher.drive_waves([order], too_many_failures=lambda _failed, _started: False)
    return order, drive


def _row(record: RunRecord, drive: Drive) -> dict[str, Any]:
    """One org of the JSON document, from the evidence of its run."""
    found = record.evidence.get("verification") or {}
    checks = [dict(check) for check in found.get("checks") or []]
    error = drive.errors.get(record.run)
    code, detail = (error.code, error.detail) if error else (record.code, record.detail)
    if not checks:
        checks = [_unconcluded(code, detail)]
    row = {
        "org": record.org,
        "org_id": found.get("org_id") or record.org_entry.get("org_id"),
        "result": _UNCONCLUDED if error else found.get("result", _UNCONCLUDED),
        "checks": checks,
        "certificate_days_left": found.get("certificate_days_left"),
        "warnings": _warnings(checks),
        "run": record.run,
    }
    return {**row, "code": code, "detail": redact(detail)} if row["result"] == _UNCONCLUDED else row


def _warnings(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """What to see to before it is a fault; a schedule of rotations goes by it."""
    soon = any(check["check"] == "certificate_expiry" and check.get("warning") for check in checks)
    return ["certificate_expires_soon"] if soon else []


def _unconcluded(code: str, detail: str) -> dict[str, Any]:
    from orchestrator.catalogue import FAULTS  # noqa: PLC0415 - only when something went wrong

    remedy = FAULTS[code].remedy if code in FAULTS else ""
    seen = redact(f"{code}: {detail}".strip(": "))
    return {
        "check": "reachable",
        "state": "not_readable",
        "expected": "a finished verification",
        "seen": seen or "interrupted",
        "remedy": remedy,
    }


def _print(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """All checks of one org; of many, one line each, and beneath it what is not as it should be."""
    rich = rich_console(console)
    in_full = len(rows) == 1 or console.verbose
    for row in rows:
        if console.quiet and row["result"] == "holds":
            continue
        color = _RESULT_COLORS.get(row["result"], "yellow")
        rich.print(f"[{color}]{row['result']}[/] {row['org']} {row['org_id'] or ''}{_days(row)}", markup=True)
        for check in row["checks"]:
            if in_full or check["state"] == "drifted" or check.get("warning"):
                _print_check(rich, check)
        hidden = [check["check"] for check in row["checks"] if check["state"] == "not_readable"]
        if hidden and not in_full:
            rich.print(f"  not readable with these rights: {', '.join(hidden)}", markup=False)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["result"]] = counts.get(row["result"], 0) + 1
    summary = ", ".join(f"{number} {result}" for result, number in sorted(counts.items()))
    rich.print(f"[bold]{len(rows)} org(s)[/]: {summary or 'none'}", markup=True)


def _print_check(rich: Any, check: Mapping[str, Any]) -> None:
    word = "warning" if check.get("warning") else check["state"]
    color = "yellow" if check.get("warning") else _COLORS[check["state"]]
    rich.print(f"  [{color}]{word:<14}[/] {check['check']:<28} ", markup=True, end="")
    rich.print(check["seen"], markup=False)
    if check["state"] == "drifted":
        rich.print(f"{'':<17}expected {check['expected']}", markup=False)
    if check["remedy"] and (check["state"] == "drifted" or check.get("warning")):
        rich.print(f"{'':<17}remedy: {check['remedy']}", markup=False)


def _days(row: Mapping[str, Any]) -> str:
    days = row["certificate_days_left"]
    return "" if days is None else f", certificate: {days} days left"
