"""One process drives many runs: the journal's wake-up times are the timer, a bounded pool of threads works.

A run that waits costs a heap entry here and a row in the journal; it holds no thread, no connection and no
lease. The libraries underneath are synchronous, so a run that works holds one thread for as long as it works.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from orchestrator.engine import events
from orchestrator.engine.advance import LEASE_TTL_S, Engine
from orchestrator.engine.events import Event
from orchestrator.errors import Defect, LeaseHeld, LeaseLost, OrchestratorError
from orchestrator.ports import RunRecord, RunStatus

# Leases are renewed three times within their life, so two lost renewals lose nothing.
_RENEW_EVERY_S = LEASE_TTL_S / 3
# Another process drives the org: look again after this time.
_BUSY_RETRY_S = 5.0


@dataclass(slots=True)
class Drive:
    """What came of driving a set of runs.

    Attributes:
        standing: run id -> how it stands now.
        errors: run id -> what stopped us from driving it further (our side, not the org's).
        held_back: runs never started because an earlier wave failed too often.
    """

    standing: dict[str, RunRecord] = field(default_factory=dict)
    errors: dict[str, OrchestratorError] = field(default_factory=dict)
    held_back: list[str] = field(default_factory=list)


class LocalDispatcher:
    """Wakes runs when they are due and advances them on at most *concurrency* threads."""

    def __init__(self, engine: Engine, *, concurrency: int, stop: threading.Event) -> None:
        self.engine = engine
        self.concurrency = concurrency
        self.stop = stop

    def drive_waves(
        self,
        waves: Sequence[Sequence[str]],
        *,
        too_many_failures: Callable[[int, int], bool],
        until: str | None = None,
    ) -> Drive:
        """Drive wave after wave; a wave starts when the one before is over and did not fail too often.

        Args:
            waves: run ids, the canary first.
            too_many_failures: (failed, started) -> whether to hold back what has not started.
            until: park every run before it enters this state.
        """
        drive = Drive()
        failed = started = 0
        for number, wave in enumerate(waves):
            if self.stop.is_set() or (number and too_many_failures(failed, started)):
                drive.held_back.extend(wave)
                continue
            self._drive(wave, drive, until)
            started += len(wave)
            failed += sum(_has_failed(drive, run) for run in wave)
        return drive

    def _drive(self, runs: Sequence[str], drive: Drive, until: str | None) -> None:
        """Until every run is over, parked for a person, or somebody asked to stop."""
        due = [(0.0, number, run) for number, run in enumerate(runs)]
        heapq.heapify(due)
        working: dict[Future[RunRecord], tuple[int, str]] = {}
        renewed_s = self.engine.clock.now_s()
        with ThreadPoolExecutor(self.concurrency, thread_name_prefix="run") as pool:
            while working or (due and not self.stop.is_set()):
                now_s = self.engine.clock.now_s()
                while due and due[0][0] <= now_s and len(working) < self.concurrency:
                    if self.stop.is_set():
                        break
                    _, number, run = heapq.heappop(due)
                    future = pool.submit(self.engine.advance, run, until=until)
                    working[future] = (number, run)
                if now_s - renewed_s >= _RENEW_EVERY_S:
                    self.engine.journal.renew(self.engine.owner, now_s=now_s, ttl_s=LEASE_TTL_S)
                    renewed_s = now_s
                self._await(working, due, now_s)
                for future in [future for future in working if future.done()]:
                    number, run = working.pop(future)
                    wake_s = self._settle(future, run, drive, until)
                    if wake_s is not None:
                        heapq.heappush(due, (wake_s, number, run))
        for _, _, run in due:
            drive.standing.setdefault(run, self.engine.journal.run(run))

    def _await(
        self,
        working: dict[Future[RunRecord], tuple[int, str]],
        due: list[tuple[float, int, str]],
        now_s: float,
    ) -> None:
        """Sleep until something finished or something is due; a signal wakes us too."""
        until_due_s = due[0][0] - now_s if due and len(working) < self.concurrency else _RENEW_EVERY_S
        timeout_s = min(max(until_due_s, 0.0), _RENEW_EVERY_S)
        if working:
            # Short slices while idle threads could take work that becomes due, or a signal came.
            wait(working, timeout=timeout_s, return_when=FIRST_COMPLETED)
        else:
            self.stop.wait(timeout_s)

    def _settle(self, future: Future[RunRecord], run: str, drive: Drive, until: str | None) -> float | None:
        """Note how the run stands; when to wake it again, or None."""
        try:
            record = future.result()
        except LeaseHeld as busy:
            again_s = self.engine.clock.now_s() + _BUSY_RETRY_S
            if run not in drive.errors:
                self._tell_busy(run, busy, again_s)
            drive.errors[run] = busy
            return again_s
        except LeaseLost as lost:
            drive.errors[run] = lost
            return None
        except OrchestratorError as error:
            drive.errors[run] = error
            drive.standing[run] = self.engine.journal.run(run)
            return None
        except Exception as error:  # noqa: BLE001 - a defect must not take the other runs with it
            drive.errors[run] = Defect(f"{type(error).__name__}: {error}")
            return None
        drive.errors.pop(run, None)
        drive.standing[run] = record
        if record.status is not RunStatus.ACTIVE or record.position.state == until or self.stop.is_set():
            return None
        return record.not_before_s

    def _tell_busy(self, run: str, busy: LeaseHeld, again_s: float) -> None:
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


def _has_failed(drive: Drive, run: str) -> bool:
    record = drive.standing.get(run)
    return (
        run in drive.errors
        or record is None
        or (record.status is RunStatus.FINISHED and record.result != "succeeded")
    )
