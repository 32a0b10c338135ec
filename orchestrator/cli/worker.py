"""`worker`: take part in the work of everybody who shares a database."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from orchestrator.cli.options import Console, global_options, open_app
from orchestrator.cli.run import DEFAULT_CONCURRENCY, signals
from orchestrator.cli.watching import fleet_options, watching
from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.fleet.tally import Tally
from orchestrator.redaction import redact, redact_tree

_SHORTEST_TAKEOVER_S = 3.0
# The system may hand a signal to any thread; Python acts on it when the main thread wakes.
_NOTICE_WITHIN_S = 0.5


@click.command()
@click.option("--concurrency", type=click.IntRange(1, 256), default=DEFAULT_CONCURRENCY, show_default=True)
@click.option(
    "--takeover",
    "takeover_s",
    type=click.FloatRange(_SHORTEST_TAKEOVER_S, 3600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Within this time others drive on the runs of a worker that died or is cut off.",
)
@click.option(
    "--orgs", "orgs_file", metavar="FILE", help="Orgs file, where `file:` references are relative to."
)
@fleet_options
@global_options
@click.pass_obj
def worker(console: Console, /, orgs_file: str | None, **options: Any) -> int:
    """Drive the runs of a shared database (--database postgresql://…), until SIGTERM or Ctrl-C."""
    from orchestrator.cli.shared import made_worker  # noqa: PLC0415 - heavy

    app = open_app(console, orgs_file=orgs_file)
    if not app.is_shared:
        raise UsageError(
            "a worker needs a database that is shared",
            code="database_not_shared",
            remedy="give --database postgresql://USER@HOST/NAME, the one that `run` was given",
        )
    app.logins_per_s = options["login_rate"]
    breaker = app.breaker()
    tally = Tally(0, app.clock.now_s())
    with watching(console, app, tally, breaker, metrics=options["metrics"]) as observer:
        working, _ = made_worker(
            app,
            observer,
            app.stop,
            breaker,
            concurrency=options["concurrency"],
            takeover_s=options["takeover_s"],
            complain=lambda run, error: _complain(console, run, error),
        )
        with signals(app.stop), working:
            _greet(console, app.owner.id, options)
            while not app.stop.wait(_NOTICE_WITHIN_S):
                pass
    return 0


def _greet(console: Console, owner: str, options: dict[str, Any]) -> None:
    if console.as_json:
        line = {"event": "worker_started", "worker": owner, "takeover_s": options["takeover_s"]}
        sys.stdout.write(json.dumps(line) + "\n")
    elif not console.quiet:
        threads, takeover_s = options["concurrency"], options["takeover_s"]
        sys.stdout.write(f"worker {owner}: {threads} threads, takeover within {takeover_s:g} s\n")
    sys.stdout.flush()


def _complain(console: Console, run: str, error: OrchestratorError) -> None:
    """One run that this machine cannot drive; others may."""
    if console.as_json:
        text = json.dumps(redact_tree({**error.as_json(), "run": run}))
    else:
        text = redact(f"{run}: {error}\n  remedy: {error.remedy}")
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
