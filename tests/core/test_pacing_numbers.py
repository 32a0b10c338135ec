"""Delays in numbers: schedules as written, proofs spread over their time, and what is learned."""

from __future__ import annotations

import math

import pytest
from machine_building import T0

from orchestrator.pacing import (
    LEARNED,
    Course,
    Lengths,
    Span,
    Wait,
    chances,
    learned_delay_s,
    next_delay_s,
    proof_delay_s,
    retry_delay_s,
    scaled,
)

WAIT = Wait(
    interval_s=8, backoff_rate=2, max_interval_s=60, jitter=0.25, timeout_s=600, consecutive=4, spread_s=90
)
EVEN = Wait(interval_s=5, backoff_rate=1.0, max_interval_s=60, timeout_s=1800, pace=LEARNED)


@pytest.mark.parametrize(
    ("attempt", "noise", "delay_s"),
    [
        (0, 0.5, 8),
        (1, 0.5, 8),
        (2, 0.5, 16),
        (3, 0.5, 32),
        (4, 0.5, 60),
        (10_000, 0.5, 60),
        (1, 0.0, 6),
        (1, 0.75, 9),
        (4, 0.0, 45),
    ],
)
def test_a_delay_grows_to_its_greatest_and_is_spread_around_it(attempt, noise, delay_s):
    assert retry_delay_s(WAIT, attempt, noise) == delay_s


def test_a_rate_beyond_all_numbers_ends_at_the_greatest_delay():
    assert retry_delay_s(Wait(interval_s=1, backoff_rate=1e300, max_interval_s=30), 9, 0.5) == 30


@pytest.mark.parametrize(
    ("streak", "elapsed_s", "noise", "delay_s"),
    [
        (1, 0, 0.0, 30),
        (2, 30, 0.0, 30),
        (3, 60, 0.0, 30),
        (2, 60, 0.0, 15),
        (1, 0, 0.5, 33.75),
        (4, 89.5, 0.0, 0.5),
        (9, 89, 0.0, 1),
        (1, 90, 0.0, 8),
        (3, 1000, 0.9, 8),
    ],
)
def test_the_proofs_still_missing_share_the_time_still_missing(streak, elapsed_s, noise, delay_s):
    assert proof_delay_s(WAIT, streak, elapsed_s, noise) == delay_s


def test_without_a_spread_proofs_follow_in_the_shorter_of_the_two_intervals():
    assert proof_delay_s(Wait(interval_s=5, max_interval_s=60, consecutive=3), 1, 0, 0.9) == 5
    assert proof_delay_s(Wait(interval_s=5, max_interval_s=2, consecutive=3), 1, 0, 0.9) == 2


def test_a_clock_that_runs_faster_shortens_times_and_nothing_else():
    assert scaled(WAIT, 4) == Wait(
        interval_s=2,
        backoff_rate=2,
        max_interval_s=15,
        jitter=0.25,
        timeout_s=150,
        consecutive=4,
        spread_s=22.5,
    )
    assert scaled(EVEN, 5).pace == LEARNED


# --- what is learned; the first steps of time are 0-3 s, 3-3.45 s, 3.45-3.9675 s


def added(*spans: Span) -> Lengths:
    found = Lengths()
    for span in spans:
        found = found.with_span(span)
    return found


def test_a_run_counts_in_the_step_in_which_it_got_ready():
    found = added(Span(1.0, 2.0))
    assert (found.ready[0], sum(found.ready)) == (pytest.approx(1.0), pytest.approx(1.0))
    # It waited one second for certain, and half of the next on average.
    assert (found.waited_s[0], sum(found.waited_s)) == (pytest.approx(1.5), pytest.approx(1.5))


def test_a_run_that_got_ready_between_two_looks_is_shared_between_the_steps():
    found = added(Span(2.0, 4.0))
    assert found.ready[:3] == pytest.approx([0.5, 0.225, 0.25875])
    assert sum(found.ready[:4]) == pytest.approx(1.0)
    assert sum(found.waited_s) == pytest.approx(3.0)
    assert found.waited_s[0] == pytest.approx(2.0 + 0.75)


def test_a_run_that_is_not_ready_has_waited_and_no_more():
    found = added(Span(3.2, None))
    assert sum(found.ready) == 0
    assert found.waited_s[:3] == pytest.approx([3.0, 0.2, 0.0])


def test_a_run_that_was_ready_at_once_counts_at_the_start():
    found = added(Span(-1.0, 0.0))
    assert found.ready[0] == pytest.approx(1.0)
    assert sum(found.waited_s) == pytest.approx(0.0005)


def test_many_runs_count_as_often_and_can_be_taken_away():
    one = added(Span(1.0, 2.0))
    twice = Lengths().with_span(Span(1.0, 2.0), 2)
    assert twice == one.with_span(Span(1.0, 2.0))
    assert one.with_span(Span(1.0, 2.0), -1) == Lengths()


