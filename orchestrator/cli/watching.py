"""Who watches a fleet: lines, JSON or a live table; the metrics file; and the recap when it is over."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from orchestrator.app import DEFAULT_LOGINS_PER_S, App
from orchestrator.cli.options import Console, is_terminal
from orchestrator.cli.output import print_errors, print_recap, rich_console
from orchestrator.cli.progress import JsonLines, Lines, Silence
from orchestrator.engine.events import Event, Observer
from orchestrator.fleet.breaker import Breaker
from orchestrator.fleet.local import Drive
from orchestrator.fleet.tally import Tally
from orchestrator.ports import iso
from orchestrator.redaction import redact

# With fewer runs than this a line for each step says more than a table.
_TABLE_FROM_RUNS = 4


def fleet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that drives runs."""
    command = click.option(
        "--login-rate",
        type=click.FloatRange(0.01, 100),
        default=DEFAULT_LOGINS_PER_S,
        show_default=True,
        help="Logins per second at one login host.",
    )(command)
    return click.option(
        "--metrics",
        metavar="FILE",
        help="Keep the fleet's numbers in FILE (OpenMetrics), for a textfile collector.",
    )(command)


@contextmanager
def watching(
    console: Console, app: App, tally: Tally, breaker: Breaker, *, metrics: str | None
) -> Iterator[Observer]:
    """The observer of a fleet: counts, and shows what this console is to show.

    Raises:
        UsageError: `metrics_unwritable`.
    """
    with ExitStack() as stack:
        if metrics:
            from orchestrator.fleet.metrics import MetricsFile, exposition  # noqa: PLC0415 - when asked for

            def text() -> str:
                return exposition(
                    tally.snapshot(app.clock.now_s()),
                    logins=app.logins.admitted,
                    logins_held=app.logins.held,
                    circuits=len(breaker.open_circuits()),
                )

            stack.enter_context(MetricsFile(Path(metrics), text))
        show = _shown(console, app, tally, breaker, stack)

        def observe(event: Event) -> None:
            tally(event)
            show(event)

        yield observe


def _shown(console: Console, app: App, tally: Tally, breaker: Breaker, stack: ExitStack) -> Observer:
    """Lines in pipes and with --verbose, a live table for a fleet on a terminal."""
    if console.as_json:
        return JsonLines(sys.stdout)
    if console.quiet:
        return Silence()
    if is_terminal() and tally.total >= _TABLE_FROM_RUNS and not console.verbose:
        from orchestrator.cli.fleet_view import LiveTable  # noqa: PLC0415 - only on terminals

        rich = rich_console(console)
        clock = app.clock
        stack.enter_context(
            LiveTable(rich, lambda: tally.snapshot(clock.now_s()), clock.now_s, breaker.open_circuits)
        )
        return Silence()
    return Lines(color=console.color and is_terminal(), many=tally.total > 1, verbose=console.verbose)


def recap(console: Console, app: App, tally: Tally, outcome: Drive) -> None:
    """How every run ended: for people, or with --json --verbose one more line, `fleet_recap`."""
    now_s = app.clock.now_s()
    snapshot = tally.snapshot(now_s)
    if console.as_json:
        if console.verbose:
            numbers = {**snapshot.as_json(), "held_back": len(outcome.held_back)}
            line = json.dumps({"ts": iso(now_s), "event": "fleet_recap", **numbers})
            sys.stdout.write(redact(line) + "\n")
            sys.stdout.flush()
        print_errors(outcome.errors, as_json=True)
        return
    print_recap(console, outcome)
    if tally.total > 1:
        from orchestrator.cli.fleet_view import recap_table  # noqa: PLC0415 - not for --json

        rich = rich_console(console)
        rich.print(recap_table(snapshot, len(outcome.held_back)))
        for batch in sorted({record.batch for record in outcome.standing.values()}):
            rich.print(f"the fleet: orchestrator runs list --batch {batch}", markup=False)
    print_errors(outcome.errors, as_json=False)
