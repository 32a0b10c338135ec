"""The numbers of a fleet while it goes: told by events, read by the live view, the recap and the metrics."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.engine import events
from orchestrator.engine.events import Event
from orchestrator.ports import RunRecord, RunStatus, iso, result_of

_SLOWEST = 3


@dataclass(slots=True)
class _Begun:
    """A run that has begun and is not over."""

    org: str
    since_s: float
    state: str = ""
    not_before_s: float | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The numbers at one moment.

    Attributes:
        total: runs of this command.
        results: result -> finished runs.
        states: state -> runs that stand there, begun and not over.
        working: runs a thread works on.
        asleep: runs that wait for a time; `next_wake_s` is the earliest (Unix seconds).
        operator: runs that wait for a person.
        not_begun: runs that have not begun.
        codes: code -> runs whose newest answer it is, among those that wait or failed.
        slowest: (org, state, seconds since it began) of the longest under way.
        attempts: attempts settled.
        end_s: estimated end (Unix seconds); None while nothing is known.
        quiet_s: for so long nothing has happened although runs are due; 0 where that is not known.
    """

    total: int
    results: Mapping[str, int]
    states: Mapping[str, int]
    working: int
    asleep: int
    next_wake_s: float | None
    operator: int
    not_begun: int
    codes: Mapping[str, int]
    slowest: tuple[tuple[str, str, float], ...]
    attempts: int
    elapsed_s: float
    end_s: float | None
    quiet_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The line `fleet_recap` of `--json --verbose`, without time and name."""
        return {
            "total": self.total,
            "results": dict(self.results),
            "states": dict(self.states),
            "waiting": self.asleep,
            "waiting_for_operator": self.operator,
            "not_begun": self.not_begun,
            "codes": dict(self.codes),
            "attempts": self.attempts,
            "elapsed_s": round(self.elapsed_s, 3),
            "estimated_end": None if self.end_s is None else iso(self.end_s),
        }


@dataclass(slots=True)
class Tally:
    """An observer that counts.

    Attributes:
        total: runs of this command.
        began_s: Unix seconds.
    """

    total: int
    began_s: float
    _begun: dict[str, _Begun] = field(default_factory=dict)
    _results: Counter[str] = field(default_factory=Counter)
    _failing: Counter[str] = field(default_factory=Counter)
    _attempts: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event) -> None:
        """Count *event*; from any thread."""
        with self._lock:
            if event.event == events.RUN_FINISHED:
                self._finished(event)
                return
            run = self._begun.get(event.run)
            if run is None:
                run = self._begun[event.run] = _Begun(event.org, event.ts_s)
            run.state = event.state
            if event.event == events.ATTEMPT_SETTLED:
                self._attempts += 1
                run.code = event.code or ""
            elif event.event == events.ATTEMPT_INTENDED:
                run.not_before_s = None
            elif event.event == events.WAITING:
                run.not_before_s = event.not_before_s
                run.code = event.code or ""

    def _finished(self, event: Event) -> None:
        self._begun.pop(event.run, None)
        self._results[event.result or "failed"] += 1
        if event.code and event.result not in {"succeeded", "interrupted"}:
            self._failing[event.code] += 1

    def snapshot(self, now_s: float) -> Snapshot:
        """The numbers now."""
        with self._lock:
            begun = list(self._begun.values())
            results, failing, attempts = dict(self._results), Counter(self._failing), self._attempts
        operator = sum(run.code == "operator" for run in begun)
        wakes = [run.not_before_s for run in begun if run.code != "operator" and run.not_before_s is not None]
        failing.update(run.code for run in begun if run.code and run.code != "operator")
        over = sum(results.values())
        slowest = sorted(begun, key=lambda run: run.since_s)[:_SLOWEST]
        return Snapshot(
            total=self.total,
            results=results,
            states=dict(Counter(run.state for run in begun).most_common()),
            working=len(begun) - len(wakes) - operator,
            asleep=len(wakes),
            next_wake_s=min(wakes, default=None),
            operator=operator,
            not_begun=max(self.total - over - len(begun), 0),
            codes=dict(failing.most_common()),
            slowest=tuple((run.org, run.state, now_s - run.since_s) for run in slowest),
            attempts=attempts,
            elapsed_s=now_s - self.began_s,
            end_s=_estimated_end_s(self.began_s, now_s, over, self.total - operator),
        )


def snapshot_of(records: Sequence[RunRecord], now_s: float) -> Snapshot:
    """The numbers by what the journal holds: for those who watch runs that another process drives.

    A run that is due counts as worked on; if nothing happens for long, nobody does (`quiet_s`).
    """
    over = [record for record in records if record.status in {RunStatus.FINISHED, RunStatus.CANCELLED}]
    asking = [record for record in records if record.status is RunStatus.AWAITING_OPERATOR]
    active = [record for record in records if record.status is RunStatus.ACTIVE]
    begun = [record for record in active if record.seq]
    wakes = [record.not_before_s for record in begun if record.not_before_s > now_s]
    codes = Counter(record.code for record in begun + over if record.code and record.result != "succeeded")
    began_s = min((record.created_s for record in records), default=now_s)
    newest_s = max((record.updated_s for record in records), default=now_s)
    is_due = len(begun) > len(wakes)
    return Snapshot(
        total=len(records),
        results=dict(Counter(result_of(record) for record in over)),
        states=dict(Counter(record.position.state for record in begun + asking).most_common()),
        working=len(begun) - len(wakes),
        asleep=len(wakes),
        next_wake_s=min(wakes, default=None),
        operator=len(asking),
        not_begun=len(active) - len(begun),
        codes=dict(codes.most_common()),
        slowest=tuple(
            (record.org, record.position.state, now_s - record.created_s)
            for record in sorted(begun, key=lambda record: record.created_s)[:_SLOWEST]
        ),
        attempts=sum(record.seq for record in records),
        elapsed_s=(now_s if active else newest_s) - began_s,
        end_s=_estimated_end_s(began_s, now_s, len(over), len(records) - len(asking)),
        quiet_s=max(now_s - newest_s, 0.0) if is_due else 0.0,
    )


def _estimated_end_s(began_s: float, now_s: float, over: int, total: int) -> float | None:
    """When the last run is over if the rest go as fast as those before; None before the first is over."""
    if not 0 < over < total:
        return None
    return now_s + (now_s - began_s) * (total - over) / over
