"""From outcomes and decisions to what the journal stores of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.errors import Disposition, OrgFault
from orchestrator.machine import (
    FAILED,
    Again,
    AwaitOperator,
    Decision,
    Done,
    Failed,
    Halt,
    Machine,
    Outcome,
    Perform,
    Position,
)
from orchestrator.ports import AttemptRecord, RunRecord, RunStatus, Standing

AGAIN = "again"
LOGIN_BUDGET = "login_budget"  # the one refusal that comes from ourselves: nothing was sent


def standing_of(
    decision: Decision, evidence: Mapping[str, Any], now_s: float, *, detail: str = "", code: str = ""
) -> Standing:
    """Where a run stands after *decision*.

    Args:
        decision: what the machine decided.
        evidence: all of the run's evidence by now.
        now_s: Unix seconds.
        detail: one sentence about the newest outcome.
        code: its code when it was no success.
    """
    common: dict[str, Any] = {
        "position": decision.position,
        "updated_s": now_s,
        "evidence": evidence,
        "detail": detail,
        "code": code,
    }
    match decision:
        case Perform(not_before_s=not_before_s):
            return Standing(status=RunStatus.ACTIVE, not_before_s=not_before_s, **common)
        case AwaitOperator(until_s=until_s):
            return Standing(
                status=RunStatus.AWAITING_OPERATOR, not_before_s=until_s, until_s=until_s, **common
            )
        case Halt(result=result):
            return Standing(status=RunStatus.FINISHED, not_before_s=now_s, result=str(result), **common)


def outcome_of(refused: OrgFault) -> Outcome:
    """A fault of the catalogue as an outcome: its disposition says whether asking again may help."""
    detail = f"{refused.detail}"
    if refused.kind.disposition in {Disposition.WAIT, Disposition.BACK_OFF}:
        asked = refused.code != LOGIN_BUDGET
        return Again(refused.code, detail, retry_after_s=refused.retry_after_s or 0.0, asked=asked)
    return Failed(refused.code, detail)


def outcome_name(outcome: Outcome) -> str:
    """The word the journal keeps for *outcome*."""
    match outcome:
        case Done(name=name):
            return name
        case Again():
            return AGAIN
        case Failed():
            return FAILED


def cause_of(machine: Machine, attempts: Sequence[AttemptRecord]) -> AttemptRecord | None:
    """What made the newest visit give up that gave up, when states that clean up came after it.

    A code with an edge of its own was expected, and is no reason why a run did not reach its end.
    """
    visits: list[list[AttemptRecord]] = []
    for attempt in attempts:
        if not visits or attempt.attempt == 1 or attempt.state != visits[-1][-1].state:
            visits.append([])
        visits[-1].append(attempt)
    for visit in reversed(visits):
        expected = machine.states[visit[-1].state].on
        unexpected = [attempt for attempt in visit if attempt.code and attempt.code not in expected]
        if visit[-1].outcome in {FAILED, AGAIN} and unexpected:
            return unexpected[-1]
    return None


def moved(record: RunRecord, standing: Standing, seq: int) -> RunRecord:
    """*record* as the journal will hold it after *standing* is written."""
    return replace(
        record,
        status=standing.status,
        position=standing.position,
        not_before_s=standing.not_before_s,
        updated_s=standing.updated_s,
        evidence=standing.evidence,
        detail=standing.detail,
        code=standing.code,
        until_s=standing.until_s,
        result=standing.result,
        seq=seq,
    )


def notes_of_visit(attempts: list[AttemptRecord], at: Position) -> dict[str, Any]:
    """Notes written since the state was entered, the newest winning."""
    if at.attempt == 1 and (not attempts or attempts[-1].settled_s is not None):
        return {}  # entered, nothing tried yet
    visit: list[AttemptRecord] = []
    for attempt in reversed(attempts):
        if attempt.state != at.state:
            break
        visit.append(attempt)
        if attempt.attempt == 1:
            break
    notes: dict[str, Any] = {}
    for attempt in reversed(visit):
        notes.update(attempt.notes)
    return notes
