from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from report_building import page, term, words

from orchestrator.machine import Position
from orchestrator.ports import RunStatus

INTACT = "\u2713 record intact"


def chain_of(report):
    return report["runs"][0]["chain"]


def test_an_untouched_record_is_intact_and_shows_its_head(room, report_of, html_of):
    story = room.story().succeeded()
    with closing(sqlite3.connect(room.home / "journal.db")) as connection:
        sql = "SELECT chain FROM attempt WHERE run = ? ORDER BY seq DESC LIMIT 1"
        (head,) = connection.execute(sql, [story.run]).fetchone()
    tree = page(html_of(story))
    assert term(tree, "Checked when this was written") == INTACT
    assert term(tree, "Head of the chain") == head == chain_of(report_of(story))["head"]
    assert report_of(story)["chain"] == {"intact": True, "runs": 1, "broken": []}


@pytest.mark.parametrize(
    "change",
    [
        "detail = 'nothing happened'",
        "outcome = 'again'",
        "evidence = '{}'",
        "evidence = 'no JSON'",
        "settled_s = settled_s + 1",
        "code = 'x'",
        "notes = '{\"a\":1}'",
    ],
)
def test_a_changed_attempt_is_named(room, report_of, html_of, change):
    story = room.story().succeeded()
    room.change(f"UPDATE attempt SET {change} WHERE run = ? AND seq = 5", story.run)  # noqa: S608 - the test's own
    report = report_of(story)
    assert chain_of(report)["first_changed"] == 5
    assert report["chain"]["broken"][0]["run"] == story.run
    box = page(html_of(story)).find(".//main")[2]
    assert box.get("class") == "verdict bad"
    assert "The record is not intact: attempt 5 was changed, moved or removed" in words(box)


def test_a_removed_attempt_is_named(room, report_of):
    story = room.story().succeeded()
    room.change("DELETE FROM attempt WHERE run = ? AND seq = 4", story.run)
    assert chain_of(report_of(story))["first_changed"] == 4


def test_removed_last_attempts_are_noticed(room, report_of):
    story = room.story().succeeded()
    room.change("DELETE FROM attempt WHERE run = ? AND seq = ?", story.run, story.seq)
    assert chain_of(report_of(story))["first_changed"] == story.seq
    room.change("UPDATE run SET seq = seq - 1 WHERE run = ?", story.run)
    found = chain_of(report_of(story))
    assert found["first_changed"] is None
    assert found["sentence"].endswith("its last attempt leads to withdraw_rights")


def test_a_better_result_in_the_row_is_not_believed(room, report_of):
    story = room.story().failed()
    room.change("UPDATE run SET result = 'succeeded' WHERE run = ?", story.run)
    assert chain_of(report_of(story))["sentence"] == (
        "the run's row says 'succeeded' in state 'abandoned', its last attempt leads to abandoned"
    )
    state = json.dumps(Position("done", 0.0).as_json())
    room.change("UPDATE run SET state = 'done', position = ? WHERE run = ?", state, story.run)
    assert "its last attempt leads to abandoned" in chain_of(report_of(story))["sentence"]


def test_better_evidence_in_the_row_is_neither_used_nor_believed(room, report_of):
    story = room.story().failed("read_consumer_key", "permission_missing")
    evidence = json.dumps({**story.evidence, "org_id": "00D000000000009AAA"})
    room.change("UPDATE run SET evidence = ? WHERE run = ?", evidence, story.run)
    run = report_of(story)["runs"][0]
    assert run["org_id"] == "00D000000000001AAA"
    assert run["chain"]["differences"] == ["the run's row says something else than its attempts about org_id"]


def test_a_changed_playbook_is_noticed(room, report_of):
    story = room.story().succeeded()
    room.change("UPDATE playbook SET source = source || '# more'")
    assert "digest" in chain_of(report_of(story))["sentence"]


def test_a_run_that_finished_without_attempts_is_not_believed(room, report_of):
    story = room.story().stand("done", result="succeeded")
    assert not chain_of(report_of(story))["intact"]


@pytest.mark.parametrize(
    "end",
    [
        lambda story: story,
        lambda story: story.begin("prove_oauth", attempt=3),
        lambda story: story.stand("prove_oauth", RunStatus.CANCELLED, code="cancelled", result="failed"),
        lambda story: story.stand("prove_oauth", RunStatus.ACTIVE),
    ],
    ids=["between attempts", "in doubt", "cancelled", "parked"],
)
def test_a_run_on_its_way_is_intact(room, report_of, end):
    story = end(room.story().hybrid(until="adopt_oauth"))
    assert chain_of(report_of(story))["sentence"] == "record intact"


def test_a_run_that_timed_out_or_used_up_its_visits_is_intact(room, report_of):
    late = room.story("late").hybrid(until="adopt_oauth").begin("prove_oauth", attempt=3)
    late.settle("again", code="app_not_found").stand(
        "attention", result="needs_attention", code="app_not_found"
    )
    worn = room.story("worn").hybrid(until="verify_lockdown").begin("lock_password")
    worn.settle("failed", code="proof_stale").stand("attention", result="needs_attention", code="proof_stale")
    assert [run["chain"]["sentence"] for run in report_of(late, worn)["runs"]] == ["record intact"] * 2


def test_what_a_run_was_given_at_the_start_is_no_change(room, report_of):
    story = room.story(playbook="restore-password-access", evidence={"undoes": {"run": "acme-1"}})
    story.begin("detect").settle("failed", code="host_unknown").stand("abandoned", result="failed")
    run = report_of(story)["runs"][0]
    assert run["chain"]["intact"]
    assert run["given"] == {"undoes": {"run": "acme-1"}}
