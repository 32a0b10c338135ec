"""One process drives many runs: wake-up times are the timer, a bounded pool of threads works.

A run that waits costs a heap entry here and a row in the journal; it holds no thread, no connection and no
lease. The libraries underneath are synchronous, so a run that works holds one thread for as long as it works.
Runs that have begun go before runs that have not: a fleet finishes orgs instead of opening all of them.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial

from orchestrator.engine import events
from orchestrator.engine.advance import LEASE_TTL_S, Engine
from orchestrator.engine.events import Event
from orchestrator.errors import Defect, LeaseHeld, LeaseLost, OrchestratorError
from orchestrator.fleet.breaker import Breaker
from orchestrator.ports import RunRecord, RunStatus

# Leases are renewed three times within their life, so two lost renewals lose nothing.
_RENEW_EVERY_S = LEASE_TTL_S / 3
# Another process drives the org: look again after this time.
_BUSY_RETRY_S = 5.0


@dataclass(slots=True)
class Drive:
    """What came of driving a set of runs.

    Attributes:
        standing: run id -> how it stands now, without evidence and inputs: ten thousand must fit in memory.
        errors: run id -> what stopped us from driving it further (our side, not the org's).
        held_back: runs never started because too many before them failed, or somebody asked to stop.
        failed: runs that ended without success, or that we could not drive.
    """

    standing: dict[str, RunRecord] = field(default_factory=dict)
    errors: dict[str, OrchestratorError] = field(default_factory=dict)
    held_back: list[str] = field(default_factory=list)
    failed: int = 0


TooManyFailures = Callable[[int, int], bool]


class LocalDispatcher:
    """Wakes runs when they are due and advances them on at most *concurrency* threads.

    Args:
        engine: advances one run.
        concurrency: threads.
        stop: set to park everything.
        breaker: holds runs of hosts in trouble; made here when not given.
    """

    def __init__(
        self, engine: Engine, *, concurrency: int, stop: threading.Event, breaker: Breaker | None = None
    ) -> None:
        self.engine = engine
        self.concurrency = concurrency
        self.stop = stop
        self.breaker = breaker or Breaker(time.monotonic)

    def drive_waves(
        self,
        waves: Sequence[Sequence[str]],
        *,
        too_many_failures: TooManyFailures,
        until: str | None = None,
    ) -> Drive:
        """Drive wave after wave; a wave starts when the one before is over.

        When too many failed, nothing more is started, not even the rest of a wave under way; what has begun
        is driven to its end.

        Args:
            waves: run ids, the canary first.
            too_many_failures: (failed, in the waves so far) -> whether to hold back what has not started.
            until: park every run before it enters this state.
        """
        drive = Drive()
        reached = 0
        for number, wave in enumerate(waves):
            if self.stop.is_set() or (number and too_many_failures(drive.failed, reached)):
                drive.held_back.extend(wave)
                continue
            reached += len(wave)
            _Wave(self, wave, drive, until, partial(_swapped, too_many_failures, reached)).run()
        return drive


class _Wave:
    """The runs of one wave: not begun, asleep, or at work."""

    def __init__(
        self,
        dispatcher: LocalDispatcher,
        runs: Sequence[str],
        drive: Drive,
        until: str | None,
        too_many: Callable[[int], bool],
    ) -> None:
        self.engine = dispatcher.engine
        self.concurrency = dispatcher.concurrency
        self.stop = dispatcher.stop
        self.breaker = dispatcher.breaker
        self.drive = drive
        self.until = until
        self.too_many = too_many
        self.fresh = deque(runs)
        self.asleep: list[tuple[float, int, str]] = []
        self.working: dict[Future[RunRecord], str] = {}
        self.naps = 0
        self.renewed_s = self.seen_s = self.engine.clock.now_s()

    def run(self) -> None:
        """Until every run is over, parked for a person, or somebody asked to stop."""
        with ThreadPoolExecutor(self.concurrency, thread_name_prefix="run") as pool:
            while self.working or ((self.fresh or self.asleep) and not self.stop.is_set()):
                self._submit(pool)
                self._renew()
                self._await()
                for future in [future for future in self.working if future.done()]:
                    run = self.working.pop(future)
                    wake_s = self._settle(future, run)
                    if wake_s is not None:
                        self._sleep(run, wake_s)
        for run in [*self.fresh, *(run for _, _, run in self.asleep)]:
            if run not in self.drive.standing:
                self.drive.standing[run] = _slim(self.engine.journal.run(run))

    def _submit(self, pool: ThreadPoolExecutor) -> None:
        """Give idle threads the runs that are due."""
        while len(self.working) < self.concurrency and not self.stop.is_set():
            run = self._next()
            if run is None:
                return
            if self.breaker.is_open:
                hold_s = self.breaker.hold_s(self.engine.journal.run(run).org_entry)
                if hold_s > 0:
                    self._sleep(run, self.engine.clock.now_s() + hold_s)
                    continue
            self.working[pool.submit(self.engine.advance, run, until=self.until)] = run

    def _next(self) -> str | None:
        """The next run to work on now."""
        if self.asleep and self.asleep[0][0] <= self._now_s():
            return heapq.heappop(self.asleep)[2]
        if self.fresh and self.too_many(self.drive.failed):
            self.drive.held_back.extend(self.fresh)
            self.fresh.clear()
        return self.fresh.popleft() if self.fresh else None

    def _now_s(self) -> float:
        """The time now. A clock that was set back wakes nobody later: what sleeps is moved with it."""
        now_s = self.engine.clock.now_s()
        back_s = self.seen_s - now_s
        if back_s > 0:
            self.asleep = [(wake_s - back_s, nap, run) for wake_s, nap, run in self.asleep]
        self.seen_s = now_s
        return now_s

    def _sleep(self, run: str, wake_s: float) -> None:
        self.naps += 1
        heapq.heappush(self.asleep, (wake_s, self.naps, run))

    def _renew(self) -> None:
        now_s = self.engine.clock.now_s()
        # A clock that was set back must not put the renewal off.
        if not 0 <= now_s - self.renewed_s < _RENEW_EVERY_S:
            self.engine.journal.renew(self.engine.owner, now_s=now_s, ttl_s=LEASE_TTL_S)
            self.renewed_s = now_s

    def _await(self) -> None:
        """Sleep until something finished or something is due; a signal wakes us too."""
        timeout_s = _RENEW_EVERY_S
        if len(self.working) < self.concurrency:
            if self.fresh:
                timeout_s = 0.0
            elif self.asleep:
                timeout_s = min(max(self.asleep[0][0] - self._now_s(), 0.0), _RENEW_EVERY_S)
        if self.working:
            wait(self.working, timeout=timeout_s, return_when=FIRST_COMPLETED)
        elif self.asleep or self.fresh:
            self.stop.wait(timeout_s)

    def _settle(self, future: Future[RunRecord], run: str) -> float | None:
        """Note how the run stands; when to wake it again, or None."""
        drive = self.drive
        try:
            record = future.result()
        except (LeaseHeld, LeaseLost) as busy:
            # Lost: this process stood still (stopped, suspended, clock set forward) until its lease ran out.
            # Whatever was under way is in doubt; whoever has the org next, maybe we, looks first.
            again_s = self.engine.clock.now_s() + _BUSY_RETRY_S
            if run not in drive.errors:
                self._tell_busy(run, busy, again_s)
            drive.errors[run] = busy
            return again_s
        except OrchestratorError as error:
            self._stopped(run, error)
            return None
        except Exception as error:  # noqa: BLE001 - a defect must not take the other runs with it
            self._stopped(run, Defect(f"{type(error).__name__}: {error}"))
            return None
        drive.errors.pop(run, None)
        drive.standing[run] = _slim(record)
        self.breaker.settled(record.org_entry, record.code)
        if record.status in {RunStatus.FINISHED, RunStatus.CANCELLED}:
            drive.failed += record.result != "succeeded"
            return None
        if record.status is not RunStatus.ACTIVE or record.position.state == self.until or self.stop.is_set():
            return None
        return record.not_before_s

    def _stopped(self, run: str, error: OrchestratorError) -> None:
        """We cannot drive the run on: it counts as failed, and its row stays as it was last settled."""
        self.drive.errors[run] = error
        self.drive.failed += 1
        try:
            self.drive.standing[run] = _slim(self.engine.journal.run(run))
        except OrchestratorError:  # the journal itself is the trouble, and already reported
            return

    def _tell_busy(self, run: str, busy: OrchestratorError, again_s: float) -> None:
        """Whoever watches must not wonder why nothing happens."""
        record = self.engine.journal.run(run)
        self.engine.observer(
            Event(
                ts_s=self.engine.clock.now_s(),
                run=run,
                org=record.org,
                event=events.WAITING,
                state=record.position.state,
                code=busy.code,
                detail=busy.detail,
                not_before_s=again_s,
            )
        )


def _swapped(too_many_failures: TooManyFailures, started: int, failed: int) -> bool:
    return too_many_failures(failed, started)


def _slim(record: RunRecord) -> RunRecord:
    """The record as far as a recap needs it."""
    return replace(record, evidence={}, inputs={}, org_entry={})
