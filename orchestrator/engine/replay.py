"""The events of a run, told again from the journal: for those who watch a run that another process drives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.engine import events
from orchestrator.engine.events import Event
from orchestrator.ports import AttemptRecord, RunRecord, RunStatus


def events_of(record: RunRecord, attempts: Sequence[AttemptRecord]) -> list[Event]:
    """In order, always the same beginning for the same journal, so that a watcher can count on."""
    told = [Event(record.created_s, record.run, record.org, events.RUN_STARTED, _first(record, attempts))]
    for attempt in attempts:
        common: dict[str, Any] = {"run": record.run, "org": record.org, "state": attempt.state}
        if attempt.attempt == 1:
            told.append(Event(ts_s=attempt.intended_s, event=events.STATE_ENTERED, **common))
        told.append(
            Event(ts_s=attempt.intended_s, event=events.ATTEMPT_INTENDED, attempt=attempt.attempt, **common)
        )
        if attempt.settled_s is not None:
            told.append(
                Event(
                    ts_s=attempt.settled_s,
                    event=events.ATTEMPT_SETTLED,
                    attempt=attempt.attempt,
                    outcome=attempt.outcome,
                    code=attempt.code,
                    detail=attempt.detail,
                    **common,
                )
            )
    if record.status in {RunStatus.FINISHED, RunStatus.CANCELLED}:
        told.append(
            Event(
                ts_s=record.updated_s,
                run=record.run,
                org=record.org,
                event=events.RUN_FINISHED,
                state=record.position.state,
                code=record.code,
                detail=record.detail,
                result=record.result,
                duration_s=record.updated_s - record.created_s,
            )
        )
    elif record.status is RunStatus.AWAITING_OPERATOR:
        told.append(
            Event(
                ts_s=record.updated_s,
                run=record.run,
                org=record.org,
                event=events.WAITING,
                state=record.position.state,
                code="operator",
                not_before_s=record.until_s,
            )
        )
    return told


def _first(record: RunRecord, attempts: Sequence[AttemptRecord]) -> str:
    return attempts[0].state if attempts else record.position.state
