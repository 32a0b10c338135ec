"""The control plane: the truth, changes from outside, state faults, the clock; and orgs files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from core_wire import World

from orchestrator.simulator import Simulator
from orchestrator.simulator.adapter import SimulatorAdapter
from orchestrator.simulator.control import answer_control
from orchestrator.simulator.http import Request
from orchestrator.simulator.orgs_file import OrgsFileError, read_orgs_file, write_orgs_file
from orchestrator.simulator.profiles import ORG_PROFILES


class Control:
    """Speaks to the control plane of a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def call(self, method: str, path: str, document: object = None, **query: str):
        body = b"" if document is None else json.dumps(document).encode()
        asked = {name: [value] for name, value in query.items()}
        request = Request(method, "127.0.0.1:9", path, asked, {}, body, "127.0.0.1", 0)
        response, _ = answer_control(self.world.sim, request)
        return response.status, json.loads(response.body) if response.body else None

    def truth(self, org: str = "acme") -> dict:
        status, document = self.call("GET", f"/orgs/{org}")
        assert status == 200
        return document

    def change(self, **changes) -> dict:
        status, document = self.call("POST", "/orgs/acme", changes)
        assert status == 200, document
        return document


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def control(world) -> Control:
    return Control(world)


def test_the_truth_about_the_password_costs_no_attempt(world, control):
    for _ in range(20):
        assert control.truth()["password_works"] is True
    assert len(world.org.login_history) == 0
    assert control.truth()["users"][world.seed.username]["failed_attempts"] == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"freeze_user": "admin@acme.example"}, "User is Frozen"),
        ({"deactivate_user": "admin@acme.example"}, "User is Inactive"),
        (
            {"set_password": {"username": "admin@acme.example", "password": "0therPassword"}},
            "Invalid Password",
        ),
        ({"switches": {"soap_login_enabled": False}}, "SOAP API login() is disabled"),
        (
            {"grant_permission": {"username": "admin@acme.example", "permission": "IsSsoEnabled"}},
            "INVALID_SSO_GATEWAY_URL",
        ),
    ],
)
def test_each_lock_shows_in_the_truth_and_on_the_wire(world, control, change, why):
    truth = control.change(**change)
    assert truth["password_works"] is False
    assert why in truth["users"][world.seed.username]["password_mechanisms"]["soap_login"]
    assert world.soap_login().status_code == 500


def test_blocking_the_password_flow_alone_leaves_soap_open():
    world = World("legacy_connected_apps")
    control = Control(world)
    mechanisms = control.truth()["users"][world.seed.username]["password_mechanisms"]
    assert (mechanisms["soap_login"], mechanisms["oauth_password"]) == ("works", "works")
    truth = control.change(settings={"OauthOidcSettings": {"blockOAuthUnPwFlow": "true"}})
    mechanisms = truth["users"][world.seed.username]["password_mechanisms"]
    assert (mechanisms["soap_login"], mechanisms["oauth_password"]) == (
        "works",
        "Username-Password Flow Disabled",
    )
    assert truth["locks"]["password_flow_blocked"] is True
    assert truth["password_works"] is True


def test_jwt_works_only_when_every_node_honours_the_app(world, control):
    world.deploy_app(world.admin_token())
    truth = control.truth()
    assert truth["jwt_works"] is False
    assert truth["apps"][0]["nodes_ready"] < truth["apps"][0]["nodes"]
    status, _ = control.call("POST", "/clock", {"advance_s": 60})
    assert status == 200
    truth = control.truth()
    assert truth["jwt_works"] is True
    assert truth["apps"][0]["jwt"][world.seed.integration_username] == "works"
    assert truth["counts"]["deploys"] == 1
    truth = control.change(delete_app="Acme_JWT")
    assert (truth["jwt_works"], truth["apps"]) == (False, [])
    control.call("POST", "/clock", {"advance_s": 60})
    assert world.jwt().json()["error"] == "invalid_client_id"


