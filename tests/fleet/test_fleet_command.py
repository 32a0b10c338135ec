"""Fleets of simulated orgs through the command line: waves, limits, budgets, and what is left to resume."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

pytestmark = pytest.mark.slow
SPEED = 200


def finishes(done):
    return {line["org"]: line for line in done.lines if line["event"] == "run_finished"}


def test_forty_orgs_in_waves_all_end_and_the_canary_is_over_first(simulated, command):
    orgs = simulated(speed=SPEED, count=40)
    done = command("run", "hybrid", "--batch", "1,10%,100%", "--json", "--verbose", *orgs.options, orgs=orgs)
    assert done.code == 0
    events = [line for line in done.lines if line["event"] != "fleet_recap"]
    order = [line["org"] for line in events if line["event"] in {"run_started", "run_finished"}]
    assert order[0] == order[1] == orgs.names()[0]
    assert set(order[2:10]) == set(orgs.names()[1:5])
    assert {row["result"] for row in finishes(done).values()} == {"succeeded"}
    assert done.lines[-1]["event"] == "fleet_recap"
    assert done.lines[-1]["results"] == {"succeeded": 40}
    assert {bool(orgs.truth(name)["users"]) for name in orgs.names()[:3]} == {True}


def test_too_many_failures_hold_the_rest_back_and_resume_takes_it_up(simulated, command):
    orgs = simulated(speed=SPEED, count=12)
    names = orgs.names()
    for name in names[:2]:
        orgs.ask(
            "/faults", {"org": name, "operation": "versions", "kind": "status", "status": 404, "times": 99}
        )
    done = command(
        "run", "hybrid", "--max-failures", "1", "--concurrency", "1", "--json", *orgs.options, orgs=orgs
    )
    assert done.code == 3
    ended = finishes(done)
    assert set(ended) == set(names)
    held = [name for name, row in ended.items() if row["code"] == "held_back"]
    assert held
    assert {ended[name]["result"] for name in held} == {"interrupted"}
    assert all(orgs.operations(name) == [] for name in held)
    again = command(
        "resume", "--all", "--json", *orgs.options[2:], "--orgs", orgs.line["orgs_file"], orgs=orgs
    )
    assert again.code == 0
    assert set(finishes(again)) == set(held)


def test_a_second_run_of_an_org_under_way_is_refused_and_named(simulated, command):
    orgs = simulated(speed=SPEED)
    first = command("run", "hybrid", "--until", "bootstrap", "--json", *orgs.options, orgs=orgs)
    assert first.code == 5
    run = first.lines[0]["run"]
    second = command("run", "hybrid", "--json", *orgs.options, orgs=orgs)
    assert (second.code, second.error["code"]) == (2, "org_has_active_run")
    assert run in second.error["detail"]
    assert len(command("runs", "list", "--json").json) == 1
    assert command("run", "hybrid", "--again", "--detach", *orgs.options, orgs=orgs).code == 0
    assert len(command("runs", "list", "--json").json) == 2


def test_logins_over_the_budget_wait_in_the_journal_and_the_proofs_still_count(simulated, command):
    orgs = simulated(speed=SPEED)
    # 0.01/s at speed 200 is one login every half second at this org's host.
    done = command("run", "hybrid", "--login-rate", "0.01", "--json", *orgs.options, orgs=orgs)
    assert done.code == 0
    settled = [line for line in done.lines if line["event"] == "attempt_settled"]
    held = [line for line in settled if line["code"] == "login_budget"]
    assert held
    run = command("runs", "show", done.lines[0]["run"], "--json").json
    assert len(run["evidence"]["jwt_proofs"]) >= 4
    assert "login_budget" not in run["evidence"]["propagation"].get("answers", {})
    rows = orgs.ask(f"/requests?org={orgs.names()[0]}")["requests"]
    logins = [row["at_wall_s"] for row in rows if row["operation"] in {"token", "soap_login"}]
    assert (logins[-1] - logins[0]) / (len(logins) - 1) > 0.4


def test_the_metrics_file_holds_the_numbers_of_the_fleet(simulated, command, tmp_path):
    orgs = simulated(speed=SPEED, count=3)
    path = tmp_path / "fleet.prom"
    done = command("run", "hybrid", "--quiet", "--metrics", str(path), *orgs.options, orgs=orgs)
    assert done.code == 0
    text = path.read_text("utf-8")
    assert 'orchestrator_runs_finished_total{result="succeeded"} 3' in text
    assert int(re.search(r"orchestrator_logins_total (\d+)", text).group(1)) >= 3 * 10
    assert text.endswith("# EOF\n")
    assert [each.name for each in tmp_path.iterdir() if "prom" in each.name] == ["fleet.prom"]


def test_a_metrics_file_that_cannot_be_written_is_said_before_anything_is_sent(simulated, command):
    orgs = simulated(speed=SPEED)
    done = command("run", "hybrid", "--json", "--metrics", "/nowhere/x.prom", *orgs.options, orgs=orgs)
    assert (done.code, done.error["code"]) == (2, "metrics_unwritable")
    assert orgs.operations() == []


def test_two_commands_on_one_home_drive_different_orgs_at_the_same_time(simulated, program, finished):
    orgs = simulated(speed=SPEED, count=8)
    names = orgs.names()
    halves = [
        program("run", "hybrid", "--json", *(f"--org={name}" for name in half), *orgs.options, orgs=orgs)
        for half in (names[:4], names[4:])
    ]
    results = [finished(process) for process in halves]
    assert [done.code for done in results] == [0, 0]
    assert [set(finishes(done)) for done in results] == [set(names[:4]), set(names[4:])]
    assert {orgs.operations(name).count("soap_login") for name in names} == {2}  # bootstrap and probe


def test_an_interrupted_fleet_tells_the_end_of_every_run_and_is_resumed(
    simulated, program, finished, command
):
    orgs = simulated(speed=5, count=10)
    fleet = program("run", "hybrid", "--json", "--concurrency", "2", *orgs.options, orgs=orgs)
    started = 0
    for line in fleet.stdout:
        started += json.loads(line)["event"] == "run_started"
        if started == 4:
            break
    fleet.terminate()
    done = finished(fleet)
    assert done.code == 5
    ended = Counter(line["result"] for line in done.lines if line["event"] == "run_finished")
    assert sum(ended.values()) == 10
    listed = command("runs", "list", "--json").json
    assert len(listed) == 10
    assert {row["status"] for row in listed} <= {"active", "finished"}
