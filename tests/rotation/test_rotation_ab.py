"""Rotation by a second app: the first one stays until the second has proven itself twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rotation_world import APP, DAY_S, SECOND_APP, RotationWorld
from scenario_facts import foreign_app
from scenario_world import Finished

RENEWED = {"retire": "now"}


def ended(done: Finished) -> tuple[str, str | None, str]:
    return done.record.position.state, done.record.result, done.record.code


def test_the_second_app_takes_over_and_the_first_is_gone(locked: RotationWorld):
    before = locked.record()
    done = locked.rotate()
    assert ended(done) == ("done", "succeeded", ""), done.record.detail
    after = locked.record()
    assert (before["app"]["name"], after["app"]["name"]) == (APP, SECOND_APP)
    assert after["app"]["consumer_key"] != before["app"]["consumer_key"]
    assert after["certificate"]["sha256"] != before["certificate"]["sha256"]
    assert (after["run"], after["provisioned"]) == (done.record.run, before["provisioned"])
    assert locked.apps() == [SECOND_APP]
    locked.settle()
    assert locked.in_use_works()


def test_lent_rights_are_gone_and_the_vault_holds_nothing_needless(locked: RotationWorld):
    waiting = locked.drive(locked.start(None, "rotate-certificate"))
    assert waiting.record.position.state == "ask_for_rights"
    assert "Orchestrator_JWT_Setup" in waiting.evidence["rights"]["how"]
    done = locked.with_rights(waiting)
    assert done.record.result == "succeeded", done.record.detail
    assert locked.holders_of(f"{APP}_Setup") == []
    assert done.evidence["closed"]["rights_withdrawn"] == f"{APP}_Setup"
    assert locked.app.vault.names(locked.scope) == ["certificate", "private_key", "record"]
    assert f"run:{done.record.run}" not in locked.app.vault.scopes()


def test_the_first_app_answers_as_before_until_the_second_is_adopted(locked: RotationWorld):
    old_key = locked.app.vault.get(locked.scope, "private_key")
    assert old_key is not None
    locked.rotate_until("adopt_certificate")
    assert locked.apps() == [APP, SECOND_APP]
    assert locked.record()["app"]["name"] == APP
    assert locked.logs_in(locked.record()["app"]["consumer_key"], old_key.reveal())


def test_the_former_key_is_seen_refused_before_it_is_forgotten(locked: RotationWorld):
    run = locked.rotate_until("close", RENEWED)
    former = locked.kept("previous")
    assert former is not None
    assert former["record"]["app"]["name"] == APP
    assert not locked.logs_in(former["record"]["app"]["consumer_key"], former["private_key"])
    done = locked.drive(run)
    assert done.evidence["former_key_refused"]["answer"] in {
        "client_id_unknown",
        "app_not_found",
        "app_not_installed",
    }
    assert locked.kept("previous") is None


def test_the_two_names_take_turns(locked: RotationWorld):
    locked.rotate()
    second = locked.rotate()
    assert ended(second) == ("done", "succeeded", ""), second.record.detail
    assert locked.apps() == [APP]
    assert locked.record()["app"]["sets_named_after"] == APP


def test_no_password_is_sent(locked: RotationWorld):
    locked.rotate()
    assert not [one for one in locked.seen if locked.password.encode() in one.body]
    assert "soap_login" not in {one.operation for one in locked.seen}


def test_the_bystander_org_is_never_asked(locked: RotationWorld):
    locked.rotate()
    assert len(locked.bystander.requests) == 0


def test_a_key_that_was_handed_over_is_not_retired_without_asking(locked: RotationWorld):
    locked.note_export("github", "acme/app")
    asked = locked.rotate()
    assert asked.record.position.state == "ask_before_retiring"
    assert "github acme/app" in asked.evidence["rotated"]["question"]
    assert locked.apps() == [APP, SECOND_APP]
    assert locked.record()["app"]["name"] == SECOND_APP
    locked.clock.advance(2 * DAY_S)
    locked.answer(asked.record.run)
    done = locked.drive(asked.record.run)
    assert ended(done) == ("done", "succeeded", ""), done.record.detail
    assert "confirm_new" in done.states
    assert locked.apps() == [SECOND_APP]


def test_a_no_goes_back_to_the_former_app(locked: RotationWorld):
    before = locked.record()
    asked = locked.rotate({"retire": "ask"})
    assert asked.record.position.state == "ask_before_retiring"
    locked.answer(asked.record.run, approved=False)
    done = locked.drive(asked.record.run)
    assert ended(done)[:2] == ("failed", "failed"), done.record.detail
    assert locked.record() == before
    assert locked.apps() == [APP]
    assert locked.in_use_works()
    assert locked.holders_of(f"{APP}_Setup") == []


def test_a_second_app_that_stops_working_gives_way_to_the_first(locked: RotationWorld):
    before = locked.record()
    run = locked.rotate_until("confirm_new", RENEWED)
    assert locked.record()["app"]["name"] == SECOND_APP
    locked.switch_off(SECOND_APP)
    done = locked.drive(run)
    assert ended(done)[:2] == ("failed", "failed"), done.record.detail
    assert "retire_app" not in done.states
    assert locked.record() == before
    assert locked.apps() == [APP]
    assert locked.in_use_works()


def test_a_second_app_that_never_works_is_removed_again(locked: RotationWorld):
    before = locked.record()
    run = locked.rotate_until("prove_new")
    locked.switch_off(SECOND_APP)
    done = locked.drive(run)
    assert ended(done)[:2] == ("failed", "failed"), done.record.detail
    assert locked.record() == before
    assert locked.apps() == [APP]
    assert locked.holders_of(f"{APP}_Setup") == []


def test_somebody_elses_app_of_the_second_name_stops_the_run_and_stays(locked: RotationWorld):
    foreign_app(locked, SECOND_APP)
    done = locked.rotate()
    assert ended(done)[:2] == ("failed", "failed")
    assert "app_is_foreign" in done.codes
    assert locked.apps() == [APP, SECOND_APP]
    assert locked.in_use_works()


def test_a_former_app_that_somebody_took_over_is_not_deleted(locked: RotationWorld):
    run = locked.rotate_until("retire_app", RENEWED)
    locked.org.components["ExternalClientApplication", APP].tree["description"] = "of another team now"
    done = locked.drive(run)
    assert ended(done)[1] == "needs_attention"
    assert "app_is_foreign" in done.codes
    assert APP in locked.apps()
    assert locked.in_use_works()
    assert locked.kept("previous") is not None


def test_the_app_is_not_retired_on_an_old_proof(locked: RotationWorld):
    run = locked.rotate_until("retire_app", RENEWED)
    locked.clock.advance(3600.0)
    done = locked.drive(run)
    assert "proof_stale" in done.codes
    assert ended(done) == ("done", "succeeded", "")
    at = [one.operation for one in locked.seen]
    assert at[: at.index("deploy", at.index("deploy") + 1)].count("token") >= 8


def test_by_the_bootstrap_user_no_rights_are_asked_for(make_world: Callable[..., RotationWorld]):
    world = make_world()
    world.run(accept_no_other_admin=None, bootstrap_principal="human_admin")
    world.forget_history()
    done = world.drive(world.start({"work_by": "bootstrap"}, "rotate-certificate"))
    assert ended(done) == ("done", "succeeded", ""), done.record.detail
    assert "ask_for_rights" not in done.states
    assert world.apps() == [SECOND_APP]
    assert "revoked" in done.evidence["closed"]["setup_session"]


def test_an_expired_certificate_is_replaced_like_any_other(locked: RotationWorld):
    locked.clock.advance(400 * DAY_S)
    done = locked.rotate()
    assert ended(done) == ("done", "succeeded", ""), done.record.detail
    assert done.evidence["rotation"]["days_left"] < 0


@pytest.mark.parametrize(("threshold", "state"), [("30", "done"), ("363", "done"), ("364", "ask_for_rights")])
def test_an_org_whose_certificate_is_not_due_costs_no_request(
    locked: RotationWorld, threshold: str, state: str
):
    done = locked.drive(locked.start({"not_before_days_left": threshold}, "rotate-certificate"))
    assert done.record.position.state == state
    if state == "done":
        assert done.evidence["rotation"]["nothing_to_do"] is True
        assert "nothing to do" in done.record.detail
        assert locked.seen == []


def test_an_org_without_a_credential_is_told_so(make_world: Callable[..., Any]):
    world = make_world()
    done = world.drive(world.start(None, "rotate-certificate"))
    assert ended(done) == ("abandoned", "failed", "credential_absent")
    assert world.seen == []
