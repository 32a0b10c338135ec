"""SOQL as setup tools write it: groups, children of records, labels, dates, pages, deleted rows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from core_wire import World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def token(world):
    return world.admin_token()


def refusal(world, token, text):
    answer = world.rest("GET", "/query", token, params={"q": text})
    assert answer.status_code == 400, answer.text
    return answer.json()[0]


def plain(rows):
    return [{name: value for name, value in row.items() if name != "attributes"} for row in rows]


def test_rows_are_grouped_counted_and_ordered_by_the_count(world, token):
    text = (
        "SELECT Profile.Name p, COUNT(Id) n FROM User GROUP BY Profile.Name "
        "ORDER BY COUNT(Id) DESC, Profile.Name"
    )
    rows = world.query(text, token)
    assert rows[0]["attributes"] == {"type": "AggregateResult"}
    assert plain(rows) == [
        {"p": "Standard User", "n": 2},
        {"p": "System Administrator", "n": 2},
        {"p": "Minimum Access - API Only Integrations", "n": 1},
    ]


def test_having_keeps_the_groups_it_accepts(world, token):
    text = "SELECT ProfileId, COUNT(Id) FROM User GROUP BY ProfileId HAVING COUNT(Id) < 2"
    assert [row["expr0"] for row in world.query(text, token)] == [1]


def test_aggregates_without_groups_are_one_row_with_numbered_names(world, token):
    rows = world.query("SELECT MIN(Username), MAX(Username) last, COUNT_DISTINCT(ProfileId) FROM User", token)
    assert plain(rows) == [{"expr0": "admin2@acme.example", "last": "sam@acme.example", "expr1": 3}]


def test_an_aggregate_of_nothing_counts_zero_and_has_no_maximum(world, token):
    rows = world.query("SELECT COUNT(Id) n, MAX(Name) m FROM Account WHERE Name = 'nobody'", token)
    assert plain(rows) == [{"n": 0, "m": None}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT Username, COUNT(Id) FROM User GROUP BY ProfileId", "grouped or aggregated: Username"),
        ("SELECT Id FROM User WHERE COUNT(Id) > 1", "aggregate function COUNT is not allowed"),
        ("SELECT Username u FROM User", "only aggregate expressions use field aliasing"),
        ("SELECT Id FROM User GROUP", "unexpected token: <EOF>"),
        ("SELECT Id, (SELECT Id FROM Account) FROM User", "Didn't understand relationship 'Account'"),
        ("SELECT Id FROM User FOR EVER", "unexpected token: 'EVER'"),
        ("SELECT SQUEEZE(Id) FROM User", "unexpected token: '('"),
    ],
)
def test_what_soql_does_not_know_is_refused_at_its_place(world, token, text, words):
    found = refusal(world, token, text)
    assert words in found["message"]
    assert "ERROR at Row:1:Column:" in found["message"]


def test_children_of_a_record_come_inside_it(world, token):
    rows = world.query(
        "SELECT Name, (SELECT Assignee.Username FROM Assignments ORDER BY Assignee.Username) "
        "FROM PermissionSet WHERE Name = 'Any_API_Auth'",
        token,
    )
    children = rows[0]["Assignments"]
    assert (children["totalSize"], children["done"]) == (2, True)
    assert [each["Assignee"]["Username"] for each in children["records"]] == [
        world.seed.break_glass_username,
        world.seed.username,
    ]


def test_a_record_without_children_has_null_in_their_place(world, token):
    rows = world.query("SELECT Id, (SELECT Id FROM Contacts) FROM Account LIMIT 1", token)
    assert rows[0]["Contacts"] is None


def test_the_describe_names_the_child_relationships_a_query_takes(world, token):
    described = world.rest("GET", "/sobjects/PermissionSet/describe", token).json()
    names = {each["relationshipName"] for each in described["childRelationships"]}
    assert {"Assignments", "SetupEntityAccessItems", "ObjectPerms", "FieldPerms"} <= names


def test_labels_formats_and_object_aliases_are_understood(world, token):
    rows = world.query(
        "SELECT u.Username, toLabel(u.UserType), FORMAT(u.CreatedDate) "
        "FROM User u WHERE u.Username = 'admin@acme.example' WITH SECURITY_ENFORCED FOR VIEW",
        token,
    )
    assert rows[0]["UserType"] == "Standard"
    assert rows[0]["CreatedDate"]


@pytest.mark.parametrize(
    ("literal", "is_found"),
    [
        ("TODAY", True),
        ("YESTERDAY", False),
        ("LAST_N_DAYS:2", True),
        ("THIS_WEEK", True),
        ("LAST_WEEK", False),
        ("THIS_MONTH", True),
        ("LAST_MONTH", False),
        ("THIS_YEAR", True),
        ("LAST_YEAR", False),
        ("LAST_90_DAYS", True),
        ("N_DAYS_AGO:1", False),
    ],
)
def test_a_login_of_now_lies_within_the_named_days(world, token, literal, is_found):
    rows = world.query(f"SELECT Id FROM LoginHistory WHERE LoginTime = {literal}", token)  # noqa: S608 - SOQL
    assert bool(rows) == is_found


def test_the_batch_size_header_makes_shorter_pages(world, token):
    for number in range(250):
        world.org.generic_records["Account"][f"001x{number:011d}"] = {
            "Id": f"001x{number:011d}",
            "__created_wall_s": world.wall_s,
            "Name": "Many",
        }
    headers = {"Sforce-Query-Options": "batchSize=200"}
    text = "SELECT Id FROM Account WHERE Name = 'Many'"
    first = world.rest("GET", "/query", token, params={"q": text}, headers=headers).json()
    assert (first["totalSize"], first["done"], len(first["records"])) == (250, False, 200)
    path = first["nextRecordsUrl"].partition("v66.0")[2]
    second = world.rest("GET", path, token).json()
    assert (second["totalSize"], second["done"], len(second["records"])) == (250, True, 50)
    too_small = {"Sforce-Query-Options": "batchSize=1"}
    assert (
        len(world.rest("GET", "/query", token, params={"q": text}, headers=too_small).json()["records"])
        == 200
    )


def test_query_all_sees_deleted_records_and_no_deleted_assignments(world, token):
    made = world.rest("POST", "/sobjects/Account", token, json={"Name": "Doomed"}).json()["id"]
    assert world.rest("DELETE", f"/sobjects/Account/{made}", token).status_code == 204
    text = "SELECT Id, IsDeleted FROM Account WHERE Name = 'Doomed'"
    assert world.query(text, token) == []
    seen = world.rest("GET", "/queryAll", token, params={"q": text}).json()["records"]
    assert [row["IsDeleted"] for row in seen] == [True]
    assert len(world.query(f"{text} ALL ROWS", token)) == 1
    assert world.rest("GET", f"/sobjects/Account/{made}", token).status_code == 404
    assert (
        world.rest("DELETE", f"/sobjects/Account/{made}", token).json()[0]["errorCode"] == "ENTITY_IS_DELETED"
    )
    given = world.query(
        "SELECT Id FROM PermissionSetAssignment WHERE PermissionSet.Name = 'Any_API_Auth'", token
    )
    gone = given[0]["Id"]
    assert world.rest("DELETE", f"/sobjects/PermissionSetAssignment/{gone}", token).status_code == 204
    text = f"SELECT Id FROM PermissionSetAssignment WHERE Id = '{gone}'"  # noqa: S608 - SOQL
    assert world.rest("GET", "/queryAll", token, params={"q": text}).json()["totalSize"] == 0


def test_column_metadata_names_aggregates_and_groups(world, token):
    params = {"q": "SELECT Name, COUNT(Id) FROM Account GROUP BY Name", "columns": "true"}
    found = world.rest("GET", "/query", token, params=params).json()
    assert found["groupBy"] is True
    assert [(each["columnName"], each["aggregate"]) for each in found["columnMetadata"]] == [
        ("Name", False),
        ("expr0", True),
    ]


def test_a_permission_set_for_the_gate_alone_grants_nothing_else(world, token):
    gate = world.query("SELECT Id FROM PermissionSet WHERE Name = 'Any_API_Auth'", token)[0]["Id"]
    for table in ("ObjectPermissions", "FieldPermissions", "SetupEntityAccess"):
        assert world.query(f"SELECT Id FROM {table} WHERE ParentId = '{gate}'", token) == []  # noqa: S608 - SOQL
    owned = "SELECT SobjectType FROM ObjectPermissions WHERE Parent.Profile.Name = 'System Administrator'"
    assert {row["SobjectType"] for row in world.query(owned, token)} == {"Account", "Contact"}


def test_deployed_object_and_field_permissions_become_rows(world, token):
    body = (
        '<PermissionSet xmlns="http://soap.sforce.com/2006/04/metadata">'
        "<fieldPermissions><editable>false</editable><field>Account.Phone</field><readable>true</readable>"
        "</fieldPermissions><label>Reader</label><objectPermissions><allowCreate>false</allowCreate>"
        "<allowDelete>false</allowDelete><allowEdit>false</allowEdit><allowRead>true</allowRead>"
        "<modifyAllRecords>false</modifyAllRecords><object>Account</object>"
        "<viewAllRecords>false</viewAllRecords></objectPermissions></PermissionSet>"
    )
    assert world.deploy({"permissionsets/Reader.permissionset": body}, token)["success"]
    text = (
        "SELECT SobjectType, PermissionsRead, PermissionsEdit FROM ObjectPermissions "
        "WHERE Parent.Name = 'Reader'"
    )
    assert plain(world.query(text, token)) == [
        {"SobjectType": "Account", "PermissionsRead": True, "PermissionsEdit": False}
    ]
    text = "SELECT Field, PermissionsRead FROM FieldPermissions WHERE Parent.Name = 'Reader'"
    assert plain(world.query(text, token)) == [{"Field": "Account.Phone", "PermissionsRead": True}]


def test_live_sessions_are_rows_and_one_of_them_is_current(world, token):
    other = world.admin_token()
    rows = world.query("SELECT Id, IsCurrent, Users.Username FROM AuthSession", token)
    assert [row["IsCurrent"] for row in rows].count(True) == 1
    assert {row["Users"]["Username"] for row in rows} == {world.seed.username}
    current = world.query("SELECT Id FROM AuthSession WHERE IsCurrent = true", other)[0]["Id"]
    assert world.rest("DELETE", f"/sobjects/AuthSession/{current}", token).status_code == 204
    assert world.rest("GET", "/limits", other).status_code == 401


def test_deployments_are_found_by_the_tooling_api_only(world, token):
    world.deploy_app(token)
    text = (
        "SELECT Id, Status, CheckOnly, CreatedBy.Username FROM DeployRequest WHERE CheckOnly = false "
        "AND CreatedDate >= 2020-01-01T00:00:00Z ORDER BY CreatedDate DESC LIMIT 1"
    )
    found = world.rest("GET", "/tooling/query", token, params={"q": text}).json()
    assert found["entityTypeName"] == "DeployRequest"
    assert (found["records"][0]["Status"], found["records"][0]["CreatedBy"]["Username"]) == (
        "Succeeded",
        world.seed.username,
    )
    assert refusal(world, token, text)["errorCode"] == "INVALID_TYPE"


def test_source_members_exist_in_scratch_orgs_and_count_revisions(world, token):
    assert world.rest("GET", "/tooling/sobjects/SourceMember/describe", token).status_code == 404
    scratch = World("scratch")
    admin = scratch.admin_token()
    assert scratch.rest("GET", "/tooling/sobjects/SourceMember/describe", admin).status_code == 200
    scratch.deploy_app(admin)
    text = "SELECT MemberType, MemberName, RevisionCounter FROM SourceMember ORDER BY RevisionCounter"
    rows = scratch.rest("GET", "/tooling/query", admin, params={"q": text}).json()["records"]
    assert [row["RevisionCounter"] for row in rows] == list(range(1, len(rows) + 1))
    assert ("ExternalClientApplication", "Acme_JWT") in {
        (row["MemberType"], row["MemberName"]) for row in rows
    }
