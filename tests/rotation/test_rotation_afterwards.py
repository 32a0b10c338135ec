"""After a rotation verify, doctor, undo, decommission and a second hybrid run know the new app."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rotation_world import APP, SECOND_APP, RotationWorld

from orchestrator.actions.examination import examine
from orchestrator.actions.restoring import NOT_RESTORABLE
from orchestrator.cli.doctor import _context
from orchestrator.cli.undo import locks_of, new_undo
from orchestrator.salesforce.diagnosis import diagnose

MODES = {"ab": SECOND_APP, "in_place": APP}


@pytest.fixture(params=MODES)
def rotated(request: pytest.FixtureRequest, locked: RotationWorld) -> RotationWorld:
    """An org whose certificate was rotated in that mode, and its front ends agree."""
    done = locked.rotate({"mode": request.param})
    assert done.record.result == "succeeded", done.record.detail
    locked.settle()
    return locked


def test_verify_holds_for_the_new_app(rotated: RotationWorld):
    done = rotated.drive(rotated.start(None, "verify"))
    assert done.record.result == "succeeded", done.record.detail
    checks = {check["check"]: check["state"] for check in done.evidence["verification"]["checks"]}
    assert (checks["credential"], checks["jwt_login"]) == ("holds", "holds")
    assert "drifted" not in checks.values()


def test_a_former_app_that_could_not_be_retired_is_named_when_all_is_removed(locked: RotationWorld):
    run = locked.rotate_until("retire_app", {"retire": "now"})
    locked.cancel(run)
    asking = locked.drive(locked.start(None, "decommission"))
    while asking.record.position.state == "ask_for_rights":
        asking = locked.with_rights(asking)
    assert asking.record.position.state == "ask_for_approval", asking.record.detail
    assert f"client app {APP} of an unfinished rotation" in asking.evidence["removal_plan"]["question"]


def test_doctor_finds_nothing_wrong(rotated: RotationWorld):
    made = examine(_context(rotated.app, rotated.entry()), with_password=False, last_failure=None)
    found = diagnose(made.findings)
    assert found.cause is None, found.cause


def test_the_hybrid_run_before_it_can_still_be_undone(rotated: RotationWorld):
    record = rotated.app.journal.run(rotated.hybrid_run)
    locks = locks_of(record, rotated.app.journal.attempts(record.run))
    new = new_undo(rotated.app, record, locks, force=False)
    rotated.app.journal.create_run(new)
    done = rotated.with_rights(rotated.drive(new.run))
    assert done.record.code in {"", "undo_impossible"}, (done.record.code, done.record.detail)
    restored = {row["mechanism"]: row["restored"] for row in done.evidence["restored"]}
    assert restored
    assert all(restored[name] for name in set(restored) - set(NOT_RESTORABLE))
    assert rotated.holders_of(f"{APP}_Setup") == []


def test_decommission_removes_the_new_app_and_the_permission_sets_of_the_first(rotated: RotationWorld):
    waiting = rotated.drive(rotated.start({"approved": "true"}, "decommission"))
    done = rotated.with_rights(waiting)
    assert rotated.apps() == [], (done.record.position.state, done.record.detail)
    assert f"{APP}_Access" not in {one.name for one in rotated.org.permission_sets.values()}
    assert rotated.scope not in rotated.app.vault.scopes()


def test_a_second_hybrid_run_uses_the_new_credential(rotated: RotationWorld):
    before: dict[str, Any] = rotated.record()
    done = rotated.run()
    assert done.record.result == "succeeded", done.record.detail
    assert rotated.record()["app"]["name"] == before["app"]["name"]
    assert rotated.record()["certificate"] == before["certificate"]
    assert "bootstrap" not in done.states


def test_a_fleet_skips_the_orgs_that_are_not_due(locked: RotationWorld):
    skipped = locked.drive(locked.start({"not_before_days_left": "30"}, "rotate-certificate"))
    assert (skipped.exit_code, skipped.record.position.state) == (0, "done")
    assert skipped.evidence["rotation"]["days_left"] > 30


def test_another_user_in_the_orgs_file_is_not_rotated(locked: RotationWorld):
    run = locked.start(None, "rotate-certificate", integration_user="somebody@else.example")
    done = locked.drive(run)
    assert (done.record.position.state, done.record.code) == ("abandoned", "credential_absent")
    assert replace(locked.entry()).integration_user == locked.seed.integration_username
