"""Advance one run: the only loop in the program.

    lease → (look | gate → act) → decide → settle and intend, in one transaction → …

until the run is over, waits for a time or a person, or somebody asks it to stop. A run that waits is a
row in the journal; this function returns and whoever keeps the time calls it again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.actions.base import Action, RunContext
from orchestrator.engine import events
from orchestrator.engine.drive import Driver
from orchestrator.engine.events import Observer
from orchestrator.engine.history import History
from orchestrator.errors import LeaseHeld, UsageError
from orchestrator.machine import (
    Machine,
    Position,
)
from orchestrator.ports import (
    Clock,
    Journal,
    RunRecord,
    RunStatus,
    Standing,
)

LEASE_TTL_S = 90.0
# Parked runs whose session and parsed key stay in memory, 8 kB each; a run beyond them mints a new token.
KEPT_TOKENS = 1024
KEPT_TOKENS_S = 900.0  # longer waits outlive the shortest session timeout

ContextFactory = Callable[..., RunContext]


@dataclass(slots=True)
class Engine:
    """Everything needed to advance any run.

    Attributes:
        machine_of: digest -> compiled machine (compiled once, kept).
        open_context: makes the RunContext of one attempt.
        owner: id of this process in leases.
        noise: draws the jitter, a number in [0, 1).
        observer: told of every event.
        stopping: asked between steps; True parks the run where it stands.
        lease_ttl_s: how long an org stays ours without a sign of life.
        history: what earlier runs tell, for states that pace themselves by it; None: as written.
    """

    journal: Journal
    clock: Clock
    actions: Mapping[str, Action]
    machine_of: Callable[[str], Machine]
    open_context: ContextFactory
    owner: str
    noise: Callable[[], float]
    observer: Observer = events.ignore
    stopping: Callable[[], bool] = lambda: False
    lease_ttl_s: float = LEASE_TTL_S
    history: History | None = None
    _tokens: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict, repr=False)
    _keeping: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def advance(self, run: str, *, until: str | None = None) -> RunRecord:
        """Drive *run* as far as it goes now, and return how it stands.

        Args:
            run: its id.
            until: name of a state; the run is parked before it is entered.

        Raises:
            LeaseHeld: another process drives this org.
            LeaseLost: this process was replaced while it worked; nothing more was done.
            StoreError, UsageError: the journal, the vault or a secret reference is unusable;
                the run is kept as it was last settled.
            Defect: our bug; the attempt stays in doubt and the next advance looks first.
        """
        record = self.journal.run(run)
        if record.status not in {RunStatus.ACTIVE, RunStatus.AWAITING_OPERATOR}:
            return record
        if _asks_still(record, self.clock.now_s()):
            return record
        lease = self.journal.acquire(
            record.org, record.run, self.owner, now_s=self.clock.now_s(), ttl_s=self.lease_ttl_s
        )
        try:
            Driver(self, self.journal.run(record.run), lease, until).drive()
        finally:
            self.journal.release(lease)
        record = self.journal.run(record.run)
        if record.status is not RunStatus.ACTIVE:
            with self._keeping:
                self._tokens.pop(record.run, None)
        return record

    def tokens_of(self, run: str) -> dict[str, Any]:
        """Sessions and parsed keys of *run*, kept in this process over short waits for the latest runs."""
        now_s = self.clock.now_s()
        with self._keeping:
            since_s, tokens = self._tokens.pop(run, (now_s, {}))
            if now_s - since_s > KEPT_TOKENS_S:
                tokens = {}
            self._tokens[run] = (now_s, tokens)
            while len(self._tokens) > KEPT_TOKENS:
                del self._tokens[next(iter(self._tokens))]
        return tokens

    def cancel_if_free(self, run: str) -> RunRecord:
        """Carry a requested cancellation out now, unless another process drives the run or it is in doubt."""
        return self._once(run, Driver.cancel)

    def expire_if_free(self, run: str) -> RunRecord:
        """Let a question go unanswered whose time is over, without driving the run on.

        Whoever drives or answers runs does so first: an approval of last month must not open a lock today.
        """
        return self._once(run, Driver.expire_question)

    def _once(self, run: str, step: Callable[[Driver], object]) -> RunRecord:
        """Do one thing with a run that is not over, unless another process drives its org."""
        record = self.journal.run(run)
        if record.status not in {RunStatus.ACTIVE, RunStatus.AWAITING_OPERATOR}:
            return record
        try:
            lease = self.journal.acquire(
                record.org, run, self.owner, now_s=self.clock.now_s(), ttl_s=self.lease_ttl_s
            )
        except LeaseHeld:
            return record
        try:
            step(Driver(self, self.journal.run(run), lease, None))
        finally:
            self.journal.release(lease)
        return self.journal.run(run)

    def reopen(self, run: str) -> RunRecord:
        """Make a run that failed active again, at the state in which it failed; a question is asked again.

        Raises:
            UsageError: the run did not fail.
        """
        record = self.journal.run(run)
        attempts = self.journal.attempts(run)
        if record.result not in {"failed", "needs_attention"} or not attempts:
            raise UsageError(
                f"{run} did not fail", code="run_not_failed", remedy="see `orchestrator runs show`"
            )
        now_s = self.clock.now_s()
        lease = self.journal.acquire(record.org, run, self.owner, now_s=now_s, ttl_s=self.lease_ttl_s)
        position = Position(attempts[-1].state, now_s, visits={attempts[-1].state: 1})
        state = self.machine_of(record.playbook_digest).scaled(record.speed).states[position.state]
        until_s = None if state.operator is None else now_s + state.wait.timeout_s
        standing = Standing(
            status=RunStatus.ACTIVE if until_s is None else RunStatus.AWAITING_OPERATOR,
            position=position,
            not_before_s=now_s if until_s is None else until_s,
            until_s=until_s,
            updated_s=now_s,
            evidence=record.evidence,
            detail="reopened by an operator",
        )
        try:
            self.journal.write(lease, standing=standing)
        finally:
            self.journal.release(lease)
        return self.journal.run(run)


def _asks_still(record: RunRecord, now_s: float) -> bool:
    """Whether the run waits for a person and has said so; ten thousand of them must cost next to nothing."""
    waits = record.status is RunStatus.AWAITING_OPERATOR and record.until_s is not None
    return waits and record.seq > 0 and not record.cancel_requested and now_s < (record.until_s or 0.0)
