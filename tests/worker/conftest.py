from __future__ import annotations

import pytest
from postgresql_server import running_server
from worker_world import TAKEOVER_S, Fleet, Working, wait_until


@pytest.fixture
def worker(program, shared_database, tmp_path):
    """Starts `orchestrator worker` on the shared database, each with a home of its own."""
    started = []

    def start(*options, orgs=None, database=shared_database, is_ready=True, **variables):
        home = tmp_path / f"machine-{len(started)}"
        arguments = ["--home", str(home), "--database", database, "--takeover", f"{TAKEOVER_S:g}"]
        process = program(
            "worker",
            "--json",
            *arguments,
            *(orgs.connect_to if orgs else []),
            *options,
            orgs=orgs,
            **variables,
        )
        working = Working(process)
        started.append(working)
        if is_ready:
            wait_until(lambda: working.events("worker_started"), what=f"started: {working.complaints}")
        return working

    yield start
    for working in started:
        if working.process.poll() is None:
            working.process.kill()


@pytest.fixture
def fleet(shared_database):
    """The shared database, looked at from outside."""
    opened = Fleet(shared_database)
    yield opened
    opened.journal.close()


@pytest.fixture
def own_server():
    """A PostgreSQL server that the test may stop."""
    with running_server() as server:
        yield server
