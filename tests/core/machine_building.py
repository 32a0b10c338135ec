"""Small machines to decide about, and shorthand for positions in them."""

from __future__ import annotations

from typing import Any

from orchestrator.machine import Machine, Operator, Position, Requires, Result, State
from orchestrator.pacing import Wait

T0 = 1_790_000_000.0
WAIT = Wait(interval_s=10, backoff_rate=2, max_interval_s=60, timeout_s=300, consecutive=3, spread_s=40)
REQUIRES = Requires("prove", consecutive=3, spread_s=40, not_older_than_s=900)


def machine(**changes: Any) -> Machine:
    """prove -> ask -> lock (one way, loops on `more`) -> done; every way down ends in failed or attention."""
    states = {
        "prove": State(
            "prove",
            action="prove",
            wait=WAIT,
            visits=3,
            on={
                "succeeded": "ask",
                "other": "done",
                "failed": "failed",
                "login_invalid": "attention",
                "timed_out": "attention",
                "exhausted": "attention",
            },
        ),
        "ask": State(
            "ask",
            operator=Operator("go?", {"reason": "string"}),
            wait=Wait(timeout_s=3600),
            on={"approved": "lock", "rejected": "failed", "timed_out": "attention"},
        ),
        "lock": State(
            "lock",
            action="lock",
            one_way=True,
            requires=REQUIRES,
            visits=5,
            on={
                "succeeded": "done",
                "more": "lock",
                "proof_stale": "prove",
                "failed": "attention",
                "timed_out": "attention",
                "exhausted": "attention",
            },
        ),
        "done": State("done", final=Result.SUCCEEDED),
        "failed": State("failed", final=Result.FAILED),
        "attention": State("attention", final=Result.NEEDS_ATTENTION),
    }
    return Machine("prove", {**states, **changes})


def at(state: str = "prove", **changes: Any) -> Position:
    return Position(state, changes.pop("entered_at_s", T0), **changes)
