"""A run keeps its playbook; `resume --adopt-playbook` maps it onto a newer one where that means the same."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

SECRET = {"ACME_PASSWORD": "Pa55word-of-the-test"}


@pytest.fixture
def asked(command, orgs_file, question):
    """A run that waits for an answer; its id."""
    assert command("run", question, "--orgs", orgs_file(), **SECRET).code == 4
    return command("runs", "list", "--json").json[0]["run"]


@pytest.fixture
def newer(question):
    """The playbook of the run with something replaced, as a file."""

    def made(*replacements: tuple[str, str]) -> str:
        text = Path(question).read_text("utf-8")
        for old, new in replacements:
            assert text.count(old) >= 1, old
            text = text.replace(old, new)
        path = Path(question).with_name("newer.yaml")
        path.write_text(text, "utf-8")
        return str(path)

    return made


def adopt(command, run, playbook):
    return command("resume", run, "--adopt-playbook", "--playbook", playbook, "--json")


def test_a_run_goes_on_with_the_playbook_it_was_started_with_whatever_becomes_of_the_file(
    command, asked, question
):
    Path(question).write_text("playbook: question\nnonsense", "utf-8")
    before = command("runs", "show", asked, "--json").json
    assert command("resume", asked).code == 4
    assert command("runs", "approve", asked, "--input", "reason=x").code == 0
    after = command("runs", "show", asked, "--json").json
    assert (after["result"], after["playbook_digest"]) == ("succeeded", before["playbook_digest"])


def test_a_run_is_mapped_onto_a_newer_playbook_and_that_is_in_its_record(command, asked, newer):
    before = command("runs", "show", asked, "--json").json
    file = newer(("wait: {timeout: 1h}", "wait: {timeout: 2h}"), ("{reason: string}", "{}"))
    done = adopt(command, asked, file)
    assert done.code == 4
    shown = command("runs", "show", asked, "--json").json
    assert shown["playbook_digest"] != before["playbook_digest"]
    (history,) = shown["evidence"]["adopted_playbooks"]
    assert (history["from"], history["to"]) == (before["playbook_digest"], shown["playbook_digest"])
    assert command("runs", "approve", asked).code == 0  # the newer question asks for no reason


def test_the_same_playbook_is_not_adopted_again(command, asked, question):
    assert adopt(command, asked, question).code == 4
    assert "adopted_playbooks" not in command("runs", "show", asked, "--json").json["evidence"]


REFUSED = {
    "state gone": (
        [("initial: ask", "initial: enquire"), ("  ask:", "  enquire:")],
        "adoption_refused",
        "it has no state 'ask'",
    ),
    "another name": ([("playbook: question", "playbook: other")], "playbook_name_differs", "not of other"),
    "an input more": (
        [("version: 1", "version: 2\ninputs: {colour: {type: string, required: true, description: Which.}}")],
        "adoption_refused",
        "it requires the input 'colour'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_playbook_that_means_something_else_is_refused_with_the_difference(command, asked, newer, case):
    replacements, code, says = REFUSED[case]
    before = command("runs", "show", asked, "--json").json
    done = adopt(command, asked, newer(*replacements))
    assert (done.code, done.error["code"]) == (2, code)
    assert says in done.error["detail"]
    assert command("runs", "show", asked, "--json").json == before


def test_a_run_that_is_over_adopts_nothing(command, asked, newer):
    command("runs", "approve", asked, "--reject")
    done = adopt(command, asked, newer(("1h", "2h")))
    assert (done.code, done.error["code"]) == (2, "run_over")


def test_a_stored_playbook_this_version_cannot_read_is_said_with_the_way_out(
    command, asked, home, question, newer
):
    with sqlite3.connect(home / "journal.db") as journal:
        journal.execute("UPDATE playbook SET source = replace(source, 'operator:', 'oracle:')")
    journal.close()
    done = command("resume", asked, "--json")
    assert done.code == 2
    assert done.error["code"] == "playbook_outdated"
    assert "--adopt-playbook" in done.error["remedy"]
    refused = command("runs", "approve", asked, "--input", "reason=x", "--json")
    assert refused.error["code"] == "playbook_outdated"
    assert adopt(command, asked, newer(("1h", "2h"))).code == 4
    assert command("runs", "approve", asked, "--input", "reason=x").code == 0
    assert question
