from __future__ import annotations

import base64
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lxml import etree
from wire_server import ORG, http, network_to, serving

from orchestrator.errors import Defect, OrgFault
from orchestrator.redaction import Secret
from orchestrator.salesforce import soap_wire
from orchestrator.salesforce.metadata import Metadata

sys.path.insert(0, str(Path(__file__).parents[1]))
from wsdl_oracle import body_of, schema_for, shared_folder

MD = "http://soap.sforce.com/2006/04/metadata"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
SESSION = Secret("00D000000000001!AQEAQplantedsessionid")
DEPLOY_ID = "0Af3D00001NVCnwSAH"


def xml(inner: str, status: int = 200) -> bytes:
    body = (
        f'<soapenv:Envelope xmlns:soapenv="{ENVELOPE}" xmlns="{MD}" xmlns:xsi="{XSI}"><soapenv:Body>{inner}'
        "</soapenv:Body></soapenv:Envelope>"
    )
    return http(status, body.encode(), "text/xml;charset=UTF-8")


def status_answer(state: str = "Succeeded", details: str = "", **fields: str) -> bytes:
    values = {
        "id": DEPLOY_ID,
        "status": state,
        "done": "true",
        "success": "true",
        "checkOnly": "false",
        **fields,
    }
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return xml(
        "<checkDeployStatusResponse><result><createdDate>2020-10-28T13:33:25.000Z</createdDate>"
        f"<details>{details}<runTestResult><numFailures>0</numFailures></runTestResult></details>{inner}"
        "<numberComponentsTotal>4</numberComponentsTotal><newThing>x</newThing></result></checkDeployStatusResponse>"
    )


def failure(problem: str, kind: str = "Error", name: str = "Acme") -> str:
    return (
        "<componentFailures><changed>false</changed><componentType>ConnectedApp</componentType>"
        f"<fileName>connectedApps/{name}.connectedApp</fileName><fullName>{name}</fullName>"
        f"<problem>{problem}</problem><problemType>{kind}</problemType><success>false</success></componentFailures>"
    )


@pytest.fixture
def org():
    """A scripted org: `answers` maps operation names to answers; `server` remembers."""

    class Org:
        answers: dict[str, bytes]

    here = Org()
    here.answers = {}

    def script(seen):
        if seen.path.startswith("/services/Soap/"):
            return here.answers[etree.QName(body_of(seen.body)).localname]
        return here.answers[f"{seen.method} {seen.path.partition('?')[0]}"]

    with serving(script) as here.server, network_to(here.server) as network:
        here.metadata = Metadata(network, f"https://{ORG}", SESSION)
        yield here


def sent(org, place: int = -1) -> etree._Element:
    return body_of(org.server.seen[place].body)


def values(element: etree._Element) -> dict[str, str | None]:
    return {etree.QName(child).localname: child.text for child in element}


def valid(body: etree._Element, version: int = 63) -> None:
    schema = schema_for("metadata", version)
    assert schema is not None
    document = etree.fromstring(etree.tostring(body))
    assert schema.validate(document), schema.error_log.last_error


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


def test_components_are_read_as_plain_values_and_missing_ones_as_none(org):
    org.answers["readMetadata"] = xml(
        '<readMetadataResponse><result><records xsi:nil="true"/>'
        '<records xsi:type="ExtlClntAppGlobalOauthSettings"><fullName>B_glbl</fullName>'
        "<brandNew>1</brandNew><consumerKey>KEY</consumerKey><isPkceRequired>true</isPkceRequired>"
        "<externalClientApplication>B</externalClientApplication></records></result></readMetadataResponse>"
    )
    found = org.metadata.read("ExtlClntAppGlobalOauthSettings", ["A_glbl", "B_glbl"])
    assert found == [
        None,
        {
            "fullName": "B_glbl",
            "consumerKey": "KEY",
            "isPkceRequired": True,
            "externalClientApplication": "B",
        },
    ]
    valid(sent(org))


@pytest.mark.parametrize(
    "inner",
    [
        "<result/>",
        '<result><records xsi:nil="true"/></result>',
        '<result><records xsi:type="ConnectedApp"/></result>',
    ],
)
def test_every_way_of_saying_it_is_not_there_is_none(org, inner):
    org.answers["readMetadata"] = xml(f"<readMetadataResponse>{inner}</readMetadataResponse>")
    assert org.metadata.read("ConnectedApp", ["Acme"]) == [None]


