"""Integration users in a simulated org: seats, the permission set licence, what they may read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from core_wire import World

from orchestrator.simulator.control_changes import change_org


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def token(world) -> str:
    return world.admin_token()


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def only(world, token, text) -> str:
    (row,) = world.query(text, token)
    return row["Id"]


def a_user(world, token, **changed) -> dict[str, str]:
    profile = only(
        world, token, "SELECT Id FROM Profile WHERE Name = 'Minimum Access - API Only Integrations'"
    )
    return {
        "Username": "service@acme.example",
        "LastName": "Service",
        "Email": "ops@acme.example",
        "Alias": "service",
        "Title": "A mark",
        "ProfileId": profile,
        "TimeZoneSidKey": "GMT",
        "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
        **changed,
    }


def test_an_address_that_is_none_makes_no_user(world, token):
    answer = world.rest("POST", "/sobjects/User", token, json=a_user(world, token, Email="nobody"))
    assert refusal(answer) == (400, "INVALID_EMAIL_ADDRESS")


def test_the_title_given_at_birth_is_kept(world, token):
    assert world.rest("POST", "/sobjects/User", token, json=a_user(world, token)).status_code == 201
    rows = world.query("SELECT Title FROM User WHERE Username = 'service@acme.example'", token)
    assert [row["Title"] for row in rows] == ["A mark"]


@pytest.mark.parametrize(("profile", "seats"), [("production", 5), ("developer", 1)])
def test_the_edition_says_how_many_integration_users_there_can_be(profile, seats):
    world = World(profile)
    token = world.admin_token()
    text = "SELECT TotalLicenses FROM UserLicense WHERE Name = 'Salesforce Integration'"
    assert [row["TotalLicenses"] for row in world.query(text, token)] == [seats]


def test_when_no_seat_is_free_no_user_is_made_and_a_freed_one_can_be_used(world, token):
    org = world.sim.first_org()
    change_org(world.sim, org, {"licenses": {"Salesforce Integration": 1}})
    made = world.rest("POST", "/sobjects/User", token, json=a_user(world, token))
    assert refusal(made) == (400, "LICENSE_LIMIT_EXCEEDED")
    taken = only(
        world, token, "SELECT Id FROM User WHERE Profile.UserLicense.Name = 'Salesforce Integration'"
    )
    assert world.rest("PATCH", f"/sobjects/User/{taken}", token, json={"IsActive": False}).status_code == 204
    assert world.rest("POST", "/sobjects/User", token, json=a_user(world, token)).status_code == 201


def test_the_permission_set_licence_is_for_integration_users_only(world, token):
    psl = only(
        world,
        token,
        "SELECT Id FROM PermissionSetLicense WHERE DeveloperName = 'SalesforceAPIIntegrationPsl'",
    )
    seller = only(world, token, "SELECT Id FROM User WHERE Username = 'sam@acme.example'")
    given = {"AssigneeId": seller, "PermissionSetLicenseId": psl}
    answer = world.rest("POST", "/sobjects/PermissionSetLicenseAssign", token, json=given)
    assert refusal(answer) == (400, "FIELD_INTEGRITY_EXCEPTION")


def test_a_licence_that_does_not_exist_cannot_be_counted(world):
    with pytest.raises(ValueError, match="no licence Gold"):
        change_org(world.sim, world.sim.first_org(), {"licenses": {"Gold": 1}})
