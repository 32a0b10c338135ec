"""The run installs by request: fresh, upgrade, there already, newer, both generations."""

from __future__ import annotations

import pytest
from package_world import PASSWORD, vendor_pair

from orchestrator.simulator.users import PermissionSet

OAUTH_POLICY = "ExtlClntAppOauthConfigurablePolicies"


def test_a_fresh_install_ends_with_oauth_proven_and_the_admin_logged_out(world):
    finished = world.install()
    assert not finished.errors, finished.errors
    assert (finished.record.result, finished.record.code) == ("succeeded", ""), finished.record.detail
    assert finished.states[-3:] == ["set_app_policies", "prove_oauth", "adopt_oauth"]
    assert (world.installed(), world.posts(), world.logins()) == ("1.3", 1, 1)
    (app,) = [one for one in world.truth()["apps"] if one["name"] == world.full_name]
    assert app["jwt"][world.seed.integration_username] == "works"
    assert app["admin_approved"]
    assert app["permission_sets"] == ["Sim_Connector_Access"]
    evidence = finished.evidence
    assert len(evidence["jwt_proofs"]) >= 5
    assert evidence["app"]["consumer_key"] == world.package.app.consumer_key
    assert evidence["package"]["installed"]["number"] == "1.3"
    assert evidence["adopted"]["bootstrap_session"].startswith("revoked")
    assert evidence["certificate"]["not_after"].startswith("2027")


def test_a_second_run_of_the_same_version_neither_logs_in_nor_installs(world):
    world.install()
    world.forget_history()
    again = world.install()
    assert again.record.result == "succeeded"
    assert (world.posts(), world.logins()) == (0, 0)
    assert again.evidence["package"]["seen_by"] == "credential"
    assert "may not see the packages" in again.evidence["package"]["not_visible"]


def test_an_older_version_is_upgraded_and_the_app_stays_usable(world):
    world.install("1.2")
    world.forget_history()
    upgraded = world.install("1.3")
    assert upgraded.record.result == "succeeded", upgraded.record.detail
    assert (world.installed(), world.posts(), world.logins()) == ("1.3", 1, 1)
    assert "set_app_policies" not in upgraded.states  # its app lets us in already


def test_what_an_administrator_has_installed_is_not_installed_again(world):
    world.admin_installs()
    world.settle()
    finished = world.install()
    assert finished.record.result == "succeeded", finished.record.detail
    assert world.posts() == 0
    assert "install_package" not in finished.states


def test_a_newer_version_stops_the_run_before_anything_is_sent(world):
    world.admin_installs("1.3")
    finished = world.install("1.2")
    assert (finished.record.result, finished.record.code) == ("failed", "package_newer_installed")
    assert "Simulated Connector 1.3" in finished.record.detail
    assert (world.installed(), world.posts()) == ("1.3", 0)


def test_a_newer_version_is_taken_as_it_is_when_the_operator_accepts_it(world):
    world.admin_installs("1.3")
    finished = world.install("1.2", newer_installed="accept")
    assert finished.record.result == "succeeded", finished.record.detail
    assert finished.evidence["package"]["state"] == "already newer"
    assert (world.installed(), world.posts()) == ("1.3", 0)


@pytest.mark.parametrize("newer_installed", ["refuse", "accept"])
def test_whether_a_version_behind_a_password_is_older_is_told_by_the_install(world, newer_installed):
    world.publish(version="1.1", installation_key=PASSWORD)
    world.admin_installs("1.3")
    finished = world.install("1.1", package_password="env:PACKAGE_PASSWORD", newer_installed=newer_installed)
    assert (world.installed(), world.posts()) == ("1.3", 1)
    if newer_installed == "refuse":
        assert finished.record.code == "package_newer_installed"
    else:
        assert finished.record.result == "succeeded", finished.record.detail


