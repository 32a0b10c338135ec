"""Deployments over REST: the same engine, JSON answers, multipart in both dialects."""

from __future__ import annotations

import json

import pytest
from soap_clients import session_for
from soap_wire import Wire, app_files, package

ONLY_OPTIONS = b'--b\r\nContent-Disposition: form-data; name="json"\r\n\r\n{}\r\n--b--'


@pytest.fixture
def wire():
    wire = Wire()
    wire.login()
    return wire


class Rest:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.session = session_for(wire)
        self.session.headers["Authorization"] = f"Bearer {wire.session_id}"
        self.url = f"https://{wire.org.my_domain_host}/services/data/v66.0/metadata/deployRequest"

    def start(self, content: bytes, options: dict | None = None, *, part: str = "json"):
        document = json.dumps({"deployOptions": options or {}})
        files = {
            "file": ("deploy.zip", content, "application/zip"),
            part: (None, document, "application/json"),
        }
        return self.session.post(self.url, files=files)

    def status(self, deploy_id: str, *, details: bool = True):
        return self.session.get(f"{self.url}/{deploy_id}", params={"includeDetails": str(details).lower()})

    def settle(self, deploy_id: str) -> dict:
        for _ in range(40):
            result = self.status(deploy_id).json()["deployResult"]
            if result["done"]:
                return result
            self.wire.advance(0.3)
        raise AssertionError("the deployment does not end")


@pytest.fixture
def rest(wire):
    return Rest(wire)


@pytest.mark.parametrize("part", ["json", "entity_content"])
def test_a_multipart_deploy_is_accepted_and_runs(rest, part):
    response = rest.start(package(app_files()), {"checkOnly": False, "rollbackOnError": True}, part=part)
    assert response.status_code == 201
    document = response.json()
    assert document["deployResult"] is None
    assert document["deployOptions"] == {"checkOnly": False, "rollbackOnError": True}
    result = rest.settle(document["id"])
    assert (result["status"], result["success"]) == ("Succeeded", True)
    assert result["numberComponentsTotal"] == 6
    assert "Acme_JWT" in rest.wire.org.apps


def test_the_finalizing_stage_has_the_guides_word(rest):
    deploy_id = rest.start(package(app_files())).json()["id"]
    seen = set()
    for _ in range(100):
        seen.add(rest.status(deploy_id).json()["deployResult"]["status"])
        rest.wire.advance(0.05)
    assert seen == {"Pending", "InProgress", "FinalizingDeploy", "Succeeded"}


def test_a_failure_tells_file_and_problem(rest):
    result = rest.settle(rest.start(package(app_files(header="<label>x</label>"))).json()["id"])
    failure = result["details"]["componentFailures"][0]
    assert (failure["fileName"], failure["problem"], failure["problemType"]) == (
        "externalClientApps/Acme_JWT.eca",
        "Required field is missing: contactEmail",
        "Error",
    )


def test_without_details_no_messages_are_sent(rest):
    deploy_id = rest.start(package(app_files())).json()["id"]
    rest.settle(deploy_id)
    assert rest.status(deploy_id, details=False).json()["deployResult"]["details"]["componentSuccesses"] == []


def test_cancel_by_patch(rest):
    deploy_id = rest.start(package(app_files())).json()["id"]
    response = rest.session.patch(f"{rest.url}/{deploy_id}", json={"deployResult": {"status": "Canceling"}})
    assert response.status_code == 202
    assert rest.settle(deploy_id)["status"] == "Canceled"
    assert not rest.wire.org.apps


def test_a_validation_is_deployed_by_its_id(rest):
    validated = rest.start(package(app_files()), {"checkOnly": True}).json()["id"]
    rest.settle(validated)
    response = rest.session.post(rest.url, json={"validatedDeployRequestId": validated})
    assert response.status_code == 201
    assert rest.settle(response.json()["id"])["success"]


def test_a_jwt_format_token_is_welcome_here(rest):
    rest.wire.org.sessions[rest.wire.session_id].is_jwt_format = True
    assert rest.start(package(app_files())).status_code == 201


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"nothing"),
        ("multipart/form-data; boundary=b", ONLY_OPTIONS),
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b"{}"),
    ],
)
def test_a_malformed_request_is_refused(rest, content_type, body):
    response = rest.session.post(rest.url, data=body, headers={"Content-Type": content_type})
    assert response.status_code == 400
    assert response.json()[0]["errorCode"]


def test_an_unknown_deployment_is_not_found(rest):
    assert rest.status("0Af000000000001AAA").status_code == 404


def test_a_user_without_the_right_is_refused(rest):
    seller = next(each for each in rest.wire.org.users.values() if each.username.startswith("sam@"))
    rest.wire.org.sessions[rest.wire.session_id].user_id = seller.id
    response = rest.start(package(app_files()))
    assert response.status_code == 403
    assert response.json()[0]["errorCode"] == "INSUFFICIENT_ACCESS"
