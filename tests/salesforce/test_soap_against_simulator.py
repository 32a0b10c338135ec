"""The whole wire layer against simulated orgs: real processes, real TLS, real XML."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest
import yaml
from wire_server import ManualClock

from orchestrator.errors import OrgFault
from orchestrator.redaction import Secret
from orchestrator.salesforce.archive import zip_package
from orchestrator.salesforce.certificate import issue, load_private_key
from orchestrator.salesforce.client_app import build_client_app
from orchestrator.salesforce.client_app_plan import ClientAppPlan
from orchestrator.salesforce.connect_to import parse_connect_to
from orchestrator.salesforce.discovery import api_versions, auth_configuration
from orchestrator.salesforce.hosts import parse_org_url
from orchestrator.salesforce.metadata import Metadata
from orchestrator.salesforce.package import build_package
from orchestrator.salesforce.permission_sets import preauthorisation_set
from orchestrator.salesforce.rest import OrgApi
from orchestrator.salesforce.session import Network, NetworkPolicy
from orchestrator.salesforce.soap import get_user_info, logout, session_usable, soap_login
from orchestrator.salesforce.token import TokenRefused, jwt_assertion, jwt_bearer, revoke, userinfo

pytestmark = pytest.mark.slow
SPEED = 100.0


class Simulated:
    def __init__(self, network: Network, entry: dict, control: str) -> None:
        self.network = network
        self.entry = entry
        self.control = control
        self.host = parse_org_url(entry["url"])
        self.password = Secret(Path(entry["password"].removeprefix("file:")).read_text())

    def log_in(self):
        return soap_login(self.network, self.host, self.entry["username"], self.password, None)

    def advance(self, seconds: float) -> None:
        body = json.dumps({"advance_s": seconds}).encode()
        request = Request(f"{self.control}/clock", body, {"Content-Type": "application/json"})  # noqa: S310 - loopback
        build_opener(ProxyHandler({})).open(request, timeout=10).close()


def started(profile: str, *, http: bool = False):
    code = (
        "from orchestrator.simulator.command import serve;"
        f"serve(seed='7', profile={profile!r}, http={http}, speed={SPEED})"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert server.stdout is not None
        about = json.loads(server.stdout.readline())
        (entry,) = yaml.safe_load(Path(about["orgs_file"]).read_text())["orgs"].values()
        rules = (parse_connect_to(about["connect_to"]),)
        policy = NetworkPolicy(connect_to=rules, ca_bundle=about["ca"], loopback_only=True)
        clock = ManualClock()
        network = Network(policy, clock_s=clock.now_s, sleep=clock.sleep)
        yield Simulated(network, entry, about["control"])
        network.close()
    finally:
        server.terminate()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


@pytest.fixture(scope="module")
def org():
    yield from started("production")


def deployed(metadata: Metadata, archive: bytes, *, rest: bool = False, check_only: bool = False):
    deploy, status = (
        (metadata.deploy_rest, metadata.status_rest) if rest else (metadata.deploy, metadata.status)
    )
    request_id = deploy(archive, check_only=check_only)
    until_s = time.monotonic() + 30
    while not (found := status(request_id)).done:
        assert time.monotonic() < until_s, found
    return found


def test_before_a_login_the_org_says_who_it_is(org):
    found = auth_configuration(org.network, org.host)
    assert found.org_id15 == org.entry["org_id"][:15]
    assert "64.0" in api_versions(org.network, org.host)


def test_a_password_buys_a_session_that_works_until_logout(org):
    session = org.log_in()
    assert session.org_id == org.entry["org_id"]
    session_usable(org.network, session)
    assert get_user_info(org.network, session.instance_url, session.session).username == org.entry["username"]
    logout(org.network, session.instance_url, session.session)
    logout(org.network, session.instance_url, session.session)
    with pytest.raises(OrgFault) as caught:
        session_usable(org.network, session)
    assert caught.value.code == "session_expired"


def test_a_wrong_password_is_told_as_such(org):
    with pytest.raises(OrgFault) as caught:
        soap_login(org.network, org.host, org.entry["username"], Secret("wrong<&>"), None)
    assert caught.value.code == "login_invalid"


def plan(name: str, certificate_pem: str, consumer_key: str) -> ClientAppPlan:
    return ClientAppPlan(
        name=name,
        label=name,
        contact_email="ops@acme.example",
        certificate_pem=certificate_pem,
        permission_set=f"{name}_Access",
        consumer_key=consumer_key,
    )


def pair():
    now = dt.datetime.now(dt.UTC)
    return issue(
        subject_common_name="Acme JWT",
        key_bits=2048,
        not_before=now - dt.timedelta(days=1),
        not_after=now + dt.timedelta(days=365),
        serial=7,
    )


@pytest.mark.parametrize("rest", [False, True])
def test_an_app_is_deployed_read_back_proved_and_its_token_revoked(org, rest):
    session = org.log_in()
    metadata = Metadata(org.network, session.instance_url, session.session)
    api = OrgApi(org.network, session.instance_url, session.session)
    name, certified = f"Acme{'Rest' if rest else 'Soap'}", pair()
    wanted = plan(name, certified.certificate_pem, f"KEY{name}0123456789")
    granted = zip_package(build_package([preauthorisation_set(f"{name}_Access", name, name)], 64))
    archive = zip_package(build_client_app(wanted, 64))

    status = deployed(metadata, granted, rest=rest)
    assert status.success, status.fault()
    assert deployed(metadata, archive, rest=rest, check_only=True).success
    assert metadata.read("ExternalClientApplication", [name]) == [None]
    status = deployed(metadata, archive, rest=rest)
    assert status.success, status.fault()

    (settings,) = metadata.read("ExtlClntAppGlobalOauthSettings", [f"{name}_glbloauth"])
    assert settings is not None
    assert settings["consumerKey"] == wanted.consumer_key
    assert name in [row["fullName"] for row in metadata.list("ExternalClientApplication")]

    username = org.entry["integration_user"]
    (user,) = api.query(f"SELECT Id FROM User WHERE Username = '{username}'")  # noqa: S608 - SOQL of our own
    (holder,) = api.query(f"SELECT Id FROM PermissionSet WHERE Name = '{name}_Access'")  # noqa: S608 - likewise
    api.create("PermissionSetAssignment", {"AssigneeId": user["Id"], "PermissionSetId": holder["Id"]})

    key = load_private_key(certified.private_key_pem)
    token = None
    for _ in range(200):
        assertion = jwt_assertion(
            consumer_key=settings["consumerKey"],
            username=username,
            audience=org.host.audiences[0],
            private_key=key,
            now_s=time.time(),
        )
        try:
            token = jwt_bearer(org.network, org.host, assertion)
            break
        except TokenRefused:
            org.advance(30)
    assert token is not None
    assert token.org_id == org.entry["org_id"]
    assert userinfo(org.network, org.host, token.token)["user_id"] == token.user_id == user["Id"]
    assert OrgApi(org.network, token.instance_url, token.token).query("SELECT Id FROM Organization")
    revoke(org.network, org.host, token.token)
    with pytest.raises(OrgFault) as caught:
        OrgApi(org.network, token.instance_url, token.token).limits()
    assert caught.value.code == "session_expired"


def test_a_failing_deploy_says_which_component_and_why(org):
    session = org.log_in()
    metadata = Metadata(org.network, session.instance_url, session.session)
    broken = plan("NoSuchSet", pair().certificate_pem, "KEYNOSUCHSET0123")
    status = deployed(metadata, zip_package(build_client_app(broken, 64)))
    fault = status.fault()
    assert fault is not None
    assert fault.code == "cross_reference_missing", [f.problem for f in status.failures]
    assert status.failures[0].full_name


def test_a_deploy_nobody_knows_is_told_as_such(org):
    session = org.log_in()
    metadata = Metadata(org.network, session.instance_url, session.session)
    with pytest.raises(OrgFault) as caught:
        metadata.status("0Af000000000000AAA")
    assert caught.value.code == "deploy_unknown"


def test_settings_are_read_changed_and_read_back(org):
    session = org.log_in()
    metadata = Metadata(org.network, session.instance_url, session.session)
    (before,) = metadata.read("OauthOidcSettings", ["OauthOidc"])
    assert before is not None
    wanted = not before.get("blockOAuthUnPwFlow", False)
    metadata.update("OauthOidcSettings", [{"fullName": "OauthOidc", "blockOAuthUnPwFlow": wanted}])
    (after,) = metadata.read("OauthOidcSettings", ["OauthOidc"])
    assert after == {**before, "blockOAuthUnPwFlow": wanted}


def test_a_permission_set_is_upserted_and_deleted(org):
    session = org.log_in()
    metadata = Metadata(org.network, session.instance_url, session.session)
    record = {
        "fullName": "Wire_Set",
        "label": "Wire <&> Set",
        "hasActivationRequired": False,
        "userPermissions": [{"enabled": True, "name": "ApiEnabled"}],
    }
    assert metadata.upsert("PermissionSet", [record])[0].created
    (found,) = metadata.read("PermissionSet", ["Wire_Set"])
    assert found is not None
    assert found["label"] == "Wire <&> Set"
    assert record["userPermissions"][0] in found["userPermissions"]
    metadata.delete("PermissionSet", ["Wire_Set"])
    assert metadata.read("PermissionSet", ["Wire_Set"]) == [None]


def test_a_login_that_is_switched_off_is_told_from_a_wrong_password():
    for org in started("soap_login_off"):
        with pytest.raises(OrgFault) as caught:
            org.log_in()
        assert caught.value.code == "soap_login_disabled"
