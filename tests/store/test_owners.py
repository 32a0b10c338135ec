"""Who lives: locks of processes, seen by other processes."""

# ruff: noqa: S603 - our own interpreter

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from journal_building import DIGEST, OTHER, T0, StillClock, new_run

from orchestrator.errors import LeaseHeld
from orchestrator.store import open_journal
from orchestrator.store.owners import Owner, describe, owner_is_dead

ROOT = Path(__file__).parents[2]
DAY_S = 86_400

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no flock: only expiry frees a lease there")


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "owners"


def test_an_owner_lives_as_long_as_it_is_open(directory):
    owner = Owner(directory)
    assert owner.id == owner.id
    assert not owner_is_dead(directory, owner.id)
    name = owner.id
    owner.close()
    assert owner_is_dead(directory, name)


def test_an_owner_tells_its_process(directory):
    owner = Owner(directory)
    assert describe(owner.id).startswith(f"process {os.getpid()} on ")
    assert describe("odd") == "odd"
    owner.close()


@pytest.mark.parametrize("owner", [OTHER, "", "..", "../../etc/passwd", "x/../y.1.2"])
def test_an_owner_nobody_knows_is_not_called_dead(directory, owner):
    directory.mkdir()
    assert not owner_is_dead(directory, owner)


def test_asking_does_not_make_two_askers_take_each_other_for_the_owner(directory):
    fcntl = pytest.importorskip("fcntl")
    owner = Owner(directory)
    name = owner.id
    owner.close()
    with (directory / f"{name}.lock").open() as asked:
        fcntl.flock(asked, fcntl.LOCK_SH)
        assert owner_is_dead(directory, name)


def test_a_forked_child_is_another_owner_and_does_not_keep_its_parent_alive(directory):
    owner = Owner(directory)
    name = owner.id
    reading, writing = os.pipe()
    waiting, ending = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(ending)
            os.write(writing, owner.id.encode() + b"\n")
            os.read(waiting, 1)  # until the parent has looked
        finally:
            os._exit(0)
    os.close(waiting)
    childs_name = os.read(reading, 200).decode().strip()
    assert childs_name != name
    assert not owner_is_dead(directory, name)
    assert not owner_is_dead(directory, childs_name)
    owner.close()
    assert owner_is_dead(directory, name)
    os.close(ending)
    os.waitpid(child, 0)
    assert owner_is_dead(directory, childs_name)
    os.close(reading)
    os.close(writing)


def test_files_of_long_dead_owners_are_removed_and_those_of_the_living_kept(directory):
    living, dead = Owner(directory), Owner(directory)
    names = [living.id, dead.id]
    dead.close()
    for name in names:
        os.utime(directory / f"{name}.lock", (1, 1))
    another = Owner(directory)
    assert {another.id, living.id} == {path.stem for path in directory.iterdir()}
    living.close()
    another.close()


HOLDER = """
import sys
from pathlib import Path
from orchestrator.ports import SystemClock
from orchestrator.store import open_journal
from orchestrator.store.owners import Owner
home = Path(sys.argv[1])
owner = Owner(home / "owners")
journal = open_journal(home / "journal.db", clock=SystemClock())
journal.acquire("acme", "r", owner.id, now_s=float(sys.argv[2]), ttl_s=3600.0)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_the_lease_of_a_killed_process_is_free_at_once_and_that_of_a_living_one_is_not(tmp_path):
    journal = open_journal(tmp_path / "journal.db", clock=StillClock())
    journal.put_playbook(DIGEST, "")
    journal.create_run(new_run("r", org="acme"))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), str(T0)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(LeaseHeld) as caught:
        journal.acquire("acme", "r", OTHER, now_s=T0 + 1, ttl_s=60)
    assert f"process {holder.pid}" in caught.value.detail
    holder.kill()
    holder.communicate()
    assert journal.acquire("acme", "r", OTHER, now_s=T0 + 1, ttl_s=60).token == 2
    journal.close()
