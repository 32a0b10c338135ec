from __future__ import annotations

import os
import secrets

import pytest
import sqlalchemy as sa
from journal_building import DIGEST, StillClock

from orchestrator.store import open_journal


@pytest.fixture(params=["file", "memory", "postgresql"])
def database(request, tmp_path):
    """An empty database of each kind, as the user would name it."""
    if request.param == "file":
        yield str(tmp_path / "home" / "journal.db")
    elif request.param == "memory":
        yield ":memory:"
    else:
        yield from _postgresql_schema()


def _postgresql_schema():
    server = os.environ.get("TEST_DATABASE_URL")
    if not server:
        pytest.skip("the journal is NOT tested on PostgreSQL: TEST_DATABASE_URL is not set")
    name = f"journal_{secrets.token_hex(6)}"
    url = sa.make_url(server).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    yield url.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
    engine.dispose()


@pytest.fixture
def clock():
    return StillClock()


@pytest.fixture
def journal(database, clock):
    opened = open_journal(database, clock=clock)
    opened.put_playbook(DIGEST, "states: {}")
    yield opened
    opened.close()
