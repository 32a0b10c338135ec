"""`runs watch`: one run, some, or a whole fleet, whoever drives it; what is shown comes from the journal."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import click

from orchestrator.app import App
from orchestrator.cli.choosing import LOOKING_ONLY, UNFINISHED, batch_of, chosen_some, limited, set_options
from orchestrator.cli.exits import exit_code
from orchestrator.cli.options import Console, global_options, is_terminal, open_app
from orchestrator.cli.output import print_recap, rich_console
from orchestrator.cli.progress import JsonLines, Lines, Silence
from orchestrator.engine.events import Observer, ignore
from orchestrator.engine.replay import events_of
from orchestrator.errors import Interrupted, UsageError
from orchestrator.fleet.local import Drive
from orchestrator.fleet.tally import Snapshot, snapshot_of
from orchestrator.ports import RunRecord, RunStatus, iso
from orchestrator.redaction import redact

_EVERY_S = 0.5
# A look at ten thousand runs takes a while; then nobody looks more often than a tenth of the time.
_REST_FOR_EACH_LOOK = 9.0

Look = Callable[[], list[RunRecord]]


@click.command("watch")
@click.argument("run_ids", metavar="[RUN]...", nargs=-1)
@set_options
@global_options
@click.pass_obj
def watch(console: Console, /, run_ids: tuple[str, ...], **options: Any) -> int:
    """Follow runs until they are over or wait for a person; without arguments, the newest fleet.

    Ends with their gravest exit code. Ctrl-C ends the watching only.
    """
    app = open_app(console)
    look = _look(app, run_ids, options)
    records = look()
    if not records:
        raise UsageError("no run to watch", code="nothing_selected", remedy="see `orchestrator runs list`")
    viewer = Viewer(app, console, look, many=len(records) > 1)
    interrupted = viewer.follow()
    viewer.recap()
    errors = [Interrupted("the watching was stopped; the runs go on")] if interrupted else []
    return exit_code(viewer.records, errors)


def _look(app: App, run_ids: Sequence[str], options: Mapping[str, Any]) -> Look:
    """How the runs meant are read again and again; a batch may grow meanwhile."""
    if not run_ids and not (options["everything"] or options["limit"]):
        batch = batch_of(app, options["batch"]) if options["batch"] else _newest_batch(app)
        return lambda: limited(app.journal.standings(batch=batch), options["limit"])
    ids = [record.run for record in chosen_some(app, run_ids, options, UNFINISHED, what="watch")]
    return lambda: app.journal.standings(runs=ids)


def _newest_batch(app: App) -> str:
    for batch in app.journal.batches():
        if app.journal.standings(batch=batch)[0].playbook not in LOOKING_ONLY:
            return batch
    raise UsageError("no run to watch", code="nothing_selected", remedy="see `orchestrator runs list`")


class Viewer:
    """Reads the runs again and again, and tells what is new.

    Args:
        app: the composition root.
        console: how to speak.
        look: reads the runs.
        many: more than one run.

    Attributes:
        records: the runs as last read.
    """

    def __init__(self, app: App, console: Console, look: Look, *, many: bool) -> None:
        self.app = app
        self.console = console
        self.look = look
        self.many = many
        self.records: list[RunRecord] = []
        self._seen: dict[str, tuple[int, float, RunStatus]] = {}
        self._told: dict[str, int] = {}
        self._over = threading.Event()

    def follow(self) -> bool:
        """Until no run is under way; whether somebody stopped it before."""
        self.records = self.look()
        with ExitStack() as stack:
            tell = self._teller(stack)
            if isinstance(tell, Lines) and self.many:
                self._tell_news(ignore)  # what a fleet did before is in the record; here is what it does now
            try:
                while True:
                    began_s = self.app.clock.now_s()
                    self.records = self.look()
                    if not isinstance(tell, Silence):
                        self._tell_news(tell)
                    if all(record.status is not RunStatus.ACTIVE for record in self.records):
                        return False
                    took_s = max(self.app.clock.now_s() - began_s, 0.0)
                    self._over.wait(max(_EVERY_S, took_s * _REST_FOR_EACH_LOOK))
            except KeyboardInterrupt:
                return True

    def snapshot(self) -> Snapshot:
        """The numbers by the newest look."""
        return snapshot_of(self.records, self.app.clock.now_s())

    def _teller(self, stack: ExitStack) -> Observer:
        console = self.console
        if console.as_json:
            return JsonLines(sys.stdout)
        if console.quiet:
            return Silence()
        if self.many and is_terminal() and not console.verbose:
            from orchestrator.cli.fleet_view import LiveTable  # noqa: PLC0415 - only on terminals

            clock = self.app.clock
            stack.enter_context(LiveTable(rich_console(console), self.snapshot, clock.now_s, dict))
            return Silence()
        return Lines(color=console.color, many=self.many, verbose=console.verbose or not self.many)

    def _tell_news(self, tell: Observer) -> None:
        for record in self.records:
            mark = (record.seq, record.updated_s, record.status)
            if self._seen.get(record.run) == mark:
                continue
            self._seen[record.run] = mark
            happened = events_of(record, self.app.journal.attempts(record.run))
            told = self._told.get(record.run, 0)
            for event in happened[told:]:
                tell(event)
            self._told[record.run] = max(told, len(happened))

    def recap(self) -> None:
        """How the runs stand at the end; with --json --verbose one more line, `fleet_recap`."""
        console = self.console
        if console.as_json:
            if console.verbose:
                numbers = {"ts": iso(self.app.clock.now_s()), "event": "fleet_recap"}
                click.echo(redact(json.dumps({**numbers, **self.snapshot().as_json()})))
            return
        print_recap(console, Drive(standing={record.run: record for record in self.records}))
        if self.many:
            from orchestrator.cli.fleet_view import recap_table  # noqa: PLC0415 - not for --json

            rich_console(console).print(recap_table(self.snapshot(), 0))
