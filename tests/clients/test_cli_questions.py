"""Salesforce CLI: what it asks an org it is logged in to, and records it makes, changes and deletes."""

from __future__ import annotations

import json

import pytest
from conftest import ALIAS, APP

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ORG = ("--target-org", ALIAS)


def test_org_list_says_connected(cli):
    (listed,) = cli.sf.done("org", "list")["nonScratchOrgs"]
    assert (listed["username"], listed["alias"], listed["connectedStatus"]) == (
        cli.orgs.username,
        ALIAS,
        "Connected",
    )
    assert listed["instanceApiVersion"] == "66.0"


def test_org_display(cli):
    result = cli.sf.done("org", "display", *ORG)
    assert (result["id"], result["connectedStatus"], result["apiVersion"]) == (
        cli.orgs.org_id,
        "Connected",
        "66.0",
    )


def test_display_user_names_profile_and_id(cli):
    result = cli.sf.done("org", "display", "user", *ORG)
    assert result["profileName"] == "System Administrator"
    assert result["id"] == cli.orgs.truth()["users"][cli.orgs.username]["id"]


def test_the_token_it_shows_is_a_live_session(cli):
    shown = cli.sf.done("org", "auth", "show-access-token", "--no-prompt", *ORG)["accessToken"]
    assert shown.startswith(f"{cli.orgs.org_id[:15]}!")
    assert cli.orgs.rest("GET", "/limits", shown)["DailyApiRequests"]["Max"] > 0


def test_org_open_gives_a_one_time_url(cli):
    url = cli.sf.done("org", "open", "--url-only", *ORG)["url"]
    assert url.startswith(f"{cli.orgs.url}/secur/frontdoor.jsp?otp=")


def test_limits(cli):
    limits = {each["name"]: each for each in cli.sf.done("org", "list", "limits", *ORG)}
    assert 0 < limits["DailyApiRequests"]["remaining"] < limits["DailyApiRequests"]["max"]


def test_api_request_rest_prints_the_body_as_it_came(cli):
    text = cli.sf.printed("api", "request", "rest", "/services/data/v64.0/limits", *ORG)
    assert json.loads(text)["DailyApiRequests"]["Max"] == 100_000


def test_sobject_list_and_describe(cli):
    assert {"Account", "User", "PermissionSetAssignment"} <= set(
        cli.sf.done("sobject", "list", "--sobject", "all", *ORG)
    )
    described = cli.sf.done("sobject", "describe", "--sobject", "User", *ORG)
    assert (described["name"], described["keyPrefix"]) == ("User", "005")
    assert {"Id", "Username", "ProfileId"} <= {each["name"] for each in described["fields"]}


def test_metadata_types_carry_the_folders_of_the_five_app_types(cli):
    found = cli.sf.done("org", "list", "metadata-types", *ORG)["metadataObjects"]
    described = {each["xmlName"]: (each["directoryName"], each["suffix"]) for each in found}
    assert described["ExternalClientApplication"] == ("externalClientApps", "eca")
    assert described["ExtlClntAppGlobalOauthSettings"] == ("extlClntAppGlobalOauthSets", "ecaGlblOauth")
    assert described["ExtlClntAppOauthSettings"] == ("extlClntAppOauthSettings", "ecaOauth")
    assert described["ExtlClntAppOauthConfigurablePolicies"] == ("extlClntAppOauthPolicies", "ecaOauthPlcy")
    assert described["ExtlClntAppConfigurablePolicies"] == ("extlClntAppPolicies", "ecaPlcy")


def test_list_metadata_finds_the_app(cli):
    listed = cli.sf.done("org", "list", "metadata", "--metadata-type", "ExternalClientApplication", *ORG)
    (found,) = [each for each in listed if each["fullName"] == APP]
    assert (found["fileName"], found["type"]) == (
        f"externalClientApps/{APP}.eca",
        "ExternalClientApplication",
    )
    assert len(found["id"]) == 18


def test_a_query_with_a_parent_relationship(cli):
    result = cli.sf.done("data", "query", "--query", "SELECT Username, Profile.Name FROM User", *ORG)
    rows = {row["Username"]: row["Profile"]["Name"] for row in result["records"]}
    assert rows[cli.orgs.username] == "System Administrator"
    assert result["totalSize"] == len(rows)


def test_a_tooling_query(cli):
    query = "SELECT Id, Name FROM PermissionSet"
    result = cli.sf.done("data", "query", "--use-tooling-api", "--query", query, *ORG)
    assert f"{APP}_Access" in {row["Name"] for row in result["records"]}


def test_a_query_the_org_refuses_is_a_failure_with_its_code(cli):
    refusal = cli.sf.refused("data", "query", "--query", "SELECT Nonsense FROM Account", *ORG)
    assert refusal["name"] == "INVALID_FIELD"
    assert "No such column 'Nonsense'" in refusal["message"]


def test_a_record_is_made_read_changed_and_deleted(cli):
    record = ("--sobject", "Account", *ORG)
    values = "Name='Ünïted <&> Co' Phone=1"
    made = cli.sf.done("data", "create", "record", "--values", values, *record)
    assert made["success"]
    one = ("--record-id", made["id"])
    assert cli.sf.done("data", "get", "record", *one, *record)["Name"] == "Ünïted <&> Co"
    assert cli.sf.done("data", "update", "record", *one, "--values", "Phone=2", *record)["success"]
    where = ("--where", "Name='Ünïted <&> Co' Phone=2")
    assert cli.sf.done("data", "get", "record", *where, *record)["Id"] == made["id"]
    assert cli.sf.done("data", "delete", "record", *one, *record)["success"]
    assert "NOT_FOUND" in json.dumps(cli.sf.refused("data", "get", "record", *one, *record))


def test_a_permission_set_is_assigned(cli):
    seller = "sam@acme.example"
    words = ("org", "assign", "permset", "--name", f"{APP}_Access", "--on-behalf-of", seller, *ORG)
    assert cli.sf.done(*words)["successes"] == [{"name": seller, "value": f"{APP}_Access"}]
    assert f"{APP}_Access" in cli.orgs.truth()["users"][seller]["permission_sets"]
