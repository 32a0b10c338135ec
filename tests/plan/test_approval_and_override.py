"""A person says yes to the locks, or takes the blame for being the only administrator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from planning_world import plan
from scenario_world import Finished, World

from orchestrator.engine.operator import answer_run
from orchestrator.ports import RunStatus

REASON = "single-admin trial org, ticket 4711"


def asked(world: World, **entry: Any) -> Finished:
    finished = world.drive(world.start({"approve_locks": "true"}, **entry))
    assert finished.record.status is RunStatus.AWAITING_OPERATOR, finished.record.detail
    assert finished.record.position.state == "approve_locks"
    return finished


def answer(world: World, finished: Finished, *, approved: bool) -> Finished:
    machine = world.app.playbook_of(finished.record.playbook_digest).machine
    answer_run(
        world.app.journal,
        machine,
        finished.record,
        approved=approved,
        inputs={},
        now_s=world.clock.now_s(),
    )
    return world.drive(finished.record.run)


def test_the_question_names_the_locks_and_nothing_is_locked_before_the_answer(world: World) -> None:
    finished = asked(world)
    question = [event.detail for event in finished.events if event.code == "operator"][-1]
    assert "replace_password (whoever controls the user's mailbox" in question
    assert world.truth()["password_works"]


def test_a_yes_locks_and_an_old_proof_is_made_again_without_another_question(world: World) -> None:
    finished = asked(world)
    world.clock.advance(3600.0)
    after = answer(world, finished, approved=True)
    assert after.record.result == "succeeded", after.record.detail
    assert "proof_stale" in after.codes
    assert after.states.count("approve_locks") == 0
    assert after.evidence["lock_plan"]["approval"]["approved"] is True
    assert not world.truth()["password_works"]


def test_a_no_leaves_the_password_alone(world: World) -> None:
    after = answer(world, asked(world), approved=False)
    assert (after.record.result, after.exit_code) == ("needs_attention", 4)
    assert world.truth()["password_works"]


def test_a_lock_that_was_not_asked_about_is_asked_about(make_world: Callable[..., World]) -> None:
    world = make_world(profile="full_license_integration_user")
    admin = world.seed.username
    held = {"username": admin, "permission": "ApiUserOnly"}
    world.change({"grant_permission": held})
    finished = asked(world, integration_user=admin, bootstrap_principal="integration_user")
    assert "api_only" not in finished.evidence["lock_plan"]["approval"]["steps"]
    world.change({"revoke_permission": held})
    world.clock.advance(3600.0)
    again = answer(world, finished, approved=True)
    assert again.record.status is RunStatus.AWAITING_OPERATOR
    assert "api_only" in again.evidence["lock_plan"]["approval"]["steps"]
    assert again.evidence.get("lockdown", []) == []
    assert answer(world, again, approved=True).record.result == "succeeded"


def alone(world: World) -> None:
    world.change({"deactivate_user": world.seed.break_glass_username})


def test_the_only_administrator_is_refused_without_a_reason(world: World) -> None:
    alone(world)
    finished = world.run(break_glass_user=None)
    assert (finished.record.result, finished.record.code) == ("failed", "no_other_admin")


def test_an_accepted_reason_goes_on_and_is_recorded(world: World) -> None:
    alone(world)
    finished = world.run({"accept_no_other_admin": REASON}, break_glass_user=None)
    assert finished.record.result == "succeeded", finished.record.detail
    override = finished.evidence["override"]
    assert (override["what"], override["reason"]) == ("no_other_admin", REASON)
    assert override["at"]
    assert finished.evidence["lock_plan"]["override"]["reason"] == REASON
    assert "replace_password" in [row["mechanism"] for row in finished.evidence["lockdown"]]


def test_the_orgs_file_may_give_the_reason(world: World) -> None:
    alone(world)
    finished = world.run(break_glass_user=None, accept_no_other_admin=REASON)
    assert finished.record.result == "succeeded", finished.record.detail
    assert finished.evidence["override"]["reason"] == REASON


def test_a_reason_that_is_not_needed_is_not_recorded(world: World) -> None:
    finished = world.run({"accept_no_other_admin": REASON})
    assert finished.record.result == "succeeded"
    assert "override" not in finished.evidence


def test_a_named_break_glass_user_who_cannot_log_in_is_refused_whatever_was_accepted(world: World) -> None:
    alone(world)
    finished = world.run({"accept_no_other_admin": REASON})
    assert (finished.record.result, finished.record.code) == ("failed", "no_other_admin")


def test_a_blank_reason_is_none(world: World) -> None:
    alone(world)
    finished = world.run({"accept_no_other_admin": "  "}, break_glass_user=None)
    assert finished.record.code == "no_other_admin"


def test_a_plan_shows_the_override(world: World) -> None:
    alone(world)
    _, made = plan(world, {"accept_no_other_admin": REASON}, break_glass_user=None)
    assert made.plan is not None, made.detail
    assert made.plan["override"]["reason"] == REASON
