"""Ids, queries, versions and layouts over REST."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from core_wire import World

from orchestrator.simulator.ids import checksum, is_valid, to_18


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


# --- ids


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("001A0000006Vm9r", "001A0000006Vm9rIAC"),
        ("00D000000000001", "00D000000000001EAA"),
        ("005D0000001KPsG", "005D0000001KPsGIAW"),
    ],
)
def test_ids_carry_the_checksum_real_orgs_compute(short, long):
    assert to_18(short) == long
    assert checksum(short) == long[15:]
    assert is_valid(long)
    assert not is_valid(long[:17] + "Z")


# --- queries


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SELECT Name FROM User WHERE Username = 'ADMIN@acme.example'", ["Ada Admin"]),
        (
            "select name from user where username like 'admin%' order by name desc",
            ["Bea Breakglass", "Ada Admin"],
        ),
        ("SELECT Name FROM User WHERE IsActive = false", ["Fay Former"]),
        ("SELECT Name FROM User WHERE NOT IsActive = true", ["Fay Former"]),
        ("SELECT Name FROM User WHERE NOT (IsActive = true OR Name LIKE 'F%')", []),
        (
            "SELECT Name FROM User WHERE Profile.Name IN ('Standard User') AND IsActive != false",
            ["Sam Seller"],
        ),
        (
            "SELECT Name FROM User WHERE Profile.UserLicense.Name = 'Salesforce Integration'",
            ["Integration User"],
        ),
        (
            (
                "SELECT Name FROM User WHERE Id IN (SELECT AssigneeId FROM PermissionSetAssignment "
                "WHERE PermissionSet.Name = 'Any_API_Auth') ORDER BY Name LIMIT 1 OFFSET 1"
            ),
            ["Bea Breakglass"],
        ),
        (
            "SELECT Name FROM User WHERE IsActive = true AND Name NOT IN ('Ada Admin', 'Sam Seller')",
            ["Bea Breakglass", "Integration User"],
        ),
        ("SELECT Name FROM User WHERE CreatedDate = LAST_N_DAYS:10", []),
        ("SELECT Name FROM User WHERE CreatedDate < 2020-01-01T00:00:00Z", []),
        ("SELECT Name FROM User WHERE LastLoginDate = TODAY", ["Ada Admin"]),
        (
            "SELECT Name FROM User WHERE LastLoginDate = null AND IsActive = true AND Name LIKE 'S_m%'",
            ["Sam Seller"],
        ),
    ],
)
def test_queries_find_what_their_conditions_say(world, token, text, names):
    assert [row["Name"] for row in ask(world, token, text).json()["records"]] == names


def test_counting_and_relationships_have_their_own_shapes(world, token):
    assert ask(world, token, "SELECT COUNT() FROM User").json() == {
        "totalSize": 5,
        "done": True,
        "records": [],
    }
    assert ask(world, token, "SELECT COUNT(Id) total FROM User").json()["records"][0]["total"] == 5
    row = ask(world, token, "SELECT Profile.Name FROM User WHERE Name = 'Sam Seller'").json()["records"][0]
    assert row["Profile"]["Name"] == "Standard User"
    assert row["Profile"]["attributes"]["type"] == "Profile"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("SELECT Id FROM User WHERE", "MALFORMED_QUERY", "unexpected token: <EOF>"),
        ("SELECT FROM User", "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        ("SELECT Id FROM User WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY", "'OR'"),
        ("SELECT Id FROM User WHERE Name = 'a", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM User LIMIT x", "MALFORMED_QUERY", "'x'"),
        ("SELECT Id FROM User ; DROP", "MALFORMED_QUERY", "';'"),
        ("SELECT " + "(" * 500, "MALFORMED_QUERY", "unexpected token"),
        (
            "SELECT Id FROM User WHERE " + "NOT " * 500 + "IsActive = true",
            "MALFORMED_QUERY",
            "unexpected token",
        ),
        ("SELECT Id FROM User WHERE " + "(" * 500, "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Nope FROM User", "INVALID_FIELD", "No such column 'Nope' on entity 'User'"),
        (
            "SELECT Id FROM User WHERE Manager.Name = 'x'",
            "INVALID_FIELD",
            "Didn't understand relationship 'Manager'",
        ),
        ("SELECT Id FROM User WHERE IsActive = 'true'", "INVALID_FIELD", "should not be enclosed in quotes"),
        ("SELECT Id FROM LoginHistory WHERE Status = 'Success'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
        (
            "SELECT Id FROM ScratchOrgInfo limit 1",
            "INVALID_TYPE",
            "sObject type 'ScratchOrgInfo' is not supported",
        ),
    ],
)
def test_each_wrong_query_is_refused_in_salesforces_words(world, token, text, code, words):
    answer = ask(world, token, text)
    assert refusal(answer) == (400, code)
    assert words in answer.json()[0]["message"]


def test_long_results_come_in_pages(world, token):
    table = world.org.generic_records["Account"]
    for number in range(4500):
        record_id = world.org.next_id("001")
        table[record_id] = {"Id": record_id, "__created_wall_s": 0.0, "Name": f"Bulk {number}"}
    page = ask(world, token, "SELECT Name FROM Account WHERE Name LIKE 'Bulk%'").json()
    sizes = [len(page["records"])]
    while not page["done"]:
        page = world.web.get(
            world.base + page["nextRecordsUrl"], headers={"Authorization": f"Bearer {token}"}
        ).json()
        sizes.append(len(page["records"]))
    assert sizes == [2000, 2000, 500]
    assert page["totalSize"] == 4500
    assert refusal(world.rest("GET", "/query/01gNOPE-2000", token))[1] == "INVALID_QUERY_LOCATOR"


def test_the_cli_gets_its_column_metadata(world, token):
    found = world.rest(
        "GET", "/query", token, params={"q": "SELECT Id, Name FROM Account", "columns": "true"}
    ).json()
    assert [column["columnName"] for column in found["columnMetadata"]] == ["Id", "Name"]
    assert (found["entityName"], found["keyPrefix"], found["idSelected"]) == ("Account", "001", True)


def test_a_seller_sees_no_sessions(world, token):
    del token
    sam = world.org.user_by_name("sam@acme.example")
    sam.set_password("Passw0rd!", 0, new_token="x")
    answer = world.soap_login("Passw0rd!", username=sam.username)
    session = answer.text.partition("<sessionId>")[2].partition("</")[0]
    assert refusal(ask(world, session, "SELECT Id FROM AuthSession")) == (400, "INVALID_TYPE")
    changed = world.rest(
        "PATCH", f"/sobjects/User/{world.user_id(world.seed.username)}", session, json={"IsActive": False}
    )
    assert refusal(changed) == (400, "INSUFFICIENT_ACCESS_OR_READONLY")


# --- versions, paths, layouts


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [("v29.0", 410, "GONE"), ("v99.0", 404, "NOT_FOUND"), ("v66", 404, "NOT_FOUND")],
)
def test_versions_that_are_gone_or_not_there_yet(world, token, version, status, code):
    answer = world.web.get(
        f"{world.base}/services/data/{version}/limits", headers={"Authorization": f"Bearer {token}"}
    )
    assert refusal(answer) == (status, code)


def test_paths_work_with_and_without_slash_and_answers_pretty_and_plain(world, token):
    for path in ("/query/?q=SELECT Id FROM User", "/query?q=SELECT Id FROM User", "/sobjects/", "/limits/"):
        assert world.rest("GET", path, token).status_code == 200
    assert (
        '\n  "totalSize" : '
        in world.rest("GET", "/query?q=SELECT Id FROM User", token, headers={"X-PrettyPrint": "1"}).text
    )
    assert "\n" not in world.rest("GET", "/limits", token).text
    assert refusal(world.rest("GET", "/tooling/sobjects/SourceMember/describe", token)) == (404, "NOT_FOUND")
    assert refusal(world.rest("GET", "/nothing/here", token)) == (404, "NOT_FOUND")
    assert refusal(world.rest("GET", "/limits", "00DSIM!nope")) == (401, "INVALID_SESSION_ID")
