"""Workers on one database: a fleet is driven by all of them, and nothing is done twice."""

from __future__ import annotations

import signal

import pytest
from worker_world import BUSY_S, SPEED, TAKEOVER_S, assert_provisioned_once, effects_of, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def before_of(orgs):
    return {name: effects_of(orgs, name) for name in orgs.names()}


def test_two_workers_share_a_fleet_that_was_only_queued(simulated, command, worker, shared_database, fleet):
    orgs = simulated(speed=SPEED, count=4)
    before = before_of(orgs)
    first, second = (worker("--concurrency", "2", orgs=orgs) for _ in range(2))
    queued = command("run", "hybrid", "--detach", "--database", shared_database, *orgs.options, orgs=orgs)
    assert queued.code == 0, queued.err
    fleet.wait()
    assert fleet.results() == ["succeeded"] * 4
    assert_provisioned_once(orgs, before)
    assert first.events("attempt_settled")
    assert second.events("attempt_settled")
    assert [first.end(), second.end()] == [0, 0]
    assert first.complaints == second.complaints == []
    assert fleet.sql("SELECT count(*) FROM procrastinate_jobs").scalar() == 0


def test_a_run_in_the_foreground_takes_part_and_tells_what_others_do(
    simulated, command, worker, shared_database
):
    orgs = simulated(speed=SPEED, count=3)
    helping = worker("--concurrency", "1", orgs=orgs)
    done = command(
        "run",
        "hybrid",
        "--json",
        "--database",
        shared_database,
        "--concurrency",
        "1",
        *orgs.options,
        orgs=orgs,
    )
    assert done.code == 0, done.err
    assert helping.events("attempt_settled")
    ended = [line for line in done.lines if line["event"] == "run_finished"]
    assert [line["result"] for line in ended] == ["succeeded"] * 3
    for run in {line["run"] for line in done.lines}:
        settled = [line for line in done.lines if line["run"] == run and line["event"] == "attempt_settled"]
        shown = command("runs", "show", run, "--json", "--database", shared_database).json
        assert [line["state"] for line in settled] == [row["state"] for row in shown["attempts"]]


def test_one_killed_and_one_stopped_lose_their_runs_within_the_stated_time(
    simulated, command, worker, shared_database, fleet
):
    orgs = simulated(speed=SPEED, count=6)
    before = before_of(orgs)
    killed, stopped, alive = (worker("--concurrency", threads, orgs=orgs) for threads in "228")
    command("run", "hybrid", "--detach", "--database", shared_database, *orgs.options, orgs=orgs)
    wait_until(lambda: killed.process.pid in fleet.owners() and len(killed.events("attempt_settled")) > 6)
    killed.process.kill()
    wait_until(lambda: stopped.process.pid in fleet.owners())
    stopped.process.send_signal(signal.SIGSTOP)
    lost_s = fleet.store.clock.now_s()
    due_s = {record.run: max(record.not_before_s, lost_s) for record in fleet.under_way()}
    fleet.wait()
    assert fleet.results() == ["succeeded"] * 6
    for run, wanted_s in due_s.items():
        attempts = fleet.journal.attempts(run)
        signs_s = [
            at_s for row in attempts for at_s in (row.intended_s, row.settled_s or 0.0) if at_s > lost_s
        ]
        assert min(signs_s) <= wanted_s + TAKEOVER_S + BUSY_S
    assert_provisioned_once(orgs, before)
    rows = {run: len(fleet.journal.attempts(run)) for run in due_s}
    stopped.process.send_signal(signal.SIGCONT)
    assert stopped.end() == 0  # whatever it was at is given up when it wakes
    assert {run: len(fleet.journal.attempts(run)) for run in due_s} == rows
    assert_provisioned_once(orgs, before)
    assert alive.end() == 0


def test_a_database_that_restarts_in_the_middle_is_survived(simulated, command, worker, own_server):
    orgs = simulated(speed=SPEED, count=3)
    before = before_of(orgs)
    url = own_server.url
    working = worker("--concurrency", "3", orgs=orgs, database=url)
    command("run", "hybrid", "--detach", "--database", url, *orgs.options, orgs=orgs)
    wait_until(lambda: len(working.events("attempt_settled")) > 12)
    own_server.stop(signal.SIGQUIT)
    own_server.start()

    def results():
        listed = command("runs", "list", "--json", "--database", url)
        return [row["result"] for row in listed.json]

    wait_until(lambda: results() == ["succeeded"] * 3)
    assert_provisioned_once(orgs, before)
    assert working.end() == 0


def test_a_worker_that_is_asked_to_stop_gives_its_runs_to_others_at_once(
    simulated, command, worker, shared_database, fleet
):
    orgs = simulated(speed=SPEED, count=2)
    before = before_of(orgs)
    leaving = worker(orgs=orgs)
    command("run", "hybrid", "--detach", "--database", shared_database, *orgs.options, orgs=orgs)
    wait_until(lambda: len(leaving.events("attempt_settled")) > 8)
    assert leaving.end() == 0
    assert fleet.under_way()
    assert fleet.owners() == set()
    worker(orgs=orgs)
    fleet.wait()
    assert_provisioned_once(orgs, before)
