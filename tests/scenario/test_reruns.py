"""Stories of more than one run: a second run, a revoked credential, another machine, a run cut short."""

from __future__ import annotations

from pathlib import Path

from scenario_world import Witness, World

from orchestrator.ports import RunStatus


def witness(world: World) -> Witness:
    return Witness(world.seen, world.password, world.seed.my_domain_host)


def test_a_second_run_after_success_sends_no_password_and_changes_nothing(world: World) -> None:
    first = world.run()
    assert first.record.result == "succeeded"
    before = world.truth()
    world.forget_history()
    second = world.run()
    assert (second.record.result, second.exit_code) == ("succeeded", 0)
    assert "bootstrap" not in second.states
    assert [event.outcome for event in second.events if event.state == "plan_lockdown"][-1:] == [
        "already_locked"
    ]
    assert witness(world).passwords == []
    assert witness(world).first_lock() is None
    assert world.org.deploys_started == 0
    assert world.truth()["locks"] == before["locks"]
    assert second.evidence["lockdown"] == first.evidence["lockdown"]
    assert second.evidence["app"] == first.evidence["app"]


def test_a_second_run_for_a_person_is_not_called_a_success_while_the_password_works(world: World) -> None:
    first = world.run({"bootstrap_principal": "human_admin"})
    second = world.run({"bootstrap_principal": "human_admin"})
    assert (first.exit_code, second.exit_code) == (4, 4)
    assert "soap_login" in second.record.detail
    assert world.truth()["password_works"]


def test_a_deleted_app_sends_the_next_run_back_to_the_password(world: World) -> None:
    world.run({"bootstrap_principal": "human_admin"})
    before = world.truth()["apps"][0]["consumer_key"]
    world.change({"delete_app": "Orchestrator_JWT"})
    world.clock.advance(3600)  # every front end has noticed
    world.forget_history()
    second = world.run({"bootstrap_principal": "human_admin"})
    assert "bootstrap" in second.states
    assert second.evidence["credential"] == {"found": True, "refused": "client_id_unknown"}
    assert second.evidence["app"]["consumer_key"] != before
    assert world.truth()["jwt_works"]
    assert witness(world).check() == []


def test_a_deleted_app_of_a_locked_org_is_not_repaired_with_a_dead_password(world: World) -> None:
    world.run()
    world.change({"delete_app": "Orchestrator_JWT"})
    world.clock.advance(3600)  # every front end has noticed
    world.forget_history()
    second = world.run()
    assert (second.record.result, second.record.code) == ("failed", "login_invalid")
    assert len(witness(world).passwords) == 1
    assert world.org.deploys_started == 0


def test_an_approval_that_was_withdrawn_sends_the_next_run_back_to_the_password(world: World) -> None:
    world.run({"bootstrap_principal": "human_admin"})
    integration = world.org.user_by_name(world.seed.integration_username)
    assert integration is not None
    for key, assignment in list(world.org.assignments.items()):
        if assignment.assignee_id == integration.id:
            del world.org.assignments[key]
    world.org.app_changed(world.org.apps["Orchestrator_JWT"], world.sim.now_s())
    second = world.run({"bootstrap_principal": "human_admin"})
    assert "bootstrap" in second.states
    assert second.evidence["client_app"]["adopted_existing"] is True
    assert world.truth()["jwt_works"]


def test_a_run_from_another_machine_adopts_the_app_and_keeps_its_consumer_key(
    world: World, tmp_path: Path
) -> None:
    world.run({"bootstrap_principal": "human_admin"})
    before = world.truth()["apps"][0]
    world.new_home(tmp_path / "another")
    second = world.run({"bootstrap_principal": "human_admin"})
    after = world.truth()["apps"][0]
    assert second.evidence["client_app"]["adopted_existing"] is True
    assert after["consumer_key"] == before["consumer_key"] == second.evidence["app"]["consumer_key"]
    assert after["certificate_sha256"] != before["certificate_sha256"]
    assert len(world.truth()["apps"]) == 1


def test_a_run_stopped_before_the_lock_is_finished_by_the_next_and_its_rights_withdrawn(world: World) -> None:
    cut = world.drive(world.start(), until="plan_lockdown")
    assert cut.record.status is RunStatus.ACTIVE
    world.app.journal.request_cancel(cut.record.run, world.clock.now_s())
    world.drive(cut.record.run)
    world.forget_history()
    second = world.run()
    assert (second.record.result, second.exit_code) == ("succeeded", 0)
    assert "bootstrap" not in second.states
    assert not world.truth()["password_works"]
    assert world.truth()["users"][world.seed.integration_username]["permission_sets"] == [
        "Orchestrator_JWT_Access"
    ]
    assert len(witness(world).passwords) == 1  # the probe after the lock
    assert witness(world).check() == []


def test_a_run_that_was_parked_over_an_hour_goes_on_with_the_journal_of_before(
    world: World,
) -> None:
    run = world.start()
    parked = world.drive(run, until="prove_oauth")
    world.clock.advance(3600)
    home = world.app.configuration.home
    world.new_home(home)  # another process: nothing of the first is in memory
    finished = world.drive(run)
    assert parked.record.position.state == "prove_oauth"
    assert (finished.record.result, finished.exit_code) == ("succeeded", 0)
    assert witness(world).check() == []
    assert world.org.deploys_started == 2


def test_a_wrong_password_can_be_put_right_and_the_org_counted_one_failure(world: World) -> None:
    right = world.password
    world.give_password("mistyped-0815")
    first = world.run()
    world.give_password(right)
    second = world.run()
    assert (first.exit_code, second.exit_code) == (3, 0)
    statuses = [row.status for row in world.org.login_history]
    assert statuses.count("Invalid Password") == 2  # the mistyped one, and the proof at the end


def test_a_clock_that_went_wrong_since_does_not_send_the_next_run_back_to_the_password(world: World) -> None:
    world.run()
    world.change({"skew_s": 3600})
    world.forget_history()
    second = world.run()
    assert (second.record.result, second.exit_code) == ("succeeded", 0)
    assert witness(world).passwords == []
    assert second.evidence["jwt_proofs"][-1]["clock_offset_s"] in range(3598, 3603)


def test_two_runs_at_once_for_one_org_do_not_both_drive_it(world: World) -> None:
    first, second = world.start(), world.start()
    world.drive(first, until="lock_password")
    finished = world.drive(second)
    assert finished.record.result == "succeeded"
    late = world.drive(first)
    assert late.record.result in {"needs_attention", "succeeded"}
    assert not world.truth()["password_works"]
    assert witness(world).check() == []
