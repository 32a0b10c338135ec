from __future__ import annotations

import json
from dataclasses import replace

import pytest
from machine_building import T0, WAIT, at, machine

from orchestrator.machine import (
    Again,
    AwaitOperator,
    Done,
    Failed,
    Halt,
    Perform,
    Position,
    Proof,
    Requires,
    Result,
    answer,
    decide,
    expire,
    gate,
    start,
)

MACHINE = machine()
PROOF = Proof(3, T0, T0 + 40)


def test_a_run_starts_in_the_initial_state_at_once():
    assert start(MACHINE, T0) == Perform(at(visits={"prove": 1}), T0)


def test_the_first_success_of_a_streak_schedules_the_next_proof_and_keeps_the_state():
    decision = decide(MACHINE, at(), Done(), T0 + 5)
    assert decision == Perform(at(attempt=2, streak=1, streak_since_s=T0 + 5), T0 + 5 + 20)


def test_enough_successes_without_the_spread_do_not_end_the_state():
    here = at(attempt=9, streak=5, streak_since_s=T0)
    decision = decide(MACHINE, here, Done(), T0 + 39.9)
    assert isinstance(decision, Perform)
    assert decision.position.streak == 6


def test_enough_spread_without_enough_successes_does_not_end_the_state():
    here = at(attempt=2, streak=1, streak_since_s=T0)
    decision = decide(MACHINE, here, Done(), T0 + 200)
    assert isinstance(decision, Perform)
    assert decision.position.streak == 2


def test_the_last_success_leads_on_with_its_proof():
    here = at(attempt=3, streak=2, streak_since_s=T0)
    decision = decide(MACHINE, here, Done(), T0 + 40)
    assert isinstance(decision, AwaitOperator)
    assert decision.position.state == "ask"
    assert decision.position.proofs == {"prove": PROOF}
    assert decision.until_s == T0 + 40 + 3600


def test_another_named_outcome_needs_no_streak():
    assert decide(MACHINE, at(), Done("other"), T0) == Halt(at("done", visits={"done": 1}), Result.SUCCEEDED)


def test_not_yet_resets_the_streak_and_forgets_the_states_own_proof():
    here = at(attempt=3, streak=2, streak_since_s=T0, proofs={"prove": PROOF, "other": PROOF})
    decision = decide(MACHINE, here, Again("user_not_approved"), T0 + 10)
    assert isinstance(decision, Perform)
    assert (decision.position.streak, decision.position.streak_since_s) == (0, None)
    assert decision.position.proofs == {"other": PROOF}
    assert decision.position.attempt == 4


@pytest.mark.parametrize(
    ("attempt", "retry_after_s", "delay_s"),
    [(1, 0, 10), (2, 0, 20), (3, 0, 40), (4, 0, 60), (50, 0, 60), (1, 7, 10), (1, 33, 33), (4, 120, 120)],
)
def test_the_delay_backs_off_to_its_greatest_and_never_undercuts_the_server(attempt, retry_after_s, delay_s):
    decision = decide(MACHINE, at(attempt=attempt), Again("busy", retry_after_s=retry_after_s), T0)
    assert isinstance(decision, Perform)
    assert decision.not_before_s == pytest.approx(T0 + delay_s)


@pytest.mark.parametrize(("now_s", "times_out"), [(290, False), (290.1, True), (300, True), (1e6, True)])
def test_an_attempt_that_could_only_start_after_the_window_is_not_made(now_s, times_out):
    decision = decide(MACHINE, at(), Again("busy"), T0 + now_s)
    assert isinstance(decision, Halt) is times_out


def test_a_retry_after_beyond_the_window_times_the_state_out_at_once():
    decision = decide(MACHINE, at(), Again("busy", retry_after_s=301), T0)
    assert decision == Halt(at("attention", visits={"attention": 1}), Result.NEEDS_ATTENTION)


