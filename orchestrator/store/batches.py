"""Waves and gates: which runs of a fleet may be woken, where any number of machines wake them.

A fleet driven by one process keeps its waves in memory. Where many share the work, whoever looks next must
see which wave is open, so it is a row; and a run that is not to be woken (a later wave, parked before
`--until`, held back after too many failures) is held by its gate. A run without a gate is the business of the
command that made it, and of nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from orchestrator.ports import NewRun, RunStatus
from orchestrator.store.engine import Database, outlasting
from orchestrator.store.schema import ACTIVE, fleet, gate, run

TooMany = Callable[[str, int, int], bool]
"""(--max-failures as written, failed runs, runs in the waves so far) -> whether to begin nothing more."""

_ONE: sa.ColumnElement[int] = sa.literal_column("1")
_with_gate = run.outerjoin(gate, gate.c.run == run.c.run)
_held = sa.func.coalesce(gate.c.held, _ONE)
_has_failed = sa.or_(
    run.c.status == str(RunStatus.CANCELLED),
    sa.and_(run.c.status == str(RunStatus.FINISHED), run.c.result != "succeeded"),
)


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a run may be woken, and how far it may go.

    Attributes:
        held: nobody is to wake it.
        until: the state before which it is parked; None for none.
    """

    held: bool
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A run as far as somebody who watches thousands must know it to look closer."""

    run: str
    seq: int
    status: RunStatus
    updated_s: float
    held: bool


class Batches:
    """Waves, limits and gates.

    Args:
        database: open, of the right schema.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert: Callable[[sa.Table], Any] = postgresql.insert if database.is_shared else sqlite.insert

    @outlasting
    def begin(self, batch: str, runs: Sequence[NewRun], *, max_failures: str, until: str) -> None:
        """Record the gates of *runs* before they are recorded; only those of the open wave are open.

        A new batch begins with the wave of its first run. One that is there is gone on with: the waves of
        *runs* come after its own, and what held it back is over.
        """
        waves = [new.priority for new in runs]
        with self._database.writing() as connection:
            row = {"open_wave": min(waves), "last_wave": max(waves), "max_failures": max_failures, "held": 0}
            statement = self._insert(fleet).values(batch=batch, **row)
            changes = {name: statement.excluded[name] for name in ("last_wave", "max_failures", "held")}
            connection.execute(statement.on_conflict_do_update(index_elements=["batch"], set_=changes))
            is_open = sa.select(fleet.c.open_wave).where(fleet.c.batch == batch)
            wave = connection.execute(is_open).scalar_one()
            self._set(
                connection,
                [{"run": new.run, "held": int(new.priority > wave), "until_state": until} for new in runs],
            )

    @outlasting
    def open(self, runs: Sequence[str], *, until: str) -> None:
        """Let *runs* be woken again, and park them before *until* ("" for nowhere)."""
        with self._database.writing() as connection:
            self._set(connection, [{"run": one, "held": 0, "until_state": until} for one in runs])

    @outlasting
    def admit(self, runs: Sequence[str], *, until: str) -> None:
        """Let *runs* that have no gate yet be woken by anybody."""
        rows = [{"run": one, "held": 0, "until_state": until} for one in runs]
        with self._database.writing() as connection:
            connection.execute(self._insert(gate).on_conflict_do_nothing(), rows)

    @outlasting
    def hold(self, one: str) -> None:
        """Let nobody wake the run until somebody opens its gate."""
        statement = self._insert(gate).values(run=one, held=1, until_state="")
        with self._database.writing() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["run"], set_={"held": 1}))

    def gate(self, one: str) -> Gate:
        """The gate of the run."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(gate).where(gate.c.run == one)).first()
        return Gate(held=True) if row is None else Gate(bool(row.held), row.until_state or None)

    def may_begin(self, batch: str, too_many: TooMany) -> bool:
        """Whether a run of *batch* that has not begun may begin; if too many failed, all such are held."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(fleet).where(fleet.c.batch == batch)).first()
            if row is None or not (row.max_failures or row.held):
                return True
            _, failed, begun = self._counted(connection, row)
        if not row.held and not too_many(row.max_failures, failed, begun):
            return True
        self._hold_the_rest(batch)
        return False

    def open_next_waves(self, too_many: TooMany) -> list[str]:
        """Open the next wave of every batch whose open wave is over; the runs that may be woken now."""
        opened: list[str] = []
        with self._database.writing() as connection:
            waiting = sa.select(fleet).where(fleet.c.held == 0, fleet.c.open_wave < fleet.c.last_wave)
            for row in connection.execute(waiting.with_for_update(skip_locked=True)).all():
                under_way, failed, begun = self._counted(connection, row)
                if under_way:
                    continue
                at_batch = fleet.c.batch == row.batch
                if too_many(row.max_failures, failed, begun):
                    connection.execute(sa.update(fleet).where(at_batch).values(held=1))
                    continue
                wave = row.open_wave + 1
                connection.execute(sa.update(fleet).where(at_batch).values(open_wave=wave))
                chosen = sa.select(run.c.run).where(run.c.batch == row.batch, run.c.priority == wave)
                runs = list(connection.execute(chosen).scalars())
                connection.execute(sa.update(gate).where(gate.c.run.in_(chosen)).values(held=0))
                opened.extend(runs)
        return opened

    def is_waiting(self, batches: Sequence[str]) -> bool:
        """Whether a wave of one of *batches* is still to be opened."""
        here = sa.and_(fleet.c.batch.in_(batches), fleet.c.held == 0, fleet.c.open_wave < fleet.c.last_wave)
        with self._database.reading() as connection:
            return connection.execute(sa.select(fleet.c.batch).where(here).limit(1)).first() is not None

    def glimpses(self, batches: Sequence[str]) -> list[Glimpse]:
        """How the runs of *batches* stand, in the order in which they are driven."""
        query = sa.select(run.c.run, run.c.seq, run.c.status, run.c.updated_s, _held).select_from(_with_gate)
        query = query.where(run.c.batch.in_(batches)).order_by(run.c.priority, run.c.created_s, run.c.run)
        with self._database.reading() as connection:
            return [
                Glimpse(one, seq, RunStatus(status), updated_s, bool(held))
                for one, seq, status, updated_s, held in connection.execute(query)
            ]

    def _counted(self, connection: sa.Connection, row: sa.Row[Any]) -> tuple[int, int, int]:
        """Runs under way, runs that failed, and all runs of the waves so far."""
        under_way = sa.and_(run.c.status == ACTIVE, _held == 0)
        query = sa.select(
            sa.func.count(sa.case((under_way, 1))), sa.func.count(sa.case((_has_failed, 1))), sa.func.count()
        )
        query = query.select_from(_with_gate)
        query = query.where(run.c.batch == row.batch, run.c.priority <= row.open_wave)
        busy, failed, begun = connection.execute(query).one()
        return busy, failed, begun

    def _hold_the_rest(self, batch: str) -> None:
        """Nothing further of *batch* is begun, not even the rest of the wave under way."""
        rows = sa.select(run.c.run, sa.literal(1), sa.literal(""))
        rows = rows.where(run.c.batch == batch, run.c.status == ACTIVE, run.c.seq == 0)
        statement = self._insert(gate).from_select(["run", "held", "until_state"], rows)
        with self._database.writing() as connection:
            connection.execute(sa.update(fleet).where(fleet.c.batch == batch).values(held=1))
            connection.execute(statement.on_conflict_do_update(index_elements=["run"], set_={"held": 1}))

    def _set(self, connection: sa.Connection, gates: Sequence[dict[str, Any]]) -> None:
        if not gates:
            return
        statement = self._insert(gate)
        kept = {name: statement.excluded[name] for name in ("held", "until_state")}
        connection.execute(statement.on_conflict_do_update(index_elements=["run"], set_=kept), gates)