def test_more_names_than_a_call_may_carry_are_asked_for_in_batches(org):
    names = [f"A{number}" for number in range(23)]
    records = "".join(
        f'<records xsi:type="PermissionSet"><fullName>{name}</fullName></records>' for name in names
    )
    org.answers["readMetadata"] = xml(
        f"<readMetadataResponse><result>{records}</result></readMetadataResponse>"
    )
    found = org.metadata.read("PermissionSet", names)
    assert [row and row["fullName"] for row in found] == names
    assert [len(body_of(seen.body)) - 1 for seen in org.server.seen] == [10, 10, 3]


def test_a_nested_record_comes_back_as_it_can_be_sent(org):
    org.answers["readMetadata"] = xml(
        '<readMetadataResponse><result><records xsi:type="Profile"><fullName>Admin</fullName>'
        "<loginIpRanges><endAddress>10.0.0.9</endAddress><startAddress>10.0.0.1</startAddress></loginIpRanges>"
        "<objectPermissions><allowCreate>true</allowCreate></objectPermissions>"
        "<userPermissions><enabled>true</enabled><name>ApiEnabled</name></userPermissions></records>"
        "</result></readMetadataResponse>"
    )
    org.answers["updateMetadata"] = xml(
        "<updateMetadataResponse><result><fullName>Admin</fullName><success>true</success></result>"
        "</updateMetadataResponse>"
    )
    (profile,) = org.metadata.read("Profile", ["Admin"])
    assert profile == {
        "fullName": "Admin",
        "loginIpRanges": [{"startAddress": "10.0.0.1", "endAddress": "10.0.0.9"}],
        "userPermissions": [{"enabled": True, "name": "ApiEnabled"}],
    }
    org.metadata.update("Profile", [profile])
    record = sent(org)[0]
    assert record.get(f"{{{XSI}}}type", "").rpartition(":")[2] == "Profile"
    valid(sent(org))


def test_lists_are_plain_rows(org):
    org.answers["listMetadata"] = xml(
        "<listMetadataResponse><result><createdById>005</createdById><createdByName>A</createdByName>"
        "<createdDate>2026-01-01T00:00:00.000Z</createdDate><fileName>externalClientApps/A.eca</fileName>"
        "<fullName>A</fullName><id>0xI</id><lastModifiedById>005</lastModifiedById>"
        "<lastModifiedByName>A</lastModifiedByName><lastModifiedDate>2026-01-02T00:00:00.000Z</lastModifiedDate>"
        "<type>ExternalClientApplication</type></result></listMetadataResponse>"
    )
    (row,) = org.metadata.list("ExternalClientApplication")
    assert (row["fullName"], row["id"], row["lastModifiedDate"]) == ("A", "0xI", "2026-01-02T00:00:00.000Z")
    valid(sent(org))
    org.answers["listMetadata"] = xml("<listMetadataResponse/>")
    assert org.metadata.list("ExternalClientApplication") == []


def test_writes_go_all_or_none_and_say_what_was_made(org):
    org.answers["upsertMetadata"] = xml(
        "<upsertMetadataResponse><result><created>true</created><fullName>S</fullName><success>true</success></result>"
        "</upsertMetadataResponse>"
    )
    record = {"fullName": "S", "label": "<&>", "hasActivationRequired": False}
    (written,) = org.metadata.upsert("PermissionSet", [record])
    assert (written.full_name, written.created) == ("S", True)
    envelope = etree.fromstring(org.server.seen[0].body)
    assert envelope.findtext(f".//{{{MD}}}AllOrNoneHeader/{{{MD}}}allOrNone") == "true"
    assert envelope.findtext(f".//{{{MD}}}SessionHeader/{{{MD}}}sessionId") == SESSION.reveal()
    assert sent(org).findtext(f".//{{{MD}}}label") == "<&>"
    valid(sent(org))


@pytest.mark.parametrize(
    ("code", "message", "fault"),
    [
        ("DUPLICATE_VALUE", "duplicate value found", "app_exists"),
        ("INSUFFICIENT_ACCESS", "no", "permission_missing"),
        ("NEVER_HEARD_OF", "x", "answer_unknown"),
    ],
)
def test_a_refused_write_is_a_fault(org, code, message, fault):
    org.answers["upsertMetadata"] = xml(
        f"<upsertMetadataResponse><result><created>false</created><errors><message>{message}</message>"
        f"<statusCode>{code}</statusCode></errors><fullName>A</fullName><success>false</success></result>"
        "</upsertMetadataResponse>"
    )
    with pytest.raises(OrgFault) as caught:
        org.metadata.upsert("ExternalClientApplication", [{"fullName": "A"}])
    assert caught.value.code == fault


