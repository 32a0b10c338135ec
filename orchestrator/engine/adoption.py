"""Let a run go on with a newer playbook of the same name, where the two mean the same by where it stands.

A run keeps the playbook it was started with. That is right until the playbook itself is what has to change: a
fixed edge, a longer window, a version of this program that no longer reads the old one. Whatever the run has
proven and done was proven and done under the old playbook, so it is mapped only where nothing of that changes
its meaning, and refused with the difference otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import UsageError
from orchestrator.machine import Machine, State
from orchestrator.playbook.model import Playbook
from orchestrator.playbook.parameters import native_default
from orchestrator.ports import RunRecord, RunStatus, Standing, iso


@dataclass(frozen=True, slots=True)
class Former:
    """What is known of the playbook a run was started with, should it compile no more.

    Attributes:
        actions: state -> its action; None for questions and ends.
        one_way: states that were one-way.
    """

    actions: Mapping[str, str | None]
    one_way: frozenset[str]

    @classmethod
    def read(cls, tree: Any) -> Former:
        """From the YAML document as a plain tree; whatever is not there is not known."""
        states = tree.get("states") if isinstance(tree, dict) else None
        rows = {str(name): row for name, row in (states or {}).items() if isinstance(row, dict)}
        return cls(
            {name: row.get("action") for name, row in rows.items()},
            frozenset(name for name, row in rows.items() if row.get("one_way") is True),
        )


def adopted(
    record: RunRecord, former: Former, newer: Playbook, now_s: float
) -> tuple[Standing, dict[str, Any]]:
    """Where the run stands under *newer*, and its inputs there. Nothing is written.

    Args:
        record: the run, whole.
        former: the playbook it was started with.
        newer: the one it is to go on with.
        now_s: Unix seconds.

    Raises:
        UsageError: `run_over`, or `adoption_refused` with every difference that matters.
    """
    if record.status not in {RunStatus.ACTIVE, RunStatus.AWAITING_OPERATOR}:
        raise UsageError(
            f"{record.run} is over", code="run_over", remedy="start a new run of the newer playbook"
        )
    differences = list(_differences(record, former, newer))
    if differences:
        raise UsageError(
            f"{record.run} in state '{record.position.state}' cannot go on with {newer.name} "
            f"{newer.digest[:12]}: {'; '.join(differences)}",
            code="adoption_refused",
            remedy=f"`orchestrator resume {record.run}` goes on with its own playbook, if need be with the "
            f"version that started it; or cancel it and start anew",
        )
    adopted_at = {"at": iso(now_s), "from": record.playbook_digest, "to": newer.digest}
    history = [*record.evidence.get("adopted_playbooks", []), adopted_at]
    standing = Standing(
        status=record.status,
        position=record.position,
        not_before_s=record.not_before_s,
        until_s=record.until_s,
        updated_s=now_s,
        evidence={**record.evidence, "adopted_playbooks": history},
        detail=record.detail,
        code=record.code,
        result=record.result,
    )
    inputs = {name: record.inputs.get(name, native_default(spec)) for name, spec in newer.inputs.items()}
    return standing, inputs


def _differences(record: RunRecord, former: Former, newer: Playbook) -> Iterator[str]:
    """What the newer playbook has otherwise that this run relies on."""
    machine, at = newer.machine, record.position
    yield from _state(former, machine, at.state)
    for proved in at.proofs:
        yield from _proof(record, former, machine, proved)
    for name in sorted(set(record.inputs) - set(newer.inputs)):
        if record.inputs[name] is not None:
            yield f"it has no input '{name}'"
    for name, spec in newer.inputs.items():
        if spec.required and name not in record.inputs:
            yield f"it requires the input '{name}', which the run was not given"
        elif spec.choices and name in record.inputs and str(record.inputs[name]) not in spec.choices:
            yield f"input '{name}' may not be {record.inputs[name]!r} there"


def _state(former: Former, machine: Machine, name: str) -> Iterator[str]:
    here = machine.states.get(name)
    if here is None:
        yield f"it has no state '{name}'"
        return
    before = former.actions.get(name)
    if here.action != before:
        yield f"state '{name}' {_does(here)}, and it was {before or 'a question'}"
    if name in former.one_way and not here.one_way:
        yield f"state '{name}' is not one_way any more"


def _proof(record: RunRecord, former: Former, machine: Machine, proved: str) -> Iterator[str]:
    """A proof holds under the newer playbook when it was made by the same action and is worth as much."""
    proof = record.position.proofs[proved]
    here = machine.states.get(proved)
    if here is None:
        yield f"the run was proven by state '{proved}', which is not there"
        return
    if here.action != former.actions.get(proved):
        yield f"the run was proven by {former.actions.get(proved)}, and '{proved}' {_does(here)}"
    at = machine.states.get(record.position.state)
    if at is None or at.requires is None or at.requires.proved != proved:
        return
    requires = at.requires
    if proof.count < requires.consecutive:
        yield f"'{at.name}' requires {requires.consecutive} proofs, and the run has {proof.count}"
    if proof.last_s - proof.first_s < requires.spread_s / record.speed:
        yield f"'{at.name}' requires proofs over {requires.spread_s:g} s"


def _does(state: State) -> str:
    return f"does {state.action}" if state.action else ("asks a person" if state.operator else "is an end")
