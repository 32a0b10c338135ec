from __future__ import annotations

import pytest
from journal_building import DIGEST, StillClock

from orchestrator.store import open_journal


@pytest.fixture(params=["file", "memory", "postgresql"])
def database(request, tmp_path):
    """An empty database of each kind, as the user would name it."""
    if request.param == "file":
        return str(tmp_path / "home" / "journal.db")
    if request.param == "memory":
        return ":memory:"
    return request.getfixturevalue("shared_database")


@pytest.fixture
def clock():
    return StillClock()


@pytest.fixture
def journal(database, clock):
    opened = open_journal(database, clock=clock)
    opened.put_playbook(DIGEST, "states: {}")
    yield opened
    opened.close()
