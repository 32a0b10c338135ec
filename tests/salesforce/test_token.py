from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from wire_server import ORG, http, network_to, serving

from orchestrator.errors import OrgFault
from orchestrator.redaction import Secret
from orchestrator.salesforce.hosts import parse_org_url
from orchestrator.salesforce.token import (
    ASSERTION_LIFETIME_S,
    TokenRefused,
    jwt_assertion,
    jwt_bearer,
    key_known,
    password_grant,
    refresh_grant,
    revoke,
    userinfo,
)

HOST = parse_org_url(f"https://{ORG}")
TOKEN = "00DU0000000AlbhMAC!AQEAQplantedaccesstoken"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
GRANTED = {
    "access_token": TOKEN,
    "scope": "web api",
    "instance_url": f"https://{ORG}",
    "id": "https://login.salesforce.com/id/00DU0000000AlbhMAC/005U0000000FGpcIAG",
    "token_type": "Bearer",
    "issued_at": "1795334495174",
}


def answer(status: int, content: object, **headers: str) -> bytes:
    return http(status, json.dumps(content).encode(), "application/json;charset=UTF-8", **headers)


def assertion() -> str:
    return jwt_assertion(
        consumer_key="KEY",
        username="a@b",
        audience="https://login.salesforce.com",
        private_key=KEY,
        now_s=1000.9,
    )


def test_an_assertion_verifies_and_says_no_more_than_it_must():
    claims = jwt.decode(
        assertion(),
        KEY.public_key(),
        algorithms=["RS256"],
        audience="https://login.salesforce.com",
        options={"verify_exp": False},
    )
    assert claims == {
        "iss": "KEY",
        "sub": "a@b",
        "aud": "https://login.salesforce.com",
        "exp": 1000 + ASSERTION_LIFETIME_S,
    }
    assert isinstance(claims["exp"], int)
    assert ASSERTION_LIFETIME_S <= 180
    assert jwt.get_unverified_header(assertion())["alg"] == "RS256"


def test_an_assertion_buys_a_token():
    granted = answer(200, GRANTED, Date="Sun, 22 Nov 2026 08:01:35 GMT")
    with serving(lambda _: granted) as server, network_to(server) as network:
        token = jwt_bearer(network, HOST, "a.b.c")
    assert token.token.reveal() == TOKEN
    assert (token.org_id, token.user_id) == ("00DU0000000AlbhMAC", "005U0000000FGpcIAG")
    assert (token.instance_url, token.scope) == (f"https://{ORG}", "web api")
    assert (token.issued_at_s, token.server_date_s) == (1795334495.174, 1795334495.0)
    assert TOKEN not in repr(token)
    seen = server.seen[0]
    assert (seen.method, seen.path) == ("POST", "/services/oauth2/token")
    assert parse_qs(seen.body.decode()) == {
        "grant_type": ["urn:ietf:params:oauth:grant-type:jwt-bearer"],
        "assertion": ["a.b.c"],
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (
            answer(400, {"error": "invalid_client_id", "error_description": "client identifier invalid"}),
            "client_id_unknown",
        ),
        (
            answer(
                400,
                {"error": "invalid_grant", "error_description": "user hasn\u2019t approved this consumer"},
            ),
            "user_not_approved",
        ),
        (
            answer(400, {"error": "invalid_grant", "error_description": "invalid assertion"}),
            "assertion_invalid",
        ),
        (answer(400, {"error": "never_heard_of", "error_description": "x"}), "answer_unknown"),
        (answer(400, {"message": "x"}), "answer_unknown"),
        (answer(400, ["x"]), "answer_unknown"),
        (answer(200, {"access_token": ""}), "answer_unknown"),
        (answer(200, ["x"]), "answer_unknown"),
        (http(200, b"<html>", "text/html"), "not_json"),
        (http(503, b"<html>maintenance</html>", "text/html"), "org_in_maintenance"),
        (http(302, Location="https://evil.example/"), "host_moved"),
    ],
)
def test_every_other_answer_is_a_classified_fault(body, code):
    with serving(lambda _: body) as server, network_to(server) as network, pytest.raises(OrgFault) as caught:
        jwt_bearer(network, HOST, "a.b.c")
    assert caught.value.code == code


