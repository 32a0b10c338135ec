"""Laws of a pace that learns: bounded, inside its window, as written without history, robust."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from machine_building import T0, at, machine

from orchestrator.machine import Again, Perform, decide
from orchestrator.pacing import (
    LEARNED,
    LONGEST_LEARNED,
    Course,
    Lengths,
    Span,
    Wait,
    chances,
    learned_delay_s,
    next_delay_s,
    retry_delay_s,
)

WAIT = Wait(
    interval_s=3, backoff_rate=1.6, max_interval_s=30, jitter=0.2, timeout_s=1800, consecutive=5, pace=LEARNED
)
WAITS = st.builds(
    Wait,
    interval_s=st.floats(0.1, 60),
    backoff_rate=st.floats(1, 4),
    max_interval_s=st.floats(0.1, 300),
    jitter=st.floats(0, 1),
    timeout_s=st.floats(60, 1e5),
    pace=st.just(LEARNED),
)
TIMES = st.floats(0, 1e5)
SPANS = st.lists(
    st.builds(
        lambda after_s, more_s: Span(after_s, None if more_s is None else after_s + more_s),
        TIMES,
        st.one_of(st.none(), st.floats(0, 1e4)),
    ),
    max_size=30,
)
NOISE = st.floats(0, 1, exclude_max=True)
LAWS = settings(deadline=None, print_blob=True)  # a loaded machine is no counterexample


def lengths(*spans: Span) -> Lengths:
    found = Lengths()
    for span in spans:
        found = found.with_span(span)
    return found


def course(*spans: Span, wait: Wait = WAIT, speed: float = 1.0) -> Course:
    return Course(T0, chances(wait, [lengths(*spans)]), speed)


def delay(found: Course, waited_s: float, wait: Wait = WAIT) -> float:
    return learned_delay_s(wait, found, T0 + waited_s, 1e9, 0.5)


@LAWS
@given(wait=WAITS, spans=SPANS, waited_s=st.floats(-1e3, 1e6), left_s=st.floats(-10, 1e5), noise=NOISE)
def test_a_learned_delay_is_never_shorter_than_the_interval_nor_longer_than_four_times_the_greatest(
    *, wait, spans, waited_s, left_s, noise
):
    found = course(*spans, wait=wait)
    delay_s = learned_delay_s(wait, found, T0 + waited_s, left_s, noise)
    longest_s = LONGEST_LEARNED * wait.max_interval_s
    assert delay_s >= min(wait.interval_s, longest_s, left_s if left_s >= wait.interval_s else 1e9)
    assert delay_s <= max(longest_s * (1 + wait.jitter), min(wait.interval_s, longest_s)) + 1e-6


@LAWS
@given(spans=SPANS, entered_s=st.floats(0, 900), waited_s=st.floats(0, 3000), noise=NOISE)
def test_no_learned_look_lies_beyond_the_window_and_the_last_one_is_made(
    *, spans, entered_s, waited_s, noise
):
    found = machine(prove=replace(machine().states["prove"], wait=WAIT))
    position = at(entered_at_s=T0 + entered_s, attempt=9)
    now_s = T0 + entered_s + waited_s
    decision = decide(found, position, Again("busy"), now_s, noise=noise, course=course(*spans))
    closes_s = position.entered_at_s + WAIT.timeout_s
    if isinstance(decision, Perform) and decision.position.state == "prove":
        assert now_s < decision.not_before_s <= closes_s
    else:
        assert closes_s - now_s < WAIT.interval_s + 1e-3


@LAWS
@given(waited_s=st.floats(0, 5000))
def test_without_history_the_pace_is_the_written_one(waited_s):
    as_written = min(WAIT.interval_s + waited_s * (WAIT.backoff_rate - 1), WAIT.max_interval_s)
    learned = delay(course(), waited_s)
    assert as_written * 0.75 <= learned <= max(as_written * 1.7, WAIT.interval_s)


@LAWS
@given(wait=WAITS, attempt=st.integers(1, 50), noise=NOISE)
def test_a_wait_that_does_not_learn_or_knows_nothing_keeps_its_schedule_exactly(wait, attempt, noise):
    written = retry_delay_s(wait, attempt, noise)
    assert next_delay_s(wait, attempt, noise, None, now_s=T0, left_s=5.0) == written
    fixed = replace(wait, pace="fixed")
    assert next_delay_s(fixed, attempt, noise, course(), now_s=T0, left_s=5.0) == written


@pytest.mark.parametrize("length_s", [60.0, 200.0, 420.0])
def test_looks_are_rare_before_the_known_length_and_dense_around_it(length_s):
    known = course(*(Span(length_s * 0.93, length_s * (1 + n / 200)) for n in range(20)))
    early, near = delay(known, length_s * 0.2), delay(known, length_s * 0.95)
    assert near < early / 2
    assert length_s * 0.2 + early < length_s * 1.05
    assert near < length_s * 0.1


def test_a_known_length_costs_half_the_looks_of_the_written_schedule():
    known = course(*(Span(380.0 + n, 400.0 + n) for n in range(20)))

    def looks(found: Course) -> int:
        waited_s, count = 0.0, 0
        while waited_s < 400.0:
            waited_s += delay(found, waited_s)
            count += 1
        return count

    assert looks(known) * 2 <= looks(course())


def test_one_outlier_among_many_hardly_changes_the_pace():
    usual = [Span(100.0 + n, 110.0 + n) for n in range(50)]
    without, outlier = course(*usual), course(*usual, Span(1700.0, 1750.0))
    for waited_s in (0.0, 30.0, 90.0, 105.0, 130.0):
        assert delay(outlier, waited_s) == pytest.approx(delay(without, waited_s), rel=0.15)
    assert delay(outlier, 400.0) < 2 * delay(without, 400.0)


def test_waiting_runs_keep_the_quick_ones_from_being_taken_for_all():
    quick = [Span(115.0, 125.0)] * 5
    alone, beside = course(*quick), course(*quick, *[Span(125.0, None)] * 200)
    assert delay(beside, 110.0) > 1.5 * delay(alone, 110.0)


def test_a_pod_with_a_few_runs_inherits_from_all_and_one_with_many_speaks_for_itself():
    everybody = lengths(*(Span(380.0, 400.0) for _ in range(40)))
    few, many = (lengths(*(Span(90.0, 100.0) for _ in range(count))) for count in (1, 40))
    pace = {name: Course(T0, chances(WAIT, [everybody, pod])) for name, pod in (("few", few), ("many", many))}
    assert delay(pace["few"], 60.0) > delay(pace["many"], 60.0)
    assert 60.0 + delay(pace["many"], 60.0) < 110.0


@LAWS
@given(spans=SPANS, more=st.builds(Span, TIMES, st.none()))
def test_a_run_that_is_taken_away_again_leaves_no_trace(spans, more):
    before = lengths(*spans)
    after = before.with_span(more).with_span(more, -1)
    assert after.ready == pytest.approx(before.ready, abs=1e-6)
    assert after.waited_s == pytest.approx(before.waited_s, abs=1e-6)


@LAWS
@given(spans=SPANS)
def test_every_run_counts_once_wherever_it_settled(spans):
    short = [span for span in spans if (span.by_s or 0.0) < 10_000]
    assume(short)
    found = lengths(*short)
    assert sum(found.ready) == pytest.approx(sum(span.by_s is not None for span in short), abs=1e-6)
    assert all(0 < chance < 1e6 for chance in chances(WAIT, [found]))


@LAWS
@given(spans=SPANS, waited_s=st.floats(0, 2000), speed=st.sampled_from([1.0, 10.0, 100.0]))
def test_a_simulator_s_clock_changes_the_pace_in_proportion(spans, waited_s, speed):
    quick = replace(WAIT, interval_s=3 / speed, max_interval_s=30 / speed, timeout_s=1800 / speed)
    delay_s = learned_delay_s(quick, course(*spans, speed=speed), T0 + waited_s / speed, 1e9, 0.5)
    # At 1.8e9 s a double tells apart 0.24 microseconds.
    assert delay_s * speed == pytest.approx(delay(course(*spans), waited_s), rel=0.01, abs=0.01)
