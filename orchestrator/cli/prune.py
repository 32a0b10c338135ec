"""`runs prune`: take old runs out of the journal that nobody can need any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import click

from orchestrator.app import App
from orchestrator.cli.choosing import LOOKING_ONLY, confirm, some
from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.cli.output import print_json
from orchestrator.errors import UsageError
from orchestrator.ports import RunRecord, RunStatus, iso

_OVER = (RunStatus.FINISHED, RunStatus.CANCELLED)
_DEFAULT = "verify"


@click.command("prune")
@click.option("--older-than", required=True, metavar="30d", help="Ended longer ago than this.")
@click.option("--playbook", default=_DEFAULT, show_default=True, metavar="NAME", help="Of this playbook.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@global_options
@click.pass_obj
def prune(console: Console, /, older_than: str, playbook: str, **options: Any) -> int:
    """Remove old runs that are over.

    Kept, whatever their age: the newest run of each org, the newest that succeeded, every run that locked or
    made something, for it is the way back, and runs that only looked for them.
    """
    from orchestrator.playbook.values import parse_duration  # noqa: PLC0415 - heavy

    age_s = parse_duration(older_than)
    if age_s is None:
        raise UsageError(
            f"--older-than {older_than!r} is no duration",
            code="duration_invalid",
            remedy="write a number with a unit, such as 30d or 12h",
        )
    app = open_app(console)
    before_s = app.clock.now_s() - age_s
    old, kept = prunable(app, playbook, before_s)
    if not options["dry_run"] and old:
        question = f"remove {len(old)} run(s) of {playbook} that ended before {iso(before_s)}?"
        confirm(console, question, [f"{len(old)} run(s): {some(old)}"], asked=not options["yes"])
    removed = 0 if options["dry_run"] else app.journal.remove([record.run for record in old])
    if console.as_json:
        runs = [record.run for record in old]
        print_json({"runs": runs, "removed": removed, "kept": kept, "dry_run": options["dry_run"]})
    else:
        done = f"{len(old)} run(s) would be removed" if options["dry_run"] else f"{removed} run(s) removed"
        click.echo(f"{done}; {kept} older ones are kept as evidence or as the way back")
    return 0


def prunable(app: App, playbook: str, before_s: float) -> tuple[list[RunRecord], int]:
    """Runs of *playbook* that may go, and how many are old enough but stay."""
    records = [record for record in app.journal.standings(statuses=_OVER) if record.playbook == playbook]
    newest = _newest(records)
    old = [record for record in records if record.updated_s < before_s]
    going = [record for record in old if record.run not in newest and not _is_way_back(app, record)]
    return going, len(old) - len(going)


def _newest(records: Iterable[RunRecord]) -> set[str]:
    """The newest run of each org, and the newest that succeeded: what is known of the org."""
    by_org: dict[str, list[RunRecord]] = defaultdict(list)
    for record in records:
        by_org[record.org].append(record)
    kept = set()
    for runs in by_org.values():
        runs.sort(key=lambda record: record.updated_s)
        kept.add(runs[-1].run)
        kept.update(record.run for record in [one for one in runs if one.result == "succeeded"][-1:])
    return kept


def _is_way_back(app: App, record: RunRecord) -> bool:
    """Whether the run changed an org: what was there before is written in it and nowhere else."""
    if record.playbook in LOOKING_ONLY:
        return False
    evidence = app.journal.run(record.run).evidence
    if {"lockdown", "app", "assignments", "undoes"} & set(evidence):
        return True
    return any(attempt.notes for attempt in app.journal.attempts(record.run))
