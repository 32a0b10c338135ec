"""The engine alone: runs whose states do nothing, with the journal on disk, and runs that only wait."""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orchestrator.actions.base import RunContext
from orchestrator.engine.advance import Engine
from orchestrator.fleet.local import LocalDispatcher
from orchestrator.machine import Again, Done, Machine, Outcome, Position, Result, State
from orchestrator.pacing import Wait
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import NewRun, RunStatus, SystemClock
from orchestrator.store import open_journal
from orchestrator.store.journal import SqlJournal
from orchestrator.store.owners import Owner

STATES = 8
DIGEST = "00" * 32
_numbers = itertools.count(1)


class Nothing:
    """An action that succeeds at once and leaves a little evidence."""

    spec = ActionSpec("nothing", "Do nothing.", waits=True)

    def observe(self, ctx: RunContext) -> Outcome | None:  # noqa: ARG002 - there is nothing to see
        """Nothing was done, so nothing can be seen."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Succeed."""
        return Done(evidence={f"did_{ctx.attempt}": True}, detail="nothing to do")


class NotYet(Nothing):
    """An action that is never ready: its run parks."""

    spec = ActionSpec("not_yet", "Wait.", waits=True)

    def apply(self, ctx: RunContext) -> Outcome:  # noqa: ARG002 - it never looks
        """Not yet."""
        return Again("deploy_in_progress", "not yet")


def machine(*, parking: bool = False) -> Machine:
    """Eight states in a row that do nothing; or one that waits for an hour."""
    action = "not_yet" if parking else "nothing"
    names = [f"s{number}" for number in range(1 if parking else STATES)]
    wait = Wait(interval_s=3600, max_interval_s=3600, timeout_s=86_400)
    states = {
        name: State(name, action=action, on={"succeeded": following, "failed": "failed"}, wait=wait)
        for name, following in itertools.zip_longest(names, names[1:], fillvalue="done")
    }
    ends = {"done": State("done", final=Result.SUCCEEDED), "failed": State("failed", final=Result.FAILED)}
    return Machine(names[0], {**states, **ends})


def new_run(now_s: float, **changes: Any) -> NewRun:
    """A run of the machine above, of an org of its own."""
    number = next(_numbers)
    fields: dict[str, Any] = {
        "run": f"org{number:06d}-{number:010x}",
        "org": f"org{number:06d}",
        "playbook": "bench",
        "playbook_digest": DIGEST,
        "org_entry": {"name": f"org{number:06d}", "username": "admin@acme.example"},
        "inputs": {"app_name": "Bench"},
        "position": Position("s0", now_s, visits={"s0": 1}),
        "not_before_s": now_s,
        "status": RunStatus.ACTIVE,
        "created_s": now_s,
        "batch": "bench",
    }
    return NewRun(**{**fields, **changes})


@contextmanager
def journal_in(folder: Path) -> Iterator[SqlJournal]:
    """A journal on disk with the bench's playbook."""
    journal = open_journal(folder / "journal.db", clock=SystemClock(), owners=folder / "owners")
    journal.put_playbook(DIGEST, "states: {}")
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def dispatcher_on(
    journal: SqlJournal,
    folder: Path,
    compiled: Machine,
    concurrency: int = 16,
    stop: threading.Event | None = None,
) -> Iterator[LocalDispatcher]:
    """The product's dispatcher and engine, with the actions above."""
    stop = stop or threading.Event()
    clock = SystemClock()
    owner = Owner(folder / "owners")
    engine = Engine(
        journal=journal,
        clock=clock,
        actions={"nothing": Nothing(), "not_yet": NotYet()},
        machine_of=lambda _digest: compiled,
        open_context=lambda **fields: RunContext(
            clock=clock,
            vault=None,
            network=None,
            resolve_secret=lambda _entry, _name: None,
            **fields,  # type: ignore[arg-type]  # unused
        ),
        owner=owner.id,
        noise=lambda: 0.5,
        stopping=stop.is_set,
    )
    try:
        yield LocalDispatcher(engine, concurrency=concurrency, stop=stop)
    finally:
        owner.close()


def drive_noops(folder: Path, count: int) -> tuple[float, float]:
    """Wall and CPU seconds to make and drive *count* runs through eight states each."""
    with journal_in(folder) as journal, dispatcher_on(journal, folder, machine()) as dispatcher:
        began_s, cpu_s = time.perf_counter(), time.process_time()
        runs = [new_run(time.time()) for _ in range(count)]
        journal.create_runs(runs)
        drive = dispatcher.drive_waves([[run.run for run in runs]], too_many_failures=lambda _f, _s: False)
        wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
        results = {record.result for record in drive.standing.values()}
        if results != {"succeeded"} or len(drive.standing) != count:
            raise AssertionError(f"the runs ended {results}")
        return wall_s, cpu_s


