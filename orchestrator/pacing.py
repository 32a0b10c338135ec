"""How long to wait before the next attempt. Pure: numbers in, numbers out, no clock and no dice.

Randomness comes in as a number drawn elsewhere, so a schedule can be replayed exactly.

A wait may learn from how long earlier runs took. What is known of them is a chance per second, by the time
waited so far, that the thing is ready now (a hazard). The best times to look then follow from one rule
(Keller 1974, "Optimum checking schedules for systems subject to random failure"): so many looks per second
as the root of the chance over twice the price of a look. A look costs a fixed share of the time waited so
far, so that being late by a tenth weighs the same after one minute as after ten.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

FIXED = "fixed"
LEARNED = "learned"
PACES = (FIXED, LEARNED)

# An exponent past this changes nothing (the cap holds) but would overflow a float.
_MAX_EXPONENT = 64
# The times waited are told apart in steps of 15 %, from 3 s to 3.6 hours.
_EDGES_S = (0.0, *(3.0 * 1.15**step for step in range(61)))
_BINS = len(_EDGES_S) - 1
_WIDTHS_S = tuple(upper - lower for lower, upper in pairwise(_EDGES_S))
_MIDDLES_S = tuple((upper + lower) / 2 for lower, upper in pairwise(_EDGES_S))
# One look is worth being late by this share of the time waited: about a dozen looks until it is ready.
_PRICE_OF_A_LOOK = 0.02
# The written schedule counts like so many runs that were waiting at every moment.
_RUNS_THE_SCHEDULE_IS_WORTH = 3.0
# However unlikely success seems, a learned delay is never longer than so many `max_interval`.
LONGEST_LEARNED = 4.0


@dataclass(frozen=True, slots=True)
class Wait:
    """The `wait` of a state. All durations in seconds.

    Attributes:
        interval_s: delay after the first unsuccessful attempt.
        backoff_rate: each further delay is this many times the one before; at least 1.
        max_interval_s: no delay is longer (before jitter).
        jitter: each delay is spread evenly by this share up and down, 0 to 1.
        timeout_s: from entering the state; no attempt starts later.
        consecutive: that many successes in a row make the state succeed.
        spread_s: from the first to the last of them at least so much time passes.
        pace: `fixed`, or `learned`: delays follow what earlier runs took, where that is known.
    """

    interval_s: float = 5.0
    backoff_rate: float = 1.0
    max_interval_s: float = 60.0
    jitter: float = 0.0
    timeout_s: float = 600.0
    consecutive: int = 1
    spread_s: float = 0.0
    pace: str = FIXED


def retry_delay_s(wait: Wait, attempt: int, noise: float) -> float:
    """Seconds to wait after unsuccessful attempt number *attempt* (1-based).

    Args:
        wait: the state's schedule.
        attempt: which attempt just ended without success.
        noise: a number in [0, 1); 0.5 gives the delay without jitter.
    """
    exponent = min(max(attempt, 1) - 1, _MAX_EXPONENT)
    try:
        delay_s = wait.interval_s * wait.backoff_rate**exponent
    except OverflowError:
        delay_s = wait.max_interval_s
    return min(delay_s, wait.max_interval_s) * (1.0 + wait.jitter * (2.0 * noise - 1.0))


def proof_delay_s(wait: Wait, streak: int, elapsed_s: float, noise: float) -> float:
    """Seconds to the next proof after *streak* successes in a row.

    The proofs still missing share the time still missing evenly, so the streak covers the spread
    with as few calls as were asked for.

    Args:
        wait: the state's schedule.
        streak: successes in a row so far, at least 1.
        elapsed_s: since the first of them.
        noise: as in `retry_delay_s`.
    """
    missing = max(wait.consecutive - streak, 1)
    remaining_s = max(wait.spread_s - elapsed_s, 0.0)
    if remaining_s == 0.0:
        return min(wait.interval_s, wait.max_interval_s)
    # Only stretched, never shortened: arriving early would cost one more call.
    return remaining_s / missing * (1.0 + wait.jitter * noise)


@dataclass(frozen=True, slots=True)
class Span:
    """How long one run has waited for the same thing: not ready at *after_s*, ready at *by_s*.

    Attributes:
        after_s: last time it was seen not ready, in seconds from when it began.
        by_s: from then on it was ready; None while it was not.
    """

    after_s: float
    by_s: float | None


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long runs have waited, by time waited: sums that runs are added to and taken from.

    Attributes:
        ready: runs that became ready in each step of time.
        waited_s: seconds that all runs together waited in it.
    """

    ready: tuple[float, ...] = (0.0,) * _BINS
    waited_s: tuple[float, ...] = (0.0,) * _BINS

    def with_span(self, span: Span, count: int = 1) -> Lengths:
        """These and *count* runs that waited so long; -1 takes one away again."""
        ready, waited_s = _shares(span)
        return Lengths(
            tuple(have + count * more for have, more in zip(self.ready, ready, strict=True)),
            tuple(have + count * more for have, more in zip(self.waited_s, waited_s, strict=True)),
        )


@dataclass(frozen=True, slots=True)
class Course:
    """What is known about the time something takes that is under way.

    Attributes:
        began_s: Unix seconds.
        chances: that it gets ready, per second, in each step of time waited.
        speed: a simulator's clock runs so much faster.
    """

    began_s: float
    chances: tuple[float, ...]
    speed: float = 1.0