def test_without_a_timed_out_edge_the_failed_edge_is_taken():
    on = {"succeeded": "done", "failed": "failed"}
    lone = machine(prove=replace(MACHINE.states["prove"], on=on))
    decision = decide(lone, at(), Again("busy"), T0 + 999)
    assert isinstance(decision, Halt)
    assert decision.result is Result.FAILED


@pytest.mark.parametrize(("code", "state"), [("login_invalid", "attention"), ("anything_else", "failed")])
def test_a_failure_takes_its_own_edge_or_the_general_one(code, state):
    decision = decide(MACHINE, at(), Failed(code), T0)
    assert decision.position.state == state


def test_a_state_entered_too_often_passes_on_along_exhausted():
    here = at("lock", visits={"lock": 1, "prove": 3})
    decision = decide(MACHINE, here, Failed("proof_stale"), T0)
    assert decision == Halt(
        at("attention", visits={"lock": 1, "prove": 4, "attention": 1}), Result.NEEDS_ATTENTION
    )


def test_a_state_that_leads_to_itself_is_entered_anew_and_counted():
    here = at("lock", attempt=4, visits={"lock": 2}, proofs={"prove": PROOF})
    decision = decide(MACHINE, here, Done("more"), T0 + 50)
    assert decision == Perform(
        Position("lock", T0 + 50, visits={"lock": 3}, proofs={"prove": PROOF}), T0 + 50
    )


def test_entering_a_proving_state_again_drops_its_old_proof():
    here = at("lock", visits={"prove": 1, "lock": 1}, proofs={"prove": PROOF})
    decision = decide(MACHINE, here, Failed("proof_stale"), T0 + 5000)
    assert decision.position.state == "prove"
    assert decision.position.proofs == {}


@pytest.mark.parametrize(("approved", "state"), [(True, "lock"), (False, "failed")])
def test_an_operator_decides(approved, state):
    assert answer(MACHINE, at("ask"), approved, T0).position.state == state


def test_an_operator_who_does_not_answer_is_a_timeout():
    decision = expire(MACHINE, at("ask"), T0)
    assert isinstance(decision, Halt)
    assert decision.result is Result.NEEDS_ATTENTION


@pytest.mark.parametrize(
    ("proof", "now_s", "admitted"),
    [
        (None, 41, False),
        (PROOF, 40, True),
        (PROOF, 40 + 900, True),
        (PROOF, 40 + 900.1, False),
        (PROOF, 39.9, False),  # the clock was set back: its age is unknown
        (Proof(2, T0, T0 + 40), 41, False),
        (Proof(9, T0, T0 + 39.9), 41, False),
        (Proof(4, T0 - 100, T0 + 40), 41, True),
    ],
)
def test_the_gate_admits_only_enough_fresh_spread_proofs(proof, now_s, admitted):
    here = at("lock", proofs={"prove": proof} if proof else {})
    refused = gate(MACHINE, here, T0 + now_s)
    assert (refused is None) is admitted
    if refused is not None:
        assert refused.code == "proof_stale"
        assert refused.detail


def test_the_gate_stands_before_one_way_states_only():
    assert gate(MACHINE, at("prove"), T0) is None


def test_a_position_survives_json_unchanged():
    here = Position("lock", T0 + 1 / 3, 7, 2, T0 - 0.1, {"prove": 2, "lock": 1}, {"prove": PROOF})
    assert Position.from_json(json.loads(json.dumps(here.as_json()))) == here


def test_speed_divides_every_wait_but_not_the_freshness_of_proofs():
    fast = MACHINE.scaled(10)
    assert fast.states["prove"].wait == replace(
        WAIT, interval_s=1, max_interval_s=6, timeout_s=30, spread_s=4
    )
    assert fast.states["lock"].requires == Requires("prove", 3, 4, 900)
    assert fast.states["ask"].wait.timeout_s == 360
    assert fast.states["lock"].on == MACHINE.states["lock"].on