def drive_beside(folder: Path, finished: int, waiting: int) -> tuple[float, float]:
    """CPU milliseconds a transition costs beside 100 finished runs, and beside many finished and waiting.

    Both journals are open and take turns, and of five turns the cheapest counts: what else the machine does
    then hits both alike.
    """
    costs: list[list[float]] = [[], []]
    for name in ("few", "many"):
        (folder / name).mkdir()
    with journal_in(folder / "few") as few, journal_in(folder / "many") as many:
        _fill(few, 100, 0)
        _fill(many, finished, waiting)
        for _ in range(5):
            for cost, journal, name in zip(costs, (few, many), ("few", "many"), strict=True):
                cost.append(_transition_s(journal, folder / name))
    return min(costs[0]) * 1000, min(costs[1]) * 1000


def _fill(journal: SqlJournal, finished: int, waiting: int) -> None:
    """Runs that are over and runs that wait for an hour; each with as much evidence as a hybrid run has."""
    now_s = time.time()
    evidence = {f"fact{number}": {"id": "x" * 480} for number in range(20)}
    over = {"status": RunStatus.FINISHED, "result": "succeeded", "evidence": evidence}
    later = {"not_before_s": now_s + 3600, "evidence": evidence}
    for count, fields in ((finished, over), (waiting, later)):
        for start in range(0, count, 10_000):
            journal.create_runs([new_run(now_s, **fields) for _ in range(min(10_000, count - start))])


def _transition_s(journal: SqlJournal, folder: Path) -> float:
    with dispatcher_on(journal, folder, machine(), concurrency=1) as dispatcher:
        runs = [new_run(time.time()) for _ in range(50)]
        journal.create_runs(runs)
        began_s = time.process_time()
        dispatcher.drive_waves([[run.run for run in runs]], too_many_failures=lambda _f, _s: False)
        return (time.process_time() - began_s) / (len(runs) * STATES)


def park(folder: Path, count: int, watch_s: float, *, asking: bool) -> None:
    """In a process of its own: drive *count* runs that wait, then measure what waiting costs.

    Prints one JSON line: memory the runs added (MB), and the share of a core that waiting took.
    """
    with journal_in(folder) as journal:
        stop = threading.Event()
        now_s = time.time()
        asks: dict[str, Any] = {"status": RunStatus.AWAITING_OPERATOR} if asking else {}
        runs = [new_run(now_s, **asks, evidence={"padding": "x" * 8000}) for _ in range(count)]
        ids = [run.run for run in runs]
        for start in range(0, count, 1000):
            journal.create_runs(runs[start : start + 1000])
        del runs
        with dispatcher_on(journal, folder, machine(parking=True), stop=stop) as dispatcher:
            dispatcher.drive_waves([ids[:20]], too_many_failures=lambda _f, _s: False) if asking else None
            before_mb = _resident_mb()
            began_s, used_s = time.perf_counter(), time.process_time()
            thread = threading.Thread(
                target=dispatcher.drive_waves,
                args=([ids],),
                kwargs={"too_many_failures": lambda _f, _s: False},
            )
            thread.start()
            if asking:
                thread.join()
            else:
                _until_asleep(journal, count, thread)
            drive_s, drive_cpu_s = time.perf_counter() - began_s, time.process_time() - used_s
            used_s = time.process_time()
            stop.wait(watch_s)
            waiting = (time.process_time() - used_s) / watch_s
            after_mb = _resident_mb()
            stop.set()
            thread.join()
        figures = {
            "added_mb": after_mb - before_mb,
            "total_mb": after_mb,
            "waiting_share": waiting,
            "drive_s": drive_s,
            "drive_cpu_s": drive_cpu_s,
        }
        sys.stdout.write(json.dumps(figures) + "\n")


def _until_asleep(journal: SqlJournal, count: int, thread: threading.Thread) -> None:
    """Until every run has made its first attempt and parked; or, when they ask, the drive is over."""
    pause = threading.Event()
    while thread.is_alive() and journal.due(time.time(), 1, batch="bench"):
        pause.wait(0.5)
    pause.wait(1.0)
    standing = journal.standing_counts("bench")
    if sum(standing.values()) != count:
        raise AssertionError(f"{standing}")


def _resident_mb() -> float:
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


if __name__ == "__main__":
    park(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), asking=sys.argv[4] == "asking")
