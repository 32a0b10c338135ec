"""What an install request can meet: what passes is waited for, everything else stops with its name."""

from __future__ import annotations

import pytest
from package_world import PASSWORD, POST

from orchestrator.simulator.package_installs import request_install


def ended(finished):
    return (finished.record.result, finished.record.code)


def test_the_right_installation_password_opens_the_version(world):
    world.publish(version="1.5", installation_key=PASSWORD)
    finished = world.install("1.5", package_password="env:PACKAGE_PASSWORD")
    assert ended(finished) == ("succeeded", ""), finished.record.detail
    carried = [one.operation for one in world.seen if PASSWORD.encode() in one.body]
    assert carried == [POST]  # in one request, and in no address of any


@pytest.mark.parametrize("given", [{}, {"package_password": "env:PACKAGE_PASSWORD"}])
def test_without_the_right_password_the_run_stops_and_says_so(world, given):
    world.publish(version="1.5", installation_key="another one")
    finished = world.install("1.5", **given)
    assert ended(finished) == ("failed", "package_password_wrong")
    assert (world.installed(), world.posts()) == ("", 1)


def test_a_password_that_is_not_needed_is_refused_by_the_org_and_named(world):
    finished = world.install(package_password="env:PACKAGE_PASSWORD")
    assert ended(finished) == ("failed", "package_password_unneeded")
    assert (world.installed(), world.posts()) == ("", 1)


@pytest.mark.parametrize(
    ("kind", "code"), [("package_unavailable", "package_not_available"), ("row_lock", "deploy_in_progress")]
)
def test_passing_troubles_are_tried_again_until_they_have_passed(world, kind, code):
    world.fault(kind=kind, operation="install_package", times=4)
    finished = world.install()
    assert ended(finished) == ("succeeded", ""), finished.record.detail
    met = [one.code for one in finished.events if (one.state, one.outcome) == ("install_package", "again")]
    assert met.count(code) == 4
    assert world.posts() == 5


def test_a_version_that_was_just_released_is_waited_for(world):
    world.publish(version="1.5", available_in_s=3000)
    began_s = world.clock.now_s()
    finished = world.install("1.5")
    assert ended(finished) == ("succeeded", ""), finished.record.detail
    assert world.clock.now_s() - began_s > 3000
    assert world.installed() == "1.5"


def test_an_id_that_never_arrives_ends_as_a_version_that_is_missing(world):
    finished = world.install(package="04t000000000001AAA")
    assert ended(finished) == ("failed", "package_version_missing")
    assert "package_not_available" in finished.codes


def test_a_slow_install_is_watched_and_not_asked_for_again(world):
    world.publish(version="1.5", install_takes_s=5000)
    finished = world.install("1.5")
    assert ended(finished) == ("succeeded", ""), finished.record.detail
    assert world.posts() == 1
    assert "package_installing" in finished.codes


def test_an_install_that_somebody_else_began_is_watched_instead_of_beginning_another(world):
    world.publish(version="1.5", install_takes_s=600)
    run = world.begin("1.5")
    parked = world.drive(run, until="install_package")
    assert parked.record.position.state == "install_package"
    admin = world.org.user_by_name(world.seed.break_glass_username)
    request_install(world.sim, world.org, admin, {"SubscriberPackageVersionKey": world.version("1.5").id})
    finished = world.drive(run)
    assert ended(finished) == ("succeeded", ""), finished.record.detail
    assert (world.posts(), world.installed()) == (0, "1.5")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Missing Organization Feature: CommonPortal null", "package_requirement_missing"),
        ("Required fields are missing: [Sensitive_Data_RegE__c]", "package_install_failed"),
        ("storage limit exceeded", "package_requirement_missing"),
    ],
)
def test_what_will_not_pass_stops_at_once_with_the_orgs_own_words(world, message, code):
    world.fault(kind="error", operation="install_package", message=message)
    finished = world.install()
    assert ended(finished) == ("failed", code)
    assert message in finished.record.detail
    assert (world.installed(), world.posts()) == ("", 1)


def test_a_package_that_must_be_there_first_is_named(world):
    world.publish(version="1.5", depends_on="simreports")
    finished = world.install("1.5")
    assert ended(finished) == ("failed", "package_requirement_missing")
    assert "depends on package 'simreports'" in finished.record.detail


def test_a_beta_is_refused_before_anything_is_sent_because_the_org_foretells_it(world):
    finished = world.install("2.0")
    assert ended(finished) == ("failed", "package_beta_refused")
    assert world.posts() == 0


def test_an_installed_beta_is_in_the_way_of_an_upgrade(make_world):
    world = make_world(profile="sandbox")
    world.admin_installs("2.0")
    world.publish(version="2.1")
    finished = world.install("2.1")
    assert ended(finished) == ("failed", "package_in_the_way")
    assert (world.posts(), world.installed()) == (0, "2.0")


def test_a_word_of_status_nobody_knows_stops_the_run(world):
    world.rewrites["tooling_query"] = [(r'"Status"\s*:\s*"UNKNOWN"', '"Status": "PAUSED"')]
    finished = world.install()
    assert ended(finished) == ("failed", "answer_unknown")
    assert "PAUSED" in finished.record.detail


def test_a_session_that_ends_during_the_install_is_replaced_and_the_install_is_found(world):
    world.publish(version="1.5", install_takes_s=600)
    run = world.begin("1.5")
    world.fault(kind="expire_session", operation="tooling_query", after=6)
    finished = world.drive(run)
    assert ended(finished) == ("succeeded", ""), finished.record.detail
    assert (world.posts(), world.logins()) == (1, 2)


def test_an_org_in_trouble_while_it_is_asked_gets_one_install_all_the_same(world):
    world.fault(kind="status", operation=POST, status=503)
    world.fault(kind="reset", operation=POST, when="before", after=1)
    finished = world.install()
    assert ended(finished) == ("succeeded", ""), finished.record.detail
    assert len(world.org.install_requests) == 1
