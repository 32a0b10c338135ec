"""Makes a fixture of `fixtures/journals`: run it with the sources of the release that is to be kept.

    cd CHECKOUT-OF-THE-RELEASE && PYTHONPATH=.:PATH/TO/tests/upgrade python -m make_journal FOLDER

Each run is left where a process could have died or parked, and named after that in its org's place.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

import requests
from recorded import ALONE, WIRE, World, written

from orchestrator.app import App
from orchestrator.fleet.org_entry import OrgEntry
from orchestrator.shipped import playbook_source
from orchestrator.simulator.operations import operation_of
from orchestrator.simulator.reading import make_request


class Died(BaseException):
    """The process is gone."""


class Tape:
    """Writes down what is sent, and lets the process die right after a request that was answered."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lines: list[str] = []
        self.dies_after = ""
        self.last = ""

    def __call__(self, request: requests.PreparedRequest) -> None:
        """Before *request* is sent: die if the one before it was the last; write this one down."""
        if self.dies_after and self.last == self.dies_after:
            raise Died
        self.lines.append(written(request, self.world.clock.now_s()))
        body = request.body or b""
        self.last = operation_of(
            make_request(
                request.method or "GET",
                request.path_url,
                [("Host", "any"), *((name, str(value)) for name, value in request.headers.items())],
                body.encode() if isinstance(body, str) else bytes(body),
                client_ip="127.0.0.1",
                scheme="https",
            )
        )


def new_run(app: App, world: World, number: int, **inputs: object) -> str:
    """Record a run for org *number*; its id is the org's name, so that tests can name it."""
    compiled = app.compile(*playbook_source("hybrid"))
    seed = world.seeds[number]
    entry = OrgEntry(
        name=seed.name,
        url=f"https://{seed.my_domain_host}",
        org_id=seed.org_id,
        username=seed.username,
        integration_user=seed.integration_username,
        break_glass_user=seed.break_glass_username,
        secrets={"password": f"env:PASSWORD_{number}"},
    )
    given = {name: spec.default for name, spec in compiled.inputs.items()} | inputs
    new = replace(app.new_run(entry, compiled, given, batch="first", priority=number), run=f"run-{number}")
    app.journal.put_playbook(compiled.digest, compiled.source)
    app.journal.create_run(new)
    return new.run


def killed_after(world: World, tape: Tape, number: int, operation: str, until: str) -> None:
    """A run whose process died before the answer of *operation* was settled, in state *until*."""
    app = world.process(tape)
    run = new_run(app, world, number)
    world.drive(app, run, until=until)
    tape.dies_after, tape.last = operation, ""
    try:
        world.drive(app, run)
    except Died:
        tape.dies_after = ""
    else:
        raise AssertionError(f"nothing died after {operation}")
    finally:
        app.close()


def parked(world: World, tape: Tape, number: int, until: str | None, **inputs: object) -> None:
    """A run that stands before state *until*, waits for a person, or is over."""
    app = world.process(tape)
    world.drive(app, new_run(app, world, number, **inputs), until=until)
    app.close()


def main(folder: Path) -> None:
    """Make the fixture in *folder*."""
    home = folder / "home"
    shutil.rmtree(folder, ignore_errors=True)
    home.mkdir(parents=True)
    world = World(home)
    tape = Tape(world)
    app = world.process(tape)
    new_run(app, world, 0)  # recorded by --detach, never begun
    app.close()
    killed_after(world, tape, 1, "soap_login", "bootstrap")
    killed_after(world, tape, 2, "deploy", "deploy_client_app")
    app = world.process(tape)  # in the middle of its proofs
    run = new_run(app, world, 3)
    world.drive(app, run, until="prove_oauth")
    engine = app.engine(lambda _event: None)
    while (record := engine.advance(run)).position.streak < 2:
        world.clock.at_s = max(world.clock.at_s, record.not_before_s)
    app.close()
    killed_after(world, tape, 4, "upsert_metadata", "lock_password")
    parked(world, tape, 5, "verify_lockdown")
    parked(world, tape, 6, None, approve_locks=True)
    parked(world, tape, 7, None)
    parked(world, tape, ALONE, None)
    app = world.process(tape)
    run = new_run(app, world, 9)
    app.journal.request_cancel(run, world.clock.now_s())
    app.engine(lambda _event: None).cancel_if_free(run)
    app.close()
    pack(folder, tape)


def pack(folder: Path, tape: Tape) -> None:
    """One file for the journal, one for the tape, and no mark of a living process."""
    home = folder / "home"
    with sqlite3.connect(home / "journal.db") as journal:
        journal.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        journal.execute("PRAGMA journal_mode = DELETE")
        rows = journal.execute("SELECT run, status, state, result, code FROM run ORDER BY run").fetchall()
    journal.close()
    shutil.rmtree(home / "owners")
    with gzip.GzipFile(folder / WIRE, "wb", mtime=0) as out:
        out.write(("\n".join(tape.lines) + "\n").encode())
    sys.stdout.write("\n".join(json.dumps(row) for row in rows) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
