"""Bad days of the operator and of the platform: a clear message, nothing lost, and it can be resumed."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SPEED = 200
ORGS = """
orgs:
  acme: {url: "https://acme.my.salesforce.com", username: admin@acme.example, password: "env:ACME_PASSWORD"}
"""
ASK = """
playbook: ask
version: 1
description: A question, and nothing that touches an org.
initial: ask
states:
  ask:
    description: A person decides.
    operator: {approve: "Go on?"}
    wait: {timeout: 1h}
    on: {approved: done, rejected: refused, timed_out: refused}
  refused: {final: failed}
  done: {final: succeeded}
"""


def file_of(orgs):
    return Path(orgs.line["orgs_file"]).read_text("utf-8")


def without_privilege():
    """In the child: root writes anywhere by a capability (CAP_DAC_OVERRIDE); give it up (PR_CAPBSET_DROP)."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


def unprivileged(environment, *arguments):
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "orchestrator", *arguments],
        env=environment({"ACME_PASSWORD": "Pa55word-of-the-test"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=without_privilege,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="takes a capability from root as Linux does")
def test_a_home_that_may_only_be_read_is_named_and_the_runs_go_on_once_it_may_be_written(
    environment, home, tmp_path
):
    for name, text in (("ask.yaml", ASK), ("orgs.yaml", ORGS)):
        (tmp_path / name).write_text(text, "utf-8")
    files = [str(tmp_path / "ask.yaml"), "--orgs", str(tmp_path / "orgs.yaml")]
    assert unprivileged(environment, "run", *files, "--detach").returncode == 0
    modes(home, folder=0o500, file=0o400)
    stuck = unprivileged(environment, "resume", "--all", "--json")
    modes(home, folder=0o700, file=0o600)
    assert stuck.returncode == 2, stuck.stderr
    assert json.loads(stuck.stderr.splitlines()[-1])["error"]["code"] == "journal_read_only"
    assert unprivileged(environment, "resume", "--all").returncode == 4


def modes(home, *, folder, file):
    for path in [*home.rglob("*"), home]:
        path.chmod(folder if path.is_dir() else file)


def test_an_org_that_left_the_orgs_file_is_driven_to_its_end_by_what_the_journal_knows(
    simulated, command, tmp_path
):
    orgs = simulated(speed=SPEED, count=2)
    first, second = orgs.names()
    assert (
        command("run", "hybrid", "--until", "deploy_client_app", "--json", *orgs.options, orgs=orgs).code == 5
    )
    shorter = tmp_path / "shorter.yaml"
    shorter.write_text(re.sub(rf"(?ms)^  {second}:\n.*\Z", "", file_of(orgs)), "utf-8")
    assert second not in shorter.read_text("utf-8")
    done = command("resume", "--all", "--json", "--orgs", str(shorter), *orgs.connect_to, orgs=orgs)
    assert done.code == 0
    assert {line["org"] for line in done.lines if line["event"] == "run_finished"} == {first, second}


def test_a_playbook_edited_in_the_middle_changes_no_run_under_way(simulated, command, tmp_path):
    orgs = simulated(speed=SPEED)
    source = Path(__file__).parents[2] / "playbooks" / "hybrid.yaml"
    edited = tmp_path / "hybrid.yaml"
    edited.write_bytes(source.read_bytes())
    parked = command("run", str(edited), "--until", "issue_certificate", "--json", *orgs.options, orgs=orgs)
    assert parked.code == 5
    edited.write_text("playbook: hybrid\nversion: 99\n", "utf-8")
    assert command("resume", "--all", "--json", *orgs.connect_to, orgs=orgs).code == 0
    assert orgs.truth()["counts"]["deploys"] == 2


def test_one_signal_ends_the_patience_of_a_retry_and_the_run_is_resumed(
    simulated, program, finished, command
):
    orgs = simulated(speed=SPEED)
    nobody = ["--orgs", orgs.line["orgs_file"], "--speed", str(SPEED), "--connect-to", "*:443:127.0.0.1:9"]
    process = program("run", "hybrid", "--json", *nobody, orgs=orgs)
    assert json.loads(process.stdout.readline())["event"] == "run_started"
    process.stdout.readline()
    began_s = time.monotonic()
    process.send_signal(signal.SIGTERM)
    done = finished(process)
    assert time.monotonic() - began_s < 12  # a retry is patient for thirty
    assert done.code == 5, done.err
    assert command("resume", "--all", "--json", *orgs.connect_to, orgs=orgs).code == 0


def test_a_storm_at_one_host_holds_the_runs_of_that_host_only_and_they_go_on_after_it(
    simulated, command, tmp_path
):
    orgs = simulated(speed=SPEED, count=6)
    struck, *others = orgs.names()
    # Deploys are sent once and never repeated by the network, so each refusal is an answer the breaker sees.
    storm = {"org": struck, "operation": "deploy", "kind": "status", "status": 503, "times": 7}
    orgs.ask("/faults", storm)
    numbers = tmp_path / "fleet.prom"
    done = command("run", "hybrid", "--json", "--metrics", str(numbers), *orgs.options, orgs=orgs)
    assert done.code == 0, done.err
    ends = {line["org"]: line["ts"] for line in done.lines if line["event"] == "run_finished"}
    assert set(ends) == {struck, *others}
    assert ends[struck] == max(ends.values())
    answers = [
        line["code"] for line in done.lines if line["event"] == "attempt_settled" and line["org"] == struck
    ]
    assert answers.count("org_in_maintenance") == 7
    assert orgs.truth(struck)["counts"]["deploys"] == 2
    assert "orchestrator_circuits_open 0" in numbers.read_text("utf-8")


def test_two_commands_that_drive_one_home_share_its_runs_and_double_nothing(
    simulated, program, finished, command
):
    orgs = simulated(speed=SPEED, count=6)
    assert command("run", "hybrid", "--detach", *orgs.options, orgs=orgs).code == 0
    resume = ("resume", "--all", "--quiet", *orgs.connect_to)
    both = [program(*resume, orgs=orgs) for _ in range(2)]
    results = [finished(process) for process in both]
    assert {done.code for done in results} == {0}
    for name in orgs.names():
        counts = orgs.truth(name)["counts"]
        assert (counts["deploys"], counts["apps_created"], counts["operations"]["soap_login"]) == (2, 1, 2)


def test_a_journal_damaged_between_two_commands_is_named_and_nothing_is_sent(simulated, command, home):
    orgs = simulated(speed=SPEED)
    assert command("run", "hybrid", "--detach", *orgs.options, orgs=orgs).code == 0
    with sqlite3.connect(home / "journal.db") as journal:
        journal.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    journal.close()
    whole = (home / "journal.db").read_bytes()
    (home / "journal.db").write_bytes(whole[:100] + bytes(4096) + whole[4196:])
    damaged = command("resume", "--all", "--json", *orgs.connect_to, orgs=orgs)
    assert (damaged.code, damaged.error["code"]) == (2, "journal_corrupt")
    assert orgs.operations() == []
    (home / "journal.db").write_bytes(whole)
    assert command("resume", "--all", *orgs.connect_to, orgs=orgs).code == 0
