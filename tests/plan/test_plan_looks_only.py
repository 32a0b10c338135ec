"""`plan` touches nothing: the org's own history is the witness."""

from __future__ import annotations

from collections.abc import Callable

from planning_world import plan, unchanged
from scenario_facts import foreign_app, our_app
from scenario_world import Witness, World

from orchestrator.actions.credential import BOOTSTRAP_SESSION

READS = {
    *("auth_configuration", "versions", "limits", "query", "describe", "read_metadata"),
    *("check_deploy_status", "token", "userinfo"),
}


def test_a_plan_leaves_the_org_as_it_was(world: World) -> None:
    before = unchanged(world)
    finished, made = plan(world)
    assert finished.record.result == "succeeded", finished.record.detail
    assert made.is_made
    assert unchanged(world) == before
    assert not world.bystander.requests


def test_the_history_of_a_plan_is_reads_one_login_one_check_and_a_logout(world: World) -> None:
    plan(world)
    rest = [one for one in world.seen if one.operation not in READS]
    assert [one.operation for one in rest] == ["soap_login", "deploy", "logout"]
    assert b"checkOnly>true<" in rest[1].body
    witness = Witness(world.seen, world.password, world.seed.my_domain_host)
    assert len(witness.passwords) == 1
    assert witness.check() == []


def test_a_plan_keeps_neither_session_nor_key(world: World) -> None:
    finished, _ = plan(world)
    assert world.app.vault.get(f"run:{finished.record.run}", BOOTSTRAP_SESSION) is None
    assert world.app.vault.scopes() == []
    assert "refused" in finished.evidence["session_ended"]["bootstrap_session"]


def test_a_plan_says_what_would_be_made_lent_and_locked(world: World) -> None:
    _, made = plan(world)
    found = made.plan
    assert found is not None
    assert found["client_app"] == {
        "name": "Orchestrator_JWT",
        "kind": "external_client_app",
        "state": "absent",
    }
    assert [row["state"] for row in found["permission_sets"]] == ["absent", "absent"]
    assert "ModifyMetadata" in found["rights_lent"]
    locks = {lock["mechanism"]: (lock["before"], lock["after"]) for lock in found["locks"]}
    assert locks["block_password_grant"] == ("OauthOidcSettings.blockOAuthUnPwFlow = false", "true")
    assert found["other_admins"] == [world.seed.break_glass_username]
    assert found["looked_as"]["password_attempts"] == 1
    assert made.check is not None
    assert made.check["status"] == "Succeeded"


def test_the_locks_of_the_plan_are_the_locks_of_the_run(world: World) -> None:
    _, made = plan(world)
    finished = world.run()
    assert finished.record.result == "succeeded"
    assert made.plan is not None
    planned = [lock["mechanism"] for lock in made.plan["locks"]]
    assert planned == [row["mechanism"] for row in finished.evidence["lockdown"]]


def test_an_app_of_ours_would_be_updated(world: World) -> None:
    our_app(world, "Orchestrator_JWT")
    finished, made = plan(world)
    assert finished.record.result == "succeeded", made.detail
    assert made.plan is not None
    assert made.plan["client_app"]["state"] == "ours"


def test_an_app_of_somebody_else_is_named_and_the_plan_refused(world: World) -> None:
    foreign_app(world, "Orchestrator_JWT")
    finished, made = plan(world)
    assert (finished.exit_code, made.code) == (3, "app_is_foreign")
    assert made.plan is not None
    assert made.plan["client_app"]["state"] == "foreign"
    assert [one.operation for one in world.seen][-2:] == ["logout", "limits"]


def test_an_org_that_allows_no_connected_app_refuses_the_plan_with_its_reason(world: World) -> None:
    before = unchanged(world)
    finished, made = plan(world, {"app_kind": "connected_app"})
    assert (finished.exit_code, made.code) == (3, "connected_app_creation_blocked")
    assert made.check is not None
    assert made.check["failures"]
    assert unchanged(world) == before


def test_an_org_that_decides_between_the_kinds_is_asked(make_world: Callable[..., World]) -> None:
    for_new = make_world()
    _, made = plan(for_new, {"app_kind": "connected_app_if_allowed"})
    assert made.check is not None
    assert made.check["kind"] == "external_client_app"
    assert all(b"checkOnly>true<" in one.body for one in for_new.seen if one.operation == "deploy")


def test_a_wrong_password_ends_the_plan_with_the_orgs_reason(world: World) -> None:
    world.give_password("Not-the-passw0rd")
    finished, made = plan(world)
    assert (finished.exit_code, made.code) == (3, "login_invalid")
    assert made.plan is None


def test_after_a_run_the_stored_credential_looks_and_no_password_is_sent(world: World) -> None:
    assert world.run().record.result == "succeeded"
    world.forget_history()
    finished, made = plan(world)
    assert finished.record.result == "succeeded", made.detail
    assert made.plan is not None
    assert made.plan["client_app"]["state"] == "in_use"
    assert made.plan["locks"] == []
    assert Witness(world.seen, world.password, world.seed.my_domain_host).passwords == []


def test_before_the_lock_a_credential_that_holds_rights_plans_the_locks(world: World) -> None:
    world.drive(world.start(), until="lock_password")
    world.forget_history()
    before = unchanged(world)
    finished, made = plan(world)
    assert finished.record.result == "succeeded", made.detail
    assert made.plan is not None
    assert next(lock["mechanism"] for lock in made.plan["locks"]) == "block_password_grant"
    assert world.org.deploys_started == 0
    assert unchanged(world) == before
