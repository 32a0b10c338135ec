"""What happens to a run, as it happens: the lines of `--json` and the source of every progress view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orchestrator.ports import iso

RUN_STARTED = "run_started"
STATE_ENTERED = "state_entered"
ATTEMPT_INTENDED = "attempt_intended"
ATTEMPT_SETTLED = "attempt_settled"
WAITING = "waiting"
RUN_FINISHED = "run_finished"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of one run. Times are Unix seconds; `as_json` gives the shape of the contract."""

    ts_s: float
    run: str
    org: str
    event: str
    state: str = ""
    attempt: int | None = None
    outcome: str | None = None
    code: str | None = None
    detail: str | None = None
    not_before_s: float | None = None
    result: str | None = None
    duration_s: float | None = None

    def as_json(self) -> dict[str, Any]:
        """A flat JSON object; `result` and `duration_s` only when the run has finished."""
        tree: dict[str, Any] = {
            "ts": iso(self.ts_s),
            "run": self.run,
            "org": self.org,
            "event": self.event,
            "state": self.state,
            "attempt": self.attempt,
            "outcome": self.outcome,
            "code": self.code or None,
            "detail": self.detail or None,
            "not_before": None if self.not_before_s is None else iso(self.not_before_s),
        }
        if self.event == RUN_FINISHED:
            tree["result"] = self.result
            tree["duration_s"] = None if self.duration_s is None else round(self.duration_s, 3)
        return tree


Observer = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """The observer of those who do not watch."""