def chances(wait: Wait, known: Iterable[Lengths] = ()) -> tuple[float, ...]:
    """The chance per second to get ready, in each step of time waited.

    The schedule as written is taken for the best one under some belief, and that belief is where learning
    starts (gamma prior of a hazard constant in each step). Each of *known* then starts where the one before
    ended, so a pod with few runs inherits from all runs, and without any the schedule stays as written.

    Args:
        wait: the schedule, not scaled.
        known: from the general to the particular.
    """
    believed = [
        2 * _PRICE_OF_A_LOOK * middle_s / _written_delay_s(wait, middle_s) ** 2 for middle_s in _MIDDLES_S
    ]
    for lengths in known:
        for step, width_s in enumerate(_WIDTHS_S):
            prior_s = _RUNS_THE_SCHEDULE_IS_WORTH * width_s
            # Sums that runs were taken from again may miss zero by a rounding.
            ready, waited_s = max(lengths.ready[step], 0.0), max(lengths.waited_s[step], 0.0)
            believed[step] = (prior_s * believed[step] + ready) / (prior_s + waited_s)
    return tuple(believed)


def next_delay_s(
    wait: Wait, attempt: int, noise: float, course: Course | None, *, now_s: float, left_s: float
) -> float:
    """Seconds to wait after an unsuccessful attempt: learned where that is wanted and something is known.

    Args:
        wait: the state's schedule, scaled.
        attempt: which attempt just ended without success, from 1.
        noise: a number in [0, 1) for jitter.
        course: what earlier runs tell.
        now_s: Unix seconds.
        left_s: until the window closes.
    """
    if wait.pace != LEARNED or course is None:
        return retry_delay_s(wait, attempt, noise)
    return learned_delay_s(wait, course, now_s, left_s, noise)


def learned_delay_s(wait: Wait, course: Course, now_s: float, left_s: float, noise: float) -> float:
    """Seconds to the next look where it is most likely to pay.

    Between the wait's `interval` and four times its `max_interval`; the last look is made when the window
    closes, rather than none.

    Args:
        wait: the state's schedule, scaled.
        course: what is known.
        now_s: Unix seconds.
        left_s: until the window closes.
        noise: as in `retry_delay_s`.
    """
    waited_s = max(now_s - course.began_s, 0.0) * course.speed
    longest_s = LONGEST_LEARNED * wait.max_interval_s
    delay_s = min(_until_next_look_s(wait, course, waited_s) / course.speed, longest_s)
    delay_s = max(delay_s * (1.0 + wait.jitter * (2.0 * noise - 1.0)), min(wait.interval_s, longest_s))
    return min(delay_s, left_s) if left_s >= wait.interval_s else delay_s


def _until_next_look_s(wait: Wait, course: Course, waited_s: float) -> float:
    """Unscaled seconds from *waited_s* until the looks per second, summed up, make one look."""
    here_s, missing = waited_s, 1.0
    for step in range(bisect_right(_EDGES_S, waited_s) - 1, _BINS):
        rate = math.sqrt(course.chances[step] / (2 * _PRICE_OF_A_LOOK * _MIDDLES_S[step]))
        there_s = _EDGES_S[step + 1]
        if rate * (there_s - here_s) >= missing:
            return here_s + missing / rate - waited_s
        missing -= rate * (there_s - here_s)
        here_s = there_s
    return here_s - waited_s + missing * wait.max_interval_s * course.speed


def _written_delay_s(wait: Wait, waited_s: float) -> float:
    """The delay of the schedule as written, where it stands after *waited_s*."""
    return min(wait.interval_s + waited_s * (wait.backoff_rate - 1.0), wait.max_interval_s)


def _shares(span: Span) -> tuple[list[float], list[float]]:
    """What one run adds to each step; between its two looks it got ready at any moment alike."""
    after_s = max(span.after_s, 0.0)
    by_s = after_s if span.by_s is None else max(span.by_s, after_s + 1e-3)
    ready, waited_s = [0.0] * _BINS, [0.0] * _BINS
    for step, (lower_s, upper_s) in enumerate(pairwise(_EDGES_S)):
        if lower_s >= by_s:
            break
        waited_s[step] = max(min(upper_s, after_s) - lower_s, 0.0)
        from_s, to_s = max(lower_s, after_s), min(upper_s, by_s)
        if to_s > from_s:
            ready[step] = (to_s - from_s) / (by_s - after_s)
            waited_s[step] += (to_s - from_s) * (1.0 - ((from_s + to_s) / 2 - after_s) / (by_s - after_s))
    return ready, waited_s


def scaled(wait: Wait, speed: float) -> Wait:
    """*wait* with every duration divided by *speed*: for simulators whose clock runs faster."""
    return Wait(
        interval_s=wait.interval_s / speed,
        backoff_rate=wait.backoff_rate,
        max_interval_s=wait.max_interval_s / speed,
        jitter=wait.jitter,
        timeout_s=wait.timeout_s / speed,
        consecutive=wait.consecutive,
        spread_s=wait.spread_s / speed,
        pace=wait.pace,
    )
