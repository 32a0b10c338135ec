"""Runs that wait for a person: exit 4, approve, reject, cancel."""

from __future__ import annotations

import pytest

SECRET = {"ACME_PASSWORD": "Pa55word-of-the-test"}


@pytest.fixture
def asked(command, orgs_file, question):
    """A run that waits for an answer; its id."""
    done = command("run", question, "--orgs", orgs_file(), "--json", **SECRET)
    assert done.code == 4
    assert [line["event"] for line in done.lines][-1] == "waiting"
    assert done.lines[-1]["code"] == "operator"
    assert done.lines[-1]["detail"] == "Shall we go on with acme?"
    assert done.lines[-1]["not_before"]
    return command("runs", "list", "--json").json[0]["run"]


def test_a_run_that_waits_for_a_person_is_exit_4_and_says_what_to_do(command, orgs_file, question):
    done = command("run", question, "--orgs", orgs_file(), **SECRET)
    assert done.code == 4
    assert "Shall we go on with acme?" in done.out
    assert "orchestrator runs approve" in done.out
    assert "1 waiting" in done.out


def test_an_approval_with_its_inputs_leads_on(command, asked):
    done = command("runs", "approve", asked, "--input", "reason=because", "--json")
    assert (done.code, done.json[0]["result"]) == (0, "succeeded")
    shown = command("runs", "show", asked, "--json").json
    assert shown["evidence"]["operator"] == {"reason": "because"}
    assert shown["attempts"][0]["outcome"] == "approved"
    assert command("resume", asked).code == 0


def test_a_rejection_leads_elsewhere(command, asked):
    done = command("runs", "approve", asked, "--reject")
    assert done.code == 0
    assert "rejected" in done.out
    assert command("runs", "watch", asked, "--json").code == 3


def test_all_waiting_runs_can_be_answered_at_once(command, asked, orgs_file, question):
    assert command("run", question, "--again", "--orgs", orgs_file(), **SECRET).code == 4
    done = command("runs", "approve", "--all", "--yes", "--input", "reason=x", "--json")
    assert [row["result"] for row in done.json] == ["succeeded", "succeeded"]
    assert asked in {row["run"] for row in done.json}


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ([], "input_missing"),
        (["--input", "reason=x", "--input", "colour=red"], "input_unknown"),
        (["--input", "reason"], "setting_invalid"),
    ],
)
def test_a_wrong_answer_is_refused_and_the_run_waits_on(command, asked, inputs, code):
    done = command("runs", "approve", asked, "--json", *inputs)
    assert done.code == 2
    assert done.error["code"] == code
    assert command("runs", "list", "--json", "--status", "awaiting_operator").json[0]["run"] == asked


def test_a_second_answer_is_refused(command, asked):
    command("runs", "approve", asked, "--input", "reason=x")
    done = command("runs", "approve", asked, "--input", "reason=x", "--json")
    assert done.code == 2
    assert done.error["code"] == "not_waiting"


def test_a_waiting_run_is_cancelled_at_once(command, asked):
    done = command("runs", "cancel", asked)
    assert (done.code, done.out) == (0, f"{asked}: cancelled\n")
    shown = command("runs", "show", asked, "--json").json
    assert (shown["status"], shown["result"], shown["code"]) == ("cancelled", "cancelled", "cancelled")
    assert command("runs", "watch", asked, "--json").code == 3
    assert command("resume", "--all").code == 0


def test_a_resumed_run_still_waits(command, asked):
    done = command("resume", asked, "--json")
    assert done.code == 4
    assert done.lines[-1]["event"] == "waiting"


def test_a_cancellation_with_json_tells_the_event(command, asked):
    done = command("runs", "cancel", asked, "--json")
    assert [line["event"] for line in done.lines] == ["run_finished"]


def test_the_record_for_people_names_state_result_and_attempts(command, asked):
    command("runs", "approve", asked, "--input", "reason=because")
    out = command("runs", "show", asked).out
    for text in (asked, "succeeded", "in state done", "approved", "because"):
        assert text in out
    table = command("runs", "list").out
    assert asked in table
    assert "succeeded" in table
