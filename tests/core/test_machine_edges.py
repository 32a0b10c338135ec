"""The machine at its limits: the last visit, the last second, the words of the gate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from machine_building import REQUIRES, T0, WAIT, at, machine

from orchestrator.machine import (
    Again,
    Done,
    Failed,
    Halt,
    Perform,
    Proof,
    Result,
    State,
    answer,
    decide,
    expire,
    gate,
    start,
)
from orchestrator.pacing import LEARNED, Course, Wait, chances

MACHINE = machine()
NOTHING_ASKED = {"code": "busy", "asked": False}


@pytest.mark.parametrize(("before", "state"), [(0, "prove"), (2, "prove"), (3, "attention")])
def test_a_state_may_be_entered_as_often_as_it_says_and_no_oftener(before, state):
    here = at("lock", visits={"lock": 1, "prove": before})
    assert decide(MACHINE, here, Failed("proof_stale"), T0).position.state == state


def test_the_first_visit_counts():
    once = machine(prove=replace(MACHINE.states["prove"], visits=1))
    first = start(once, T0).position
    assert first.visits == {"prove": 1}
    back = decide(once, at("lock", visits=first.visits), Failed("proof_stale"), T0)
    assert back.position.state == "attention"


@pytest.mark.parametrize("retry_after_s", [0.0, 7.5, 290.0])
def test_when_nothing_was_asked_the_streak_and_the_proofs_stand(retry_after_s):
    proofs = {"prove": Proof(3, T0, T0 + 1)}
    here = at(attempt=3, streak=2, streak_since_s=T0, proofs=proofs, visits={"prove": 1})
    decision = decide(MACHINE, here, Again(retry_after_s=retry_after_s, **NOTHING_ASKED), T0 + 10)
    assert decision == Perform(replace(here, attempt=4), T0 + 10 + retry_after_s)


def test_when_nothing_was_asked_and_the_window_is_over_the_state_times_out():
    here = at(streak=2, streak_since_s=T0)
    for now_s, retry_after_s in ((10, 290.5), (301, 0.0)):
        decision = decide(MACHINE, here, Again(retry_after_s=retry_after_s, **NOTHING_ASKED), T0 + now_s)
        assert decision == Halt(
            at("attention", entered_at_s=T0 + now_s, visits={"attention": 1}), Result.NEEDS_ATTENTION
        )


def test_the_window_of_the_state_after_a_person_begins_with_the_answer():
    here = at("ask", proofs={"prove": Proof(3, T0, T0 + 1)})
    assert answer(MACHINE, here, True, T0 + 60) == Perform(  # noqa: FBT003 - the answer is a yes
        at("lock", entered_at_s=T0 + 60, visits={"lock": 1}, proofs=here.proofs), T0 + 60
    )
    assert expire(MACHINE, here, T0 + 3600).position.entered_at_s == T0 + 3600


def test_without_a_number_drawn_the_delay_is_the_one_written():
    spread = machine(prove=replace(MACHINE.states["prove"], wait=replace(WAIT, jitter=0.5)))
    assert decide(spread, at(), Again("busy"), T0).not_before_s == T0 + 10
    assert decide(spread, at(), Again("busy"), T0, noise=0.0).not_before_s == T0 + 5
    assert decide(spread, at(), Again("busy"), T0, noise=0.75).not_before_s == T0 + 12.5


@pytest.mark.parametrize(("now_s", "delay_s"), [(10, 40), (270, 30), (296, 4)])
def test_a_learned_pace_follows_what_is_known_and_looks_once_more_when_the_window_closes(now_s, delay_s):
    wait = Wait(interval_s=4, max_interval_s=10, timeout_s=300, pace=LEARNED)
    paced = machine(prove=replace(MACHINE.states["prove"], wait=wait))
    hopeless = Course(T0, (0.0,) * len(chances(wait)))
    decision = decide(paced, at(), Again("busy"), T0 + now_s, course=hopeless)
    assert decision == Perform(at(attempt=2), T0 + now_s + delay_s)
    likely = Course(T0, tuple(1e6 for _ in chances(wait)))
    assert decide(paced, at(), Again("busy"), T0 + 10, course=likely).not_before_s == T0 + 14
    dense_until = Course(T0, tuple(1e6 if step < 20 else 0.0 for step in range(len(chances(wait)))))
    assert decide(paced, at(), Again("busy"), T0 + 10, course=dense_until).not_before_s == T0 + 14
    assert decide(paced, at(), Again("busy"), T0 + 200, course=dense_until).not_before_s == T0 + 240


def test_a_clock_set_back_gives_the_window_no_more_time_and_begins_the_streak_anew():
    here = at(entered_at_s=T0 + 500, streak=2, streak_since_s=T0 + 600)
    decision = decide(MACHINE, here, Done(), T0)
    assert (decision.position.entered_at_s, decision.position.streak) == (T0, 1)
    assert decision.position.streak_since_s == T0
    at_once = decide(MACHINE, at(streak=2, streak_since_s=T0), Done(), T0)
    assert (at_once.position.streak, at_once.position.streak_since_s) == (3, T0)


@pytest.mark.parametrize(
    ("proof", "now_s", "detail"),
    [
        (None, 0, "'prove' has not proved anything in this run"),
        (Proof(2, T0, T0 + 40), 41, "2 proofs in a row, 3 are required"),
        (Proof(3, T0, T0 + 39.5), 41, "proofs span 39.5 s, 40.0 s are required"),
        (Proof(3, T0, T0 + 40), 1040, "last proof is 1000 s old, 900 s allowed"),
        (Proof(3, T0, T0 + 40), 30, "last proof is -10 s old, 900 s allowed"),
    ],
)
def test_the_gate_says_what_is_missing(proof, now_s, detail):
    here = at("lock", proofs={"prove": proof} if proof else {})
    assert gate(MACHINE, here, T0 + now_s) == Failed("proof_stale", detail)


def test_the_gate_has_nothing_to_ask_where_nothing_is_required():
    assert gate(machine(lock=State("lock", action="lock", one_way=True)), at("lock"), T0) is None
    assert gate(machine(lock=State("lock", action="lock", requires=REQUIRES)), at("lock"), T0) is None


def test_a_machine_made_faster_starts_where_it_did():
    fast = MACHINE.scaled(10)
    assert (fast.initial, set(fast.states)) == ("prove", set(MACHINE.states))
    assert start(fast, T0) == start(MACHINE, T0)
