"""The undo: the integration user is no longer let in, everybody else is as before, the package stays."""

from __future__ import annotations

import pytest


def withdraw(world):
    return world.drive(world.start({}, "withdraw-package-access"))


def let_in(world):
    (app,) = [one for one in world.truth()["apps"] if one["name"] == world.full_name]
    return app["jwt"][world.seed.integration_username] == "works"


@pytest.mark.parametrize(("generation", "published"), [(2, {}), (1, {"admin_approved": True})])
def test_the_pre_authorisation_is_taken_back_and_the_package_stays(make_world, generation, published):
    world = make_world(generation=generation, published=published)
    world.admin_installs()
    before = (world.org.apps[world.full_name].admin_approved, len(world.org.assignments))
    assert world.install().record.result == "succeeded"
    assert let_in(world)
    undone = withdraw(world)
    assert undone.record.result == "succeeded", undone.record.detail
    assert not let_in(world)
    assert world.installed() == "1.3"
    assert (world.org.apps[world.full_name].admin_approved, len(world.org.assignments)) == before
    assert "/lightning/setup/ImportedPackage/home" in undone.evidence["access_withdrawn"]["uninstall_by_hand"]
    again = withdraw(world)
    assert (again.record.result, again.codes) == ("needs_attention", ["credential_absent"])


def test_what_other_people_changed_since_stays(world):
    world.install()
    app = world.org.apps[world.full_name]
    world.change({"grant_permission": {"username": world.seed.username, "permission": "ApiEnabled"}})
    world.change({"app_policies": {"app": app.name, "permission_set": "Granted_ApiEnabled"}})
    assert withdraw(world).record.result == "succeeded"
    assert world.org.apps[world.full_name].permission_set_names == {"Granted_ApiEnabled"}


def test_after_an_undo_another_run_lets_the_user_in_again(world):
    world.install()
    withdraw(world)
    world.settle()
    again = world.install()
    assert again.record.result == "succeeded", again.record.detail
    assert let_in(world)
