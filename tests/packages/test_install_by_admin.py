"""An administrator installs by hand: the run gives the link, waits for days and notices it by itself."""

from __future__ import annotations

import pytest

NO_LOGIN = {"secrets": {}, "username": None}


def waits(finished):
    return finished.exit_code == 4 and finished.record.position.state == "ask_admin"


@pytest.mark.parametrize(
    ("profile", "login_host"), [("production", "login.salesforce.com"), ("sandbox", "test.salesforce.com")]
)
def test_the_link_leads_to_the_org_itself_and_the_other_to_its_kind(make_world, profile, login_host):
    world = make_world(profile=profile)
    waiting = world.install(install="by_admin")
    assert waits(waiting)
    version_id = world.version("1.3").id
    own = f"https://{world.seed.my_domain_host}/packaging/installPackage.apexp?p0={version_id}"
    links = waiting.evidence["package"]["links"]
    assert links == {"own_host": own, "login_host": own.replace(world.seed.my_domain_host, login_host)}
    assert f"Install the package at {own}" in waiting.evidence["package"]["question"]


def test_days_of_waiting_need_no_login_and_the_installation_is_noticed_by_itself(world):
    run = world.begin(install="by_admin")
    assert waits(world.drive(run))
    assert all(waits(one) for one in world.days_pass(run, 4))
    assert (world.logins(), world.posts()) == (0, 0)
    world.admin_installs()
    finished = world.days_pass(run, 0.2)[-1]
    assert finished.record.result == "succeeded", finished.record.detail
    assert (world.installed(), world.posts(), world.logins()) == ("1.3", 0, 1)
    (app,) = [one for one in world.truth()["apps"] if one["name"] == world.full_name]
    assert app["jwt"][world.seed.integration_username] == "works"


def test_an_answer_is_checked_and_not_believed(world):
    run = world.begin(install="by_admin")
    world.drive(run)
    world.approve(run)
    again = world.drive(run)
    assert waits(again)
    assert (world.logins(), world.installed()) == (0, "")
    world.admin_installs()
    world.settle()
    world.approve(run)
    assert world.drive(run).record.result == "succeeded"


def test_a_no_ends_the_run_and_leaves_the_org_as_it_was(world):
    run = world.begin(install="by_admin")
    world.drive(run)
    world.approve(run, approved=False)
    finished = world.drive(run)
    assert finished.record.result == "failed"
    assert (world.installed(), world.logins()) == ("", 0)


def test_nobody_answers_for_weeks_and_the_run_ends_by_itself(world):
    run = world.begin(install="by_admin")
    assert waits(world.drive(run))
    world.clock.advance(19 * 86_400.0)
    assert waits(world.drive(run))
    world.clock.advance(2 * 86_400.0)
    finished = world.drive(run)
    assert (finished.exit_code, finished.record.result) == (4, "needs_attention")
    assert finished.record.code == "manual_step_open"
    assert "installPackage.apexp" in finished.record.detail
    assert world.logins() == 0


def test_the_wait_survives_a_new_process(world):
    run = world.begin(install="by_admin")
    world.drive(run)
    world.days_pass(run, 1)
    world.new_home(world.app.configuration.home)
    world.admin_installs()
    world.settle()
    assert world.days_pass(run, 0.2)[-1].record.result == "succeeded"


def test_when_a_person_does_everything_no_login_is_needed_at_all(world):
    run = world.begin(install="by_admin", policies="by_admin", entry=NO_LOGIN)
    waiting = world.drive(run)
    assert waits(waiting)
    assert "/lightning/setup/ManageExternalClientApplication/home" in waiting.evidence["package"]["question"]
    world.admin_installs()
    world.settle()
    half = world.days_pass(run, 0.1)[-1]
    assert waits(half)  # installed, and not let in yet
    assert "Install the package" not in half.evidence["package"]["question"]
    world.change(
        {"grant_permission": {"username": world.seed.integration_username, "permission": "ApiEnabled"}}
    )
    world.change(
        {
            "app_policies": {
                "app": world.full_name,
                "admin_approved": True,
                "permission_set": "Granted_ApiEnabled",
            }
        }
    )
    world.settle()
    finished = world.days_pass(run, 0.1)[-1]
    assert finished.record.result == "succeeded", finished.record.detail
    assert (world.logins(), world.posts()) == (0, 0)
    assert finished.evidence["adopted"]["bootstrap_session"] == "there was none"


def test_a_user_who_may_not_install_hands_over_to_an_administrator(world):
    world.change({"revoke_permission": {"username": world.seed.username, "permission": "InstallPackaging"}})
    waiting = world.install()
    assert waits(waiting)
    question = waiting.evidence["package"]["question"]
    assert f"({world.seed.username} may not install" in question
    assert "installPackage.apexp" in question
    world.admin_installs()
    world.settle()
    world.approve(waiting.record.run)
    finished = world.drive(waiting.record.run)
    assert finished.record.result == "succeeded", finished.record.detail
    assert world.posts() == 1


def test_a_user_who_may_not_even_see_packages_is_said_to_be_one(world):
    for permission in ("InstallPackaging", "ModifyAllData", "ModifyMetadata", "ViewSetup"):
        world.change({"revoke_permission": {"username": world.seed.username, "permission": permission}})
    waiting = world.install()
    assert waits(waiting)
    assert "may not see the packages of the org" in waiting.evidence["package"]["not_visible"]
    assert waiting.evidence["package"]["state"] == "absent"  # the app's own answer
    assert world.posts() == 0


def test_the_session_that_ended_while_a_person_was_waited_for_is_not_replaced_in_vain(world):
    world.change({"revoke_permission": {"username": world.seed.username, "permission": "InstallPackaging"}})
    waiting = world.install()
    run = waiting.record.run
    world.change({"expire_sessions": True})
    assert waits(world.days_pass(run, 3)[-1])
    assert world.logins() == 1
    world.admin_installs()
    finished = world.days_pass(run, 0.2)[-1]
    assert finished.record.result == "succeeded", finished.record.detail
    assert world.logins() == 2


def test_a_connected_app_says_nothing_so_a_login_is_spent_only_on_an_answer(make_world):
    world = make_world(generation=1, published={"admin_approved": True})
    run = world.begin(install="by_admin")
    assert waits(world.drive(run))
    world.admin_installs()
    world.settle()
    assert waits(world.days_pass(run, 2)[-1])
    assert world.logins() == 0
    world.approve(run)
    finished = world.drive(run)
    assert finished.record.result == "succeeded", finished.record.detail
    assert world.logins() == 1


def test_an_upgrade_by_hand_is_asked_for_as_one(world):
    world.change({"revoke_permission": {"username": world.seed.username, "permission": "InstallPackaging"}})
    world.admin_installs("1.2")
    waiting = world.install("1.3")
    assert waits(waiting)
    assert waiting.evidence["package"]["question"].startswith("Upgrade the package at ")
    world.admin_installs("1.3")
    world.settle()
    world.approve(waiting.record.run)
    assert world.drive(waiting.record.run).record.result == "succeeded"
