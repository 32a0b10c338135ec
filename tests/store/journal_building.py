"""Records for the journal's tests, and a clock that stands still until it is moved."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.machine import Position, Proof
from orchestrator.ports import Intent, Lease, NewRun, RunStatus, Settlement, Standing

T0 = 1_800_000_000.25
DIGEST = "ab" * 32
OWNER = "here.4711.00ff"
OTHER = "there.4712.11ee"
_numbers = itertools.count(1)


@dataclass
class StillClock:
    """The time is what the test says."""

    at_s: float = T0

    def now_s(self) -> float:
        return self.at_s


def new_run(run: str | None = None, **changes: Any) -> NewRun:
    """A run with something in every field."""
    number = next(_numbers)
    name = run or f"run-{number:05d}"
    built = NewRun(
        run=name,
        org=f"org-{number}",
        playbook="hybrid",
        playbook_digest=DIGEST,
        org_entry={"url": "https://acme.my.salesforce.com", "password": "env:ACME_PASSWORD"},
        inputs={"days": 365, "names": ["ä", "b"], "nested": {"x": None, "y": 0.1}},
        position=Position(
            "login",
            T0,
            attempt=3,
            streak=2,
            streak_since_s=T0 - 1 / 3,
            visits={"login": 2},
            proofs={"prove": Proof(3, T0 - 60, T0 - 1)},
        ),
        not_before_s=T0,
        status=RunStatus.ACTIVE,
        created_s=T0 + number,
        speed=10.0,
        batch="batch-1",
        labels={"wave": "canary"},
        priority=5,
    )
    return replace(built, **changes)


def intent(seq: int, at_s: float = T0) -> Intent:
    return Intent(seq, "login", seq, at_s)


def settlement(seq: int, at_s: float = T0, **evidence: Any) -> Settlement:
    return Settlement(seq, at_s, "succeeded", "", "it worked", evidence)


def standing(state: str = "deploy", at_s: float = T0, **changes: Any) -> Standing:
    built = Standing(RunStatus.ACTIVE, Position(state, at_s), at_s + 5, at_s, {"org_id": "00D1"})
    return replace(built, **changes)


def begin(journal: Any, run: NewRun | None = None, owner: str = OWNER, ttl_s: float = 60.0) -> Lease:
    """A run in the journal, and its lease."""
    run = run or new_run()
    journal.create_run(run)
    return journal.acquire(run.org, run.run, owner, now_s=T0, ttl_s=ttl_s)
