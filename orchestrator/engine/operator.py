"""An operator's answer to a run that waits for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.standing import standing_of
from orchestrator.errors import UsageError
from orchestrator.machine import Machine, answer
from orchestrator.playbook.inputs import read_value
from orchestrator.playbook.model import Parameter
from orchestrator.playbook.references import render
from orchestrator.ports import AttemptRecord, Journal, RunRecord, RunStatus, iso
from orchestrator.redaction import redact


def answer_run(
    journal: Journal,
    machine: Machine,
    record: RunRecord,
    *,
    approved: bool,
    inputs: Mapping[str, str],
    now_s: float,
) -> RunRecord:
    """Record the answer and move the run; somebody else's process may drive it on.

    Args:
        journal: where the run is.
        machine: of the run's playbook, scaled to the run's speed.
        record: the run.
        approved: yes or no.
        inputs: texts given for what the question asks for.
        now_s: Unix seconds.

    Raises:
        UsageError: as `read_answer`.
    """
    values = read_answer(machine, record, approved=approved, inputs=inputs, now_s=now_s)
    decision = answer(machine, record.position, approved, now_s)
    evidence = {**record.evidence, "operator": {**record.evidence.get("operator", {}), **values}}
    settled = AttemptRecord(
        seq=record.seq + 1,
        state=record.position.state,
        attempt=record.position.attempt,
        intended_s=now_s,
        settled_s=now_s,
        outcome="approved" if approved else "rejected",
        detail="answered by an operator",
        evidence={"operator": values} if values else {},
    )
    journal.answer_operator(record.run, standing_of(decision, evidence, now_s), settled)
    return journal.run(record.run)


def question(machine: Machine, record: RunRecord) -> str:
    """What the person is asked in the state the run stands in; *record* is whole."""
    operator = machine.states[record.position.state].operator
    prompt = "" if operator is None else operator.prompt
    inputs = {**record.inputs, **record.evidence.get("operator", {})}
    scope = {"org": record.org_entry, "inputs": inputs, "evidence": record.evidence}
    try:
        return redact(render(prompt, scope))
    except UsageError:  # the run waits already; the question as it is written says enough
        return redact(prompt)


def read_answer(
    machine: Machine, record: RunRecord, *, approved: bool, inputs: Mapping[str, str], now_s: float
) -> dict[str, Any]:
    """The values of an answer, before it is given: whoever answers many runs checks all of them first.

    Raises:
        UsageError: the run does not wait for an answer (any more), or an input is missing or wrong.
    """
    state = machine.states[record.position.state]
    if record.status is not RunStatus.AWAITING_OPERATOR or state.operator is None:
        raise UsageError(
            f"{record.run} does not wait for an answer; it is {record.status}",
            code="not_waiting",
            remedy="see `orchestrator runs show`",
        )
    if record.until_s is not None and now_s >= record.until_s:
        raise UsageError(
            f"the question of {record.run} expired at {iso(record.until_s)}",
            code="question_expired",
            remedy=f"`orchestrator resume {record.run}` goes on as if nobody had answered",
        )
    return _values(state.operator.inputs, inputs) if approved else {}


def _values(asked: Mapping[str, str], given: Mapping[str, str]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(asked))
    missing = sorted(set(asked) - set(given))
    if unknown or missing:
        wrong = f"unknown: {', '.join(unknown)}" if unknown else f"missing: {', '.join(missing)}"
        raise UsageError(
            f"inputs {wrong}",
            code="input_missing" if missing else "input_unknown",
            remedy=f"the question asks for: {', '.join(asked) or 'nothing'}; give --input KEY=VALUE",
        )
    return {name: read_value(name, Parameter(kind), given[name]) for name, kind in asked.items()}
