"""simple-salesforce, unchanged, against the simulator."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from simple_salesforce import Salesforce, SalesforceExpiredSession, SalesforceLogin
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceMalformedRequest

sys.path.append(str(Path(__file__).parent))

from core_wire import CONSUMER_KEY, NOON_S, World, private_key
from test_core_server import serving

KEY_PEM = (
    private_key()
    .private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    .decode()
)


@pytest.fixture(scope="module")
def world() -> World:
    world = World()
    world.deploy_app(world.admin_token())
    world.settle()
    return world


def test_password_login_query_and_records(world):
    sf = Salesforce(
        username=world.seed.username,
        password=world.seed.password,
        security_token="",
        domain="acme.my",
        session=world.web,
        version="59.0",
    )
    assert sf.sf_instance == world.org.my_domain_host
    assert not sf.is_sandbox()
    made = sf.Account.create({"Name": "Ünïted <&> Co"})
    assert made["success"]
    assert sf.Account.get(made["id"])["Name"] == "Ünïted <&> Co"
    assert sf.Account.update(made["id"], {"Phone": "1"}) == 204
    rows = sf.query_all("SELECT Id, Name, Phone FROM Account WHERE Phone = '1'")
    assert (rows["totalSize"], rows["records"][0]["Id"]) == (1, made["id"])
    assert sf.Account.delete(made["id"]) == 204
    assert "Account" in [each["name"] for each in sf.describe()["sobjects"]]
    assert {"Id", "Username"} <= {field["name"] for field in sf.User.describe()["fields"]}


def test_a_wrong_password_is_an_authentication_failure(world):
    with pytest.raises(SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
        SalesforceLogin(
            username=world.seed.username,
            password="no",
            security_token="",
            domain="acme.my",
            session=world.web,
        )


def test_jwt_login_with_its_exp_as_text(world):
    world.wall_s = __import__("time").time()  # simple-salesforce reads the real clock
    session_id, host = SalesforceLogin(
        username=world.seed.integration_username,
        consumer_key=CONSUMER_KEY,
        privatekey=KEY_PEM,
        domain="acme.my",
        session=world.web,
    )
    world.wall_s = NOON_S + 200
    assert host == world.org.my_domain_host
    assert session_id.startswith(world.org.id15)


def test_an_expired_session_and_a_malformed_query_raise_their_own_errors(world):
    sf = Salesforce(session_id="00DSIM!gone", instance_url=world.base, session=world.web)
    with pytest.raises(SalesforceExpiredSession):
        sf.query("SELECT Id FROM Account")
    good = Salesforce(session_id=world.admin_token(), instance_url=world.base, session=world.web)
    with pytest.raises(SalesforceMalformedRequest, match="MALFORMED_QUERY"):
        good.query("SELECT FROM")


@pytest.mark.slow
def test_over_tls_on_a_bare_address_by_instance_url():
    with serving(count=1) as (line, simulation), requests.Session() as web:
        web.trust_env = False
        web.verify = line["ca"]
        seed = next(iter(simulation.simulator.catalogue))
        port = urlsplit(line["url"]).port
        body = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
            f'<login xmlns="urn:partner.soap.sforce.com"><username>{seed.username}</username>'
            f"<password><![CDATA[{seed.password}]]></password></login></e:Body></e:Envelope>"
        )
        answer = web.post(f"{line['url']}/services/Soap/u/64.0", data=body)
        token = re.search("<sessionId>(.*?)</sessionId>", answer.text)[1]
        sf = Salesforce(session_id=token, instance_url=f"https://127.0.0.1:{port}", session=web)
        assert sf.query("SELECT Name FROM Organization")["records"][0]["Name"] == "Acme Inc."
        made = sf.Contact.create({"LastName": "Test"})
        assert sf.Contact.delete(made["id"]) == 204
