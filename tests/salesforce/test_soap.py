from __future__ import annotations

import subprocess
import sys

import pytest
from lxml import etree
from wire_server import ORG, http, network_to, serving

from orchestrator.errors import OrgFault
from orchestrator.redaction import Secret
from orchestrator.salesforce.hosts import parse_org_url
from orchestrator.salesforce.soap import PasswordSession, get_user_info, logout, session_usable, soap_login

HOST = parse_org_url(f"https://{ORG}")
SESSION = "00DU0000000Ilbh!AQoAQHVcube9Z6CRlbR9Eg8ZxpJlrJ6X8QDbnokfyVZItFKzJsLHIRGiqhz"
PASSWORD = Secret("p<&>\"'ß\u2028w0rd]]>")
TOKEN = Secret("tok<&>en")
PARTNER = "urn:partner.soap.sforce.com"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"


BARRED = b'[{"errorCode":"INVALID_SESSION_ID","message":"This session is not valid for use with the API"}]'


def envelope(inner: str, declarations: str = f'xmlns="{PARTNER}"') -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{ENVELOPE}" {declarations} '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<soapenv:Body>{inner}</soapenv:Body></soapenv:Envelope>"
    ).encode()


def xml(inner: str, status: int = 200, **options: str) -> bytes:
    return http(status, envelope(inner, **options), "text/xml;charset=UTF-8")


def logged_in(**changes: str) -> bytes:
    fields = {
        "metadataServerUrl": f"https://{ORG}/services/Soap/m/64.0/00DU0000000Ilbh",
        "passwordExpired": "false",
        "sandbox": "true",
        "serverUrl": f"https://{ORG}/services/Soap/u/64.0/00DU0000000Ilbh",
        "sessionId": SESSION,
        "userId": "005U0000000FGpcIAG",
        **changes,
    }
    result = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    user = (
        "<userInfo><accessibilityMode>false</accessibilityMode><somethingNew><deep>1</deep></somethingNew>"
        "<organizationId>00DU0000000AlbhMAC</organizationId><profileId>00eU0000000LiuNIAQ</profileId>"
        '<roleId xsi:nil="true"/><sessionSecondsValid>7200</sessionSecondsValid></userInfo>'
    )
    return xml(f"<loginResponse><result>{result}<alsoNew>x</alsoNew>{user}</result></loginResponse>")


def fault(code: str, string: str, detail: str = "", status: int = 500) -> bytes:
    inner = f"<faultcode>{code}</faultcode><faultstring>{string}</faultstring>{detail}"
    inner = f"<soapenv:Fault>{inner}</soapenv:Fault>"
    return xml(inner, status, declarations='xmlns:sf="urn:fault.partner.soap.sforce.com"')


def login_fault(code: str, message: str) -> str:
    return (
        '<detail><sf:LoginFault xsi:type="sf:LoginFault">'
        f"<sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{message}</sf:exceptionMessage>"
        "</sf:LoginFault></detail>"
    )


def login(network, token: Secret | None = None) -> PasswordSession:
    return soap_login(network, HOST, "admin@acme.example", PASSWORD, token)


def test_a_login_gives_a_session_and_tolerates_elements_it_does_not_know():
    with serving(lambda _: logged_in()) as server, network_to(server) as network:
        session = login(network)
    assert session.session.reveal() == SESSION
    assert session.instance_url == f"https://{ORG}"
    assert (session.org_id, session.user_id) == ("00DU0000000AlbhMAC", "005U0000000FGpcIAG")
    assert (session.sandbox, session.session_seconds_valid) == (True, 7200)
    assert SESSION not in repr(session)


def test_password_and_token_arrive_unharmed_by_xml():
    with serving(lambda _: logged_in()) as server, network_to(server) as network:
        login(network, TOKEN)
    request = server.seen[0]
    sent = etree.fromstring(request.body).find(f".//{{{PARTNER}}}password")
    assert sent is not None
    assert sent.text == PASSWORD.reveal() + TOKEN.reveal()
    assert request.path == "/services/Soap/u/64.0"
    assert request.headers["content-type"].startswith("text/xml")
    assert "soapaction" in request.headers


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (fault("sf:INVALID_LOGIN", "INVALID_LOGIN: no", login_fault("INVALID_LOGIN", "no")), "login_invalid"),
        (fault("INVALID_LOGIN", "INVALID_LOGIN: no", login_fault("INVALID_LOGIN", "no")), "login_invalid"),
        (fault("soapenv:Server", "INVALID_LOGIN: Invalid username"), "login_invalid"),
        (fault("sf:INVALID_LOGIN", "words only"), "login_invalid"),
        (
            fault(
                "x",
                "x",
                login_fault("INVALID_OPERATION", "SOAP API login() is disabled by default in this org."),
            ),
            "soap_login_disabled",
        ),
        (
            fault(
                "x", "x", login_fault("INSUFFICIENT_ACCESS", "requires the Use Any API Auth user permission")
            ),
            "any_api_auth_required",
        ),
        (
            fault("sf:LOGIN_MUST_USE_SECURITY_TOKEN", "LOGIN_MUST_USE_SECURITY_TOKEN: x"),
            "login_needs_security_token",
        ),
        (fault("sf:NEVER_HEARD_OF", "NEVER_HEARD_OF: x"), "answer_unknown"),
        (fault("sf:INVALID_LOGIN", "INVALID_LOGIN: x", status=200), "login_invalid"),
        (logged_in(passwordExpired="true"), "password_expired"),
        (logged_in(sessionId=""), "answer_unknown"),
        (http(200, b"<html><body>Sign in</body>", "text/html"), "not_xml"),
        (http(200, b"<html><body>Sign in</body></html>", "text/html"), "not_xml"),
        (http(200, b"", "text/xml"), "not_xml"),
        (http(200, envelope("<x>&cut"), "text/xml"), "not_xml"),
        (http(200, b"\xff\xfe garbage", "text/xml"), "not_xml"),
        (http(500, b"oops", "text/plain"), "server_trouble"),
        (http(503, b"<html>Down for Maintenance</html>", "text/html"), "org_in_maintenance"),
        (
            http(
                200,
                b'<!DOCTYPE e [<!ENTITY a "b">]>' + envelope("<x>&a;</x>").partition(b"?>")[2],
                "text/xml",
            ),
            "not_xml",
        ),
        (xml("<loginResponse><result/></loginResponse>"), "answer_unknown"),
        (xml("<loginResponse/>"), "answer_unknown"),
        (xml("<somethingElse><result>1</result></somethingElse>"), "answer_unknown"),
        (xml(""), "answer_unknown"),
    ],
)
def test_every_other_answer_is_a_classified_fault(answer, code):
    with (
        serving(lambda _: answer) as server,
        network_to(server) as network,
        pytest.raises(OrgFault) as caught,
    ):
        login(network)
    assert caught.value.code == code
    assert len(server.seen) == 1, "a login is sent once, whatever happens"


