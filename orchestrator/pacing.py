"""How long to wait before the next attempt. Pure: numbers in, numbers out, no clock and no dice.

Randomness comes in as a number drawn elsewhere, so a schedule can be replayed exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

# An exponent past this changes nothing (the cap holds) but would overflow a float.
_MAX_EXPONENT = 64


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
    """

    interval_s: float = 5.0
    backoff_rate: float = 1.0
    max_interval_s: float = 60.0
    jitter: float = 0.0
    timeout_s: float = 600.0
    consecutive: int = 1
    spread_s: float = 0.0


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
    )
