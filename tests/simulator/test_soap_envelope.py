"""What the SOAP door reads, writes and refuses."""

from __future__ import annotations

import time

import hypothesis
import pytest
from hypothesis import strategies
from soap_wire import METADATA, PARTNER, Wire, X, check, envelope, fault_code, root_of, text_of

from orchestrator.simulator.metadata import OPERATIONS

BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">'
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + ']><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    f'<login xmlns="{PARTNER}"><username>&i;</username></login></soapenv:Body></soapenv:Envelope>'
)
SHARED_WIRE = Wire()
INSIDES = (
    "",
    "x",
    "<ZipFile>QQ==</ZipFile>",
    "<metadata/>",
    "<queries/>",
    "<type>Profile</type><fullNames>Admin</fullNames>",
    "<request/>",
    "<asOfVersion>x</asOfVersion>",
)
FILE_ENTITY = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    f'<login xmlns="{PARTNER}"><username>&f;</username></login></soapenv:Body></soapenv:Envelope>'
)


@pytest.fixture
def wire():
    return Wire()


def test_login_answers_the_fields_of_the_schema_in_its_order(wire):
    response = wire.login("64.0")
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/xml;charset=UTF-8"
    assert text_of(response, "organizationId") == wire.org.id
    assert text_of(response, "metadataServerUrl").endswith(f"/services/Soap/m/64.0/{wire.org.id15}")
    assert text_of(response, "serverUrl").endswith(f"/services/Soap/u/64.0/{wire.org.id15}")
    assert text_of(response, "sessionId").startswith(f"{wire.org.id15}!")
    assert b"<sandbox>false</sandbox>" in response.body


@pytest.mark.parametrize(
    "tail", ["", "/", "/00DSIM", "/{id15}", "/{id}", "/{id}/deployRequest/0Af000000000001"]
)
def test_login_is_told_by_the_body_whatever_the_url_tail(wire, tail):
    path = "/services/Soap/u/64.0" + tail.format(id=wire.org.id, id15=wire.org.id15)
    body = f'<login xmlns="{PARTNER}"><username>nobody</username><password>x</password></login>'
    assert fault_code(wire.post(path, envelope(body))) == "INVALID_LOGIN"


def test_a_login_fault_carries_the_literal_tags_that_clients_look_for(wire):
    response = wire.login(password="wrong")
    assert response.status == 500
    assert b"<faultcode>INVALID_LOGIN</faultcode>" in response.body
    assert (
        b'<sf:LoginFault xsi:type="sf:LoginFault"><sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>'
        in response.body
    )
    assert b'xmlns:sf="urn:fault.partner.soap.sforce.com"' in response.body


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("21.0", "UNSUPPORTED_API_VERSION"),
        ("30.0", "UNSUPPORTED_API_VERSION"),
        ("31.0", "INVALID_LOGIN"),
        ("64.0", "INVALID_LOGIN"),
        ("65.0", "UNSUPPORTED_API_VERSION"),
        ("66.0", "UNSUPPORTED_API_VERSION"),
        ("99.0", "UNSUPPORTED_API_VERSION"),
    ],
)
def test_login_lives_in_versions_31_to_64_only(wire, version, code):
    body = f'<login xmlns="{PARTNER}"><username>nobody</username><password>x</password></login>'
    response = wire.post(f"/services/Soap/u/{version}", envelope(body))
    assert fault_code(response) == code
    check("partner", 66, response)


def test_login_switched_off_is_an_unexpected_error_and_not_a_wrong_password():
    wire = Wire("soap_login_off")
    response = wire.login()
    assert fault_code(response) == "INVALID_OPERATION"
    assert b"sf:UnexpectedErrorFault" in response.body
    assert b"SOAP API login() is disabled by default in this org." in response.body


@pytest.mark.parametrize("document", [BILLION_LAUGHS, FILE_ENTITY])
def test_a_doctype_is_refused_before_anything_is_expanded(wire, document):
    begin = time.process_time()
    response = wire.post("/services/Soap/u/64.0", document.encode())
    assert response.status == 500
    assert b"root:" not in response.body
    assert fault_code(response) == "Client"
    assert time.process_time() - begin < 1.0


