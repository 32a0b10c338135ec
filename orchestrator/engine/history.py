"""What earlier runs tell of how long something takes, for states whose playbook says `pace: learned`.

Read from the evidence of the newest finished runs of the same playbook, once a minute at most, and kept up to
date by the runs this process drives. Runs under way count as long as they have waited: who only looked at
those that are over would take the quick ones for all.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.actions.propagation import Propagation, propagation_of
from orchestrator.pacing import Course, Lengths, Span, Wait, chances
from orchestrator.ports import Clock, Journal, RunRecord

READ_EVERY_S = 60.0
READ_RUNS = 300
"""So many of the newest finished runs are read; older ones are about another release of Salesforce."""
KEPT_RUNS = 2000

_Group = tuple[str, ...]


@dataclass(slots=True)
class _Known:
    """What is known of one playbook at one speed of time.

    Attributes:
        spans: run -> the groups it counts in, and how long it has waited; the newest last.
        lengths: their sums by group.
        read_s: when the journal was read last, Unix seconds.
    """

    spans: dict[str, tuple[list[_Group], Span]] = field(default_factory=dict)
    lengths: dict[_Group, Lengths] = field(default_factory=dict)
    read_s: float | None = None

    def put(self, run: str, groups: list[_Group], span: Span) -> None:
        """Count *run*, instead of what was counted for it before."""
        self._drop(run)
        self.spans[run] = (groups, span)
        for group in groups:
            self.lengths[group] = self.lengths.get(group, Lengths()).with_span(span)
        if len(self.spans) > KEPT_RUNS:
            self._drop(next(iter(self.spans)))

    def _drop(self, run: str) -> None:
        groups, span = self.spans.pop(run, ([], Span(0.0, None)))
        for group in groups:
            self.lengths[group] = self.lengths[group].with_span(span, -1)


class History:
    """Lengths of earlier runs, kept in this process. Safe to use from many threads."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()
        # Simulated time tells nothing about real orgs.
        self._known: dict[tuple[str, float], _Known] = {}

    def course(self, record: RunRecord, evidence: Mapping[str, Any], wait: Wait) -> Course | None:
        """What is known about the wait that *record* is in; None when nothing is.

        Args:
            record: the run.
            evidence: all of its evidence by now.
            wait: the schedule of its state, not scaled.
        """
        found = propagation_of(evidence)
        if found is None:
            return None
        with self._lock:
            known = self._of(record)
            _count(known, record.run, found, record.speed, is_over=False)
            levels = [known.lengths[group] for group in _groups(found)]
        if sum(levels[0].ready) < 0.5:  # noqa: PLR2004 - no run; sums miss zero by a rounding
            return None
        return Course(found.began_s, chances(wait, levels), record.speed)

    def left(self, record: RunRecord, evidence: Mapping[str, Any]) -> None:
        """The run has left the state: it settled, or never will."""
        found = propagation_of(evidence)
        if found is not None:
            with self._lock:
                _count(self._of(record), record.run, found, record.speed, is_over=True)

    def _of(self, record: RunRecord) -> _Known:
        known = self._known.setdefault((record.playbook, record.speed), _Known())
        now_s = self._clock.now_s()
        if known.read_s is None or not 0 <= now_s - known.read_s < READ_EVERY_S:
            known.read_s = now_s
            rows = self._journal.finished_evidence(record.playbook, record.speed, READ_RUNS)
            for run, evidence in reversed(rows):
                found = propagation_of(evidence)
                if found is not None and run not in known.spans:
                    _count(known, run, found, record.speed, is_over=True)
        return known


def _count(known: _Known, run: str, found: Propagation, speed: float, *, is_over: bool) -> None:
    settled_s = found.settled_s if is_over else None  # a streak under way may be luck
    span = Span(found.refused_s * speed, None if settled_s is None else settled_s * speed)
    known.put(run, _groups(found), span)


def _groups(found: Propagation) -> list[_Group]:
    """From the general to the particular: the kind of app, and that kind on that pod."""
    return [(found.app_kind,), *([(found.app_kind, found.instance)] if found.instance else [])]