def test_without_runs_the_chance_is_the_one_under_which_the_written_schedule_is_best():
    believed = chances(EVEN)
    # Looks every 5 s are best where chance / (2 x 0.02 x time waited) is 1 / 5 squared.
    assert believed[0] == pytest.approx(2 * 0.02 * 1.5 / 25)
    assert believed[1] == pytest.approx(2 * 0.02 * 3.225 / 25)


def test_a_schedule_that_backs_off_says_less_of_later_times_until_its_longest_delay():
    believed = chances(Wait(interval_s=5, backoff_rate=1.5, max_interval_s=20))
    # The delay of such a schedule is the interval and half of the time waited.
    assert believed[0] == pytest.approx(2 * 0.02 * 1.5 / 5.75**2)
    assert believed[1] == pytest.approx(2 * 0.02 * 3.225 / 6.6125**2)
    later = chances(Wait(interval_s=20, max_interval_s=20))
    assert believed[30:] == pytest.approx(later[30:])


def test_the_written_schedule_weighs_as_much_as_three_runs():
    runs = added(*[Span(0.0, 3.0)] * 6)
    written = chances(EVEN)[0]
    # Six runs got ready in the 3 s of the first step and waited 1.5 s each.
    assert chances(EVEN, [runs])[0] == pytest.approx((3 * 3 * written + 6) / (3 * 3 + 9))
    once_more = (3 * 3 * chances(EVEN, [runs])[0] + 6) / (3 * 3 + 9)
    assert chances(EVEN, [runs, runs])[0] == pytest.approx(once_more)
    assert chances(EVEN, [runs])[5] == pytest.approx(chances(EVEN)[5])


def test_a_sum_that_missed_zero_by_a_rounding_counts_as_zero():
    below = Lengths(tuple(-1e-12 for _ in Lengths().ready), tuple(-1e-12 for _ in Lengths().ready))
    assert chances(EVEN, [below]) == pytest.approx(chances(EVEN), rel=1e-15)


def flat(chance: float, speed: float = 1.0) -> Course:
    return Course(T0, (chance,) * len(Lengths().ready), speed)


@pytest.mark.parametrize(
    ("chance", "waited_s", "delay_s"),
    [
        # There are sqrt(chance / (0.04 x middle of the step)) looks per second.
        (0.06, 0.0, 1.0),
        (0.06, 1.0, 1.0),
        (0.06, -50.0, 1.0),
        (0.24, 2.75, 0.25 + 0.5 / math.sqrt(6 / 3.225)),
    ],
)
def test_the_next_look_comes_when_the_looks_per_second_sum_up_to_one(chance, waited_s, delay_s):
    wait = Wait(interval_s=0.1, max_interval_s=60, pace=LEARNED)
    assert learned_delay_s(wait, flat(chance), T0 + waited_s, 1000, 0.5) == pytest.approx(delay_s)


@pytest.mark.parametrize(
    ("chance", "left_s", "noise", "delay_s"),
    [
        (0.06, 1000, 0.5, 10),  # never shorter than the interval
        (0.0, 1000, 0.5, 240),  # never longer than four times the longest
        (0.0, 100, 0.5, 100),  # the last look is when the window closes
        (0.0, 10, 0.5, 10),
        (0.0, 9, 0.5, 240),  # too late for another look
        (0.0, 1000, 0.25, 210),
        (0.0, 1000, 0.75, 270),
    ],
)
def test_a_learned_delay_keeps_its_limits(chance, left_s, noise, delay_s):
    wait = Wait(interval_s=10, max_interval_s=60, jitter=0.25, pace=LEARNED)
    assert learned_delay_s(wait, flat(chance), T0, left_s, noise) == pytest.approx(delay_s)


def test_a_faster_clock_learns_in_its_own_time():
    wait = Wait(interval_s=0.01, max_interval_s=60, pace=LEARNED)
    assert learned_delay_s(wait, flat(0.06, speed=10), T0 + 0.1, 1000, 0.5) == pytest.approx(0.1)


def test_beyond_the_last_step_the_rest_of_a_look_takes_as_much_of_the_longest_delay():
    wait = Wait(interval_s=1, max_interval_s=60, pace=LEARNED)
    assert learned_delay_s(wait, flat(0.06), T0 + 20_000, 9e9, 0.5) == 60
    assert learned_delay_s(wait, flat(0.06, speed=10), T0 + 2_000, 9e9, 0.5) == 60


def test_a_pace_is_learned_only_where_it_is_asked_for_and_something_is_known():
    kwargs = {"now_s": T0, "left_s": 1000.0}
    fixed = Wait(interval_s=10, max_interval_s=60)
    learned = Wait(interval_s=10, max_interval_s=60, pace=LEARNED)
    assert next_delay_s(fixed, 1, 0.5, flat(0.0), **kwargs) == 10
    assert next_delay_s(learned, 1, 0.5, None, **kwargs) == 10
    assert next_delay_s(learned, 1, 0.5, flat(0.0), **kwargs) == 240
