"""Workers on one PostgreSQL: how much faster two are than one, when every state takes 20 ms of CPU.

`python -m tests.bench.workers URL` is one such worker, for as long as its standard input is open.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestrator.actions.base import RunContext
from orchestrator.engine.advance import Engine
from orchestrator.fleet.breaker import Breaker
from orchestrator.fleet.queue import QueueWorker, lease_ttl_s, prepare
from orchestrator.fleet.waking import Waker
from orchestrator.machine import Done, Machine, Outcome, Result, State
from orchestrator.pacing import Wait
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import RunStatus, SystemClock
from orchestrator.store import Store, open_store
from tests.bench.noop import DIGEST, Nothing, new_run

STATES = 8
BURN_S = 0.020
_THREADS = 4
_TAKEOVER_S = 30.0
_ROOT = Path(__file__).parents[2]


class Burn(Nothing):
    """An action that takes its time from the CPU, without ever giving it back early."""

    spec = ActionSpec("burn", "Burn CPU.", waits=True)

    def apply(self, ctx: RunContext) -> Outcome:  # noqa: ARG002 - it only burns
        """Count until the thread has used its time."""
        end_s = time.thread_time() + BURN_S
        while time.thread_time() < end_s:  # asking for the time is a system call: not too often
            sum(range(2000))
        return Done(detail="burnt")


def machine() -> Machine:
    """Eight states in a row, each of which burns."""
    names = [f"s{number}" for number in range(STATES)]
    states = {
        name: State(
            name, action="burn", on={"succeeded": following, "failed": "failed"}, wait=Wait(timeout_s=3600)
        )
        for name, following in itertools.zip_longest(names, names[1:], fillvalue="done")
    }
    ends = {"done": State("done", final=Result.SUCCEEDED), "failed": State("failed", final=Result.FAILED)}
    return Machine(names[0], {**states, **ends})


def work(url: str) -> None:
    """One worker, until standard input ends; then a line with the CPU seconds it used and its steps."""
    store = open_store(url, clock=SystemClock())
    compiled = machine()
    stop = threading.Event()
    engine = Engine(
        journal=store.journal,
        clock=store.clock,
        actions={"burn": Burn()},
        machine_of=lambda _digest: compiled,
        open_context=lambda **fields: _context(store, fields),
        owner=f"bench.{os.getpid()}.0",
        noise=lambda: 0.5,
        stopping=stop.is_set,
        lease_ttl_s=lease_ttl_s(_TAKEOVER_S),
    )
    wake_ups = store.wake_ups
    if wake_ups is None:
        raise AssertionError("the bench needs a shared database")
    waker = Waker(engine, store.batches, wake_ups, Breaker(time.monotonic))
    with QueueWorker(waker, wake_ups, concurrency=_THREADS, takeover_s=_TAKEOVER_S):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
        stop.set()
    store.journal.close()
    sys.stdout.write(json.dumps({"cpu_s": time.process_time()}) + "\n")


def _context(store: Store, fields: dict[str, Any]) -> RunContext:
    return RunContext(
        clock=store.clock,
        vault=None,  # type: ignore[arg-type]  # the action asks for none
        network=None,  # type: ignore[arg-type]  # likewise
        resolve_secret=lambda _entry, _name: None,
        **fields,
    )


def figures(runs: int) -> list[tuple[str, str, str]]:
    """One worker and two, one after the other, on a server that is there only for them."""
    sys.path.insert(0, str(_ROOT / "tests"))
    from postgresql_server import fresh_database, programs, running_server  # noqa: PLC0415 - lies in tests/

    if programs() is None:
        return [("two workers against one", ">= 1.6 x", "NOT measured: no PostgreSQL here")]
    with running_server() as server:
        walls = {}
        for count in (1, 2, 1, 2):
            with fresh_database(server.url) as url:
                walls.setdefault(count, []).append(_fleet_s(url, runs, count))
    one_s, two_s = min(walls[1]), min(walls[2])
    burnt_s = runs * STATES * BURN_S
    title = f"{runs} runs x {STATES} states of {BURN_S * 1000:.0f} ms CPU ({burnt_s:.0f} s in all)"
    return [
        (f"{title}, one worker", "", f"{one_s:.1f} s"),
        ("  two workers", "", f"{two_s:.1f} s, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"),
        ("  two against one", ">= 1.6 x", f"{one_s / two_s:.2f} x"),
    ]


def _fleet_s(url: str, runs: int, workers: int) -> float:
    """Seconds from queueing the fleet to the end of its last run; the workers are up before."""
    store = open_store(url, clock=SystemClock())
    store.journal.put_playbook(DIGEST, "states: {}")
    if store.wake_ups is None:
        raise AssertionError("the bench needs a shared database")
    prepare(store.wake_ups)
    with contextlib.ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(_worker(url))
        made = [new_run(store.clock.now_s()) for _ in range(runs)]
        began_s = time.perf_counter()
        store.batches.begin("bench", made, max_failures="", until="")
        store.journal.create_runs(made)
        store.wake_ups.queue([run.run for run in made])
        pause = threading.Event()
        finished = (RunStatus.FINISHED, "done")
        while store.journal.standing_counts("bench").get(finished, 0) < runs:
            pause.wait(0.05)
        wall_s = time.perf_counter() - began_s
    store.journal.close()
    return wall_s


@contextlib.contextmanager
def _worker(url: str) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.bench.workers", url]
    with subprocess.Popen(  # noqa: S603 - this file
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise AssertionError("a worker did not start")
        try:
            yield
        finally:
            process.communicate()


if __name__ == "__main__":
    work(sys.argv[1])
