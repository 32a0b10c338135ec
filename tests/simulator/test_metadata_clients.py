"""Real clients' metadata calls: simple-salesforce, and the Salesforce CLI's own requests as recorded."""

from __future__ import annotations

import io
import json

import pytest
from simple_salesforce import Salesforce
from soap_clients import session_for
from soap_wire import KEY, Wire, X, app_files, fault_code, package, text_of, texts_of, wsdl_oracle
from zeep.transports import Transport


@pytest.fixture
def wire():
    wire = Wire()
    wire.login()
    return wire


def salesforce(wire: Wire, version: str = "63.0") -> Salesforce:
    found = Salesforce(
        session_id=wire.session_id,
        instance_url=f"https://{wire.org.my_domain_host}",
        session=session_for(wire),
        version=version,
    )
    found.mdapi._client.transport = Transport(session=session_for(wire))
    return found


def deployed(wire: Wire, client: Salesforce, files: dict[str, str], **options):
    started = client.deploy(io.BytesIO(package(files)), sandbox=False, **options)
    assert started["state"] == "Queued"
    for _ in range(20):
        answer = client.checkDeployStatus(started["asyncId"])
        if answer["state"] in {"Succeeded", "Failed"}:
            return answer
        wire.advance(0.5)
    raise AssertionError("the deployment does not end")


@pytest.mark.parametrize("version", ["59.0", "63.0", "66.0"])
def test_simple_salesforce_deploys_with_its_careless_template(wire, version):
    answer = deployed(wire, salesforce(wire, version), app_files())
    assert answer["state"] == "Succeeded", answer
    assert answer["deployment_detail"]["deployed_count"] == "6"
    assert wire.org.apps["Acme_JWT"].consumer_key == KEY


def test_simple_salesforce_reads_the_reason_of_a_failure(wire):
    answer = deployed(wire, salesforce(wire), app_files(header="<label>x</label>"), checkOnly=True)
    assert answer["state"] == "Failed"
    assert answer["deployment_detail"]["errors"][0]["message"] == "Required field is missing: contactEmail"


def test_simple_salesforce_reads_creates_and_lists(wire):
    client = salesforce(wire).mdapi
    made = client.PermissionSet(fullName="Gate", label="Gate", hasActivationRequired=False)
    client.PermissionSet.create(made)
    assert client.PermissionSet.read("Gate").label == "Gate"
    assert client.describe_metadata().testRequired
    query = client.ListMetadataQuery(type="PermissionSet")
    assert "Gate" in {each.fullName for each in client.list_metadata(query)}
    client.PermissionSet.delete("Gate")
    with pytest.raises(Exception, match="INVALID_CROSS_REFERENCE_KEY"):
        client.PermissionSet.delete("Gate")


def test_simple_salesforce_gets_a_nil_record_for_what_is_missing(wire):
    body = f"<readMetadata {X}><type>ConnectedApp</type><fullNames>Ghost</fullNames></readMetadata>"
    assert b'<records xsi:nil="true"/>' in wire.metadata(body, checked=False).body
    found = salesforce(wire).mdapi.ConnectedApp.read("Ghost")
    assert found is None or found.fullName is None


# --- the Salesforce CLI, as recorded


def recorded(name: str) -> list[dict]:
    folder = wsdl_oracle.shared_folder()
    path = (
        None if folder is None else folder / "recordings" / "clients" / "sf-2.150.6" / f"{name}.calls.jsonl"
    )
    if path is None or not path.is_file():
        pytest.skip("no recordings: the folder 'shared' is not beside this checkout")
    return [json.loads(line) for line in path.read_text().splitlines()]


def replay(wire: Wire, call: dict, **changes: str):
    body = call["body"].replace(
        call["body"].partition("<sessionId>")[2].partition("</sessionId>")[0], wire.session_id
    )
    for old, new in changes.values():
        body = body.replace(old, new)
    return wire.post(call["path"], body.encode())


