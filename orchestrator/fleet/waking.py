"""One wake-up: drive the run as far as it goes now, and say when it is to be woken next.

Whoever fetched the wake-up knows nothing but the run's id; the journal decides whether there is anything to
do. What keeps this process from driving a run (a secret it cannot read, another key, a host in trouble) is no
fault of the run: the reason is written to its row, it is given back, and maybe another machine can.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from orchestrator.engine.advance import Engine
from orchestrator.errors import Defect, LeaseHeld, LeaseLost, OrchestratorError, StoreError, VaultError
from orchestrator.fleet.breaker import Breaker
from orchestrator.fleet.limits import too_many_failures
from orchestrator.ports import RunRecord, RunStatus, Standing
from orchestrator.redaction import redact
from orchestrator.store.batches import Batches
from orchestrator.store.wake_ups import WakeUps

# Another process drives the org, or did when we lost it: look again after this time.
BUSY_RETRY_S = 5.0
# This machine cannot drive the run: leave it to another one for this long, and longer each time.
GIVEN_BACK_S = 10.0
_LONGEST_S = 300.0

Complaint = Callable[[str, OrchestratorError], None]
"""(run, what kept us from driving it)"""


class Waker:
    """Answers wake-ups, from any thread.

    Args:
        engine: advances one run.
        batches: waves and gates.
        wake_ups: where the next wake-up is put.
        breaker: holds runs of hosts in trouble.
        complain: told what kept this process from driving a run.
    """

    def __init__(
        self,
        engine: Engine,
        batches: Batches,
        wake_ups: WakeUps,
        breaker: Breaker,
        complain: Complaint = lambda _run, _error: None,
    ) -> None:
        self._engine = engine
        self._batches = batches
        self._wake_ups = wake_ups
        self._breaker = breaker
        self._complain = complain
        self._given_back: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def engine(self) -> Engine:
        """What advances the runs."""
        return self._engine

    def tries(self, run: str) -> int:
        """How often in a row this process could not drive the run."""
        return self._given_back[run]

    def wake(self, run: str) -> None:
        """Drive *run* on and put its next wake-up into the queue.

        Raises:
            StoreError: the journal cannot be used; the sweep will wake the run again.
        """
        gate = self._batches.gate(run)
        record = self._engine.journal.run(run)
        if gate.held or record.status not in {RunStatus.ACTIVE, RunStatus.AWAITING_OPERATOR}:
            return
        if record.seq == 0 and not self._batches.may_begin(record.batch, too_many_failures):
            return
        hold_s = self._breaker.hold_s(record.org_entry)
        if hold_s > 0:
            self._wake_ups.queue([run], delay_s=hold_s)
            return
        try:
            record = self._engine.advance(run, until=gate.until)
        except (LeaseHeld, LeaseLost):
            self._wake_ups.queue([run], delay_s=BUSY_RETRY_S)
        except OrchestratorError as error:
            self._stopped(run, error)
        except Exception as error:  # noqa: BLE001 - a defect must not take the other runs with it
            self._stopped(run, Defect(f"{type(error).__name__}: {error}"))
        else:
            with self._lock:
                self._given_back.pop(run, None)
            self._breaker.settled(record.org_entry, record.code)
            self._queue_next(record, gate.until)

    def look_after_batches(self) -> None:
        """Open the waves whose time has come. Raises StoreError."""
        opened = self._batches.open_next_waves(too_many_failures)
        if opened:
            self._wake_ups.queue(opened)

    def _queue_next(self, record: RunRecord, until: str | None) -> None:
        if record.status is RunStatus.ACTIVE and record.position.state == until:
            self._batches.hold(record.run)
        else:
            self._wake_ups.queue([record.run])
        if record.status is not RunStatus.ACTIVE or record.position.state == until:
            self.look_after_batches()

    def _stopped(self, run: str, error: OrchestratorError) -> None:
        """We cannot drive the run on; its row stays as it was last settled."""
        if isinstance(error, StoreError) and not isinstance(error, VaultError):
            raise error
        self._complain(run, error)
        if isinstance(error, Defect):  # the same on every machine: a person is to look before it goes on
            self._remark(run, error)
            self._batches.hold(run)
            self.look_after_batches()
            return
        with self._lock:
            self._given_back[run] += 1
            tries = self._given_back[run]
        self._remark(run, error)
        self._wake_ups.queue([run], delay_s=min(GIVEN_BACK_S * tries, _LONGEST_S))

    def _remark(self, run: str, error: OrchestratorError) -> None:
        """Let whoever looks at the run see what keeps it from going on; nothing else of it changes."""
        engine = self._engine
        journal, now_s = engine.journal, engine.clock.now_s()
        org = journal.run(run).org
        try:
            lease = journal.acquire(org, run, engine.owner, now_s=now_s, ttl_s=engine.lease_ttl_s)
        except LeaseHeld:
            return
        record = journal.run(run)
        standing = Standing(
            status=record.status,
            position=record.position,
            not_before_s=record.not_before_s,
            updated_s=now_s,
            evidence=record.evidence,
            detail=redact(error.detail),
            code=error.code,
            until_s=record.until_s,
            result=record.result,
        )
        try:
            journal.write(lease, standing=standing)
        finally:
            journal.release(lease)
