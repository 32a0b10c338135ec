"""The journal for those who look after many runs: how they stand, which may go, what they are mapped onto."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from orchestrator.errors import LeaseLost
from orchestrator.ports import Lease, RunRecord, RunStatus, Standing
from orchestrator.store import schema
from orchestrator.store.reading import JournalReader
from orchestrator.store.rows import run_record, standing_row, to_json

_LONG = frozenset({"evidence", "inputs", "org_entry"})
_AT_ONCE = 500


class Upkeep(JournalReader):
    """Questions about whole fleets, and what is done to runs that nobody drives."""

    def standings(
        self,
        *,
        statuses: Sequence[RunStatus] = (),
        batch: str | None = None,
        runs: Sequence[str] = (),
        result: str | None = None,
    ) -> list[RunRecord]:
        """Runs in the order in which they are driven, without evidence, inputs and orgs entry.

        Ten thousand of them are read again and again by those who watch. Filters are anded, empty means any.
        """
        columns = schema.run.c
        short = [sa.literal("{}").label(each.name) if each.name in _LONG else each for each in columns]
        query = sa.select(*short).order_by(columns.priority, columns.created_s, columns.run)
        if statuses:
            query = query.where(columns.status.in_([str(status) for status in statuses]))
        if batch is not None:
            query = query.where(columns.batch == batch)
        if result is not None:
            query = query.where(columns.result == result)
        with self._database.reading() as connection:
            if not runs:
                return [run_record(row) for row in connection.execute(query)]
            found: list[RunRecord] = []
            for start in range(0, len(runs), _AT_ONCE):
                these = query.where(columns.run.in_(runs[start : start + _AT_ONCE]))
                found += [run_record(row) for row in connection.execute(these)]
            return found

    def batches(self, beginning: str = "") -> list[str]:
        """Ids of the batches that begin so, the newest first."""
        columns = schema.run.c
        newest = sa.func.max(columns.created_s)
        query = sa.select(columns.batch).where(columns.batch != "").group_by(columns.batch)
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(newest.desc(), columns.batch)).scalars()
            return [batch for batch in found if batch.startswith(beginning)]

    def adopt(
        self, lease: Lease, standing: Standing, *, playbook: str, digest: str, inputs: Mapping[str, Any]
    ) -> None:
        """Let the run of *lease* go on with another playbook, which must be kept already.

        Raises:
            LeaseLost: the lease is not ours any more.
        """
        held = sa.exists().where(
            schema.lease.c.org == lease.org,
            schema.lease.c.run == lease.run,
            schema.lease.c.owner == lease.owner,
            schema.lease.c.token == lease.token,
        )
        change = {
            **standing_row(standing),
            "playbook": playbook,
            "playbook_digest": digest,
            "inputs": to_json(inputs, "inputs"),
        }
        with self._database.writing() as connection:
            statement = sa.update(schema.run).where(schema.run.c.run == lease.run, held).values(change)
            if connection.execute(statement).rowcount == 0:
                raise LeaseLost(f"'{lease.org}' was taken over from run {lease.run}")

    def remove(self, runs: Sequence[str]) -> int:
        """Take runs that are over out of the journal, with their attempts; how many were taken.

        A few hundred in a transaction, so that nobody waits long for the journal.
        """
        over = [str(RunStatus.FINISHED), str(RunStatus.CANCELLED)]
        removed = 0
        for start in range(0, len(runs), _AT_ONCE):
            these = list(runs[start : start + _AT_ONCE])
            with self._database.writing() as connection:
                found = sa.select(schema.run.c.run).where(
                    schema.run.c.run.in_(these), schema.run.c.status.in_(over)
                )
                going = list(connection.execute(found).scalars())
                for table in (schema.gate, schema.attempt):
                    connection.execute(sa.delete(table).where(table.c.run.in_(going)))
                removed += connection.execute(
                    sa.delete(schema.run).where(schema.run.c.run.in_(going))
                ).rowcount
        return removed
