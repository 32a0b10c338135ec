"""Trying again at once, for 30 s at most: exchanges that may be sent twice.

Longer waits belong to the machine.
"""

from __future__ import annotations

from collections.abc import Callable

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception, retry_if_result

from orchestrator.errors import Defect, OrgFault
from orchestrator.salesforce.http_answer import retry_after_s

BUDGET_S = 30.0  # waits and attempts of one call together
PASSING_STATUSES = frozenset({429, 502, 503, 504})
PASSING_FAULTS = frozenset({"network_unreachable", "network_timeout"})
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0


def patiently(
    once: Callable[[], requests.Response],
    *,
    clock_s: Callable[[], float],
    sleep: Callable[[float], object],
    stopping: Callable[[], bool] = lambda: False,
) -> requests.Response:
    """Call *once* until it brings something that stays, or the budget is spent; then its last outcome.

    Args:
        once: one exchange.
        clock_s: seconds that grow.
        sleep: waits that many seconds, or until somebody asks to stop.
        stopping: whether somebody has asked to stop; then the next try is the last.

    Raises: what the last try raised.
    """
    started_s = clock_s()

    def spent(state: RetryCallState) -> bool:
        return stopping() or clock_s() - started_s + state.upcoming_sleep > BUDGET_S

    attempts = Retrying(
        sleep=lambda seconds: _wait(sleep, seconds),
        stop=spent,
        wait=_wait_s,
        retry=retry_if_exception(_passes) | retry_if_result(_is_passing_answer),
        retry_error_callback=_last_outcome,
    )
    return attempts(once)


def _wait(sleep: Callable[[float], object], seconds: float) -> None:
    sleep(seconds)  # what an interrupted sleep answers is asked of `stopping`


def _passes(error: BaseException) -> bool:
    return isinstance(error, OrgFault) and error.code in PASSING_FAULTS


def _is_passing_answer(response: requests.Response) -> bool:
    return response.status_code in PASSING_STATUSES


def _wait_s(state: RetryCallState) -> float:
    """Seconds before the next try: what the server asked for, else doubling."""
    outcome = state.outcome
    if outcome is not None and not outcome.failed:
        asked_s = retry_after_s(outcome.result().headers)
        if asked_s is not None:
            return asked_s
    return float(min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (state.attempt_number - 1)))


def _last_outcome(state: RetryCallState) -> requests.Response:
    """What the last try brought: its answer, or its exception."""
    if state.outcome is None:
        raise Defect("tenacity gave up before the first try")
    response: requests.Response = state.outcome.result()
    return response
