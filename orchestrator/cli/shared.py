"""`run` and `resume` on a shared database: queue the runs, take part in the work, watch until it is over."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.app import App
from orchestrator.engine.events import Observer, ignore
from orchestrator.errors import OrchestratorError
from orchestrator.fleet.breaker import Breaker
from orchestrator.fleet.following import Follower
from orchestrator.fleet.local import Drive
from orchestrator.fleet.queue import DEFAULT_TAKEOVER_S, QueueWorker, lease_ttl_s, prepare
from orchestrator.fleet.waking import Waker
from orchestrator.ports import NewRun, RunStatus
from orchestrator.redaction import redact
from orchestrator.store.wake_ups import WakeUps

_LOOK_EVERY_S = 0.5
_MANY_RUNS, _LOOK_AT_MANY_EVERY_S = 1000, 2.0
# A run that this process could not drive so often, and nobody else did, is not waited for.
_TRIES = 3


def begin_waves(app: App, batch: str, waves: Sequence[Sequence[NewRun]], options: Mapping[str, Any]) -> None:
    """Record the waves before the runs, so that no worker takes a later one for an open one."""
    prepare(_wake_ups(app))
    limit, until = options["max_failures"] or "", options["until"] or ""
    runs = [new for wave in waves for new in wave]
    app.store.batches.begin(batch, runs, max_failures=limit, until=until)


def queue(app: App, runs: Sequence[str]) -> None:
    """Let every worker know of the runs whose gate is open."""
    _wake_ups(app).queue(runs)


def made_worker(
    app: App,
    observer: Observer,
    stop: threading.Event,
    breaker: Breaker,
    *,
    concurrency: int,
    takeover_s: float = DEFAULT_TAKEOVER_S,
    queues: Sequence[str] | None = None,
    complain: Callable[[str, OrchestratorError], None] = lambda _run, _error: None,
) -> tuple[QueueWorker, Waker]:
    """A worker of this process, not started yet.

    Raises:
        StoreError: the extra is missing, or the database cannot be used.
        VaultError: this machine has another key than the vault in the database.
    """
    wake_ups = _wake_ups(app)
    prepare(wake_ups)
    app.check_vault_key()
    engine = app.engine(observer, stop.is_set, lease_ttl_s=lease_ttl_s(takeover_s))
    waker = Waker(engine, app.store.batches, wake_ups, breaker, complain)
    worker = QueueWorker(
        waker,
        wake_ups,
        concurrency=concurrency,
        takeover_s=takeover_s,
        queues=queues,
        trouble=Troubles(),
    )
    return worker, waker


def drive_shared(
    app: App,
    runs: Sequence[str],
    options: Mapping[str, Any],
    *,
    observer: Observer,
    stop: threading.Event,
    breaker: Breaker,
) -> Drive:
    """Take part in driving *runs*, and tell *observer* whoever drives them, until none goes on by itself."""
    batches = sorted({app.journal.run(run).batch for run in runs})
    complaints: dict[str, OrchestratorError] = {}
    worker, waker = made_worker(
        app,
        ignore,  # what this process does is told from the journal, as what the others do
        stop,
        breaker,
        concurrency=options["concurrency"],
        queues=batches,
        complain=complaints.__setitem__,
    )
    app.store.batches.admit(runs, until=options["until"] or "")
    queue(app, runs)
    follower = Follower(app.journal, app.store.batches, runs, batches, observer)
    follower.skip_the_past()
    every_s = _LOOK_AT_MANY_EVERY_S if len(runs) > _MANY_RUNS else _LOOK_EVERY_S
    with worker:
        while True:
            standing = follower.look()
            given_up = {
                run: replace(one, held=True) for run, one in standing.items() if waker.tries(run) >= _TRIES
            }
            if stop.is_set() or follower.is_over({**standing, **given_up}):
                break
            stop.wait(every_s)
        stop.set()
    follower.look()
    return _outcome(app, runs, batches, complaints, options["until"])


def _outcome(
    app: App,
    runs: Sequence[str],
    batches: Sequence[str],
    complaints: Mapping[str, OrchestratorError],
    until: str | None,
) -> Drive:
    """How the runs stand, as a local drive tells it."""
    drive = Drive()
    held = {one.run for one in app.store.batches.glimpses(batches) if one.held and one.seq == 0}
    for run in runs:
        record = app.journal.run(run)
        is_active = record.status is RunStatus.ACTIVE
        if run in held and is_active and record.position.state != until and run not in complaints:
            drive.held_back.append(run)
            continue
        drive.standing[run] = replace(record, evidence={}, inputs={}, org_entry={})
        drive.failed += not is_active and record.result not in {None, "succeeded"}
        if is_active and run in complaints:
            drive.errors[run] = complaints[run]
    return drive


class Troubles:
    """Says on standard error what troubles the worker itself: once, until it is something else."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, error: OrchestratorError) -> None:
        """Print *error* unless it is the one before."""
        if error.code != self._last:
            self._last = error.code
            sys.stderr.write(redact(f"worker: {error}\n  remedy: {error.remedy}\n"))
            sys.stderr.flush()


def _wake_ups(app: App) -> WakeUps:
    if app.store.wake_ups is None:
        raise AssertionError("only called where the database is shared")
    return app.store.wake_ups
