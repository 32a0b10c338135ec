from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from wire_server import ORG, ManualClock, http, network_to, serving

from orchestrator.errors import Defect, OrgFault
from orchestrator.redaction import Secret
from orchestrator.salesforce.discovery import api_versions, auth_configuration
from orchestrator.salesforce.hosts import parse_org_url
from orchestrator.salesforce.rest import OrgApi

SESSION = Secret("00D000000000001!AQEAQplantedsessionid")
USER_ID = "005U0000000FGpcIAG"
HOST = parse_org_url(f"https://{ORG}")


def answer(status: int, content: object) -> bytes:
    return http(status, json.dumps(content).encode(), "application/json;charset=UTF-8")


def refused(status: int, code: str, message: str) -> bytes:
    return answer(status, [{"message": message, "errorCode": code}])


@pytest.fixture
def org():
    class Org:
        answers: dict[str, object]

    here = Org()
    here.answers = {}
    here.clock = ManualClock()

    def script(seen):
        found = here.answers[f"{seen.method} {urlsplit(seen.path).path}"]
        return found.pop(0) if isinstance(found, list) else found

    with serving(script) as here.server, network_to(here.server, here.clock) as network:
        here.network = network
        here.api = OrgApi(network, f"https://{ORG}", SESSION)
        yield here


BASE = "/services/data/v64.0"


def test_a_query_brings_every_page(org):
    org.answers[f"GET {BASE}/query/"] = answer(
        200,
        {"done": False, "nextRecordsUrl": f"{BASE}/query/01g-2", "records": [{"Id": "1"}], "totalSize": 3},
    )
    org.answers[f"GET {BASE}/query/01g-2"] = answer(
        200, {"done": True, "records": [{"Id": "2"}, {"Id": "3"}]}
    )
    soql = "SELECT Id FROM User WHERE Name = 'O\\'Neil & Söhne'"
    assert [record["Id"] for record in org.api.query(soql)] == ["1", "2", "3"]
    first = org.server.seen[0]
    assert parse_qs(urlsplit(first.path).query)["q"] == [soql]
    assert first.headers["authorization"] == f"Bearer {SESSION.reveal()}"
    assert first.headers["host"] == ORG


def test_a_next_page_on_another_host_is_not_fetched_with_our_session(org):
    org.answers[f"GET {BASE}/query/"] = answer(
        200, {"done": False, "nextRecordsUrl": "@evil.example/x", "records": [], "totalSize": 3}
    )
    with pytest.raises(OrgFault) as fault:
        org.api.query("SELECT Id FROM User")
    assert fault.value.code == "answer_unknown"
    assert len(org.server.seen) == 1


def test_tooling_queries_bring_every_page(org):
    org.answers[f"GET {BASE}/tooling/query"] = answer(
        200, {"done": False, "nextRecordsUrl": f"{BASE}/tooling/query/01g-2", "records": [{"Id": "1"}]}
    )
    org.answers[f"GET {BASE}/tooling/query/01g-2"] = answer(200, {"done": True, "records": [{"Id": "2"}]})
    assert [record["Id"] for record in org.api.query_tooling("SELECT Id FROM ApexClass")] == ["1", "2"]


def test_records_are_made_read_changed_and_deleted(org):
    path = f"{BASE}/sobjects/User/{USER_ID}"
    org.answers[f"POST {BASE}/sobjects/User/"] = answer(201, {"id": USER_ID, "success": True, "errors": []})
    org.answers[f"GET {path}"] = answer(200, {"Id": USER_ID, "Username": "a@b"})
    org.answers[f"PATCH {path}"] = http(204)
    org.answers[f"DELETE {path}"] = http(204)
    assert org.api.create("User", {"Username": "a@b"}) == USER_ID
    assert org.api.get("User", USER_ID, ("Id", "Username"))["Username"] == "a@b"
    org.api.update("User", USER_ID, {"IsActive": False})
    org.api.delete("User", USER_ID)
    assert [seen.method for seen in org.server.seen] == ["POST", "GET", "PATCH", "DELETE"]
    assert json.loads(org.server.seen[0].body) == {"Username": "a@b"}
    assert "fields=Id%2CUsername" in org.server.seen[1].path
    assert json.loads(org.server.seen[2].body) == {"IsActive": False}


def test_a_creation_that_was_not_successful_is_a_fault(org):
    org.answers[f"POST {BASE}/sobjects/User/"] = answer(
        200, {"success": False, "errors": [{"statusCode": "LICENSE_LIMIT_EXCEEDED", "message": "none left"}]}
    )
    with pytest.raises(OrgFault) as caught:
        org.api.create("User", {})
    assert caught.value.code == "license_missing"


