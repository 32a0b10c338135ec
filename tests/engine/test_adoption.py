"""What a run relies on when it is mapped onto a newer playbook: its state, its proofs, its inputs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_world import T0, chain, one_way

from orchestrator.engine.adoption import Former, adopted
from orchestrator.errors import UsageError
from orchestrator.machine import Position, Proof, Requires
from orchestrator.playbook.model import Parameter, Playbook
from orchestrator.ports import RunRecord, RunStatus

FORMER = Former({"prove": "prove", "lock": "lock"}, frozenset({"lock"}))


def newer(**changes):
    machine = chain("prove", "lock", lock=one_way("lock", "prove"), **changes)
    return Playbook("hybrid", 2, "", "bb" * 32, "", {}, machine)


def record(**changes):
    at = Position("lock", T0, proofs={"prove": Proof(5, T0 - 100, T0 - 10)})
    given = {
        "run": "run-1",
        "org": "acme",
        "playbook": "hybrid",
        "playbook_digest": "aa" * 32,
        "org_entry": {},
        "inputs": {},
        "position": at,
        "not_before_s": T0,
        "status": RunStatus.ACTIVE,
        "created_s": T0,
    }
    return RunRecord(**{**given, **changes})


def refusal(run, playbook, former=FORMER):
    with pytest.raises(UsageError) as caught:
        adopted(run, former, playbook, T0)
    assert caught.value.code == "adoption_refused"
    return caught.value.detail


def test_a_run_before_its_lock_keeps_position_and_proofs():
    run = record()
    standing, inputs = adopted(run, FORMER, newer(), T0 + 1)
    assert standing.position == run.position
    assert standing.evidence["adopted_playbooks"][0]["to"] == "bb" * 32
    assert inputs == {}


def test_a_proof_that_the_newer_playbook_would_not_accept_is_named():
    machine = newer().machine
    strict = replace(machine.states["lock"], requires=Requires("prove", consecutive=9, spread_s=600))
    playbook = replace(newer(), machine=replace(machine, states={**machine.states, "lock": strict}))
    detail = refusal(record(), playbook)
    assert "requires 9 proofs, and the run has 5" in detail
    assert "requires proofs over 600 s" in detail


def test_proofs_over_simulated_time_are_measured_in_it():
    machine = newer().machine
    strict = replace(machine.states["lock"], requires=Requires("prove", consecutive=5, spread_s=600))
    playbook = replace(newer(), machine=replace(machine, states={**machine.states, "lock": strict}))
    adopted(record(speed=10.0), FORMER, playbook, T0)


def test_a_proof_by_another_action_or_of_no_state_is_no_proof():
    machine = newer().machine
    other = replace(machine.states["prove"], action="look_away")
    playbook = replace(newer(), machine=replace(machine, states={**machine.states, "prove": other}))
    assert "proven by prove, and 'prove' does look_away" in refusal(record(), playbook)
    states = {name: state for name, state in machine.states.items() if name != "prove"}
    without = replace(newer(), machine=replace(machine, states=states))
    assert "proven by state 'prove', which is not there" in refusal(record(), without)


def test_a_lock_that_needs_no_proof_any_more_is_no_newer_version_of_it():
    machine = newer().machine
    open_door = replace(machine.states["lock"], one_way=False, requires=None)
    playbook = replace(newer(), machine=replace(machine, states={**machine.states, "lock": open_door}))
    assert "is not one_way any more" in refusal(record(), playbook)


def test_a_state_that_does_something_else_is_another_state():
    assert "state 'lock' does lock, and it was unlock" in refusal(
        record(), newer(), Former({"prove": "prove", "lock": "unlock"}, frozenset())
    )


def test_inputs_are_kept_completed_and_judged():
    inputs = {
        "colour": Parameter("string", default="red", choices=("red", "green")),
        "size": Parameter("integer", default=3),
    }
    playbook = replace(newer(), inputs=inputs)
    _, kept = adopted(record(inputs={"colour": "green"}), FORMER, playbook, T0)
    assert kept == {"colour": "green", "size": 3}
    assert "input 'colour' may not be 'blue'" in refusal(record(inputs={"colour": "blue"}), playbook)
    assert "it has no input 'shape'" in refusal(record(inputs={"shape": "round"}), playbook)


@pytest.mark.parametrize("tree", [None, [], {"states": None}, {"states": {"lock": "x"}}])
def test_a_former_playbook_that_cannot_be_read_at_all_maps_nothing(tree):
    assert "state 'lock' does lock" in refusal(record(), newer(), Former.read(tree))
