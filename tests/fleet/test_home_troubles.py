"""What a person is told when the place of the journal is unusable; and that nothing is lost by it."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
SPEED = 200


def test_a_home_that_is_a_file_is_named(simulated, command, tmp_path):
    orgs = simulated(speed=SPEED)
    (tmp_path / "file").write_text("")
    done = command("--home", str(tmp_path / "file"), "run", "hybrid", "--json", *orgs.options, orgs=orgs)
    assert (done.code, done.error["code"]) == (2, "journal_read_only")
    assert orgs.operations() == []


def test_a_corrupt_journal_is_named_and_left_as_it_is(simulated, command, home):
    orgs = simulated(speed=SPEED)
    home.mkdir()
    (home / "journal.db").write_bytes(b"this is no database at all" * 100)
    done = command("run", "hybrid", "--json", *orgs.options, orgs=orgs)
    assert (done.code, done.error["code"]) == (2, "journal_corrupt")
    assert (home / "journal.db").read_bytes().startswith(b"this is no database")
    assert orgs.operations() == []


def test_a_journal_locked_by_another_program_is_named(simulated, command, home):
    orgs = simulated(speed=SPEED)
    assert command("run", "hybrid", "--detach", *orgs.options, orgs=orgs).code == 0
    other = sqlite3.connect(home / "journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = f"sqlite:///{home / 'journal.db'}?timeout=0.2"
    options = ("--database", database, "resume", "--all", "--json", *orgs.connect_to)
    locked = command(*options, "--speed", str(SPEED), orgs=orgs)
    assert (locked.code, locked.error["code"]) == (2, "journal_locked")
    assert "soap_login" not in orgs.operations()
    other.execute("ROLLBACK")
    other.close()
    assert command("resume", "--all", "--json", "--speed", str(SPEED), *orgs.connect_to, orgs=orgs).code == 0


def test_a_disk_that_takes_no_more_stops_the_fleet_and_what_was_settled_is_resumed(
    simulated, environment, command, home
):
    orgs = simulated(speed=SPEED, count=4)
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "orchestrator", "run", "hybrid", "--json", *orgs.options],
        env=environment(orgs.environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        # No file may grow beyond this: writes fail as they do on a full disk.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
    )
    assert done.returncode == 2, done.stderr
    assert '"journal_' in done.stderr
    with sqlite3.connect(home / "journal.db") as journal:
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    again = command("resume", "--all", "--json", "--speed", str(SPEED), *orgs.connect_to, orgs=orgs)
    assert again.code == 0
    for name in orgs.names():
        assert orgs.operations(name).count("deploy") == 2
