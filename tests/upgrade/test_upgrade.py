"""What an older release left in the middle, this one opens, brings to its schema, and drives to the end."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from recorded import left_behind

from orchestrator.engine.operator import answer_run
from orchestrator.ports import RunStatus
from orchestrator.simulator import control_changes
from orchestrator.store.schema import REVISION

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "journals").glob("[0-9]*"))
UNDER_WAY = ["run-0", "run-1", "run-2", "run-3", "run-4", "run-5"]
DONE = {"deploys": 2, "apps": 1, "apps_created": 1, "password_changes": 1}

pytestmark = pytest.mark.slow


def counts(world, org):
    before = {"deploys": 0, "apps": 0, "apps_created": 0, "password_changes": 1}
    return {name: world.truth(org)["counts"][name] - number for name, number in before.items()}


@pytest.fixture(params=FIXTURES, ids=lambda path: path.name)
def world(request, tmp_path):
    return left_behind(request.param, tmp_path / "home")


def test_the_orgs_are_where_that_release_had_brought_them(world):
    names = [seed.name for seed in world.seeds]
    assert [counts(world, names[number])["deploys"] for number in (0, 1, 2, 3, 7, 8)] == [0, 0, 2, 2, 2, 0]
    assert world.truth(names[7])["jwt_works"]
    assert not world.truth(names[7])["password_works"]
    assert world.truth(names[4])["locks"]["password_flow_blocked"]
    assert world.truth(names[4])["password_works"]


def test_the_journal_is_brought_to_this_schema_and_nothing_in_it_changes(world):
    with sqlite3.connect(world.home / "journal.db") as before:
        kept = before.execute("SELECT * FROM attempt ORDER BY run, seq").fetchall()
    before.close()
    app = world.process()
    records = app.journal.runs()
    assert len(records) == 10
    assert [app.journal.verify_chain(record.run) for record in records] == [None] * 10
    app.close()
    with sqlite3.connect(world.home / "journal.db") as after:
        assert after.execute("SELECT version_num FROM meta").fetchone() == (REVISION,)
        assert after.execute("SELECT * FROM attempt ORDER BY run, seq").fetchall() == kept
    after.close()


@pytest.mark.parametrize("run", UNDER_WAY)
def test_a_run_under_way_is_driven_to_its_end_with_every_effect_once(world, run):
    app = world.process()
    before = app.journal.run(run)
    record = world.drive(app, run)
    assert record.result == "succeeded", f"{before.position.state}: {record.code} {record.detail}"
    assert record.playbook_digest == before.playbook_digest
    assert app.journal.verify_chain(run) is None
    app.close()
    truth = world.truth(record.org)
    assert counts(world, record.org) == DONE
    assert truth["jwt_works"]
    assert not truth["password_works"]
    assert truth["counts"]["operations"]["soap_login"] <= 3


def test_a_question_that_was_asked_is_answered(world):
    app = world.process()
    record = app.journal.run("run-6")
    assert record.status is RunStatus.AWAITING_OPERATOR
    machine = app.playbook_of(record.playbook_digest).machine
    answer_run(app.journal, machine, record, approved=True, inputs={}, now_s=world.clock.now_s())
    record = world.drive(app, "run-6")
    app.close()
    assert record.result == "succeeded", f"{record.code} {record.detail}"
    assert counts(world, record.org) == DONE


def test_a_failed_run_is_opened_again_once_its_cause_is_gone(world):
    app = world.process()
    seed = next(seed for seed in world.seeds if seed.name == app.journal.run("run-8").org)
    org = world.simulator.org_of(seed)
    control_changes.change_org(world.simulator, org, {"activate_user": seed.break_glass_username})
    app.engine(lambda _event: None).reopen("run-8")
    record = world.drive(app, "run-8")
    app.close()
    assert record.result == "succeeded", f"{record.code} {record.detail}"
    assert counts(world, record.org) == DONE


def test_what_is_over_stays_over_and_can_be_read(world):
    app = world.process()
    succeeded, cancelled = app.journal.run("run-7"), app.journal.run("run-9")
    app.close()
    assert succeeded.result == "succeeded"
    assert succeeded.evidence["lockdown"]
    assert cancelled.status is RunStatus.CANCELLED