@pytest.mark.shared
@pytest.mark.parametrize("name", ["05-deploy-mdapi-soap", "08-validate"])
def test_a_recorded_cli_deploy_runs(name):
    calls = [each for each in recorded(name) if each["path"].startswith("/services/Soap/m/")]
    wire = Wire("scratch")
    wire.login()
    deploy = next(each for each in calls if "<deploy>" in each["body"])
    started = replay(wire, deploy)
    deploy_id = text_of(started, "id")
    assert deploy_id.startswith("0Af"), started.body
    status = next(each for each in calls if "<checkDeployStatus>" in each["body"])
    recorded_id = status["body"].partition("<asyncProcessId>")[2].partition("</asyncProcessId>")[0]
    for _ in range(20):
        response = replay(wire, status, id=(recorded_id, deploy_id))
        if text_of(response, "done") == "true":
            break
        wire.advance(0.5)
    assert text_of(response, "done") == "true"
    assert text_of(response, "numberComponentsTotal") != "0"
    assert texts_of(response, "componentFailures/problem") in (
        [],
        ["Required field is missing: callbackUrl"],
    ), response.body


@pytest.mark.shared
@pytest.mark.parametrize("name", ["10-retrieve-mdapi", "11-list-metadata", "12-list-metadata-types"])
def test_recorded_cli_questions_are_answered(name):
    wire = Wire()
    wire.login()
    for call in recorded(name):
        if call["path"].startswith("/services/Soap/m/") and "<checkRetrieveStatus>" not in call["body"]:
            response = replay(wire, call)
            assert response.status == 200, response.body
            assert fault_code(response) == ""
            if wsdl_oracle.wsdl_path("metadata", 66):
                wsdl_oracle.check_body("metadata", 66, response.body)


# --- every answer against Salesforce's metadata WSDLs


@pytest.mark.shared
@pytest.mark.parametrize("version", [62, 64, 66])
def test_every_answer_fits_salesforces_metadata_wsdl(version):
    if wsdl_oracle.wsdl_path("metadata", version) is None:
        pytest.skip(f"no metadata WSDL v{version}: the folder 'shared' is not beside this checkout")
    wire = Wire("legacy_connected_apps")
    wire.deploy(app_files(), version=version)
    wire.deploy(app_files(header=""), version=version)
    for body in (
        "<describeMetadata {X}><asOfVersion>{v}.0</asOfVersion></describeMetadata>",
        "<describeValueType {X}><type>SecuritySettings</type></describeValueType>",
        (
            "<listMetadata {X}><queries><type>Profile</type></queries><queries><type>ConnectedApp</type>"
            "</queries></listMetadata>"
        ),
        (
            "<readMetadata {X}><type>ExtlClntAppGlobalOauthSettings</type><fullNames>"
            "Acme_JWT_glbloauth</fullNames></readMetadata>"
        ),
        (
            "<readMetadata {X}><type>ExtlClntAppOauthSettings</type><fullNames>Acme_JWT_oauth</fullNames>"
            "</readMetadata>"
        ),
        (
            "<readMetadata {X}><type>ExtlClntAppOauthConfigurablePolicies</type><fullNames>"
            "Acme_JWT_oauthPlcy</fullNames></readMetadata>"
        ),
        (
            "<readMetadata {X}><type>ExtlClntAppConfigurablePolicies</type><fullNames>"
            "Acme_JWT_plcy</fullNames></readMetadata>"
        ),
        (
            "<readMetadata {X}><type>ExternalClientApplication</type><fullNames>Acme_JWT</fullNames>"
            "</readMetadata>"
        ),
        "<readMetadata {X}><type>ConnectedApp</type><fullNames>Legacy_Loader</fullNames></readMetadata>",
        "<readMetadata {X}><type>Profile</type><fullNames>Admin</fullNames></readMetadata>",
        "<readMetadata {X}><type>PermissionSet</type><fullNames>Acme_JWT_Access</fullNames></readMetadata>",
        "<readMetadata {X}><type>SecuritySettings</type><fullNames>Security</fullNames></readMetadata>",
        "<readMetadata {X}><type>MyDomainSettings</type><fullNames>MyDomain</fullNames></readMetadata>",
        "<deleteMetadata {X}><type>PermissionSet</type><fullNames>Ghost</fullNames></deleteMetadata>",
        (
            "<renameMetadata {X}><type>PermissionSet</type><oldFullName>A</oldFullName><newFullName>"
            "B</newFullName></renameMetadata>"
        ),
    ):
        response = wire.metadata(body.format(X=X, v=version), version)
        assert response.status == 200, response.body
