"""What a hybrid run locked is taken back, and nothing else: the org before and after is the witness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from undo_world import APP, Died, World, dying, operation, without_ours

from orchestrator.cli.exits import exit_code

DEDICATED = ("dedicated", "production")
NOT_RESTORABLE = {"replace_password", "end_sessions"}
PASSWORD_GONE = "replace_password: the old password was replaced by one that nobody knows"


@pytest.mark.parametrize(
    ("principal", "profile"),
    [
        ("handed_over", "production"),
        ("handed_over", "any_api_auth_required"),
        ("handed_over", "full_license_integration_user"),
        ("human_admin", "production"),
        DEDICATED,
        ("dedicated", "no_sso_permission"),
        ("integration_user", "production"),
    ],
)
def test_the_org_is_as_it_was_before_the_lock(make_world: Callable[..., World], principal: str, profile: str):
    world = make_world(principal=principal, profile=profile)
    before = world.facts()
    run = world.locked()
    assert without_ours(world.facts()) != before or profile == "any_api_auth_required"
    undone = world.undo(run.run)
    assert without_ours(world.facts()) == before
    restored = {entry["mechanism"]: entry for entry in undone.evidence["restored"]}
    applied = [lock["mechanism"] for lock in run.evidence["lockdown"]]
    assert list(restored) == applied[::-1]
    for name, entry in restored.items():
        assert entry["restored"] is entry["read_back"] is (name not in NOT_RESTORABLE)
    if "replace_password" in applied:
        assert (undone.result, undone.code) == ("needs_attention", "undo_impossible")
        assert undone.detail.startswith(PASSWORD_GONE)
        assert "Forgot your password" in undone.detail
        assert world.truth()["password_works"] is False
    else:
        assert (undone.result, undone.code) == ("succeeded", "")
    (app,) = world.truth()["apps"]
    assert app["jwt"][world.jwt_username] == "works"


def test_a_deactivated_account_lives_again_and_its_sets_are_gone(make_world: Callable[..., World]):
    world = make_world(principal="dedicated")
    run = world.locked()
    locked = world.truth()["users"][world.seed.username]
    assert (locked["is_active"], locked["is_frozen"]) == (False, True)
    assert f"{APP}_Sso" in locked["permission_sets"]
    world.undo(run.run)
    user = world.truth()["users"][world.seed.username]
    assert (user["is_active"], user["is_frozen"]) == (True, False)
    assert f"{APP}_Sso" not in world.facts()["permission_sets"]


def test_without_rights_the_run_names_set_user_and_page_and_waits(make_world: Callable[..., World]):
    world = make_world()
    run = world.locked()
    locked = world.facts()
    waiting = world.drive(world.start_undo(run.run))
    assert exit_code([waiting], []) == 4
    assert waiting.code == "rights_withdrawn"
    assert f"{APP}_Setup" in waiting.detail
    assert world.seed.integration_username in waiting.detail
    set_id = next(each.id for each in world.org.permission_sets.values() if each.name == f"{APP}_Setup")
    assert f"salesforce-setup.com/lightning/setup/PermSets/page?address=%2F{set_id}" in waiting.detail
    assert world.facts() == locked

    world.answer(waiting.run)  # said, and not done
    again = world.drive(waiting.run)
    assert (again.position.state, again.code) == ("ask_for_rights", "rights_withdrawn")
    assert world.facts() == locked

    world.assign_setup_set()
    world.answer(waiting.run)
    done = world.drive(waiting.run)
    assert done.code == "undo_impossible"
    held = world.truth()["users"][world.seed.integration_username]["permission_sets"]
    assert f"{APP}_Setup" not in held
    assert done.evidence["rights_withdrawn"] == f"{APP}_Setup"


def test_rights_from_another_set_do_as_well_and_stay(make_world: Callable[..., World]):
    world = make_world()
    run = world.locked()
    waiting = world.drive(world.start_undo(run.run))
    for permission in ("ModifyMetadata", "CustomizeApplication", "ManageUsers"):
        world.change({"grant_permission": {"username": world.jwt_username, "permission": permission}})
    world.answer(waiting.run)
    done = world.drive(waiting.run)
    assert done.code == "undo_impossible"
    assert done.evidence["rights_withdrawn"] is None
    assert "ManageUsers" in world.truth()["users"][world.jwt_username]["permissions"]


def test_no_stops_the_undo_and_leaves_the_locks(make_world: Callable[..., World]):
    world = make_world()
    run = world.locked()
    locked = world.facts()
    waiting = world.drive(world.start_undo(run.run))
    world.answer(waiting.run, approved=False)
    assert world.drive(waiting.run).result == "needs_attention"
    assert world.facts() == locked


# --- runs that did not get to their end


def test_a_run_whose_canary_failed_is_undone(make_world: Callable[..., World]):
    world = make_world(principal="dedicated")
    before = world.facts()

    def breaking(
        request: requests.PreparedRequest, send: Callable[[], requests.Response]
    ) -> requests.Response:
        if operation(request) == "set_password":
            world.simulator.faults.add(
                {
                    "org": world.seed.name,
                    "kind": "error",
                    "operation": "token",
                    "code": "invalid_grant",
                    "message": "authentication failure",
                    "times": 0,
                }
            )
        return send()

    world.wire = breaking
    run = world.run("hybrid")
    assert (run.result, run.code) == ("needs_attention", "lock_canary_failed")
    world.simulator.faults.clear()
    undone = world.undo(run.run)
    assert without_ours(world.facts()) == before
    # The run called it undone; the password is gone all the same, and that is said.
    assert undone.code == "undo_impossible"
    assert undone.detail.startswith(PASSWORD_GONE)


def test_a_lock_that_was_refused_half_way_is_looked_at_too(make_world: Callable[..., World]):
    world = make_world(principal="dedicated")
    before = world.facts()
    world.simulator.faults.add(
        {
            "org": world.seed.name,
            "kind": "error",
            "operation": "user_login_update",
            "code": "INSUFFICIENT_ACCESS_OR_READONLY",
            "message": "insufficient access rights on object id",
            "times": 1,
        }
    )
    run = world.run("hybrid")
    assert (run.result, run.position.state) == ("needs_attention", "attention")
    assert "freeze_user" not in [lock["mechanism"] for lock in run.evidence["lockdown"]]
    undone = world.undo(run.run)
    first = undone.evidence["restored"][0]
    assert (first["mechanism"], first["restored"], first["changed"]) == ("freeze_user", True, False)
    assert without_ours(world.facts()) == before


# --- drift


def test_what_somebody_changed_since_stops_the_run(make_world: Callable[..., World]):
    world = make_world(profile="any_api_auth_required")
    run = world.locked()
    world.change({"settings": {"OauthOidcSettings": {"blockOAuthUnPwFlow": "false"}}})
    undone = world.undo(run.run)
    assert (undone.result, undone.code) == ("needs_attention", "org_drifted")
    assert "blockOAuthUnPwFlow" in undone.detail
    assert world.truth()["settings"]["OauthOidcSettings"]["blockOAuthUnPwFlow"] == "false"

    forced = world.undo(run.run, force=True)
    assert forced.code == "undo_impossible"  # the password; the setting is back
    assert world.truth()["settings"]["OauthOidcSettings"]["blockOAuthUnPwFlow"] == "true"
    entry = forced.evidence["restored"][-1]
    assert (entry["mechanism"], entry["restored"]) == ("block_password_grant", True)
    assert "forced over drift" in entry["note"]


def test_a_set_that_grants_more_today_is_not_given_back(make_world: Callable[..., World]):
    world = make_world()
    run = world.locked()
    gate = world.org.permission_set_by_name("Any_API_Auth")
    assert gate is not None
    gate.user_permissions = {*gate.user_permissions, "ModifyAllData"}
    undone = world.undo(run.run)
    assert undone.code == "org_drifted"
    assert "ModifyAllData" in undone.detail
    assert "Any_API_Auth" not in world.truth()["users"][world.seed.username]["permission_sets"]


def test_other_settings_changed_since_are_kept(make_world: Callable[..., World]):
    world = make_world(principal="human_admin")
    run = world.locked()
    world.change({"settings": {"OauthOidcSettings": {"blockOAuthUsrAgtFlow": "true"}}})
    undone = world.undo(run.run)
    assert undone.result == "succeeded"
    settings = world.truth()["settings"]["OauthOidcSettings"]
    assert (settings["blockOAuthUnPwFlow"], settings["blockOAuthUsrAgtFlow"]) == ("false", "true")


def test_an_undo_that_the_org_does_not_carry_out_is_not_believed(make_world: Callable[..., World]):
    world = make_world(principal="human_admin")
    run = world.locked()
    world.org.switches.settings_keep_old_value = frozenset({"OauthOidcSettings"})
    assert world.undo(run.run).code == "undo_not_read_back"


# --- again


def test_undoing_twice_changes_nothing_the_second_time(make_world: Callable[..., World]):
    world = make_world(principal="dedicated")
    run = world.locked()
    world.undo(run.run)
    after = world.facts()
    again = world.undo(run.run)
    assert world.facts() == after
    assert [entry["changed"] for entry in again.evidence["restored"]] == [False] * len(
        again.evidence["restored"]
    )
    assert again.code == "undo_impossible"


def test_once_the_owner_has_a_new_password_nothing_is_left_to_do(make_world: Callable[..., World]):
    world = make_world()
    run = world.locked()
    world.undo(run.run)
    world.clock.sleep(3600.0)
    world.change({"set_password": {"username": world.seed.username, "password": "The0wnersNew!"}})
    again = world.undo(run.run)
    assert (again.result, again.code) == ("succeeded", "")
    assert "somebody has set another password" in again.evidence["restored"][1]["note"]


def test_the_record_says_that_nothing_is_locked_and_hybrid_locks_anew(make_world: Callable[..., World]):
    world = make_world(principal="human_admin", profile="full_license_integration_user")
    run = world.locked()
    assert world.lock_record()["lockdown"]
    world.undo(run.run)
    assert world.lock_record()["lockdown"] == []
    again = world.run("hybrid")
    assert [lock["mechanism"] for lock in again.evidence["lockdown"]] == ["block_password_grant"]
    assert again.evidence["lockdown"][0]["applied_at"] != run.evidence["lockdown"][0]["applied_at"]


# --- from the credential record


def test_the_record_is_enough_when_the_journal_is_lost(make_world: Callable[..., World]):
    world = make_world(principal="dedicated")
    before = world.facts()
    world.locked()
    world.close()
    for path in world.home.glob("journal.db*"):
        path.unlink()
    world.app = world._process()
    assert world.app.journal.runs() == []
    undone = world.with_rights(world.run("restore-password-access"))
    assert undone.code == "undo_impossible"
    assert undone.evidence["undo_plan"]["source"] == "credential record"
    assert without_ours(world.facts()) == before


def test_where_nothing_is_locked_there_is_nothing_to_undo(make_world: Callable[..., World]):
    world = make_world(principal="human_admin", profile="full_license_integration_user")
    run = world.locked()
    world.undo(run.run)
    undone = world.run("restore-password-access")
    assert (undone.result, undone.position.state) == ("succeeded", "done")
    assert "restored" not in undone.evidence


@pytest.mark.parametrize(
    ("breaks", "code"),
    [
        (lambda world: world.app.vault.forget(f"org:{world.seed.name}"), "credential_absent"),
        (lambda world: world.change({"delete_app": APP}), "credential_refused"),
    ],
)
def test_without_a_way_in_the_run_fails_and_says_why(
    make_world: Callable[..., World], breaks: Callable[[World], Any], code: str
):
    world = make_world()
    run = world.locked()
    breaks(world)
    world.clock.sleep(3600.0)  # every front end has heard of it
    undone = world.undo(run.run)
    assert (undone.result, undone.code) == ("failed", code)


def test_another_org_behind_the_same_url_is_refused_before_anything_is_sent(make_world: Callable[..., World]):
    world = make_world()
    run = world.locked()
    undo = world.start_undo(run.run)
    record = world.app.journal.run(undo)
    assert record.org_entry["org_id"] == run.evidence["org_id"]  # pinned, though the orgs file has none
    other = world.run("restore-password-access", org_id="00D000000000001AAA")
    assert (other.result, other.code) == ("failed", "org_id_mismatch")


# --- crashes


@pytest.mark.slow
@pytest.mark.parametrize("answered", [False, True], ids=["before the org got it", "after the org did it"])
@pytest.mark.parametrize("place", range(1, 8))
def test_a_crash_at_any_change_is_made_good_by_the_next_process(
    make_world: Callable[..., World], place: int, *, answered: bool
):
    world = make_world(principal="dedicated")
    before = world.facts()
    run = world.locked()
    undo = world.drive(world.start_undo(run.run))
    world.assign_setup_set()
    world.answer(undo.run)
    seen = dying(world, place, answered=answered)
    with pytest.raises(Died):
        world.drive(undo.run)
    assert len(seen) == place
    world.new_process()
    world.clock.sleep(3600.0)
    done = world.drive(undo.run)
    assert done.code == "undo_impossible"
    assert without_ours(world.facts()) == before
    held = world.truth()["users"][world.seed.integration_username]["permission_sets"]
    assert f"{APP}_Setup" not in held


def test_the_crashes_above_cover_every_change_of_an_undo(make_world: Callable[..., World]):
    world = make_world(principal="dedicated")
    run = world.locked()
    undo = world.drive(world.start_undo(run.run))
    world.assign_setup_set()
    world.answer(undo.run)
    seen = dying(world, 0, answered=False)
    world.drive(undo.run)
    assert len(seen) == 7, seen
