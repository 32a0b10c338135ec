"""Laws that hold for every path of every playbook, under any outcomes, noise and clock."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machine_building import T0, WAIT, at, machine

from orchestrator.actions.registry import ACTIONS
from orchestrator.catalogue import FAULTS
from orchestrator.machine import (
    PROOF_STALE,
    SUCCEEDED,
    Again,
    AwaitOperator,
    Done,
    Failed,
    Halt,
    Machine,
    Outcome,
    Perform,
    State,
    answer,
    decide,
    expire,
    gate,
    start,
)
from orchestrator.pacing import Wait, proof_delay_s, retry_delay_s
from orchestrator.playbook.compiler import compile_playbook

PLAYBOOKS = sorted((Path(__file__).parents[2] / "playbooks").glob("*.yaml"))
SPECS = {name: action.spec for name, action in ACTIONS.items()}
LAWS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], print_blob=True)


@functools.cache
def compiled(path: Path) -> Machine:
    return compile_playbook(path.read_text("utf-8"), str(path), SPECS, FAULTS).machine


def most_decisions(found: Machine) -> int:
    """A bound on the decisions of any run, from the numbers in the playbook alone.

    Every state is entered at most `visits` times, or once per entry of its predecessors; an entry makes at
    most timeout / shortest delay attempts, and as many more as its streak asks for.
    """
    entries = 1
    for state in found.states.values():
        entries *= 1 + (state.visits or 0)
    attempts = 1
    for state in found.states.values():
        wait = state.wait
        shortest_s = max(min(wait.interval_s, wait.max_interval_s) * (1 - wait.jitter), 0.001)
        attempts = max(attempts, int(wait.timeout_s / shortest_s) + wait.consecutive + 2)
    return min(entries * len(found.states) * attempts, 50_000_000)


def outcome_of(data: st.DataObject, found: Machine, name: str) -> Outcome:
    here = found.states[name]
    kind = data.draw(st.integers(0, 9), label="kind")
    if kind == 0:
        return Failed(data.draw(st.sampled_from([*sorted(here.on), "unheard_of"]), label="code"))
    if kind < 5:
        return Again("busy", retry_after_s=data.draw(st.sampled_from([0.0, 0.0, 5.0, 1e9]), label="asked"))
    return Done(data.draw(st.sampled_from(sorted(SPECS[str(here.action)].outcomes)), label="outcome"))


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
@LAWS
@given(data=st.data())
def test_every_path_of_every_playbook_ends(path: Path, data: st.DataObject) -> None:
    found = compiled(path)
    now_s = T0
    decision = start(found, now_s)
    bound = most_decisions(found)
    noise = data.draw(st.floats(0, 1, exclude_max=True), label="noise")
    lucky = data.draw(st.integers(1, 40), label="random outcomes before the org goes silent")
    for step in range(20_000):
        if isinstance(decision, Halt):
            assert found.states[decision.position.state].final is decision.result
            return
        assert step < bound
        position = decision.position
        allowed = found.states[position.state].visits
        assert allowed is None or position.visits[position.state] <= allowed
        if isinstance(decision, AwaitOperator):
            assert decision.until_s >= now_s
            if data.draw(st.booleans(), label="answered"):
                decision = answer(found, position, data.draw(st.booleans(), label="yes"), now_s)
            else:
                now_s = decision.until_s
                decision = expire(found, position, now_s)
            continue
        assert decision.not_before_s >= now_s
        now_s = decision.not_before_s
        refused = gate(found, position, now_s)
        if refused is not None:
            outcome: Outcome = refused
        elif step < lucky:
            now_s += data.draw(st.sampled_from([0.0, 0.1, 10.0, 2000.0]), label="took")
            outcome = outcome_of(data, found, position.state)
        else:  # an adversary who never says yes or no, or always yes
            outcome = Again("busy") if step % 2 else Done(_longest(found, position.state))
        decision = decide(found, position, outcome, now_s, noise=noise)
    raise AssertionError("the path did not end within 20,000 decisions")


def _longest(found: Machine, name: str) -> str:
    """The outcome that keeps a run longest: the loop, if there is one."""
    return "more" if "more" in found.states[name].on else SUCCEEDED


class Witness:
    """Keeps its own account of proofs, knowing nothing of positions: the last unbroken run of successes."""

    def __init__(self) -> None:
        self.streak: list[float] = []
        self.completed: list[float] = []

    def saw(self, state: str, outcome: Outcome, now_s: float) -> None:
        if state != "prove":
            return
        if isinstance(outcome, Done):
            self.streak.append(now_s)
        else:
            self.streak = []

    def left(self) -> None:
        self.completed, self.streak = self.streak, []

    def would_admit(self, now_s: float) -> bool:
        times = self.completed
        if len(times) < 3:
            return False
        return times[-1] - times[0] >= 40 and 0 <= now_s - times[-1] <= 900


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["yes", "yes", "yes", "again", "stale"]), st.sampled_from([0.0, 1.0, 50.0, 950.0])
    ),
    max_size=60,
)


@settings(LAWS, max_examples=400)
@given(steps=STEPS, back_s=st.sampled_from([0.0, 0.0, 100.0]))
def test_no_one_way_effect_is_admitted_before_enough_fresh_proofs_in_a_row(steps, back_s):
    found = machine(prove=_looping())
    witness, now_s = Witness(), T0
    decision = start(found, now_s)
    for what, pause_s in steps:
        if isinstance(decision, Halt):
            return
        position = decision.position
        now_s += pause_s
        if isinstance(decision, AwaitOperator):
            decision = answer(found, position, approved=True, now_s=now_s)
            continue
        now_s = max(now_s, decision.not_before_s)
        if position.state == "lock":
            refused = gate(found, position, now_s - back_s)
            assert (refused is None) == witness.would_admit(now_s - back_s)
            outcome: Outcome = refused or Done("more")
            if what == "stale":
                outcome = Failed(PROOF_STALE)
        else:
            outcome = Done() if what == "yes" else Again("app_not_found")
        witness.saw(position.state, outcome, now_s)
        decision = decide(found, position, outcome, now_s)
        if position.state == "prove" and decision.position.state != "prove":
            witness.left()


def _looping() -> State:
    """The proving state without an end, so that the list of steps decides how long it goes."""
    return replace(machine().states["prove"], visits=50, wait=replace(WAIT, timeout_s=1e9))


@given(
    interval_s=st.floats(0.001, 1e4),
    rate=st.one_of(st.floats(1, 1e6), st.integers(1, 10**6)),
    greatest_s=st.floats(0.001, 1e5),
    jitter=st.floats(0, 1),
    attempt=st.one_of(st.integers(-5, 200), st.integers(10**3, 10**18)),
    noise=st.floats(0, 1, exclude_max=True),
)
def test_a_delay_is_finite_never_negative_and_at_most_the_greatest_with_jitter(
    *, interval_s, rate, greatest_s, jitter, attempt, noise
):
    wait = Wait(interval_s=interval_s, backoff_rate=rate, max_interval_s=greatest_s, jitter=jitter)
    delay_s = retry_delay_s(wait, attempt, noise)
    assert 0 <= delay_s <= greatest_s * (1 + jitter)


@given(
    consecutive=st.integers(1, 50),
    spread_s=st.floats(0, 1e5),
    streak=st.integers(1, 100),
    elapsed_s=st.floats(-1e3, 1e6),
    jitter=st.floats(0, 1),
    noise=st.floats(0, 1, exclude_max=True),
)
def test_the_wait_for_the_next_proof_is_bounded(*, consecutive, spread_s, streak, elapsed_s, jitter, noise):
    wait = Wait(consecutive=consecutive, spread_s=spread_s, jitter=jitter)
    delay_s = proof_delay_s(wait, streak, elapsed_s, noise)
    greatest_s = max((spread_s + max(-elapsed_s, 0)) * (1 + jitter), wait.interval_s)
    assert 0 <= delay_s <= greatest_s


@given(consecutive=st.integers(1, 30), spread_s=st.floats(0, 1e4), noise=st.floats(0, 1, exclude_max=True))
def test_proofs_that_all_succeed_cost_hardly_more_calls_than_were_asked_for(consecutive, spread_s, noise):
    wait = Wait(interval_s=5, consecutive=consecutive, spread_s=spread_s, jitter=0.2)
    times, now_s = [0.0], 0.0
    while len(times) < consecutive or now_s - times[0] < spread_s:
        now_s += proof_delay_s(wait, len(times), now_s - times[0], noise)
        times.append(now_s)
        assert len(times) <= consecutive + 2
    assert now_s <= spread_s * 1.2 + consecutive * 5 + 1


@given(
    streak=st.integers(0, 5),
    proofs=st.integers(0, 5),
    outcome=st.sampled_from([Again("busy"), Again("busy", retry_after_s=20.0)]),
)
def test_a_failed_proof_always_resets_the_streak(streak, proofs, outcome):
    here = at(attempt=streak + 1, streak=streak, streak_since_s=T0 if streak else None)
    decision = decide(machine(), here, outcome, T0 + proofs)
    assert isinstance(decision, Perform)
    assert decision.position.streak == 0
    assert decision.position.streak_since_s is None
    assert "prove" not in decision.position.proofs
