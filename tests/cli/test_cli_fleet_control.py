"""Approving, cancelling, listing, watching, adding to and pruning the runs of whole fleets."""

from __future__ import annotations

import json
import sqlite3
import textwrap
import time

import pytest

ORGS = """
orgs:
  acme:
    url: https://acme.my.salesforce.com
    username: admin@acme.example
    password: env:ACME_PASSWORD
    labels: {wave: canary}
  globex:
    url: https://globex.my.salesforce.com
    username: admin@globex.example
    password: env:ACME_PASSWORD
    labels: {wave: rest}
  initech:
    url: https://initech.my.salesforce.com
    username: admin@initech.example
    password: env:ACME_PASSWORD
    labels: {wave: rest}
"""
ONE_MORE = """  hooli:
    url: https://hooli.my.salesforce.com
    username: admin@hooli.example
    password: env:ACME_PASSWORD
"""
SECRET = {"ACME_PASSWORD": "Pa55word-of-the-test"}
DAY_S = 86_400.0


@pytest.fixture
def fleet(command, orgs_file, question):
    """Three runs of one fleet that wait for an answer; its batch."""
    assert command("run", question, "--orgs", orgs_file(ORGS), **SECRET).code == 4
    return command("runs", "list", "--json").json[0]["batch"]


def standing(command, *options):
    return {row["org"]: row["result"] for row in command("runs", "list", "--json", *options).json}


def in_journal(home, statement, *values):
    with sqlite3.connect(home / "journal.db") as journal:
        changed = journal.execute(statement, values).rowcount
    journal.close()
    return changed


def test_a_part_of_a_fleet_is_answered_by_its_labels(command, fleet):
    chosen = ("--batch", fleet, "--limit", "wave=rest")
    done = command("runs", "approve", *chosen, "--yes", "--input", "reason=x")
    assert done.code == 0
    assert standing(command) == {"acme": "waiting", "globex": "succeeded", "initech": "succeeded"}
    assert "2 run(s) in ask: globex, initech" in done.out
    assert "Shall we go on with globex?" in done.out


def test_many_are_not_answered_without_a_yes(command, fleet):
    done = command("runs", "approve", "--batch", fleet, "--input", "reason=x", "--json")
    assert (done.code, done.error["code"]) == (2, "confirmation_needed")
    assert set(standing(command).values()) == {"waiting"}


def test_a_wrong_input_answers_none_of_them(command, fleet):
    assert fleet
    wrong = ("--input", "reason=x", "--input", "colour=red")
    done = command("runs", "approve", "--all", "--yes", *wrong, "--json")
    assert (done.code, done.error["code"]) == (2, "input_unknown")
    assert set(standing(command).values()) == {"waiting"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], "nothing_selected"),
        (["--batch", "nobody"], "batch_unknown"),
        (["--limit", "umbrella"], "org_unknown"),
        (["acme", "--all"], "selection_conflict"),
    ],
)
def test_a_selection_that_means_nothing_is_refused(command, fleet, options, code):
    assert fleet
    for verb in ("approve", "cancel", "watch") if options else ("approve", "cancel"):
        done = command("runs", verb, *options, "--json")
        assert (done.code, done.error["code"]) == (2, code), verb


def test_a_fleet_is_cancelled_and_cancelling_again_finds_nothing(command, fleet):
    done = command("runs", "cancel", "--batch", fleet, "--yes")
    assert done.code == 0
    assert done.out.count(": cancelled") == 3
    again = command("runs", "cancel", "--batch", fleet, "--yes", "--json")
    assert (again.code, again.error["code"]) == (2, "nothing_selected")


def test_an_org_joins_a_fleet_and_those_in_it_are_left_as_they_are(command, fleet, orgs_file, question):
    command("runs", "cancel", "--limit", "acme", "--yes")
    before = {row["run"] for row in command("runs", "list", "--json").json}
    more = orgs_file(ORGS + ONE_MORE, "more.yaml")
    done = command("run", question, "--orgs", more, "--add-to", fleet[:-2], "--json", **SECRET)
    assert done.code == 4
    assert {line["org"] for line in done.lines} == {"hooli"}
    rows = command("runs", "list", "--batch", fleet, "--json").json
    assert {row["run"] for row in rows} > before
    assert len(rows) == 4
    again = command("run", question, "--orgs", more, "--add-to", fleet, **SECRET)
    assert (again.code, "already" in again.err) == (0, True)
    assert len(command("runs", "list", "--json").json) == 4


def test_a_fleet_takes_no_runs_of_another_playbook(command, fleet, orgs_file, tmp_path, question):
    with open(question, encoding="utf-8") as file:  # noqa: PTH123 - a name, not a path
        other = file.read().replace("playbook: question", "playbook: other")
    path = tmp_path / "other.yaml"
    path.write_text(other, "utf-8")
    more = orgs_file(ORGS + ONE_MORE, "more.yaml")
    done = command("run", str(path), "--orgs", more, "--add-to", fleet, "--json", **SECRET)
    assert (done.code, done.error["code"]) == (2, "batch_playbook_differs")


def test_an_org_under_way_elsewhere_does_not_join(command, fleet, orgs_file, question):
    more = orgs_file(ORGS + ONE_MORE, "more.yaml")
    assert command("run", question, "--orgs", more, "--org", "hooli", **SECRET).code == 4
    done = command("run", question, "--orgs", more, "--add-to", fleet, "--json", **SECRET)
    assert (done.code, done.error["code"]) == (2, "org_has_active_run")


def test_the_list_is_narrowed_by_state_batch_and_number(command, fleet):
    command("runs", "approve", "--limit", "acme", "--yes", "--input", "reason=x")
    assert standing(command, "--state", "done") == {"acme": "succeeded"}
    assert len(standing(command, "--batch", fleet, "--status", "awaiting_operator")) == 2
    assert len(command("runs", "list", "--last", "2", "--json").json) == 2
    table = command("runs", "list", "--limit", "wave=rest").out
    assert "globex" in table
    assert "acme" not in table


