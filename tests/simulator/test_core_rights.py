"""Record changes over REST, with the rules that guard an org."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from core_wire import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def token(world) -> str:
    return world.admin_token()


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def ask(world, token, text):
    return world.rest("GET", "/query", token, params={"q": text})


def test_the_last_administrator_stays(world, token):
    second = world.user_id(world.seed.break_glass_username)
    first = world.user_id(world.seed.username)
    assert world.rest("PATCH", f"/sobjects/User/{second}", token, json={"IsActive": False}).status_code == 204
    assert refusal(world.rest("PATCH", f"/sobjects/User/{first}", token, json={"IsActive": False}))[0] == 400
    world.org.permission_set_by_name("Any_API_Auth").user_permissions.update({"ManageUsers", "ApiEnabled"})
    sam = world.org.user_by_name("sam@acme.example")
    sam.set_password("Passw0rd!", 0, new_token="x")
    gate = world.org.permission_set_by_name("Any_API_Auth").id
    given = world.rest(
        "POST",
        "/sobjects/PermissionSetAssignment",
        token,
        json={"AssigneeId": sam.id, "PermissionSetId": gate},
    )
    assert given.status_code == 201
    session = (
        world.soap_login("Passw0rd!", username=sam.username)
        .text.partition("<sessionId>")[2]
        .partition("</")[0]
    )
    refused = world.rest("PATCH", f"/sobjects/User/{first}", session, json={"IsActive": False})
    assert refusal(refused) == (400, "CANNOT_DISABLE_LAST_ADMIN")


def test_a_deactivated_user_loses_sessions_and_login(world, token):
    second = world.org.user_by_name(world.seed.break_glass_username)
    second.set_password("Passw0rd!", 0, new_token="x")
    session = (
        world.soap_login("Passw0rd!", username=second.username)
        .text.partition("<sessionId>")[2]
        .partition("</")[0]
    )
    assert world.rest("GET", "/limits", session).status_code == 200
    world.rest("PATCH", f"/sobjects/User/{second.id}", token, json={"IsActive": False})
    assert world.rest("GET", "/limits", session).status_code == 401


def test_nobody_freezes_himself_but_an_admin_freezes_others(world, token):
    logins = {row["UserId"]: row["Id"] for row in world.query("SELECT Id, UserId FROM UserLogin", token)}
    own = world.rest(
        "PATCH",
        f"/sobjects/UserLogin/{logins[world.user_id(world.seed.username)]}",
        token,
        json={"IsFrozen": True},
    )
    assert refusal(own) == (400, "CANNOT_FREEZE_SELF")
    other = logins[world.user_id(world.seed.break_glass_username)]
    assert (
        world.rest("PATCH", f"/sobjects/UserLogin/{other}", token, json={"IsFrozen": True}).status_code == 204
    )
    actions = [row["Action"] for row in world.query("SELECT Action FROM SetupAuditTrail", token)]
    assert "frozeuser" in actions


def test_nobody_sets_his_own_password_but_an_admin_sets_others(world, token):
    own = f"/sobjects/User/{world.user_id(world.seed.username)}/password"
    answer = world.rest("POST", own, token, json={"NewPassword": "N3wPassword!"})
    assert refusal(answer) == (403, "INSUFFICIENT_ACCESS")
    assert answer.json()[0]["message"] == "Cannot set password for self"
    second = world.org.user_by_name(world.seed.break_glass_username)
    other = f"/sobjects/User/{second.id}/password"
    assert (
        refusal(world.rest("POST", other, token, json={"NewPassword": "short"}))[1] == "INVALID_NEW_PASSWORD"
    )
    assert world.rest("POST", other, token, json={"NewPassword": "N3wPassword!"}).status_code == 204
    assert world.soap_login("N3wPassword!", username=second.username).status_code == 200
    assert (
        refusal(world.rest("POST", other, token, json={"NewPassword": "N3wPassword!"}))[1]
        == "INVALID_NEW_PASSWORD"
    )
    temporary = world.rest("DELETE", other, token).json()["NewPassword"]
    assert world.rest("GET", other, token).json() == {"isExpired": True}
    assert "<passwordExpired>true" in world.soap_login(temporary, username=second.username).text
    assert world.soap_login("N3wPassword!", username=second.username).status_code == 500


def test_permission_sets_are_given_once_and_taken(world, token):
    made = world.rest(
        "POST",
        "/sobjects/PermissionSet",
        token,
        json={"Name": "Locks", "Label": "Locks", "PermissionsIsSsoEnabled": True},
    ).json()["id"]
    fields = {"AssigneeId": world.user_id("sam@acme.example"), "PermissionSetId": made}
    given = world.rest("POST", "/sobjects/PermissionSetAssignment", token, json=fields)
    assert given.status_code == 201
    assert refusal(world.rest("POST", "/sobjects/PermissionSetAssignment", token, json=fields)) == (
        400,
        "DUPLICATE_VALUE",
    )
    assert "IsSsoEnabled" in world.org.permissions_of(world.org.user_by_name("sam@acme.example"))
    path = f"/sobjects/PermissionSetAssignment/{given.json()['id']}"
    assert world.rest("DELETE", path, token).status_code == 204
    assert refusal(world.rest("DELETE", path, token)) == (404, "ENTITY_IS_DELETED")
    wrong = world.rest(
        "POST",
        "/sobjects/PermissionSetAssignment",
        token,
        json={**fields, "PermissionSetId": "0PS000000000001"},
    )
    assert refusal(wrong) == (400, "INVALID_CROSS_REFERENCE_KEY")


def test_the_integration_licence_bounds_what_a_permission_set_may_give(world, token):
    made = world.rest(
        "POST",
        "/sobjects/PermissionSet",
        token,
        json={"Name": "Big", "Label": "Big", "PermissionsManageUsers": True},
    ).json()["id"]
    fields = {"AssigneeId": world.user_id(world.seed.integration_username), "PermissionSetId": made}
    psl = world.query("SELECT Id FROM PermissionSetLicenseAssign", token)[0]["Id"]
    assert world.rest("DELETE", f"/sobjects/PermissionSetLicenseAssign/{psl}", token).status_code == 204
    refused = world.rest("POST", "/sobjects/PermissionSetAssignment", token, json=fields)
    assert refusal(refused) == (400, "FIELD_INTEGRITY_EXCEPTION")
    license_id = world.query("SELECT Id FROM PermissionSetLicense", token)[0]["Id"]
    world.rest(
        "POST",
        "/sobjects/PermissionSetLicenseAssign",
        token,
        json={"AssigneeId": fields["AssigneeId"], "PermissionSetLicenseId": license_id},
    )
    assert world.rest("POST", "/sobjects/PermissionSetAssignment", token, json=fields).status_code == 201


def test_the_sso_permission_is_a_field_only_where_the_org_has_it():
    for profile, expected in (("production", True), ("no_sso_permission", False)):
        world = World(profile)
        described = world.rest("GET", "/sobjects/PermissionSet/describe", world.admin_token()).json()
        assert ("PermissionsIsSsoEnabled" in {field["name"] for field in described["fields"]}) is expected


def test_a_user_is_created_with_everything_required_and_only_once(world, token):
    profile = world.query("SELECT Id FROM Profile WHERE Name = 'Standard User'", token)[0]["Id"]
    fields = {
        "Username": "new@acme.example",
        "LastName": "New",
        "Email": "new@acme.example",
        "Alias": "new",
        "ProfileId": profile,
        "TimeZoneSidKey": "GMT",
        "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
    }
    missing = world.rest("POST", "/sobjects/User", token, json={**fields, "Alias": None})
    assert (refusal(missing), missing.json()[0]["fields"]) == ((400, "REQUIRED_FIELD_MISSING"), ["Alias"])
    assert world.rest("POST", "/sobjects/User/", token, json=fields).status_code == 201
    assert refusal(world.rest("POST", "/sobjects/User", token, json=fields)) == (400, "DUPLICATE_USERNAME")


def test_an_access_grant_by_record_is_what_the_app_honours(world, token):
    world.deploy_app(token)
    world.settle()
    profile_set = world.query("SELECT Id FROM PermissionSet WHERE Profile.Name = 'Standard User'", token)[0][
        "Id"
    ]
    app_id = world.query("SELECT Id FROM ExternalClientApplication", token)[0]["Id"]
    assert world.jwt(username="sam@acme.example").json()["error"] == "invalid_app_access"
    made = world.rest(
        "POST", "/sobjects/SetupEntityAccess", token, json={"ParentId": profile_set, "SetupEntityId": app_id}
    )
    assert made.status_code == 201, made.text
    soql = f"SELECT Id, SetupEntityType FROM SetupEntityAccess WHERE SetupEntityId = '{app_id}'"  # noqa: S608
    rows = world.query(soql, token)
    assert {row["SetupEntityType"] for row in rows} == {"ExternalClientApplication"}
    assert len(rows) == 2
    world.settle()
    assert world.jwt(username="sam@acme.example").status_code == 200
    assert world.rest("DELETE", f"/sobjects/SetupEntityAccess/{made.json()['id']}", token).status_code == 204
    world.settle()
    assert world.jwt(username="sam@acme.example").json()["error"] == "invalid_app_access"


def test_sessions_end_by_their_record(world, token):
    doomed = world.admin_token()
    rows = world.query("SELECT Id, UsersId FROM AuthSession ORDER BY CreatedDate", token)
    assert len(rows) == 2
    for row in rows:
        if row["Id"] == world.org.sessions[doomed].id:
            assert world.rest("DELETE", f"/sobjects/AuthSession/{row['Id']}", token).status_code == 204
    assert world.rest("GET", "/limits", doomed).status_code == 401
    assert world.rest("GET", "/limits", token).status_code == 200


def test_read_only_orgs_refuse_writes_and_serve_reads(world, token):
    world.org.is_read_only = True
    answer = world.rest("POST", "/sobjects/Account", token, json={"Name": "x"})
    assert answer.json()[0]["errorCode"] == "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"
    assert world.query("SELECT IsReadOnly FROM Organization", token)[0]["IsReadOnly"] is True


def test_the_consumer_key_is_read_back_over_connect_rest(world, token):
    world.deploy_app(token)
    app_id = world.rest("GET", "/apps/oauth/usage", token).json()["apps"][0]["identifier"]
    consumer = world.rest("GET", f"/apps/oauth/credentials/{app_id}", token).json()["consumers"][0]
    path = f"/apps/oauth/credentials/{app_id}/{consumer['id']}"
    assert world.rest("GET", path, token).json()["key"] == consumer["key"]
    assert world.rest("GET", path + "?part=keyandsecret", token).status_code == 403


def test_json_is_read_whatever_its_content_type_and_broken_json_is_refused(world, token):
    made = world.rest(
        "POST", "/sobjects/Account/", token, data='{"Name": "x"}', headers={"Content-Type": "text/xml"}
    )
    assert made.status_code == 201
    assert refusal(world.rest("POST", "/sobjects/Account", token, data="{"))[1] == "JSON_PARSER_ERROR"
    assert refusal(world.rest("POST", "/sobjects/Account", token, json={"Nope": 1}))[1] == "INVALID_FIELD"
    assert refusal(world.rest("POST", "/sobjects/Account", token, json={}))[1] == "REQUIRED_FIELD_MISSING"
    assert refusal(world.rest("POST", "/sobjects/Organization", token, json={})) == (
        405,
        "METHOD_NOT_ALLOWED",
    )
