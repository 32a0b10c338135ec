"""`run` and `resume`: make runs, drive them, say how they ended."""

from __future__ import annotations

import signal
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import click

from orchestrator.app import App
from orchestrator.cli.answering import expire_questions
from orchestrator.cli.choosing import UNFINISHED, chosen, set_options
from orchestrator.cli.exits import exit_code
from orchestrator.cli.joining import joined
from orchestrator.cli.options import Console, global_options, open_app, parse_settings
from orchestrator.cli.orgs import check_speed, check_urls, load_orgs
from orchestrator.cli.watching import fleet_options, recap, watching
from orchestrator.engine import events
from orchestrator.engine.events import Observer, ignore
from orchestrator.errors import Interrupted, UsageError
from orchestrator.fleet.breaker import Breaker
from orchestrator.fleet.limits import too_many_failures
from orchestrator.fleet.local import Drive, LocalDispatcher
from orchestrator.fleet.tally import Tally
from orchestrator.ports import RunStatus
from orchestrator.shipped import playbook_source

DEFAULT_CONCURRENCY = 16


@click.command()
@click.argument("playbook")
@click.option("--orgs", "orgs_file", required=True, metavar="FILE", help="Orgs file (YAML or CSV).")
@click.option("--org", "names", multiple=True, metavar="NAME", help="Only this org (repeatable).")
@click.option("--limit", metavar="EXPR", help="Names, globs, label=value; ',' or, '&' and, '!' not.")
@click.option("--batch", "batch", metavar="1,10%,100%", help="Waves, the canary first.")
@click.option("--max-failures", metavar="N|N%", help="Hold the next wave back after more failures than this.")
@click.option("--concurrency", type=click.IntRange(1, 256), default=DEFAULT_CONCURRENCY, show_default=True)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Input of the playbook.")
@click.option("--until", metavar="STATE", help="Stop before entering STATE.")
@click.option("--detach", is_flag=True, help="Only record the runs; `resume` drives them.")
@click.option("--add-to", metavar="BATCH", help="Let orgs that are not in this fleet yet join it.")
@click.option("--again", is_flag=True, help="Also for orgs that have an unfinished run of this playbook.")
@click.option("--plan", "plan_file", metavar="FILE", help="Only if everything still is as in this plan.")
@click.option("--plan-max-age", default="24h", show_default=True, help="Refuse an older plan.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="Divide waits; loopback only.")
@fleet_options
@global_options
@click.pass_obj
def run(console: Console, /, playbook: str, orgs_file: str, **options: Any) -> int:
    """Run PLAYBOOK for the selected orgs; one org or a fleet is the same command."""
    from orchestrator.fleet.selection import select, waves  # noqa: PLC0415 - heavy

    app = open_app(console, speed=options["speed"], orgs_file=orgs_file)
    app.logins_per_s = options["login_rate"]
    compiled = app.compile(*playbook_source(playbook))
    if options["until"] and options["until"] not in compiled.machine.states:
        raise UsageError(
            f"--until: '{options['until']}' is no state of {compiled.name}", code="state_unknown"
        )
    entries = select(load_orgs(orgs_file), options["limit"], options["names"])
    fleet = joined(app, compiled.name, entries, options["add_to"])
    entries = fleet.entries
    if not entries:
        click.echo(f"every org chosen is in {fleet.batch} already", err=True)
        return 0
    inputs = _inputs(compiled.inputs, parse_settings(options["settings"], "--set"))
    rules = app.network.policy.connect_to  # a wrong --connect-to is found before anything is recorded
    too_many_failures(options["max_failures"] or "", 0, 0)  # likewise
    batches = waves(entries, options["batch"] or "100%")
    check_urls(entries)
    if app.loopback_only:
        check_speed(entries, rules)
    if not (app.is_shared and options["detach"]):  # the workers have the secrets, this machine need not
        check_secrets(app, entries)
    if not options["again"]:
        refuse_second_runs(app, compiled.name, {entry.name for entry in entries})
    if options["plan_file"]:
        from orchestrator.cli.plan_check import check_plan  # noqa: PLC0415 - only for planned runs

        check_plan(app, compiled, inputs, entries, options)
    app.journal.put_playbook(compiled.digest, compiled.source)
    made = [
        [app.new_run(entry, compiled, inputs, batch=fleet.batch, priority=priority) for entry in wave]
        for priority, wave in enumerate(batches, start=fleet.waves)
    ]
    if app.is_shared:
        from orchestrator.cli.shared import begin_waves  # noqa: PLC0415 - only where a database is shared

        begin_waves(app, fleet.batch, made, options)
    app.journal.create_runs(
        [new for wave in made for new in wave]
    )  # the fleet is recorded wholly or not at all
    planned = [[new.run for new in wave] for wave in made]
    if options["detach"]:
        app.wake(planned[0])
        for run_id in [run_id for wave in planned for run_id in wave]:
            click.echo(run_id)
        return 0
    return drive(app, console, planned, options)


@click.command()
@click.argument("runs", nargs=-1)
@set_options
@click.option("--failed", is_flag=True, help="Runs that failed: again, from the state they failed in.")
@click.option("--adopt-playbook", is_flag=True, help="Go on with the newer playbook of the same name.")
@click.option("--playbook", metavar="FILE", help="The newer playbook, where it is not one that ships.")
@click.option(
    "--orgs", "orgs_file", metavar="FILE", help="Orgs file, where `file:` references are relative to."
)
@click.option("--concurrency", type=click.IntRange(1, 256), default=DEFAULT_CONCURRENCY, show_default=True)
@click.option("--until", metavar="STATE", help="Stop before entering STATE.")
@click.option("--speed", type=float, default=None, help="Divide waits; loopback only.")
@fleet_options
@global_options
@click.pass_obj
def resume(console: Console, /, runs: tuple[str, ...], **options: Any) -> int:
    """Continue RUNS (ids or their beginnings) from their last settled state."""
    app = open_app(console, speed=options["speed"] or 1.0, orgs_file=options["orgs_file"])
    order = _to_resume(app, runs, options)
    if options["adopt_playbook"]:
        from orchestrator.cli.adopting import adopt_playbooks  # noqa: PLC0415 - only when asked for

        adopt_playbooks(app, order, options["playbook"])
    # A run keeps the speed it was started with, and that is for simulators, whoever resumes it.
    app.loopback_only = app.loopback_only or app.journal.has_simulated_time(order)
    app.logins_per_s = options["login_rate"]
    if app.is_shared:
        app.store.batches.open(order, until=options["until"] or "")
    return drive(app, console, [order], {**options, "max_failures": None})


def _to_resume(app: App, runs: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """The runs to drive on, in order; those that failed are opened again."""
    if not options["failed"]:
        return [record.run for record in chosen(app, runs, options, UNFINISHED, what="resume")]
    narrowed = bool(runs or options["batch"] or options["limit"])
    records = chosen(
        app,
        runs,
        {**options, "everything": not narrowed},
        (RunStatus.FINISHED,),
        what="resume",
        result="failed",
    )
    engine = app.engine(ignore)
    return [engine.reopen(record.run).run for record in records]


def drive(app: App, console: Console, waves: Sequence[Sequence[str]], options: Mapping[str, Any]) -> int:
    """Drive the runs to where they stop, print what happened, return the exit code."""
    stop = app.stop
    expire_questions(app)
    count = sum(len(wave) for wave in waves)
    tally = Tally(count, app.clock.now_s())
    breaker = app.breaker()
    with watching(console, app, tally, breaker, metrics=options.get("metrics")) as observer:
        with signals(stop):
            if app.is_shared:
                from orchestrator.cli.shared import drive_shared  # noqa: PLC0415 - only then

                runs = [run_id for wave in waves for run_id in wave]
                outcome = drive_shared(app, runs, options, observer=observer, stop=stop, breaker=breaker)
            else:
                outcome = drive_alone(app, waves, options, observer=observer, stop=stop, breaker=breaker)
        _announce_interrupted(outcome, observer, app)
    recap(console, app, tally, outcome)
    interrupted = [Interrupted("runs were held back")] if outcome.held_back else []
    return exit_code(outcome.standing.values(), [*outcome.errors.values(), *interrupted])


def drive_alone(
    app: App,
    waves: Sequence[Sequence[str]],
    options: Mapping[str, Any],
    *,
    observer: Observer,
    stop: threading.Event,
    breaker: Breaker,
) -> Drive:
    """Drive the runs wave after wave in this process."""
    dispatcher = LocalDispatcher(
        app.engine(observer, stop.is_set), concurrency=options["concurrency"], stop=stop, breaker=breaker
    )
    limit = options["max_failures"] or ""
    return dispatcher.drive_waves(
        waves, too_many_failures=partial(too_many_failures, limit), until=options["until"]
    )


def refuse_second_runs(app: App, playbook: str, orgs: Collection[str]) -> None:
    """A second command must not make a pile of runs for orgs that are under way.

    Raises:
        UsageError: `org_has_active_run`, naming the runs.
    """
    active = [(run_id, org) for run_id, org in app.journal.unfinished(playbook=playbook) if org in orgs]
    if not active:
        return
    named = ", ".join(f"{org} ({run_id})" for run_id, org in active[:3])
    more = f" and {len(active) - 3} more" if len(active) > 3 else ""  # noqa: PLR2004 - those named
    ids = " ".join(run_id for run_id, _ in active) if len(active) <= 3 else "--all"  # noqa: PLR2004 - likewise
    raise UsageError(
        f"an unfinished run of {playbook} exists for {named}{more}",
        code="org_has_active_run",
        remedy=f"continue with `orchestrator resume {ids}`, or start anew with --again",
    )


class signals:  # noqa: N801 - reads as a statement: with signals(stop)
    """SIGINT and SIGTERM park the runs; a second one gives up waiting for them."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._asked)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _asked(self, number: int, _frame: object) -> None:
        if self._stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._stop.set()


def _inputs(specs: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    from orchestrator.playbook.inputs import read_inputs  # noqa: PLC0415 - heavy

    return read_inputs(specs, given)


def check_secrets(app: App, entries: Sequence[Any]) -> None:
    """A reference that leads nowhere is found before the first request is sent.

    `prompt:` is asked when it is needed, and `exec:` may be slow or need a person, so both wait.
    """
    for entry in entries:
        public = entry.public()
        for name, reference in public.get("secrets", {}).items():
            if not str(reference).startswith(("prompt:", "exec:")):
                app.resolve_secret(public, name)


def _announce_interrupted(outcome: Drive, observer: Observer, app: App) -> None:
    """A fleet command tells the end of every run of it, also of those it parked or never began."""
    parked = [record for record in outcome.standing.values() if record.status is RunStatus.ACTIVE]
    for run_id in outcome.held_back:
        record = app.journal.run(run_id)
        parked.append(replace(record, code="held_back", detail="not begun; `orchestrator resume` begins it"))
    for record in parked:
        now_s = app.clock.now_s()
        observer(
            events.Event(
                ts_s=now_s,
                run=record.run,
                org=record.org,
                event=events.RUN_FINISHED,
                state=record.position.state,
                code=record.code,
                detail=record.detail,
                result="interrupted",
                duration_s=now_s - record.created_s,
            )
        )