def test_a_whole_fleet_is_watched_and_ends_with_a_recap(command, fleet):
    done = command("runs", "watch", "--batch", fleet)
    assert done.code == 4
    assert "3 run(s): 3 waiting" in done.out
    told = command("runs", "watch", "--json", "--verbose")
    assert {line["org"] for line in told.lines[:-1]} == {"acme", "globex", "initech"}
    assert told.lines[-1]["event"] == "fleet_recap"
    assert told.lines[-1]["waiting_for_operator"] == 3


def test_a_question_whose_time_is_over_is_not_answered(command, fleet, home):
    run = command("runs", "list", "--limit", "acme", "--json").json[0]["run"]
    assert in_journal(home, "UPDATE run SET until_s = ? WHERE run = ?", time.time() - 1, run) == 1
    late = command("runs", "approve", run, "--input", "reason=x", "--json")
    assert (late.code, late.error["code"]) == (2, "question_expired")
    shown = command("runs", "show", run, "--json").json
    assert (shown["result"], shown["attempts"][0]["outcome"]) == ("failed", "timed_out")
    in_journal(home, "UPDATE run SET until_s = ? WHERE org = 'globex'", time.time() - 1)
    rest = command("runs", "approve", "--batch", fleet, "--yes", "--input", "reason=x", "--json")
    assert [row["org"] for row in rest.json] == ["initech"]


def test_any_command_that_drives_lets_late_questions_go(command, fleet, home, orgs_file, question):
    in_journal(home, "UPDATE run SET until_s = ?", time.time() - 1)
    more = orgs_file(ORGS + ONE_MORE, "more.yaml")
    assert command("run", question, "--orgs", more, "--org", "hooli", **SECRET).code == 4
    assert set(standing(command, "--batch", fleet).values()) == {"failed"}


def test_named_runs_that_failed_are_opened_again_and_ask_again(command, fleet):
    run = command("runs", "list", "--limit", "acme", "--json").json[0]["run"]
    command("runs", "approve", "--batch", fleet, "--reject", "--yes")
    assert set(standing(command).values()) == {"failed"}
    assert command("resume", run, "--failed", "--json").code == 4
    assert standing(command) == {"acme": "waiting", "globex": "failed", "initech": "failed"}
    assert command("resume", "--failed", "--batch", fleet, "--json").code == 4
    assert set(standing(command).values()) == {"waiting"}


def test_runs_that_only_look_are_neither_listed_nor_resumed(command, fleet, home):
    in_journal(home, "UPDATE run SET playbook = 'verify' WHERE org = 'acme'")
    assert set(standing(command)) == {"globex", "initech"}
    assert "1 run(s) that only looked are not shown" in command("runs", "list").out
    assert len(standing(command, "--all")) == 3
    assert set(standing(command, "--playbook", "verify")) == {"acme"}
    assert {line["org"] for line in command("resume", "--all", "--json").lines} == {"globex", "initech"}
    assert fleet


@pytest.fixture
def looked(command, orgs_file, question, home, tmp_path):
    """Six old runs of `verify` that are over: three of each of two orgs."""
    path = tmp_path / "verify-like.yaml"
    with open(question, encoding="utf-8") as file:  # noqa: PTH123 - a name, not a path
        path.write_text(file.read(), "utf-8")
    orgs = orgs_file(textwrap.dedent(ORGS))
    for _ in range(3):
        command("run", str(path), "--again", "--limit", "wave=rest", "--orgs", orgs, **SECRET)
        command("runs", "approve", "--all", "--yes", "--input", "reason=x")
    in_journal(home, "UPDATE run SET playbook = 'verify', updated_s = updated_s - ?", 40 * DAY_S)


def test_old_runs_that_only_looked_go_and_the_newest_of_each_org_stays(command, looked, home):
    assert looked is None
    dry = command("runs", "prune", "--older-than", "30d", "--dry-run", "--json").json
    assert (len(dry["runs"]), dry["removed"], dry["kept"]) == (4, 0, 2)
    assert command("runs", "prune", "--older-than", "30d", "--json").error["code"] == "confirmation_needed"
    done = command("runs", "prune", "--older-than", "30d", "--yes", "--json").json
    assert (done["removed"], done["runs"]) == (4, dry["runs"])
    assert set(standing(command, "--all")) == {"globex", "initech"}
    with sqlite3.connect(home / "journal.db") as journal:
        left = journal.execute("SELECT DISTINCT run FROM attempt").fetchall()
    journal.close()
    assert len(left) == 2


def test_younger_runs_and_wrong_durations_are_left_alone(command, looked):
    assert looked is None
    assert command("runs", "prune", "--older-than", "60d", "--yes", "--json").json["removed"] == 0
    wrong = command("runs", "prune", "--older-than", "soon", "--json")
    assert (wrong.code, wrong.error["code"]) == (2, "duration_invalid")


def test_a_run_that_locked_is_never_removed(command, looked, home):
    assert looked is None
    in_journal(home, "UPDATE run SET playbook = 'hybrid'")
    oldest = command("runs", "list", "--json").json[-1]["run"]
    evidence = json.dumps({"lockdown": [{"mechanism": "replace_password"}]})
    in_journal(home, "UPDATE run SET evidence = ? WHERE run = ?", evidence, oldest)
    done = command("runs", "prune", "--older-than", "30d", "--playbook", "hybrid", "--yes", "--json").json
    assert (done["removed"], done["kept"]) == (3, 3)
    assert oldest in {row["run"] for row in command("runs", "list", "--json").json}
