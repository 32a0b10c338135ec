"""Which runs a command means: named ones, a batch, those of some orgs, or all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from orchestrator.app import App
from orchestrator.cli.options import Console
from orchestrator.errors import UsageError
from orchestrator.ports import RunRecord, RunStatus
from orchestrator.redaction import redact

UNFINISHED = (RunStatus.ACTIVE, RunStatus.AWAITING_OPERATOR)
# Their runs change nothing and pile up: nobody wants to resume them, or to see them among the others.
LOOKING_ONLY = frozenset({"verify", "plan-hybrid"})
_NAMED = 5


def set_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that choose runs by what they have in common."""
    for names, settings in (
        (("--all", "everything"), {"is_flag": True, "help": "Every run this can be done to."}),
        (("--limit",), {"metavar": "EXPR", "help": "Those of these orgs; as in `run`."}),
        (("--batch",), {"metavar": "BATCH", "help": "Those of this fleet (an id or its beginning)."}),
    ):
        command = click.option(*names, **settings)(command)
    return command


def chosen(
    app: App,
    named: Sequence[str],
    options: Mapping[str, Any],
    statuses: Sequence[RunStatus],
    *,
    what: str,
    result: str | None = None,
) -> list[RunRecord]:
    """The runs meant, short (without evidence), in the order in which they are driven; maybe none.

    Args:
        app: the composition root.
        named: ids of runs, or their beginnings; they are taken whatever their status and whole.
        options: `batch`, `limit` and `everything`; each narrows.
        statuses: of those chosen by options.
        what: what is to be done to them, for the message.
        result: of those chosen by options, only these.

    Raises:
        UsageError: `nothing_selected`, or what an expression or a batch has wrong.
    """
    by_set = options["everything"] or options["batch"] or options["limit"]
    if named and by_set:
        raise UsageError(
            "give runs by name, or --batch, --limit and --all, but not both",
            code="selection_conflict",
            remedy="leave the names out, or the options",
        )
    if named:
        return [app.journal.run(run_id) for run_id in named]
    if not by_set:
        raise UsageError(
            f"name the runs to {what}",
            code="nothing_selected",
            remedy="give run ids, --batch, --limit or --all",
        )
    batch = None if options["batch"] is None else batch_of(app, options["batch"])
    records = app.journal.standings(statuses=statuses, batch=batch, result=result)
    return limited([record for record in records if record.playbook not in LOOKING_ONLY], options["limit"])


def chosen_some(
    app: App, named: Sequence[str], options: Mapping[str, Any], statuses: Sequence[RunStatus], *, what: str
) -> list[RunRecord]:
    """As `chosen`, but it is an error if nothing is left. Raises UsageError."""
    records = chosen(app, named, options, statuses, what=what)
    if not records:
        raise UsageError(
            f"no run to {what}",
            code="nothing_selected",
            remedy="see `orchestrator runs list`, which takes the same --batch and --limit",
        )
    return records


def limited(records: list[RunRecord], limit: str | None) -> list[RunRecord]:
    """Those whose org an expression of `--limit` chooses, by the names and labels they were started with."""
    if limit is None or not records:
        return records
    from orchestrator.fleet.org_entry import OrgEntry  # noqa: PLC0415 - heavy
    from orchestrator.fleet.selection import select  # noqa: PLC0415 - heavy

    entries = {record.org: OrgEntry(record.org, "", labels=record.labels) for record in records}
    names = {entry.name for entry in select(list(entries.values()), limit, (), among="these runs")}
    return [record for record in records if record.org in names]


def batch_of(app: App, beginning: str) -> str:
    """The only batch whose id begins so. Raises UsageError `batch_unknown`."""
    found = app.journal.batches(beginning)
    if beginning in found:
        return beginning
    if len(found) == 1:
        return found[0]
    named = f"several: {', '.join(found[:_NAMED])}" if found else "none"
    raise UsageError(
        f"which batch is '{beginning}'? There are {named}" if found else f"there is no batch '{beginning}'",
        code="batch_unknown",
        remedy="see `orchestrator runs list --json`; `run` and `resume` name the batch of a fleet",
    )


def confirm(console: Console, question: str, lines: Sequence[str], *, asked: bool) -> None:
    """Show what will be done to many runs, and ask on a terminal.

    Raises:
        UsageError: `confirmation_needed`, there is no terminal to ask on, and no --yes.
        click.Abort: the answer is no.
    """
    if not console.as_json and not console.quiet:
        for line in lines:
            click.echo(redact(line))
    if not asked:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody can be asked: standard input is no terminal",
            code="confirmation_needed",
            remedy="see what it is about with `orchestrator runs list`, then give --yes",
        )
    click.confirm(redact(question), abort=True, err=True)


def some(records: Sequence[RunRecord]) -> str:
    """A few orgs by name, and how many more."""
    names = ", ".join(record.org for record in records[:_NAMED])
    return names + (f" and {len(records) - _NAMED} more" if len(records) > _NAMED else "")
