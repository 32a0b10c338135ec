"""The journal: what was intended, what came of it, where every run stands, and who may drive it.

Every method is one transaction. A write checks the lease inside its own transaction, so a process that
was replaced while it worked cannot change anything; the primary key (run, seq) is the second fence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc as sa_exc

from orchestrator.errors import Defect, LeaseHeld, LeaseLost, RunUnknown
from orchestrator.ports import (
    AttemptRecord,
    Clock,
    Intent,
    Lease,
    NewRun,
    Settlement,
    Standing,
    iso,
)
from orchestrator.store.clock import DatabaseClock
from orchestrator.store.engine import Database, outlasting
from orchestrator.store.faults import store_error
from orchestrator.store.owners import describe, owner_is_dead
from orchestrator.store.rows import (
    from_json,
    link,
    plain,
    run_row,
    standing_row,
    to_json,
)
from orchestrator.store.upkeep import Upkeep


class SqlJournal(Upkeep):
    """The journal in a database. Safe to use from many threads.

    Args:
        database: open, of the right schema.
        clock: decides whether a lease has expired where the caller passes no time.
        owners: folder of the owners' lock files; None: only expiry frees the lease of a dead process.
    """

    def __init__(self, database: Database, clock: Clock, owners: Path | None = None) -> None:
        super().__init__(database)
        self._clock = clock
        self._owners = owners
        # Asked in the very statement that reads the lease: a machine that stood still cannot be wrong.
        self._server_decides = isinstance(clock, DatabaseClock)

    @outlasting
    def put_playbook(self, digest: str, source: str) -> None:
        """Keep the source of a playbook under its digest; the same digest twice is no error."""
        with self._database.writing() as connection:
            self._sql.keep_playbook(connection, digest=digest, source=source)

    def create_run(self, run: NewRun) -> None:
        """Add a run; its playbook must be kept already. Raises StoreError `run_exists`."""
        self.create_runs([run])

    def create_runs(self, runs: Sequence[NewRun]) -> None:
        """Add many runs in one transaction: all or none. Raises StoreError `run_exists`."""
        rows = [run_row(run) for run in runs]
        with self._database.writing() as connection:
            for row in rows:
                if self._sql.run(connection, at_run=row["run"]).first() is not None:
                    raise store_error("run_exists", f"run {row['run']} is in the journal already")
                self._sql.insert_run(connection, **row)

    @outlasting
    def acquire(self, org: str, run: str, owner: str, *, now_s: float, ttl_s: float) -> Lease:
        """Take the org for *run*, over the lease of an owner that expired or whose process has died.

        Raises:
            LeaseHeld: another owner's lease lives, or this owner drives the org by another run.
        """
        with self._database.writing() as connection:
            self._sql.keep_lease(connection, org=org, run=run)
            held = self._sql.lease_for_update(connection, at_org=org).one()
            if (
                held.owner
                and held.expires_s > self._time_s(held, now_s)
                and (held.owner, held.run) != (owner, run)
            ):
                self._refuse_unless_dead(org, held, owner)
            lease = Lease(org, run, owner, held.token + 1, self._time_s(held, now_s) + ttl_s)
            self._sql.take_lease(
                connection, at_org=org, run=run, owner=owner, token=lease.token, expires_s=lease.expires_s
            )
        return lease

    @outlasting
    def renew(self, owner: str, *, now_s: float, ttl_s: float) -> int:
        """Extend every lease of *owner*; how many were extended.

        An expired lease that nobody took is extended too: nobody drove its run meanwhile.
        """
        with self._database.writing() as connection:
            return self._sql.renew(connection, at_owner=owner, expires_s=now_s + ttl_s).rowcount

    def check(self, lease: Lease, *, now_s: float) -> None:
        """Raises LeaseLost unless *lease* is still the newest of its org and unexpired."""
        with self._database.reading() as connection:
            self._refuse_unless_held(lease, self._sql.lease(connection, at_org=lease.org).first(), now_s)

    @outlasting
    def release(self, lease: Lease) -> None:
        """Give the org back; releasing a lost lease is no error."""
        with self._database.writing() as connection:
            self._sql.release(connection, at_org=lease.org, at_owner=lease.owner, at_token=lease.token)

    @outlasting
    def write(
        self,
        lease: Lease,
        *,
        settled: Settlement | None = None,
        standing: Standing | None = None,
        intended: Intent | None = None,
    ) -> None:
        """Settle the open attempt, move the run, intend the next attempt: one transaction.

        The newest of the times passed decides whether the lease has expired.

        Raises:
            LeaseLost: the lease is not ours any more, the attempt to settle is not open, or the attempt
                to intend exists already.
        """
        times_s = [
            *([settled.settled_s] if settled else []),
            *([standing.updated_s] if standing else []),
            *([intended.intended_s] if intended else []),
        ]
        with self._database.writing() as connection:
            self._hold(connection, lease, max(times_s, default=self._clock.now_s()))
            if settled is not None:
                self._settle(connection, lease.run, settled)
            # The run before the new attempt, everywhere: two transactions cannot wait for each other.
            self._move(connection, lease.run, standing, intended)
            if intended is not None:
                self._intend(connection, lease.run, intended)

    @outlasting
    def note(self, lease: Lease, seq: int, notes: Mapping[str, Any]) -> None:
        """Merge *notes* into the open attempt *seq*, durably, before the call they announce.

        Raises:
            LeaseLost: the lease is not ours any more, or the attempt is not open.
        """
        with self._database.writing() as connection:
            self._hold(connection, lease, self._clock.now_s())
            row = self._open_attempt(connection, lease.run, seq)
            merged = to_json({**from_json(row.notes), **notes}, "notes")
            self._sql.note(connection, at_run=lease.run, at_seq=seq, notes=merged)

    def answer_operator(self, run: str, standing: Standing, settled: AttemptRecord) -> None:
        """Store an operator's answer as a settled attempt and move the run; only while it waits.

        Raises:
            StoreError: `not_awaiting`: somebody else answered, or the question expired.
        """
        with self._database.writing() as connection:
            moved = self._sql.answer(connection, at_run=run, seq=settled.seq, **standing_row(standing))
            if moved.rowcount == 0:
                raise store_error("not_awaiting", f"run {run} does not wait for answer {settled.seq}")
            row = _attempt_row(run, settled)
            before = self._sql.chain_at(connection, at_run=run, at_seq=settled.seq - 1).scalar()
            self._sql.insert_attempt(connection, **row, chain=link(before or "", row))

    @outlasting
    def request_cancel(self, run: str, now_s: float) -> None:
        """Ask for the run to stop at its next step, and make it due now; no effect on one that ended."""
        with self._database.writing() as connection:
            asked = self._sql.cancel(connection, at_run=run, now_s=now_s).rowcount
            if asked == 0 and self._sql.run(connection, at_run=run).first() is None:
                raise RunUnknown(f"no run '{run}' in the journal")

    def close(self) -> None:
        """Release the database."""
        self._database.close()

    def _refuse_unless_dead(self, org: str, held: sa.Row[Any], owner: str) -> None:
        if held.owner != owner and self._owners is not None and owner_is_dead(self._owners, held.owner):
            return
        by = "this process" if held.owner == owner else describe(held.owner)
        raise LeaseHeld(f"'{org}' is driven by run {held.run} ({by}), at least until {iso(held.expires_s)}")

    def _hold(self, connection: sa.Connection, lease: Lease, now_s: float) -> None:
        """Keep the lease from being taken until the transaction ends. Raises LeaseLost."""
        row = self._sql.lease_for_update(connection, at_org=lease.org).first()
        self._refuse_unless_held(lease, row, now_s)

    def _refuse_unless_held(self, lease: Lease, row: sa.Row[Any] | None, now_s: float) -> None:
        if row is None or (row.run, row.owner, row.token) != (lease.run, lease.owner, lease.token):
            raise LeaseLost(f"'{lease.org}' was taken over from run {lease.run}")
        if row.expires_s <= self._time_s(row, now_s):
            raise LeaseLost(f"the lease of '{lease.org}' expired at {iso(row.expires_s)}")

    def _time_s(self, row: sa.Row[Any], now_s: float) -> float:
        """The time by which a lease is judged: the database's where many machines share it."""
        return float(row.server_s) if self._server_decides else now_s

    def _open_attempt(self, connection: sa.Connection, run: str, seq: int) -> sa.Row[Any]:
        row = self._sql.open_attempt(connection, at_run=run, at_seq=seq).first()
        if row is None:
            raise LeaseLost(f"attempt {seq} of run {run} is not open any more")
        return row

    def _settle(self, connection: sa.Connection, run: str, settled: Settlement) -> None:
        row = self._open_attempt(connection, run, settled.seq)
        outcome = {
            "settled_s": settled.settled_s,
            "outcome": settled.outcome,
            "code": plain(settled.code),
            "detail": plain(settled.detail),
            "evidence": to_json(settled.evidence, "evidence"),
        }
        chain = link(row.previous or "", {**row._mapping, **outcome})  # noqa: SLF001 - SQLAlchemy's public name
        self._sql.settle(connection, at_run=run, at_seq=settled.seq, chain=chain, **outcome)

    def _move(
        self, connection: sa.Connection, run: str, standing: Standing | None, intended: Intent | None
    ) -> None:
        if standing is not None and intended is not None:
            moved = self._sql.move_and_count(
                connection, at_run=run, seq=intended.seq, **standing_row(standing)
            )
        elif standing is not None:
            moved = self._sql.move(connection, at_run=run, **standing_row(standing))
        elif intended is not None:
            moved = self._sql.count(connection, at_run=run, seq=intended.seq)
        else:
            return
        if moved.rowcount:
            return
        row = self._sql.run(connection, at_run=run).first()
        if row is None:
            raise RunUnknown(f"no run '{run}' in the journal")
        if intended is not None and intended.seq <= row.seq:
            raise LeaseLost(f"attempt {intended.seq} of run {run} exists already")
        raise Defect(f"attempt {intended and intended.seq} of run {run} would leave a gap after {row.seq}")

    def _intend(self, connection: sa.Connection, run: str, intended: Intent) -> None:
        attempt = AttemptRecord(intended.seq, intended.state, intended.attempt, intended.intended_s)
        try:
            self._sql.insert_attempt(connection, **_attempt_row(run, attempt), chain=None)
        except sa_exc.IntegrityError:
            # `seq` was free a moment ago, so it is the other key: the attempt before is still in doubt.
            raise Defect(f"attempt {intended.seq} of run {run} intended while another is open") from None


def _attempt_row(run: str, attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "run": run,
        "seq": attempt.seq,
        "state": attempt.state,
        "attempt": attempt.attempt,
        "intended_s": attempt.intended_s,
        "settled_s": attempt.settled_s,
        "outcome": attempt.outcome,
        "code": plain(attempt.code),
        "detail": plain(attempt.detail),
        "notes": to_json(attempt.notes, "notes"),
        "evidence": to_json(attempt.evidence, "evidence"),
    }
