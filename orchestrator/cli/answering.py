"""`runs approve` and `runs cancel`: of one run, of some, of a whole fleet."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import click

from orchestrator.app import App
from orchestrator.cli.choosing import UNFINISHED, chosen_some, confirm, set_options, some
from orchestrator.cli.exits import exit_code
from orchestrator.cli.listing import row
from orchestrator.cli.options import Console, global_options, open_app, parse_settings
from orchestrator.cli.output import print_errors, print_json
from orchestrator.cli.progress import JsonLines
from orchestrator.engine.events import ignore
from orchestrator.engine.operator import answer_run, question, read_answer
from orchestrator.errors import OrchestratorError
from orchestrator.machine import Machine
from orchestrator.ports import RunRecord, RunStatus


@click.command("approve")
@click.argument("run_ids", metavar="[RUN]...", nargs=-1)
@click.option("--input", "inputs", multiple=True, metavar="KEY=VALUE", help="What the question asks for.")
@click.option("--reject", is_flag=True, help="Say no.")
@click.option("--yes", is_flag=True, help="Do not ask before many are answered.")
@set_options
@global_options
@click.pass_obj
def approve(console: Console, /, run_ids: tuple[str, ...], **options: Any) -> int:
    """Answer the question that runs wait with; `resume` then drives them on.

    All answers are checked before the first is given, so a wrong --input answers nothing.
    """
    app = open_app(console)
    records = chosen_some(app, run_ids, options, (RunStatus.AWAITING_OPERATOR,), what="answer")
    word = "reject" if options["reject"] else "approve"
    given = parse_settings(options["inputs"], "--input")
    late = expire_questions(app, records)
    if not run_ids:
        records = [record for record in records if record.run not in late]
    now_s = app.clock.now_s()
    for record in records:
        read_answer(_machine(app, record), record, approved=word == "approve", inputs=given, now_s=now_s)
    if not run_ids:
        confirm(console, f"{word} {len(records)} run(s)?", _asked(app, records), asked=not options["yes"])
    answered, errors = _answer_all(app, records, approved=word == "approve", inputs=given)
    if console.as_json:
        print_json([row(record) for record in answered])
    elif not console.quiet:
        for record in answered:
            done = "approved" if word == "approve" else "rejected"
            click.echo(f"{record.run}: {done}; now in {record.position.state}")
    print_errors(errors, as_json=console.as_json)
    return exit_code([], errors.values())


def _answer_all(
    app: App, records: Sequence[RunRecord], *, approved: bool, inputs: Mapping[str, str]
) -> tuple[list[RunRecord], dict[str, OrchestratorError]]:
    """Every answer that could be given, and what was in the way of the others (somebody was faster)."""
    answered: list[RunRecord] = []
    errors: dict[str, OrchestratorError] = {}
    for record in records:
        whole = app.journal.run(record.run)
        try:
            now_s = app.clock.now_s()
            machine = _machine(app, whole)
            done = answer_run(app.journal, machine, whole, approved=approved, inputs=inputs, now_s=now_s)
        except OrchestratorError as error:
            errors[record.run] = error
        else:
            answered.append(done)
    return answered, errors


def _machine(app: App, record: RunRecord) -> Machine:
    return app.playbook_of(record.playbook_digest).machine.scaled(record.speed)


def _asked(app: App, records: Sequence[RunRecord]) -> list[str]:
    """How many runs ask a question, as it is put to the first of them, and which runs these are."""
    asking: dict[tuple[str, str], list[RunRecord]] = defaultdict(list)
    for record in records:
        asking[record.playbook_digest, record.position.state].append(record)
    lines = []
    for (digest, state), these in asking.items():
        first = app.journal.run(these[0].run)
        lines.append(f"{len(these)} run(s) in {state}: {some(these)}")
        lines.append(f"  {first.org}: {question(app.playbook_of(digest).machine, first)}")
    return lines


def expire_questions(app: App, records: Sequence[RunRecord] | None = None) -> list[str]:
    """Let questions go unanswered whose time is over: of *records*, or all; done before runs are driven.

    The runs take their `timed_out` edge and wait to be resumed; nothing is sent to an org.

    Returns:
        These runs.
    """
    now_s = app.clock.now_s()
    if records is None:
        runs = app.journal.expired_questions(now_s, sys.maxsize >> 32)
    else:
        late = (each for each in records if each.until_s is not None and each.until_s <= now_s)
        runs = [each.run for each in late if each.status is RunStatus.AWAITING_OPERATOR]
    if runs:
        engine = app.engine(ignore)
        for run in runs:
            engine.expire_if_free(run)
    return runs


@click.command("cancel")
@click.argument("run_ids", metavar="[RUN]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask before many are cancelled.")
@set_options
@global_options
@click.pass_obj
def cancel(console: Console, /, run_ids: tuple[str, ...], **options: Any) -> int:
    """Ask runs to stop at their next step; what is done stays done and is in the record."""
    app = open_app(console)
    records = chosen_some(app, run_ids, options, UNFINISHED, what="cancel")
    if not run_ids:
        lines = [f"{len(records)} run(s) will stop at their next step: {some(records)}"]
        confirm(console, f"cancel {len(records)} run(s)?", lines, asked=not options["yes"])
    observer = JsonLines(sys.stdout) if console.as_json else ignore
    engine = app.engine(observer)
    for record in records:
        app.journal.request_cancel(record.run, app.clock.now_s())
        now = engine.cancel_if_free(record.run)
        if not console.as_json and not console.quiet:
            over = now.status is RunStatus.CANCELLED
            click.echo(f"{now.run}: {'cancelled' if over else 'will stop at its next step'}")
    return 0
