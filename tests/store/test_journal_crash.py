"""`kill -9` while the journal is written, and processes that want the same run."""

# ruff: noqa: S311, S603 - our own interpreter, killed after a while drawn from a fixed seed

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from journal_building import DIGEST, T0, StillClock, intent, new_run, settlement

from orchestrator.store import open_journal

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from journal_building import StillClock, T0, intent, settlement, standing
from orchestrator.store import open_journal
journal = open_journal(sys.argv[1], clock=StillClock())
lease = journal.acquire("acme", "r", "gone.1.ff", now_s=T0, ttl_s=1.0)
run = journal.run("r")
if run.seq and journal.attempts("r")[-1].settled_s is None:
    journal.write(lease, settled=settlement(run.seq))
seq = run.seq + 1
journal.write(lease, intended=intent(seq))
print(seq, flush=True)
while True:
    journal.note(lease, seq, {"id": seq})
    journal.write(lease, settled=settlement(seq, fact="x" * 900), standing=standing(f"s{seq}"),
                  intended=intent(seq + 1))
    seq += 1
    print(seq, flush=True)
"""


def test_killed_at_any_instant_the_journal_holds_every_acknowledged_write_whole(tmp_path):
    path = tmp_path / "journal.db"
    journal = open_journal(path, clock=StillClock())
    journal.put_playbook(DIGEST, "")
    journal.create_run(new_run("r", org="acme"))
    journal.close()
    drawn = random.Random(20_260)
    for lifetime in range(8):
        acknowledged = _write_until_killed(path, drawn)
        _assert_consistent(path, acknowledged)
        journal = open_journal(path, clock=StillClock())
        # The dead writer's lease: expired for an owner who comes later.
        journal.release(journal.acquire("acme", "r", f"next.{lifetime}.ff", now_s=T0 + 1, ttl_s=60))
        journal.close()


def _write_until_killed(path, drawn):
    """Let a writer write, kill it after a random number of acknowledgements and a random while."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    lines = [writer.stdout.readline() for _ in range(drawn.randint(1, 60))]
    assert all(lines)
    for _ in range(drawn.randint(0, 30_000)):  # a while too short for the clock: inside the next write
        pass
    writer.kill()
    rest = writer.communicate()[0].split(b"\n")[:-1]
    return int([*lines, *rest][-1])


def _assert_consistent(path, acknowledged):
    journal = open_journal(path, clock=StillClock())
    run, attempts = journal.run("r"), journal.attempts("r")
    assert run.seq >= acknowledged
    assert [attempt.seq for attempt in attempts] == list(range(1, run.seq + 1))
    assert [attempt.seq for attempt in attempts if attempt.settled_s is None] in ([], [run.seq])
    assert journal.verify_chain("r") is None
    settled = [attempt for attempt in attempts if attempt.evidence]
    if settled and settled[-1].seq == run.seq - 1:
        assert run.position.state == f"s{run.seq - 1}"  # moved in the same transaction
    journal.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


CONTENDER = """
import sys
sys.path.insert(0, sys.argv[2])
from journal_building import StillClock, T0, intent, settlement
from orchestrator.errors import LeaseHeld
from orchestrator.store import open_journal
journal = open_journal(sys.argv[1], clock=StillClock())
me, acted = sys.argv[3], 0
print("ready", flush=True)
sys.stdin.readline()
while acted < 25:
    try:
        lease = journal.acquire("acme", "r", me, now_s=T0, ttl_s=60.0)
    except LeaseHeld:
        continue
    seq = journal.run("r").seq + 1
    journal.write(lease, intended=intent(seq))
    journal.write(lease, settled=settlement(seq, token=lease.token, by=me))
    journal.release(lease)
    acted += 1
journal.close()
"""


def test_processes_that_contend_for_one_org_take_turns_and_never_act_twice(tmp_path):
    path = tmp_path / "journal.db"
    journal = open_journal(path, clock=StillClock())
    journal.put_playbook(DIGEST, "")
    journal.create_run(new_run("r", org="acme"))
    contenders = [
        subprocess.Popen(
            [sys.executable, "-c", CONTENDER, str(path), str(Path(__file__).parent), f"host.{number}.ff"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        for number in range(3)
    ]
    for contender in contenders:
        assert contender.stdout.readline() == b"ready\n"
    for contender in contenders:
        contender.stdin.write(b"\n")
        contender.stdin.flush()
    assert [contender.communicate()[1] for contender in contenders] == [b""] * 3
    attempts = journal.attempts("r")
    assert [attempt.seq for attempt in attempts] == list(range(1, 76))
    tokens = [attempt.evidence["token"] for attempt in attempts]
    assert tokens == sorted(set(tokens))
    assert {attempt.evidence["by"] for attempt in attempts} == {"host.0.ff", "host.1.ff", "host.2.ff"}
    assert journal.verify_chain("r") is None
    journal.close()


def test_a_worker_that_woke_late_finds_the_attempt_taken(tmp_path):
    path = tmp_path / "journal.db"
    slow, fast = (open_journal(path, clock=StillClock()) for _ in range(2))
    slow.put_playbook(DIGEST, "")
    slow.create_run(new_run("r", org="acme"))
    lease = slow.acquire("acme", "r", "host.1.ff", now_s=T0, ttl_s=1)
    slow.write(lease, intended=intent(1))
    taken = fast.acquire("acme", "r", "host.2.ff", now_s=T0 + 2, ttl_s=60)
    fast.write(taken, settled=settlement(1, T0 + 2), intended=intent(2, T0 + 2))
    with pytest.raises(Exception, match="lease_lost"):
        slow.write(lease, settled=settlement(1, T0 + 0.5), intended=intent(2, T0 + 0.5))
    assert fast.attempts("r")[0].settled_s == T0 + 2
    slow.close()
    fast.close()