def test_a_login_is_not_sent_twice_when_the_server_is_busy():
    busy = http(503, b"busy", "text/plain")
    with serving(lambda _: busy) as server, network_to(server) as network, pytest.raises(OrgFault):
        login(network)
    assert len(server.seen) == 1


def test_a_server_that_quotes_the_password_does_not_get_it_into_the_fault():
    said = "INVALID_LOGIN: wrong password: p&lt;&amp;&gt;&quot;'ß\u2028w0rd]]&gt;tok&lt;&amp;&gt;en"
    answer = fault("sf:INVALID_LOGIN", said)
    with (
        serving(lambda _: answer) as server,
        network_to(server) as network,
        pytest.raises(OrgFault) as caught,
    ):
        login(network, TOKEN)
    assert PASSWORD.reveal() not in str(caught.value)
    assert TOKEN.reveal() not in str(caught.value)


def test_answers_in_other_prefixes_and_order_are_understood():
    answer = http(
        200,
        (
            f'<S:Envelope xmlns:S="{ENVELOPE}"><S:Header/><S:Body>'
            f'<p:loginResponse xmlns:p="{PARTNER}"><p:result>'
            f"<p:userId>005U0000000FGpcIAG</p:userId><p:sessionId>{SESSION}</p:sessionId>"
            f"<p:serverUrl>https://{ORG}/services/Soap/u/64.0/00D</p:serverUrl>"
            "<p:passwordExpired>false</p:passwordExpired></p:result></p:loginResponse></S:Body></S:Envelope>"
        ).encode(),
        "text/xml",
    )
    with serving(lambda _: answer) as server, network_to(server) as network:
        session = login(network)
    assert (session.user_id, session.org_id, session.sandbox) == ("005U0000000FGpcIAG", "", False)


def test_user_info_and_logout_carry_the_session_in_the_soap_header():
    def script(seen):
        if b"getUserInfo" in seen.body:
            return xml(
                "<getUserInfoResponse><result><organizationId>00D1</organizationId><userName>a@b</userName>"
                "</result></getUserInfoResponse>"
            )
        return xml("<logoutResponse/>")

    with serving(script) as server, network_to(server) as network:
        who = get_user_info(network, f"https://{ORG}", Secret(SESSION))
        logout(network, f"https://{ORG}", Secret(SESSION))
    assert (who.org_id, who.username) == ("00D1", "a@b")
    for seen in server.seen:
        header = etree.fromstring(seen.body).find(f".//{{{PARTNER}}}SessionHeader/{{{PARTNER}}}sessionId")
        assert header is not None
        assert header.text == SESSION


def test_logging_out_of_a_session_that_has_ended_is_no_error():
    answer = fault("sf:INVALID_SESSION_ID", "INVALID_SESSION_ID: Invalid Session ID found in SessionHeader")
    with serving(lambda _: answer) as server, network_to(server) as network:
        logout(network, f"https://{ORG}", Secret(SESSION))
        with pytest.raises(OrgFault) as caught:
            get_user_info(network, f"https://{ORG}", Secret(SESSION))
    assert caught.value.code == "session_expired"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (
            401,
            BARRED,
            "session_not_valid_for_api",
        ),
        (
            401,
            b'[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]',
            "session_expired",
        ),
    ],
)
def test_a_session_barred_from_the_api_is_told_apart_from_one_that_ended(status, body, code):
    session = PasswordSession(f"https://{ORG}", Secret(SESSION), "", "", "", False, False, 0)  # noqa: FBT003
    with (
        serving(lambda _: http(status, body)) as server,
        network_to(server) as network,
        pytest.raises(OrgFault) as caught,
    ):
        session_usable(network, session)
    assert caught.value.code == code


def test_importing_the_soap_client_does_not_import_zeep():
    code = (
        "import sys; from orchestrator.salesforce import discovery, metadata, rest, session, soap, token;"
        "sys.exit('zeep' in sys.modules or 'simple_salesforce' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603
