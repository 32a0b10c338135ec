"""A database of an older version, with rows in it, opens in this one; on both kinds of database."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from journal_building import DIGEST, T0, StillClock

from orchestrator.machine import Position
from orchestrator.ports import RunStatus
from orchestrator.store import open_store, schema
from orchestrator.store.migrations.versions import r0001_first_release

_RUN = {
    "run": "acme-1", "org": "acme", "batch": "b", "status": "active", "state": "login", "priority": 0,
    "not_before_s": T0, "until_s": None, "seq": 1, "cancel_requested": 0, "created_s": T0, "updated_s": T0,
    "speed": 1.0, "result": None, "code": "", "detail": "", "playbook": "hybrid", "playbook_digest": DIGEST,
    "labels": "{}", "org_entry": '{"name":"acme"}', "inputs": "{}",
    "position": json.dumps(Position("login", T0).as_json()), "evidence": '{"a":1}',
}  # fmt: skip
_ATTEMPT = {
    "run": "acme-1", "seq": 1, "state": "login", "attempt": 1, "intended_s": T0, "settled_s": None,
    "outcome": None, "code": "", "detail": "", "chain": None, "notes": '{"id":"x"}', "evidence": "{}",
}  # fmt: skip
_LEASE = {"org": "acme", "run": "acme-1", "owner": "o.1.x", "token": 7, "expires_s": 1.0}


@pytest.fixture(params=["sqlite", "postgresql"])
def of_0001(request, tmp_path):
    """A database with the schema of 0001 and a run, an open attempt and a lease in it."""
    if request.param == "sqlite":
        url, driver = f"sqlite:///{tmp_path / 'journal.db'}", f"sqlite:///{tmp_path / 'journal.db'}"
    else:
        url = request.getfixturevalue("shared_database")
        driver = url.replace("postgresql:", "postgresql+psycopg:")
    engine = sa.create_engine(driver)
    with engine.begin() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            r0001_first_release.upgrade()
        schema.meta.create(connection)
        connection.execute(sa.insert(schema.meta).values(version_num="0001", created_s=T0))
        connection.execute(sa.insert(schema.playbook).values(digest=DIGEST, source="states: {}"))
        for table, row in (("run", _RUN), ("attempt", _ATTEMPT), ("lease", _LEASE)):
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)  # noqa: S608 - constants
    engine.dispose()
    return url


def test_a_database_of_0001_opens_with_its_rows_and_can_be_shared_from_then_on(of_0001):
    store = open_store(of_0001, clock=StillClock())
    record = store.journal.run("acme-1")
    assert (record.status, record.evidence, record.seq) == (RunStatus.ACTIVE, {"a": 1}, 1)
    [attempt] = store.journal.attempts("acme-1")
    assert (attempt.settled_s, attempt.notes) == (None, {"id": "x"})
    lease = store.journal.acquire("acme", "acme-1", "other", now_s=T0 + 1, ttl_s=60.0)
    assert lease.token == 8
    assert store.batches.gate("acme-1").held  # nobody but its command drives it, until it is resumed
    store.batches.open(["acme-1"], until="")
    assert not store.batches.gate("acme-1").held
    store.sealed.change("place", lambda _before: b"sealed")
    assert store.sealed.read("place") == b"sealed"
    assert store.pace.change(["x"], T0, lambda facts: facts["x"].setdefault("due_s", 1.5)) == 1.5
    store.journal.close()


def test_a_migrated_database_has_the_tables_of_a_new_one(of_0001, request):
    def shape(url):
        store = open_store(url, clock=StillClock())
        engine = store.journal._database.engine
        found = sa.inspect(engine)
        tables = {
            table: (
                [
                    (column["name"], str(column["type"]), column["nullable"])
                    for column in found.get_columns(table)
                ],
                sorted(index["name"] for index in found.get_indexes(table)),
            )
            for table in found.get_table_names()
        }
        store.journal.close()
        return tables

    migrated = shape(of_0001)
    assert set(migrated) == set(schema.metadata.tables)
    if of_0001.startswith("sqlite"):
        assert shape(":memory:") == migrated
    else:
        from postgresql_server import fresh_database  # noqa: PLC0415 - only on a server

        with fresh_database(request.getfixturevalue("postgresql")) as url:
            assert shape(url) == migrated
