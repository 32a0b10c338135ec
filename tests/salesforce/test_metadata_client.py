from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from lxml import etree
from metadata_wire import (
    DEPLOY_ID,
    MD,
    SESSION,
    XSI,
    record_of,
    scripted_org,
    sent,
    valid,
    xml,
)
from wire_server import ORG, http, network_to, serving
from wsdl_oracle import body_of

from orchestrator.errors import Defect, OrgFault
from orchestrator.salesforce import soap_wire
from orchestrator.salesforce.metadata import Metadata


@pytest.fixture
def org():
    with scripted_org() as here:
        yield here


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


@pytest.mark.parametrize(
    "record",
    [
        '<records xsi:type="NeverHeardOf"><fullName>A</fullName></records>',
        record_of("<hasActivationRequired>maybe</hasActivationRequired>", "PermissionSet"),
        record_of("<sessionPolicy><sessionTimeout>soon</sessionTimeout></sessionPolicy>"),
        record_of("<oauthConfig>text</oauthConfig>"),
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
        outcome = fault.code
    else:
        outcome = "read" if found is None else found["fullName"]
    assert outcome in {"answer_unknown", "read", "A"}


def test_an_envelope_announced_as_multipart_is_read_as_the_envelope_it_is(org):
    body = xml("<listMetadataResponse/>").partition(b"\r\n\r\n")[2]
    org.answers["listMetadata"] = http(200, body, "multipart/related; boundary=x")
    assert org.metadata.list("ConnectedApp") == []