def test_requests_are_remembered_without_secrets(world, control):
    world.soap_login("s3cret-Guess")
    token = world.admin_token()
    world.query("SELECT Id FROM User", token)
    _, document = control.call("GET", "/requests", org="acme")
    rows = document["requests"]
    assert [(row["operation"], row["status"], row["code"], row["username"]) for row in rows] == [
        ("soap_login", 500, "INVALID_LOGIN", world.seed.username),
        ("soap_login", 200, "", world.seed.username),
        ("query", 200, "", world.seed.username),
    ]
    text = json.dumps(document)
    assert "s3cret" not in text
    assert world.seed.password not in text
    assert token not in text


def test_history_stays_bounded(world):
    token = world.admin_token()
    for _ in range(1200):
        world.rest("GET", "/limits", token)
    assert len(world.org.requests) == 1000


@pytest.mark.parametrize("kind", ["maintenance", "read_only", "moved_my_domain"])
def test_state_faults_change_the_org_until_they_are_taken_back(world, control, kind):
    token = world.admin_token()
    control.call("POST", "/faults", {"kind": kind, "operation": "limits", "org": "acme"})
    answer = world.rest("GET", "/limits", token, allow_redirects=False)
    if kind == "maintenance":
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html;charset=UTF-8")
        control.change(maintenance=False)
        assert world.rest("GET", "/limits", token).status_code == 200
    elif kind == "read_only":
        assert control.truth()["switches"]["is_read_only"] is True
    else:
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("https://acme-new.my.salesforce.com/services/data/")
        assert world.web.get("https://acme-new.my.salesforce.com/services/data").status_code == 200


def test_a_skewed_clock_makes_a_good_assertion_expired(world, control):
    world.deploy_app(world.admin_token())
    world.settle()
    control.change(skew_s=600)
    assert world.jwt().json()["error_description"] == "expired authorization code"


def test_an_expired_session_fault_ends_the_session_before_the_call(world, control):
    token = world.admin_token()
    control.call("POST", "/faults", {"kind": "expire_session", "operation": "query"})
    assert world.rest("GET", "/query?q=SELECT Id FROM User", token).status_code == 401


def test_a_row_lock_hits_once(world, control):
    token = world.admin_token()
    control.call("POST", "/faults", {"kind": "row_lock", "operation": "account_create"})
    first = world.rest("POST", "/sobjects/Account", token, json={"Name": "x"})
    assert first.json()[0]["errorCode"] == "UNABLE_TO_LOCK_ROW"
    assert world.rest("POST", "/sobjects/Account", token, json={"Name": "x"}).status_code == 201


def test_a_fault_for_one_org_spares_the_others():
    world = World(count=2)
    Control(world).call("POST", "/faults", {"kind": "status", "status": 429, "org": "globex", "times": 0})
    assert world.web.get("https://globex.my.salesforce.com/services/data").status_code == 429
    assert world.web.get("https://acme.my.salesforce.com/services/data").status_code == 200


def test_wrong_control_requests_are_told_why(control):
    assert control.call("GET", "/nothing")[0] == 404
    assert control.call("GET", "/orgs/nobody")[0] == 404
    assert control.call("POST", "/orgs/acme", {"explode": True})[0] == 400
    assert control.call("POST", "/orgs/acme", {"freeze_user": "nobody"})[0] == 400
    assert control.call("POST", "/clock", {"advance_s": -1})[0] == 400
    assert control.call("POST", "/clock", [1])[0] == 400


@pytest.mark.parametrize("profile", sorted(ORG_PROFILES))
def test_every_profile_makes_an_org_that_answers(profile):
    world = World(profile)
    assert world.web.get(f"{world.base}/services/data").status_code == 200
    assert Control(world).truth(world.seed.name)["profile"] == profile


def test_ten_thousand_orgs_are_built_only_when_touched():
    sim = Simulator(count=10_000)
    assert list(sim.touched_orgs()) == []
    last = list(sim.catalogue)[-1]
    org = sim.org_by_username(last.username)
    assert org.id == last.org_id
    assert len(list(sim.touched_orgs())) == 1


