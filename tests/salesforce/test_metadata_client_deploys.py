from __future__ import annotations

import base64

import pytest
from lxml import etree
from metadata_wire import (
    DEPLOY_ID,
    MD,
    failure,
    scripted_org,
    sent,
    status_answer,
    valid,
    values,
    xml,
)
from wire_server import http
from wsdl_oracle import shared_folder

from orchestrator.errors import OrgFault


@pytest.fixture
def org():
    with scripted_org() as here:
        yield here


def test_a_deploy_is_sent_as_the_guide_says_and_without_a_test_level(org):
    org.answers["deploy"] = xml(
        f"<deployResponse><result><done>false</done><id>{DEPLOY_ID}</id><state>Queued</state></result></deployResponse>"
    )
    archive = bytes(range(256)) * 100
    assert org.metadata.deploy(archive, check_only=True) == DEPLOY_ID
    body = sent(org)
    assert base64.b64decode(body.findtext(f"{{{MD}}}ZipFile") or "") == archive
    options = body.find(f"{{{MD}}}DeployOptions")
    assert options is not None
    assert values(options) == {
        "allowMissingFiles": "false",
        "autoUpdatePackage": "false",
        "checkOnly": "true",
        "ignoreWarnings": "false",
        "performRetrieve": "false",
        "purgeOnDelete": "false",
        "rollbackOnError": "true",
        "singlePackage": "true",
    }
    assert org.server.seen[0].path == "/services/Soap/m/64.0"
    # Salesforce's XSD requires testLevel, its server does not; with one added the request must be valid.
    etree.SubElement(options, f"{{{MD}}}testLevel").text = "NoTestRun"
    valid(body)


def test_a_deploy_is_sent_once_even_when_the_org_is_busy(org):
    org.answers["deploy"] = http(503, b"busy", "text/plain")
    with pytest.raises(OrgFault) as caught:
        org.metadata.deploy(b"zip")
    assert caught.value.code == "server_trouble"
    assert len(org.server.seen) == 1


def test_a_look_at_a_deploy_is_tried_again_when_the_org_is_busy(org):
    answers = iter([http(503), status_answer()])
    org.answers = type("Turns", (dict,), {"__missing__": lambda _self, _key: next(answers)})()
    assert org.metadata.status(DEPLOY_ID).state == "Succeeded"
    assert len(org.server.seen) == 2
    valid(sent(org))


@pytest.mark.parametrize(
    "state",
    [
        "Pending",
        "InProgress",
        "FinalizingDeploy",
        "FinalizingDeployFailed",
        "Succeeded",
        "SucceededPartial",
        "Failed",
        "Canceling",
        "Canceled",
    ],
)
def test_all_nine_states_of_a_deploy_are_known(org, state):
    org.answers["checkDeployStatus"] = status_answer(state, done="false", success="false")
    status = org.metadata.status(DEPLOY_ID)
    assert (status.state, status.done, status.success) == (state, False, False)
    assert status.created_s == 1603892005.0
    assert status.components_total == 4


def test_a_state_nobody_knows_stops(org):
    org.answers["checkDeployStatus"] = status_answer("Meditating")
    with pytest.raises(OrgFault) as caught:
        org.metadata.status(DEPLOY_ID)
    assert caught.value.code == "answer_unknown"
    assert "Meditating" in caught.value.detail


@pytest.mark.parametrize("count", [1, 3])
def test_one_failure_or_many_are_read_alike(org, count):
    details = "".join(failure("The consumer key is already taken.", name=f"App{n}") for n in range(count))
    org.answers["checkDeployStatus"] = status_answer("Failed", details, success="false")
    status = org.metadata.status(DEPLOY_ID)
    assert [found.full_name for found in status.failures] == [f"App{n}" for n in range(count)]
    assert status.failures[0].file_name == "connectedApps/App0.connectedApp"
    fault = status.fault()
    assert fault is not None
    assert fault.code == "consumer_key_taken"
    assert "App0" in fault.detail


@pytest.mark.parametrize(
    ("details", "fields", "code"),
    [
        (failure("Something nobody has seen"), {}, "deploy_component_failed"),
        (failure("Something else") + failure("The consumer key is already taken."), {}, "consumer_key_taken"),
        (
            failure("a warning", "Warning") + failure("You cannot provide a Consumer Key"),
            {},
            "consumer_key_on_update",
        ),
        (
            "",
            {"errorStatusCode": "UNKNOWN_EXCEPTION", "errorMessage": "An unexpected error"},
            "server_trouble",
        ),
        ("", {}, "deploy_failed"),
    ],
)
def test_a_failed_deploy_is_classified_by_what_our_tables_know_best(org, details, fields, code):
    org.answers["checkDeployStatus"] = status_answer("Failed", details, success="false", **fields)
    fault = org.metadata.status(DEPLOY_ID).fault()
    assert fault is not None
    assert fault.code == code


def test_a_running_or_successful_deploy_has_no_fault(org):
    org.answers["checkDeployStatus"] = status_answer("InProgress", done="false", success="false")
    assert org.metadata.status(DEPLOY_ID).fault() is None
    org.answers["checkDeployStatus"] = status_answer("Succeeded")
    assert org.metadata.status(DEPLOY_ID).fault() is None


def test_deploys_over_rest_have_the_same_shape(org):
    path = "/services/data/v64.0/metadata/deployRequest"
    org.answers[f"POST {path}"] = http(201, f'{{"id":"{DEPLOY_ID}","deployResult":null}}'.encode())
    org.answers[f"GET {path}/{DEPLOY_ID}"] = http(
        200,
        b'{"id":"0Af3D00001NVCnwSAH","deployResult":{"status":"Failed","done":true,"success":false,"checkOnly":true,'
        b'"createdDate":"2020-10-28T13:33:25.000+0000","details":{"componentFailures":{"componentType":"ConnectedApp",'
        b'"fullName":"A","problem":"You cannot provide a Consumer Key","problemType":"Error"}}}}',
    )
    assert org.metadata.deploy_rest(b"zip bytes", check_only=True) == DEPLOY_ID
    request = org.server.seen[0]
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert b'"checkOnly": true' in request.body
    assert b"zip bytes" in request.body
    status = org.metadata.status_rest(DEPLOY_ID)
    assert (status.check_only, status.created_s) == (True, 1603892005.0)
    fault = status.fault()
    assert fault is not None
    assert fault.code == "consumer_key_on_update"


def test_refusals_over_rest_are_classified(org):
    path = "/services/data/v64.0/metadata/deployRequest"
    org.answers[f"POST {path}"] = http(
        403, b'[{"message":"You do not have the proper permissions","errorCode":"INSUFFICIENT_ACCESS"}]'
    )
    with pytest.raises(OrgFault) as caught:
        org.metadata.deploy_rest(b"zip")
    assert caught.value.code == "permission_missing"


@pytest.mark.shared
def test_statuses_recorded_from_a_real_org_are_understood(org):
    folder = shared_folder()
    if folder is None:
        pytest.skip("no folder `shared` beside the checkout: recordings of a real org are not here")
    seen = set()
    for path in sorted((folder / "recordings" / "simple-salesforce").glob("*.xml")):
        if b"checkDeployStatusResponse" in path.read_bytes():
            org.answers["checkDeployStatus"] = http(200, path.read_bytes(), "text/xml")
            status = org.metadata.status(DEPLOY_ID)
            seen.add(status.state)
            assert (status.fault() is not None) == (status.state == "Failed")
    assert seen == {"Pending", "InProgress", "Succeeded", "Failed"}
