"""A run as time spent in states: when each was entered and left, what was work and what was waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.machine import Machine
from orchestrator.ports import AttemptRecord, RunRecord, iso


@dataclass(slots=True)
class Visit:
    """One stay in a state. Times are Unix seconds.

    Attributes:
        state: its name.
        begin_s: when it was entered: when the attempt before it settled, or the run was made.
        attempts: made during the stay, in order.
    """

    state: str
    begin_s: float
    attempts: list[AttemptRecord]

    @property
    def end_s(self) -> float:
        """When the last attempt settled, or was begun if it never did."""
        last = self.attempts[-1]
        return last.intended_s if last.settled_s is None else last.settled_s

    @property
    def worked_s(self) -> float:
        """Seconds from intending to settling, over all attempts."""
        return sum(attempt.settled_s - attempt.intended_s for attempt in self.attempts if attempt.settled_s)


def visits_of(record: RunRecord, attempts: Sequence[AttemptRecord]) -> list[Visit]:
    """The stays of a run in order; an attempt of number 1 begins a new one."""
    visits: list[Visit] = []
    for attempt in attempts:
        same = bool(visits) and visits[-1].state == attempt.state and attempt.attempt != 1
        if same:
            visits[-1].attempts.append(attempt)
        else:
            begin_s = visits[-1].end_s if visits else record.created_s
            visits.append(Visit(attempt.state, min(begin_s, attempt.intended_s), [attempt]))
    return visits


def states_of(
    record: RunRecord,
    attempts: Sequence[AttemptRecord],
    machine: Machine | None,
    purpose_of: Callable[[str], str],
) -> list[dict[str, Any]]:
    """One row per state, in the order in which they were first entered.

    Args:
        record: the run's row.
        attempts: all of them, in order.
        machine: of the playbook; None when this version cannot compile it.
        purpose_of: action → what it does, one sentence.

    Returns:
        Rows of `state`, `purpose`, `one_way` (None when unknown), `entered`, `left`, `visits`, `attempts`,
        `duration_s`, `worked_s` and `waited_s`.
    """
    by_state: dict[str, list[Visit]] = {}
    for visit in visits_of(record, attempts):
        by_state.setdefault(visit.state, []).append(visit)
    return [_row(state, visits, machine, purpose_of) for state, visits in by_state.items()]


def _row(
    name: str, visits: list[Visit], machine: Machine | None, purpose_of: Callable[[str], str]
) -> dict[str, Any]:
    state = machine.states.get(name) if machine is not None else None
    duration_s = sum(visit.end_s - visit.begin_s for visit in visits)
    worked_s = sum(visit.worked_s for visit in visits)
    purpose = ""
    if state is not None:
        purpose = state.operator.prompt if state.operator else purpose_of(state.action or "")
    return {
        "state": name,
        "purpose": purpose or None,
        "one_way": None if state is None else state.one_way,
        "entered": iso(visits[0].begin_s),
        "left": iso(visits[-1].end_s),
        "visits": len(visits),
        "attempts": sum(len(visit.attempts) for visit in visits),
        "duration_s": round(duration_s, 3),
        "worked_s": round(worked_s, 3),
        "waited_s": round(max(duration_s - worked_s, 0.0), 3),
    }


def spans_of(
    record: RunRecord, attempts: Sequence[AttemptRecord], machine: Machine | None
) -> list[dict[str, Any]]:
    """What the picture is drawn from: per visit `state`, `one_way`, `begin_s`, `end_s` and `marks`.

    Seconds count from the start of the run. A mark is one attempt: `begin_s`, `end_s`, `outcome`.
    """
    start_s = record.created_s
    return [
        {
            "state": visit.state,
            "one_way": bool(
                machine and visit.state in machine.states and machine.states[visit.state].one_way
            ),
            "begin_s": round(visit.begin_s - start_s, 3),
            "end_s": round(visit.end_s - start_s, 3),
            "marks": [_mark(attempt, start_s) for attempt in visit.attempts],
        }
        for visit in visits_of(record, attempts)
    ]


def _mark(attempt: AttemptRecord, start_s: float) -> Mapping[str, Any]:
    end_s = attempt.intended_s if attempt.settled_s is None else attempt.settled_s
    return {
        "begin_s": round(attempt.intended_s - start_s, 3),
        "end_s": round(end_s - start_s, 3),
        "outcome": attempt.outcome,
    }