def test_a_password_is_set_by_post_and_not_shown(org):
    org.answers[f"POST {BASE}/sobjects/User/{USER_ID}/password"] = http(204)
    org.api.set_password(USER_ID, Secret('n3w "p<&>'))
    assert json.loads(org.server.seen[0].body) == {"NewPassword": 'n3w "p<&>'}
    org.answers[f"POST {BASE}/sobjects/User/{USER_ID}/password"] = refused(
        400, "INVALID_NEW_PASSWORD", 'Your password n3w "p<&> is too simple'
    )
    password = Secret('n3w "p<&>')
    with pytest.raises(OrgFault) as caught:
        org.api.set_password(USER_ID, password)
    assert caught.value.code == "password_policy"
    assert password.reveal() not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (refused(401, "INVALID_SESSION_ID", "Session expired or invalid"), "session_expired"),
        (
            refused(401, "INVALID_SESSION_ID", "This session is not valid for use with the API"),
            "session_not_valid_for_api",
        ),
        (refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), "request_limit"),
        (refused(404, "NOT_FOUND", "The requested resource does not exist"), "record_missing"),
        (refused(400, "MALFORMED_QUERY", "unexpected token"), "request_malformed"),
        (refused(418, "NEVER_HEARD_OF", "x"), "answer_unknown"),
        (answer(400, {"error": "x", "error_description": "bad_oauth_token"}), "session_expired"),
        (http(200, b"<html>Sign in</html>", "text/html"), "not_json"),
        (http(200, b"\xff\xfe", "application/json"), "not_json"),
        (http(500, b"<html>oops</html>", "text/html"), "server_trouble"),
        (http(500, b"", "text/html"), "server_trouble"),
        (answer(200, {"no": "records"}), "answer_unknown"),
    ],
)
def test_every_other_answer_is_a_classified_fault(org, body, code):
    org.answers[f"GET {BASE}/query/"] = body
    with pytest.raises(OrgFault) as caught:
        org.api.query("SELECT Id FROM User")
    assert caught.value.code == code
    assert len(org.server.seen) == 1, "nobody logs in again and repeats the call"


def test_a_passing_trouble_of_a_read_is_waited_out(org):
    org.answers[f"GET {BASE}/limits/"] = [http(503), answer(200, {"DailyApiRequests": {"Max": 1}})]
    assert org.api.limits()["DailyApiRequests"] == {"Max": 1}
    assert org.clock.slept == [0.5]


def test_a_write_is_not_repeated(org):
    org.answers[f"POST {BASE}/sobjects/User/"] = http(503, b"busy", "text/plain")
    with pytest.raises(OrgFault):
        org.api.create("User", {})
    assert len(org.server.seen) == 1


def test_objects_named_like_methods_and_strange_ids_do_no_harm(org):
    org.answers[f"GET {BASE}/sobjects/limits/describe"] = answer(200, {"name": "limits"})
    assert org.api.describe("limits")["name"] == "limits"
    for record_id in ("//evil.example/x", "../../x", "005", "", "005U0000000FGpcIA?"):
        with pytest.raises(Defect):
            org.api.get("User", record_id)
    with pytest.raises(Defect):
        org.api.describe("User/../x")
    assert len(org.server.seen) == 1


def test_any_other_resource_can_be_asked_for(org):
    org.answers[f"POST {BASE}/composite"] = answer(200, {"compositeResponse": []})
    assert org.api.restful("composite", method="POST", json={"a": 1}) == {"compositeResponse": []}
    assert json.loads(org.server.seen[0].body) == {"a": 1}
    org.answers[f"DELETE {BASE}/x"] = http(204)
    assert org.api.restful("/x", method="DELETE") is None


def test_an_org_on_plain_http_on_loopback_is_reached_though_the_library_writes_https():
    pages = iter(
        [
            answer(200, {"done": False, "nextRecordsUrl": f"{BASE}/query/2", "records": [{"Id": "1"}]}),
            answer(200, {"done": True, "records": [{"Id": "2"}]}),
        ]
    )
    with serving(lambda _: next(pages), names=()) as server, network_to(None) as network:
        api = OrgApi(network, f"http://127.0.0.1:{server.port}", SESSION)
        assert [record["Id"] for record in api.query("SELECT Id FROM User")] == ["1", "2"]


def test_discovery_sends_no_credentials_and_reads_who_lives_there(org):
    org.answers["GET /.well-known/auth-configuration"] = answer(
        200,
        {
            "OrgId": "00DU0000000Albh",
            "Url": f"https://{ORG}",
            "SamlProviders": [{"name": "x"}],
            "LoginPage": {"LoginPageUrl": "x"},
            "MobileSDK": {},
        },
    )
    org.answers["GET /services/data"] = answer(
        200, [{"label": "a", "url": "/x", "version": version} for version in ("64.0", "9.0", "66.0")]
    )
    found = auth_configuration(org.network, HOST)
    assert (found.org_id15, found.my_domain_url, found.saml) == ("00DU0000000Albh", f"https://{ORG}", True)
    assert list(found.facts) == ["LoginPage"]
    assert api_versions(org.network, HOST) == ["9.0", "64.0", "66.0"]
    assert all("authorization" not in seen.headers for seen in org.server.seen)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (http(302, Location="https://acme-new.my.salesforce.com/"), "host_moved"),
        (http(200, b"<html>", "text/html"), "not_json"),
        (answer(200, ["x"]), "answer_unknown"),
        (http(404, b"", "text/html"), "url_not_an_org"),
    ],
)
def test_a_host_that_does_not_say_who_it_is_is_a_fault(org, body, code):
    org.answers["GET /.well-known/auth-configuration"] = body
    with pytest.raises(OrgFault) as caught:
        auth_configuration(org.network, HOST)
    assert caught.value.code == code


def test_an_org_that_names_no_versions_is_a_fault(org):
    org.answers["GET /services/data"] = answer(200, [])
    with pytest.raises(OrgFault) as caught:
        api_versions(org.network, HOST)
    assert caught.value.code == "answer_unknown"
