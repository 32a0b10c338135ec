"""jsforce, unchanged, over plain http: SOAP login, records, metadata by SOAP and REST, logout."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from app_package import app_files, archive
from salesforce_cli import contained_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).with_name("jsforce_calls.cjs")
RUN_TIMEOUT_S = 120


@pytest.fixture(scope="module")
def found(npm_clients, orgs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("jsforce")
    packages = [folder / "soap.zip", folder / "rest.zip"]
    for path, name in zip(packages, ("Js_App", "Js_Rest_App"), strict=True):
        path.write_bytes(archive(app_files(name)))
    environment = contained_environment(folder / "home", npm_clients)
    environment |= {"NODE_PATH": str(npm_clients.modules), "PASSWORD": orgs.password}
    completed = subprocess.run(  # noqa: S603 - node and jsforce from the lock
        [npm_clients.node, SCRIPT, orgs.url, orgs.username, *packages],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_TIMEOUT_S,
    )
    assert completed.returncode == 0, completed.stderr
    return json.loads(completed.stdout)


def test_login_by_soap_and_identity(found, orgs):
    assert found["user"]["organizationId"] == orgs.org_id
    assert found["instanceUrl"] == orgs.url
    assert found["identity"]["username"] == orgs.username
    assert found["organization"]["records"][0]["Name"] == "Acme Inc."


def test_a_login_nobody_has_is_refused(found):
    assert found["wrong"].startswith("INVALID_LOGIN: Invalid username, password, security token")


def test_records(found):
    assert (found["account"]["Name"], found["account"]["Phone"]) == ("Ünïted <&> Co", "7")
    assert [row["Id"] for row in found["found"]] == [found["account"]["Id"]]
    assert found["deleted"]["success"] is True
    assert {"Id", "Username"} <= set(found["described"])


def test_lists_of_records_in_one_call(found):
    assert found["created"] == [True] * 200 + [False]
    assert found["missing"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert [result["errors"][0]["statusCode"] for result in found["whole"]] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
    ]
    assert [result["success"] for result in found["updated"]] == [True, True]
    assert [row["FirstName"] for row in found["together"]] == ["First 0", "First 1"]
    assert found["destroyed"] == 200


def test_a_result_of_two_pages(found):
    first, last = found["page"], found["rest"]
    assert (first[:2], last[1]) == ([200, False], True)
    assert first[2] == last[2] == first[0] + last[0]


def test_requests_that_refer_to_one_another(found):
    made, read, deleted = found["composite"]["compositeResponse"]
    assert (made["httpStatusCode"], read["httpStatusCode"], deleted["httpStatusCode"]) == (201, 200, 204)
    assert read["body"]["Name"] == "By reference"
    assert read["body"]["Id"] == made["body"]["id"]


@pytest.mark.parametrize("surface", ["overSoap", "overRest"])
def test_deploy(found, surface):
    result = found[surface]
    assert (result["status"], result["success"], result["numberComponentsTotal"]) == ("Succeeded", True, 6)
    assert len(result["details"]["componentSuccesses"]) == 7  # six and package.xml


def test_metadata_list_read_upsert_delete(found):
    assert {"Js_App", "Js_Rest_App"} <= {each["fullName"] for each in found["listed"]}
    (read,) = found["read"] if isinstance(found["read"], list) else [found["read"]]
    assert (read["externalClientApplication"], read["fullName"]) == ("Js_App", "Js_App_oauth")
    (upserted,) = found["upserted"]
    assert (upserted["success"], upserted["created"]) == (True, True)
    (removed,) = found["removed"]
    assert removed["success"] is True


def test_after_logout_the_session_is_dead(found):
    assert found["late"] == "INVALID_SESSION_ID"