def test_an_app_that_is_off_until_the_subscriber_says_otherwise_is_switched_on(make_world):
    world = make_world(published={"app_enabled": False})
    finished = world.install()
    assert finished.record.result == "succeeded", finished.record.detail
    (app,) = [one for one in world.truth()["apps"] if one["name"] == world.full_name]
    assert app["enabled"]


def test_policies_that_are_missing_are_made_and_what_others_set_is_kept(world):
    world.admin_installs()
    for key in [key for key in world.org.components if key[0] == OAUTH_POLICY]:
        del world.org.components[key]
    world.settle()
    finished = world.install()
    assert finished.record.result == "succeeded", finished.record.detail
    before = finished.evidence["policies_before"]
    assert {one["type"]: bool(one["fields"]) for one in before} == {
        OAUTH_POLICY: False,
        "ExtlClntAppConfigurablePolicies": True,
    }


def test_permission_sets_of_other_people_stay_on_the_list(world):
    world.admin_installs()
    made = PermissionSet(world.org.next_id("0PS"), "Somebody_Elses", "Somebody else's")
    world.org.permission_sets[made.id] = made
    world.change({"app_policies": {"app": world.full_name, "permission_set": made.name}})
    world.settle()
    finished = world.install()
    assert finished.record.result == "succeeded", finished.record.detail
    listed = world.org.apps[world.full_name].permission_set_names
    assert listed == {"Somebody_Elses", "Sim_Connector_Access"}
    kept = [one["fields"].get("commaSeparatedPermissionSet") for one in finished.evidence["policies_before"]]
    assert kept == ["Somebody_Elses", None]


def test_a_first_generation_package_with_a_connected_app_is_installed_and_pre_authorised(make_world):
    world = make_world(generation=1, published={"admin_approved": True})
    finished = world.install()
    assert finished.record.result == "succeeded", finished.record.detail
    assert (world.installed(), world.posts()) == ("1.3", 1)
    (app,) = [one for one in world.truth()["apps"] if one["name"] == world.full_name]
    assert (app["kind"], app["permission_sets"]) == ("connected_app", ["Sim_Loader_Access"])
    assert app["jwt"][world.seed.integration_username] == "works"


def test_the_one_switch_of_a_connected_app_that_no_api_sets_is_asked_of_a_person(make_world):
    world = make_world(generation=1)
    waiting = world.install()
    assert (waiting.exit_code, waiting.record.position.state) == (4, "ask_policy")
    question = waiting.evidence["package"]["question"]
    assert "Admin approved users are pre-authorized" in question
    assert "/lightning/setup/ConnectedApplication/home" in question
    world.change({"app_policies": {"app": world.full_name, "admin_approved": True}})
    world.clock.advance(1900)
    finished = world.drive(waiting.record.run)
    assert finished.record.result == "succeeded", finished.record.detail


def test_the_credential_of_another_app_is_not_replaced(world):
    assert world.drive(world.start()).record.result == "succeeded"  # the hybrid flow, its own app
    world.forget_history()
    finished = world.install()
    assert (finished.record.result, finished.record.code) == ("failed", "credential_of_other_app")
    assert (world.posts(), world.logins()) == (0, 0)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"package": "033000000000001"}, "package_id_invalid"),
        ({"namespace": "two words"}, "input_invalid"),
        ({"app_name": "a'b"}, "input_invalid"),
        ({"entry": {"secrets": {}, "username": None}}, "bootstrap_missing"),
    ],
)
def test_what_cannot_work_is_refused_before_anybody_is_asked(world, changed, code):
    finished = world.install(**changed)
    assert finished.stopped_by()[0] == code
    assert world.posts() == 0


def test_a_certificate_that_does_not_fit_the_key_is_refused(world):
    world.app.environ = {**world.app.environ, "VENDOR_CERTIFICATE": vendor_pair(8).certificate_pem}
    finished = world.install()
    assert finished.stopped_by()[0] == "certificate_unpaired"
