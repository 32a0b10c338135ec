"""Runs on a shared database: answered, cancelled, held back and resumed from any process."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from worker_world import SPEED, wait_until

from orchestrator.cli.main import run_cli
from orchestrator.ports import RunStatus

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ORGS = """
orgs:
  acme: {url: https://acme.my.salesforce.com, username: a@acme.example, labels: {wave: canary}}
  globex: {url: https://globex.my.salesforce.com, username: a@globex.example}
  initech: {url: https://initech.my.salesforce.com, username: a@initech.example}
"""
QUESTION = """
playbook: question
version: 1
description: A question, and nothing that touches an org.
initial: ask
states:
  ask:
    description: A person decides.
    operator: {approve: "Shall we go on with {{ org.name }}?"}
    wait: {timeout: 1h}
    on: {approved: look, rejected: refused, timed_out: refused}
  look:
    description: Look at the URL.
    action: detect
    on: {succeeded: done, failed: refused, timed_out: refused}
  refused: {final: failed}
  done: {final: succeeded}
"""


@pytest.fixture
def asked(tmp_path, command, shared_database):
    """Queues the question for the three orgs; the runs by org."""
    (tmp_path / "orgs.yaml").write_text(ORGS, "utf-8")
    (tmp_path / "question.yaml").write_text(QUESTION, "utf-8")

    def queue(*options):
        files = [str(tmp_path / "question.yaml"), "--orgs", str(tmp_path / "orgs.yaml")]
        queued = command("run", *files, "--detach", "--database", shared_database, *options)
        assert queued.code == 0, queued.err
        return {run.rpartition("-")[0]: run for run in queued.out.split()}

    return queue


def test_an_answer_and_a_cancellation_reach_the_worker_from_another_process(
    asked, command, worker, shared_database, fleet
):
    working = worker("--connect-to", "*:443:127.0.0.1:9")
    runs = asked()
    shared = ["--database", shared_database]
    assert command("runs", "approve", runs["acme"], *shared).code == 0
    assert command("runs", "approve", "--reject", runs["globex"], *shared).code == 0
    assert command("runs", "cancel", runs["initech"], *shared).code == 0
    wait_until(lambda: len(fleet.journal.attempts(runs["acme"])) > 1, 20, "the answered run goes on")
    assert fleet.journal.run(runs["globex"]).result == "failed"
    assert fleet.journal.run(runs["initech"]).status is RunStatus.CANCELLED
    assert working.end() == 0


def test_a_run_that_is_cancelled_while_a_worker_drives_it_stops_at_its_next_step(
    simulated, command, worker, shared_database, fleet
):
    orgs = simulated(speed=SPEED, count=1)
    working = worker(orgs=orgs)
    queued = command("run", "hybrid", "--detach", "--database", shared_database, *orgs.options, orgs=orgs)
    run = queued.out.strip()
    wait_until(lambda: len(working.events("attempt_settled")) > 2)
    assert command("runs", "cancel", run, "--database", shared_database).code == 0
    wait_until(lambda: fleet.journal.run(run).status is RunStatus.CANCELLED, 15)


def test_the_next_wave_is_opened_by_whoever_works_when_the_one_before_is_over(asked, worker, fleet):
    runs = asked("--batch", "1,100%")
    worker()
    gates = fleet.store.batches
    assert not gates.gate(runs["acme"]).held
    wait_until(lambda: not gates.gate(runs["globex"]).held, 20, "a wave that waits for a person is over")
    assert not gates.gate(runs["initech"]).held


def test_orgs_that_join_a_fleet_come_in_a_wave_after_it(asked, worker, fleet):
    first = asked("--limit", "acme")
    batch = fleet.journal.run(first["acme"]).batch
    gates = fleet.store.batches
    joined = asked("--limit", "!acme", "--add-to", batch)
    assert gates.gate(joined["globex"]).held
    worker()
    wait_until(lambda: not gates.gate(joined["globex"]).held, 20, "the first wave waits for a person")


def test_after_too_many_failures_the_rest_is_held_until_somebody_resumes_it(
    asked, command, worker, shared_database, fleet
):
    runs = asked("--batch", "1,100%", "--max-failures", "0")
    shared = ["--database", shared_database]
    assert command("runs", "approve", "--reject", runs["acme"], *shared).code == 0
    working = worker()
    in_fleet = "SELECT held FROM fleet"
    wait_until(lambda: fleet.sql(in_fleet).scalar() == 1, 20, "the fleet is held back")
    assert fleet.store.batches.gate(runs["globex"]).held
    assert fleet.journal.run(runs["globex"]).seq == 0
    resumed = command("resume", runs["globex"], *shared)
    assert resumed.code == 4, resumed.err  # it asks its question
    assert not fleet.store.batches.gate(runs["globex"]).held
    assert fleet.store.batches.gate(runs["initech"]).held
    assert working.end() == 0


def test_until_parks_the_runs_for_every_worker_until_they_are_resumed(
    simulated, command, worker, shared_database, fleet
):
    orgs = simulated(speed=SPEED, count=1)
    worker(orgs=orgs)
    shared = ["--database", shared_database]
    done = command("run", "hybrid", "--json", "--until", "preflight", *shared, *orgs.options, orgs=orgs)
    assert done.code == 5, done.err
    [record] = fleet.records()
    assert record.position.state == "preflight"
    assert fleet.store.batches.gate(record.run).held
    resumed = command("resume", "--all", *shared, "--speed", f"{SPEED}", *orgs.connect_to, orgs=orgs)
    assert resumed.code == 0, resumed.err


def test_a_secret_one_machine_cannot_read_is_left_to_another_and_said(
    simulated, command, worker, fleet, tmp_path
):
    orgs = simulated(speed=SPEED, count=1)
    given = Path(orgs.line["orgs_file"]).read_text("utf-8")
    place = re.search(r"password: file:(.*)", given)[1]
    orgs_file = tmp_path / "orgs.yaml"
    orgs_file.write_text(given.replace(f"file:{place}", "env:ONLY_ONE_HAS_IT"), "utf-8")
    without = worker(orgs=orgs)
    options = ["--orgs", str(orgs_file), "--speed", f"{SPEED}", *orgs.connect_to]
    queued = command("run", "hybrid", "--detach", "--database", fleet.url, *options, orgs=orgs)
    assert queued.code == 0, queued.err
    complaint = wait_until(lambda: without.complaints, 20, "the worker says what it lacks")[0]
    assert complaint["error"]["code"] == "secret_unavailable", complaint
    assert complaint["run"] == queued.out.strip()
    assert "ONLY_ONE_HAS_IT" in complaint["error"]["detail"]
    wait_until(lambda: fleet.records()[0].code == "secret_unavailable", 5, "the run's row says so too")
    assert fleet.under_way()
    without.end()
    worker(orgs=orgs, ONLY_ONE_HAS_IT=Path(place).read_text("utf-8"))
    fleet.wait()
    assert fleet.results() == ["succeeded"]


def test_a_worker_with_another_key_is_refused_before_it_drives_anything(
    simulated, command, worker, shared_database
):
    orgs = simulated(speed=SPEED, count=1)
    ran = command(
        "run", "hybrid", "--until", "prove_oauth", "--database", shared_database, *orgs.options, orgs=orgs
    )
    assert ran.code == 5, ran.err
    other = worker(orgs=orgs, is_ready=False, ORCHESTRATOR_KEY="another passphrase, long enough")
    assert other.process.wait(30) == 2
    wait_until(lambda: other.complaints, 5)
    assert other.complaints[0]["error"]["code"] == "vault_key_wrong"
    assert "ORCHESTRATOR_KEY" in other.complaints[0]["error"]["remedy"]


@pytest.mark.parametrize("missing", ["procrastinate", "psycopg"])
def test_without_the_extra_the_error_says_what_to_install(
    missing, shared_database, home, monkeypatch, capsys
):
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    code = run_cli(["worker", "--json", "--home", str(home), "--database", shared_database])
    error = json.loads(capsys.readouterr().err)["error"]
    assert (code, error["code"]) == (2, "journal_driver_missing")
    assert error["remedy"] == "pip install 'salesforce-orchestrator[postgres]'"


def test_a_worker_without_a_shared_database_is_told_what_it_needs(command, home):
    refused = command("worker", "--json", "--home", str(home))
    assert (refused.code, refused.error["code"]) == (2, "database_not_shared")
