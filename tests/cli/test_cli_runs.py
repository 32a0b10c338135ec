"""The whole command line against a simulated org in another process, over real loopback HTTPS."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess

import pytest

EVENT = ["ts", "run", "org", "event", "state", "attempt", "outcome", "code", "detail", "not_before"]
EVENTS = {"run_started", "state_entered", "attempt_intended", "attempt_settled", "waiting", "run_finished"}
ATTEMPT = {"seq", "state", "attempt", "intended", "settled", "outcome", "code", "evidence"}
RUN = {
    "run",
    "org",
    "playbook",
    "playbook_digest",
    "status",
    "state",
    "started",
    "updated",
    "attempts",
    "evidence",
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ESCAPE = "\x1b"
SPEED = 60

pytestmark = pytest.mark.slow


def run_of(done):
    return done.lines[0]["run"]


def test_a_hybrid_run_tells_what_happens_and_leaves_its_evidence(simulated, command):
    orgs = simulated(speed=SPEED)
    done = command("run", "hybrid", "--json", *orgs.options, orgs=orgs)
    assert (done.code, done.err) == (0, "")
    assert_events(done.lines)
    shown = command("runs", "show", run_of(done), "--json")
    assert shown.code == 0
    assert_record(shown.json)
    assert_evidence(shown.json["evidence"], orgs)
    assert_witness(orgs)
    listed = command("runs", "list", "--json").json
    assert [(row["run"], row["result"]) for row in listed] == [(run_of(done), "succeeded")]
    watched = command("runs", "watch", run_of(done), "--json")
    assert watched.code == 0
    story = [(e["event"], e["state"], e["attempt"]) for e in watched.lines if e["event"] != "waiting"]
    assert story == [(e["event"], e["state"], e["attempt"]) for e in done.lines if e["event"] != "waiting"]
    again = command("run", "hybrid", "--json", *orgs.options, orgs=orgs)
    assert again.code == 0
    assert "bootstrap" not in {event["state"] for event in again.lines}


def assert_events(lines):
    for line in lines:
        extra = ["result", "duration_s"] if line["event"] == "run_finished" else []
        assert list(line) == EVENT + extra
        assert line["event"] in EVENTS
        assert TIME.fullmatch(line["ts"])
        assert line["not_before"] is None or TIME.fullmatch(line["not_before"])
    names = [line["event"] for line in lines]
    assert names[:3] == ["run_started", "state_entered", "attempt_intended"]
    assert names[-1] == "run_finished"
    assert lines[-1]["result"] == "succeeded"
    assert lines[-1]["duration_s"] > 0
    assert [line["ts"] for line in lines] == sorted(line["ts"] for line in lines)
    open_state = None
    for line in lines:  # every attempt is settled before the next is intended
        if line["event"] == "attempt_intended":
            assert open_state is None
            open_state = (line["state"], line["attempt"])
        elif line["event"] == "attempt_settled":
            assert open_state == (line["state"], line["attempt"])
            open_state = None
    states = [line["state"] for line in lines if line["event"] == "state_entered"]
    assert states.index("bootstrap") < states.index("prove_oauth") < states.index("lock_password")


def assert_record(shown):
    assert set(shown) >= RUN
    assert (shown["status"], shown["state"]) == ("finished", "done")
    assert [attempt["seq"] for attempt in shown["attempts"]] == list(range(1, len(shown["attempts"]) + 1))
    for attempt in shown["attempts"]:
        assert set(attempt) >= ATTEMPT
        assert attempt["intended"] <= attempt["settled"]


def assert_evidence(evidence, orgs):
    truth = orgs.truth()
    app = truth["apps"][0]
    assert evidence["org_id"] == truth["org_id"]
    assert evidence["instance_url"] == f"https://{truth['my_domain_host']}"
    assert {key: evidence["app"][key] for key in ("kind", "name", "consumer_key")} == {
        "kind": "external_client_app",
        "name": app["name"],
        "consumer_key": app["consumer_key"],
    }
    assert evidence["certificate"]["sha256"] == app["certificate_sha256"]
    assert evidence["certificate"]["not_after"].endswith("Z")
    propagation = evidence["propagation"]
    assert 0 < propagation["first_success_s"] <= propagation["settled_s"]
    assert propagation["attempts"] >= len(evidence["jwt_proofs"]) >= 3
    for lock in evidence["lockdown"]:
        assert {"mechanism", "applied_at", "read_back", "how_proven", "undo"} <= set(lock)
        assert lock["read_back"] is True
    assert {"when", "answer", "meaning"} <= set(evidence["password_probe"])
    assert evidence["password_probe"]["answer"] == "login_invalid"


def assert_witness(orgs):
    truth = orgs.truth()
    assert truth["jwt_works"]
    assert not truth["password_works"]
    assert truth["counts"]["operations"]["soap_login"] == 2  # the bootstrap and the probe


def test_what_a_pipe_gets_has_no_escape_codes_and_ends_with_the_record(simulated, program, finished):
    orgs = simulated(speed=SPEED)
    done = finished(program("run", "hybrid", *orgs.options, orgs=orgs))
    assert done.code == 0, done.err
    assert ESCAPE not in done.out + done.err
    assert "✓ lock_password" in done.out
    assert "1 run(s): 1 succeeded" in done.out
    assert "orchestrator runs show" in done.out


@pytest.mark.parametrize(("options", "variables"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"})])
def test_colour_can_be_switched_off(command, orgs_file, question, options, variables):
    done = command("run", question, "--orgs", orgs_file(), *options, ACME_PASSWORD="Pa55word", **variables)
    assert done.code == 4
    assert ESCAPE not in done.out + done.err


def test_until_parks_the_run_and_resume_ends_it(simulated, command):
    orgs = simulated(speed=SPEED)
    parked = command("run", "hybrid", "--json", "--until", "deploy_client_app", *orgs.options, orgs=orgs)
    assert parked.code == 5
    assert (parked.lines[-1]["event"], parked.lines[-1]["result"]) == ("run_finished", "interrupted")
    assert parked.lines[-1]["state"] == "deploy_client_app"
    assert orgs.truth()["counts"]["deploys"] == 1
    shown = command("runs", "show", run_of(parked), "--json").json
    assert (shown["status"], shown["result"]) == ("active", "interrupted")
    resumed = command("resume", run_of(parked)[:8], "--json", *orgs.connect_to, orgs=orgs)
    assert resumed.code == 0
    assert orgs.truth()["counts"]["deploys"] == 2
    assert command("resume", "--all", *orgs.connect_to, orgs=orgs).code == 0


def test_a_detached_run_touches_nothing_until_it_is_resumed(simulated, command):
    orgs = simulated(speed=SPEED)
    before = orgs.operations()
    done = command("run", "hybrid", "--detach", *orgs.options, orgs=orgs)
    assert done.code == 0
    assert orgs.operations() == before
    assert command("resume", done.out.strip(), *orgs.connect_to, orgs=orgs).code == 0
    assert orgs.truth()["jwt_works"]


def test_a_resumed_run_keeps_its_speed_and_so_stays_on_this_machine(simulated, command):
    orgs = simulated(speed=SPEED)
    run = command("run", "hybrid", "--detach", *orgs.options, orgs=orgs).out.strip()
    done = command("resume", run, "--json", "--connect-to", "*:443:192.0.2.1:443", orgs=orgs)
    assert done.code == 2
    assert done.error["code"] == "speed_needs_loopback"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_app_propagates_is_exit_5_and_resumable(
    simulated, program, finished, command, number
):
    orgs = simulated(profile="slow_propagation", speed=40)
    process = program("run", "hybrid", "--json", *orgs.options, orgs=orgs)
    lines = []
    for line in process.stdout:
        lines.append(json.loads(line))
        if (lines[-1]["event"], lines[-1]["state"]) == ("waiting", "prove_oauth"):
            break
    process.send_signal(number)
    done = finished(process)
    assert done.code == 5, done.err
    assert done.lines[-1]["result"] == "interrupted"
    orgs.ask("/clock", {"advance_s": 1000})
    assert command("resume", "--all", "--json", *orgs.connect_to, orgs=orgs).code == 0
    assert orgs.truth()["counts"]["deploys"] == 2


def test_a_missing_secret_stops_before_anything_was_sent(simulated, command, tmp_path):
    orgs = simulated()
    file = edited(orgs, tmp_path, "password: file:.*", "password: env:NOT_SET_ANYWHERE")
    before = orgs.operations()
    done = command("run", "hybrid", "--json", *options_with(orgs, file), orgs=orgs)
    assert done.code == 2
    assert done.error["code"] == "secret_unavailable"
    assert orgs.operations() == before == []


def test_another_org_than_the_pinned_one_never_gets_the_password(simulated, command, tmp_path):
    orgs = simulated()
    file = edited(orgs, tmp_path, "org_id: .*", "org_id: 00D000000000001AAA")
    done = command("run", "hybrid", "--json", *options_with(orgs, file), orgs=orgs)
    assert done.code == 3
    assert (done.lines[-1]["result"], done.lines[-1]["code"]) == ("failed", "org_id_mismatch")
    assert "soap_login" not in orgs.operations()
    assert "token" not in orgs.operations()


def test_a_wrong_password_is_sent_once_and_exit_3(simulated, command, tmp_path):
    orgs = simulated()
    file = edited(orgs, tmp_path, "password: file:.*", "password: env:WRONG")
    done = command("run", "hybrid", *options_with(orgs, file), orgs=orgs, WRONG="wrong-horse-battery")
    assert done.code == 3
    assert "login_invalid" in done.out
    assert "remedy" in done.out
    assert "wrong-horse-battery" not in done.out + done.err
    assert orgs.operations().count("soap_login") == 1


def test_an_untrusted_certificate_is_said_in_so_many_words(simulated, command):
    orgs = simulated()
    done = command("run", "hybrid", *orgs.options)
    assert done.code == 3
    assert "tls_untrusted" in done.out
    assert "certificate is not trusted" in done.out
    assert "remedy" in done.out
    assert orgs.operations() == []


def test_connecting_where_nobody_listens_is_an_interruption_one_can_resume(simulated, program, finished):
    orgs = simulated(speed=500)
    elsewhere = ["--connect-to", "*:443:127.0.0.1:9", "--orgs", orgs.line["orgs_file"]]
    process = program("run", "hybrid", "--json", "--speed", "1", *elsewhere, orgs=orgs)
    assert json.loads(process.stdout.readline())["event"] == "run_started"
    while process.poll() is None:  # the second one gives up waiting for the network
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    assert finished(process).code in {5, -signal.SIGTERM}
    assert orgs.operations() == []


def test_two_processes_on_one_org_take_turns_and_the_second_is_told(simulated, program, finished):
    orgs = simulated(speed=SPEED)
    orgs.ask("/faults", {"kind": "slow", "operation": "describe", "delay_s": 30})
    first = program("run", "hybrid", "--json", *orgs.options, orgs=orgs)
    for line in first.stdout:  # preflight hangs on an answer now, and holds the org
        if json.loads(line)["event"] == "attempt_intended" and json.loads(line)["state"] == "preflight":
            break
    second = program("run", "hybrid", "--again", "--json", *orgs.options, orgs=orgs)
    told = json.loads(second.stdout.readline())
    second.send_signal(signal.SIGTERM)
    done = finished(second)
    first.kill()
    assert (told["event"], told["code"]) == ("waiting", "org_busy")
    assert done.code == 2
    assert done.error["code"] == "org_busy"
    assert orgs.operations().count("soap_login") == 1


def test_quiet_says_only_how_it_ended(simulated, command):
    orgs = simulated(speed=SPEED)
    done = command("run", "hybrid", "--quiet", *orgs.options, orgs=orgs)
    assert done.code == 0
    assert "detect" not in done.out
    assert "1 succeeded" in done.out
    assert done.err == ""


def test_a_fleet_exits_with_the_gravest_code_of_its_runs(simulated, command, tmp_path):
    orgs = simulated(speed=SPEED, count=3)
    first, second, third = orgs.names()
    file = edited(orgs, tmp_path, rf"(?s)({second}:.*?org_id: )\S+", r"\g<1>00D000000000001AAA")
    done = command("run", "hybrid", "--json", "--concurrency", "2", *options_with(orgs, file), orgs=orgs)
    results = {line["org"]: line["result"] for line in done.lines if line["event"] == "run_finished"}
    assert results == {first: "succeeded", second: "failed", third: "succeeded"}
    assert done.code == 3
    limited = command("run", "hybrid", "--json", "--org", third, *orgs.options, orgs=orgs)
    assert {line["org"] for line in limited.lines} == {third}


def file_of(orgs):
    with open(orgs.line["orgs_file"], encoding="utf-8") as file:  # noqa: PTH123 - a name, not a path
        return file.read()


def edited(orgs, folder, pattern, replacement):
    """The simulator's orgs file with one thing changed."""
    path = folder / "edited.yaml"
    path.write_text(re.sub(pattern, replacement, file_of(orgs)), "utf-8")
    return str(path)


def options_with(orgs, file):
    return ["--orgs", file, "--speed", f"{orgs.speed:g}", *orgs.connect_to]