def test_deleting_and_canceling_are_valid_requests(org):
    org.answers["deleteMetadata"] = xml(
        "<deleteMetadataResponse><result><fullName>A</fullName><success>true</success></result></deleteMetadataResponse>"
    )
    org.answers["cancelDeploy"] = xml(
        f"<cancelDeployResponse><result><done>false</done><id>{DEPLOY_ID}</id></result></cancelDeployResponse>"
    )
    assert org.metadata.delete("PermissionSet", ["A"])[0].full_name == "A"
    valid(sent(org))
    org.metadata.cancel(DEPLOY_ID)
    valid(sent(org))


def test_a_field_our_description_does_not_have_is_our_defect(org):
    with pytest.raises(Defect):
        org.metadata.upsert("PermissionSet", [{"fullName": "A", "nonsense": 1}])
    with pytest.raises(Defect):
        org.metadata.upsert("NoSuchType", [{"fullName": "A"}])


def test_the_networkaccess_list_cannot_be_sent_by_accident(org):
    with pytest.raises(Defect):
        org.metadata.update("SecuritySettings", [{"fullName": "Security", "networkAccess": {}}])


def test_a_fault_of_the_metadata_api_has_no_detail_and_is_classified_all_the_same(org):
    org.answers["checkDeployStatus"] = xml(
        '<soapenv:Fault xmlns:sf="http://soap.sforce.com/2006/04/metadata"><faultcode>sf:INVALID_ID_FIELD</faultcode>'
        "<faultstring>INVALID_ID_FIELD: no AsyncResult</faultstring></soapenv:Fault>",
        500,
    )
    with pytest.raises(OrgFault) as caught:
        org.metadata.status(DEPLOY_ID)
    assert caught.value.code == "deploy_unknown"


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


def test_threads_share_one_description_and_mix_nothing_up():
    names = [f"App{number}" for number in range(8)]

    def script(seen):
        name = body_of(seen.body).findtext(f"{{{MD}}}fullNames")
        return xml(
            f'<readMetadataResponse><result><records xsi:type="ConnectedApp"><fullName>{name}</fullName>'
            f"<label>{name}</label></records></result></readMetadataResponse>"
        )

    soap_wire._parsed.cache_clear()
    with serving(script) as server, network_to(server) as network, ThreadPoolExecutor(8) as pool:
        metadata = Metadata(network, f"https://{ORG}", SESSION)
        found = pool.map(lambda name: metadata.read("ConnectedApp", [name])[0], names * 20)
    assert [row and row["label"] for row in found] == names * 20


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


@pytest.mark.parametrize(
    "record",
    [
        '<records xsi:type="NeverHeardOf"><fullName>A</fullName></records>',
        '<records xsi:type="PermissionSet"><fullName>A</fullName><hasActivationRequired>maybe</hasActivationRequired></records>',
        '<records xsi:type="ConnectedApp"><fullName>A</fullName><sessionPolicy><sessionTimeout>soon</sessionTimeout>'
        "</sessionPolicy></records>",
        '<records xsi:type="ConnectedApp"><fullName>A</fullName><oauthConfig>text</oauthConfig></records>',
        "<records>text</records>",
        "<records><records><records/></records></records>",
    ],
)
def test_a_record_of_another_shape_is_read_as_far_as_it_goes_or_is_a_fault(org, record):
    org.answers["readMetadata"] = xml(
        f"<readMetadataResponse><result>{record}</result></readMetadataResponse>"
    )
    try:
        (found,) = org.metadata.read("ConnectedApp", ["A"])
    except OrgFault as fault:
        assert fault.code == "answer_unknown"
    else:
        assert found is None or found["fullName"] == "A"


def test_an_envelope_announced_as_multipart_is_read_as_the_envelope_it_is(org):
    body = xml("<listMetadataResponse/>").partition(b"\r\n\r\n")[2]
    org.answers["listMetadata"] = http(200, body, "multipart/related; boundary=x")
    assert org.metadata.list("ConnectedApp") == []