def test_a_refusal_keeps_what_the_classifier_of_propagation_wants():
    said = answer(
        400,
        {"error": "invalid_grant", "error_description": "invalid assertion"},
        Date="Sun, 22 Nov 2026 08:01:35 GMT",
    )
    with (
        serving(lambda _: said) as server,
        network_to(server) as network,
        pytest.raises(TokenRefused) as caught,
    ):
        jwt_bearer(network, HOST, "a.b.c")
    refused = caught.value
    assert (refused.error, refused.description) == ("invalid_grant", "invalid assertion")
    assert refused.server_date_s == 1795334495.0


def test_a_lost_answer_to_an_assertion_is_asked_for_again():
    answers = iter([http(503), answer(200, GRANTED)])
    with serving(lambda _: next(answers)) as server, network_to(server) as network:
        assert jwt_bearer(network, HOST, "a.b.c").token.reveal() == TOKEN
    assert len(server.seen) == 2


def test_the_password_grant_is_sent_once_with_the_token_behind_the_password():
    def grant(network):
        return password_grant(
            network,
            HOST,
            client_id="ID",
            username="a@b",
            password=Secret("p&ss w=rd"),
            client_secret=Secret("s3cret"),
            security_token=Secret("tok"),
        )

    with (
        serving(lambda _: http(503)) as server,
        network_to(server) as network,
        pytest.raises(OrgFault) as caught,
    ):
        grant(network)
    assert caught.value.code == "server_trouble"
    assert len(server.seen) == 1
    assert parse_qs(server.seen[0].body.decode()) == {
        "grant_type": ["password"],
        "client_id": ["ID"],
        "username": ["a@b"],
        "password": ["p&ss w=rdtok"],
        "client_secret": ["s3cret"],
    }
    refused = answer(400, {"error": "invalid_grant", "error_description": "authentication failure"})
    with (
        serving(lambda _: refused) as server,
        network_to(server) as network,
        pytest.raises(OrgFault) as caught,
    ):
        grant(network)
    assert caught.value.code == "login_refused"


def test_a_refresh_token_buys_a_token():
    with serving(lambda _: answer(200, GRANTED)) as server, network_to(server) as network:
        token = refresh_grant(network, HOST, client_id="PlatformCLI", refresh_token=Secret("5Aep861"))
    assert token.token.reveal() == TOKEN
    assert parse_qs(server.seen[0].body.decode())["refresh_token"] == ["5Aep861"]


def test_userinfo_sends_the_token_as_bearer_and_understands_text():
    said = {"user_id": "005", "organization_id": "00D", "preferred_username": "a@b"}
    answers = iter([answer(200, said), http(403, b"Bad_OAuth_Token", "text/html")])
    with serving(lambda _: next(answers)) as server, network_to(server) as network:
        assert userinfo(network, HOST, Secret(TOKEN)) == said
        with pytest.raises(OrgFault) as caught:
            userinfo(network, HOST, Secret(TOKEN))
    assert caught.value.code == "session_expired"
    assert server.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_revoking_a_token_that_is_none_any_more_is_no_error():
    answers = iter([http(200), answer(400, {"error": "invalid_token"}), http(500)])
    with serving(lambda _: next(answers)) as server, network_to(server) as network:
        revoke(network, HOST, Secret(TOKEN))
        revoke(network, HOST, Secret(TOKEN))
        with pytest.raises(OrgFault) as caught:
            revoke(network, HOST, Secret(TOKEN))
    assert caught.value.code == "server_trouble"
    assert parse_qs(server.seen[0].body.decode()) == {"token": [TOKEN]}


@pytest.mark.parametrize(
    ("body", "known"),
    [
        (http(302, Location="https://localhost/cb?error=immediate_unsuccessful"), True),
        (http(302, Location="/services/oauth2/error?error=invalid_client_id"), False),
        (http(400, b"error=invalid_client_id&error_description=client%20identifier%20invalid"), False),
        (http(302, Location="https://localhost/cb?error=OAUTH_EC_APP_NOT_FOUND"), False),
        (http(302, Location="/?ec=302&startURL=x"), None),
        (http(200, b"<html>Log in</html>", "text/html"), None),
    ],
)
def test_a_consumer_key_is_looked_for_without_a_login(body, known):
    with serving(lambda _: body) as server, network_to(server) as network:
        assert key_known(network, HOST, consumer_key="KEY", callback_url="https://localhost/cb") is known
    query = parse_qs(urlsplit(server.seen[0].path).query)
    assert (query["client_id"], query["immediate"]) == (["KEY"], ["true"])
    assert len(server.seen) == 1