def test_a_written_orgs_file_reads_back_as_the_same_orgs(tmp_path):
    seeds = list(Simulator(count=3, profile="security_token_required").catalogue)
    path = write_orgs_file(tmp_path, seeds)
    read = read_orgs_file(path, seed="other", default_profile="security_token_required")
    wanted = [(each.name, each.org_id, each.username, each.password, each.security_token) for each in seeds]
    assert [
        (each.name, each.org_id, each.username, each.password, each.security_token) for each in read
    ] == wanted


def test_an_orgs_file_chooses_hosts_profiles_and_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("ACME_PASSWORD", "pass word&<>")
    (tmp_path / "secret").write_text("fr0m-file\n")
    path = tmp_path / "orgs.yaml"
    path.write_text(
        "orgs:\n"
        "  acme: {url: https://acme.lightning.force.com/lightning, org_id: 00D000000000001AAA,"
        " username: a@b.example,"
        " password: 'env:ACME_PASSWORD', labels: {profile: soap_login_off}}\n"
        "  box: {url: acme--box.sandbox.my.salesforce.com, username: a@b.example.box,"
        " password: 'file:secret'}\n"
    )
    acme, box = read_orgs_file(path, seed="1")
    assert (acme.my_domain_host, acme.org_id) == ("acme.my.salesforce.com", "00D000000000001AAA")
    assert (acme.password, acme.profile.name) == ("pass word&<>", "soap_login_off")
    assert (box.password, box.profile.name) == ("fr0m-file", "sandbox")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("orgs: []", "no mapping"),
        ("orgs: {}", "names no org"),
        ("[", "not YAML"),
        ("orgs: {a: {username: x}}", "no url"),
        ("orgs: {a: {url: h, org_id: '17'}}", "not an org id"),
        ("orgs: {a: {url: h, password: 'env:NO_SUCH_VARIABLE_HERE'}}", "is not set"),
        ("orgs: {a: {url: h, password: 'file:nope'}}", "No such file"),
        ("orgs: {a: {url: h, password: 'vault:x'}}", "env: and file:"),
        ("orgs: {a: {url: h, labels: {profile: mars}}}", "no profile mars"),
    ],
)
def test_a_wrong_orgs_file_names_the_org_and_the_flaw(tmp_path, text, words):
    path = tmp_path / "orgs.yaml"
    path.write_text(text)
    with pytest.raises(OrgsFileError, match=words):
        read_orgs_file(path, seed="1")


@pytest.mark.parametrize("host", ["https://login.salesforce.com", "http://127.0.0.1:9"])
def test_a_login_at_a_generic_host_is_remembered_by_the_org_it_was_for(world, control, host):
    world.deploy_app(world.admin_token())
    world.settle()
    world.jwt(host=host, aud="https://login.salesforce.com")
    _, document = control.call("GET", "/requests", org="acme", operation="token")
    assert [row["username"] for row in document["requests"]] == [world.seed.integration_username]


def test_an_org_may_begin_with_a_token_or_an_auth_url_instead_of_a_password(tmp_path, monkeypatch):
    monkeypatch.setenv("ACME_TOKEN", "00D000000000001!given")
    monkeypatch.setenv("ACME_URL", "force://PlatformCLI::5Aep861refresh@acme.my.salesforce.com")
    path = tmp_path / "orgs.yaml"
    path.write_text(
        "orgs: {acme: {url: acme.my.salesforce.com, username: admin@acme.example,"
        " access_token: 'env:ACME_TOKEN',"
        " sfdx_auth_url: 'env:ACME_URL'}}\n"
    )
    world = World()
    world.sim = Simulator(read_orgs_file(path, seed="1"))
    world.web.mount("https://", SimulatorAdapter(world.sim))
    assert world.rest("GET", "/limits", "00D000000000001!given").status_code == 200
    refreshed = world.token(
        grant_type="refresh_token", client_id="PlatformCLI", refresh_token="5Aep861refresh"
    )
    assert world.rest("GET", "/limits", refreshed.json()["access_token"]).status_code == 200