@pytest.mark.parametrize(
    "document", [b"", b"not xml", b"<a/>", b"\xff\xfe\x00", b"<a", envelope(""), b"<x>" * 5000]
)
def test_garbage_is_a_fault_and_not_a_crash(wire, document):
    response = wire.post("/services/Soap/m/63.0", document)
    assert response.status == 500
    assert fault_code(response) in {"Client", "VersionMismatch"}


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(data=strategies.data())
def test_no_damaged_request_brings_the_door_down(data):
    wire = SHARED_WIRE
    if not wire.session_id:
        wire.login()
    header = f"<SessionHeader {X}><sessionId>{wire.session_id}</sessionId></SessionHeader>"
    operation = data.draw(strategies.sampled_from(sorted(OPERATIONS)))
    inside = data.draw(strategies.sampled_from(INSIDES))
    body = bytearray(envelope(f"<{operation} {X}>{inside}</{operation}>", header))
    for place, value in data.draw(
        strategies.lists(
            strategies.tuples(strategies.integers(0, len(body) - 1), strategies.integers(0, 255)), max_size=3
        )
    ):
        body[place] = value
    response = wire.post("/services/Soap/m/63.0", bytes(body))
    assert response.status in {200, 500}
    root_of(response)


def test_an_unknown_operation_is_named_in_the_fault(wire):
    wire.login()
    response = wire.metadata(f"<frobnicate {X}/>")
    assert fault_code(response) == "Client"
    assert f"{{{METADATA}}}frobnicate".encode() in response.body


@pytest.mark.parametrize("surface", ["m", "u"])
def test_a_dead_session_has_the_code_that_makes_clients_log_in_again(wire, surface):
    namespace = METADATA if surface == "m" else PARTNER
    header = f'<SessionHeader xmlns="{namespace}"><sessionId>{wire.org.id15}!dead</sessionId></SessionHeader>'
    response = wire.post(f"/services/Soap/{surface}/63.0", envelope(f'<query xmlns="{namespace}"/>', header))
    assert response.status == 500
    assert b"<faultcode>sf:INVALID_SESSION_ID</faultcode>" in response.body


def test_metadata_faults_have_no_detail_because_the_wsdl_declares_none(wire):
    response = wire.metadata(
        f"<checkDeployStatus {X}><asyncProcessId>0Af000000000001</asyncProcessId></checkDeployStatus>"
    )
    assert b'xmlns:sf="http://soap.sforce.com/2006/04/metadata"' in response.body
    assert b"<faultcode>sf:INVALID_ID_FIELD</faultcode>" in response.body
    assert root_of(response).find(".//detail") is None


def test_a_jwt_format_token_is_refused_with_the_documented_text(wire):
    wire.login()
    wire.org.sessions[wire.session_id].is_jwt_format = True
    response = wire.metadata(f"<describeMetadata {X}><asOfVersion>63.0</asOfVersion></describeMetadata>")
    assert b"SOAP API does not support JWT-based access tokens." in response.body


def test_a_url_of_another_org_is_refused(wire):
    wire.login()
    header = f"<SessionHeader {X}><sessionId>{wire.session_id}</sessionId></SessionHeader>"
    body = envelope(f"<describeMetadata {X}/>", header)
    response = wire.post("/services/Soap/m/63.0/00D000000000001", body)
    assert b"Destination URL not reset" in response.body


def test_users_without_the_right_may_not_use_the_metadata_api(wire):
    wire.login()
    user = wire.org.user_by_name(wire.seed.username)
    seller = next(each for each in wire.org.users.values() if each.username.startswith("sam@"))
    wire.org.sessions[wire.session_id].user_id = seller.id
    assert user is not seller
    response = wire.metadata(f"<describeMetadata {X}/>")
    assert fault_code(response) == "INSUFFICIENT_ACCESS"
    assert b"requires a user with the ModifyAllData or ModifyMetadata permissions" in response.body


def test_logout_ends_the_session(wire):
    wire.login()
    assert wire.partner(f'<getUserInfo xmlns="{PARTNER}"/>').status == 200
    assert wire.partner(f'<logout xmlns="{PARTNER}"/>').status == 200
    assert fault_code(wire.partner(f'<getUserInfo xmlns="{PARTNER}"/>')) == "INVALID_SESSION_ID"


def test_the_server_tells_its_time(wire):
    wire.login()
    response = wire.partner(f'<getServerTimestamp xmlns="{PARTNER}"/>')
    assert text_of(response, "timestamp") == "2026-09-21T14:13:20.000Z"


def test_invalidating_sessions_ends_them_and_reports_the_unknown(wire):
    wire.login()
    mine = wire.session_id
    wire.login()
    body = (
        f'<invalidateSessions xmlns="{PARTNER}"><sessionIds>{mine}</sessionIds><sessionIds>'
        "no</sessionIds></invalidateSessions>"
    )
    response = wire.partner(body)
    assert [each.text for each in root_of(response).findall(".//{*}success")] == ["true", "false"]
    assert mine not in wire.org.sessions
