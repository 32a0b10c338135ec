"""What happens to an org as a whole: read-only mode, a moved My Domain, clocks, versions, slow deletions."""

from __future__ import annotations

import sys
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from core_wire import METADATA, World, app_files, certificate_pem, package

READ_ONLY = "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"
PARTNER = "urn:partner.soap.sforce.com"


@pytest.fixture
def world():
    return World()


@pytest.fixture
def token(world):
    return world.admin_token()


def soap(world, kind, token, body, version="64.0"):
    namespace = "http://soap.sforce.com/2006/04/metadata" if kind == "m" else PARTNER
    text = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header>'
        f'<SessionHeader xmlns="{namespace}"><sessionId>{token}</sessionId></SessionHeader></e:Header>'
        f'<e:Body xmlns="{namespace}">{body}</e:Body></e:Envelope>'
    )
    return world.web.post(f"{world.base}/services/Soap/{kind}/{version}", data=text)


SET = (
    '<metadata xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:type="PermissionSet">'
    "<fullName>A</fullName><label>A</label></metadata>"
)
NOBODY = "005000000000001AAA"
ACCOUNT = '<sObjects><type xmlns="urn:sobject.partner.soap.sforce.com">Account</type></sObjects>'
SOAP_WRITES = {
    "createMetadata": ("m", f"<createMetadata>{SET}</createMetadata>"),
    "updateMetadata": ("m", f"<updateMetadata>{SET}</updateMetadata>"),
    "upsertMetadata": ("m", f"<upsertMetadata>{SET}</upsertMetadata>"),
    "deleteMetadata": (
        "m",
        "<deleteMetadata><type>PermissionSet</type><fullNames>A</fullNames></deleteMetadata>",
    ),
    "renameMetadata": (
        "m",
        (
            "<renameMetadata><type>PermissionSet</type><oldFullName>A</oldFullName>"
            "<newFullName>B</newFullName></renameMetadata>"
        ),
    ),
    "deploy": ("m", "<deploy><ZipFile>UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==</ZipFile></deploy>"),
    "create": ("u", f"<create>{ACCOUNT}</create>"),
    "delete": ("u", "<delete><ids>001000000000001AAA</ids></delete>"),
    "undelete": ("u", "<undelete><ids>001000000000001AAA</ids></undelete>"),
    "changeOwnPassword": (
        "u",
        "<changeOwnPassword><oldPassword>a</oldPassword><newPassword>b</newPassword></changeOwnPassword>",
    ),
}


@pytest.mark.parametrize("name", SOAP_WRITES)
def test_a_read_only_org_refuses_every_soap_write(world, token, name):
    world.org.is_read_only = True
    kind, body = SOAP_WRITES[name]
    assert READ_ONLY in soap(world, kind, token, body).text


REST_WRITES = {
    "create": ("POST", "/sobjects/Account", {"json": {"Name": "A"}}),
    "collection": (
        "POST",
        "/composite/sobjects",
        {"json": {"records": [{"attributes": {"type": "Account"}, "Name": "A"}]}},
    ),
    "password": ("POST", "/sobjects/User/{user}/password", {"json": {"NewPassword": "n3wPassword"}}),
    "reset": ("DELETE", "/sobjects/User/{user}/password", {}),
    "freeze": ("PATCH", "/sobjects/UserLogin/{login}", {"json": {"IsFrozen": True}}),
    "install": (
        "POST",
        "/tooling/sobjects/PackageInstallRequest",
        {"json": {"SubscriberPackageVersionKey": "04t000000000001AAA"}},
    ),
    "deploy": (
        "POST",
        "/metadata/deployRequest",
        {"files": {"json": (None, "{}"), "file": ("a.zip", package({}))}},
    ),
}


@pytest.mark.parametrize("name", REST_WRITES)
def test_a_read_only_org_refuses_every_rest_write(world, token, name):
    other = world.org.user_by_name(world.seed.break_glass_username)
    world.org.is_read_only = True
    method, path, arguments = REST_WRITES[name]
    answer = world.rest(method, path.format(user=other.id, login=other.user_login_id), token, **arguments)
    assert READ_ONLY in answer.text, answer.text


def test_a_read_only_org_answers_questions_and_keeps_login_history_back(world, token):
    world.org.is_read_only = True
    assert world.query("SELECT IsReadOnly FROM Organization", token)[0]["IsReadOnly"] is True
    before = len(world.query("SELECT Id FROM LoginHistory", token))
    again = world.admin_token()
    assert len(world.query("SELECT Id FROM LoginHistory", again)) == before
    world.org.is_read_only = False
    assert len(world.query("SELECT Id FROM LoginHistory", again)) == before + 1


def test_an_org_in_maintenance_answers_html_and_its_own_soap_fault(world, token):
    world.org.switches.in_maintenance = True
    answer = world.rest("GET", "/limits", token)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (503, "text/html")
    assert "ORG_IN_MAINTENANCE" in world.soap_login().text


# --- names


def test_a_moved_org_redirects_its_old_host_with_path_and_query(world, token):
    world.sim.move_org(world.org, "acme-new.my.salesforce.com")
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{world.base}/services/data/v66.0/query?q=SELECT+Id+FROM+User"
    answer = world.web.get(url, headers=headers, allow_redirects=False)
    assert answer.status_code == 302
    place = answer.headers["Location"]
    assert place.startswith("https://acme-new.my.salesforce.com/services/data/v66.0/query?q=SELECT")
    assert world.web.get(place, headers=headers).json()["totalSize"] > 0


def test_without_redirects_the_old_host_is_gone(world):
    world.sim.move_org(world.org, "acme-new.my.salesforce.com", redirects=False)
    answer = world.web.get(f"{world.base}/services/data", allow_redirects=False)
    assert (answer.status_code, "Location" in answer.headers) == (404, False)


def test_tokens_name_the_new_host_and_assertions_for_the_old_one_are_refused(world, token):
    world.deploy_app(token)
    world.settle()
    new = "acme-new.my.salesforce.com"
    world.sim.move_org(world.org, new)
    assert world.jwt(host=f"https://{new}").json()["error_description"] == "audience is invalid"
    answer = world.jwt(host=f"https://{new}", aud=f"https://{new}").json()
    assert answer["instance_url"] == f"https://{new}"
    assert f"https://{new}/services/Soap/u/64.0/" in world.soap_login(host=f"https://{new}").text


# --- time


@pytest.mark.parametrize("skew_s", [-900.0, 900.0])
def test_a_clock_that_is_off_shows_in_the_date_and_in_the_check_of_exp(world, token, skew_s):
    world.deploy_app(token)
    world.settle()
    assert world.jwt().status_code == 200
    world.org.switches.skew_s = skew_s
    shown_s = parsedate_to_datetime(world.rest("GET", "/limits", token).headers["Date"]).timestamp()
    assert shown_s == pytest.approx(world.wall_s + skew_s, abs=1)
    answer = world.jwt().json()
    assert ("access_token" in answer) == (skew_s < 0)
    assert world.jwt(exp=int(world.wall_s + skew_s) + 120).status_code == 200


# --- versions


@pytest.mark.parametrize("version", [20, 21, 30])
def test_retired_versions_are_gone_everywhere(world, token, version):
    answer = world.web.get(
        f"{world.base}/services/data/v{version}.0/limits", headers={"Authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (410, "GONE")
    for kind in ("u", "c", "m"):
        answer = soap(world, kind, token, "<getUserInfo/>", f"{version}.0")
        assert answer.status_code == 500
        assert "UNSUPPORTED_API_VERSION" in answer.text


@pytest.mark.parametrize("version", ["67.0", "99.0", "66.5", "0.0"])
def test_versions_that_never_were_are_refused_in_each_surfaces_way(world, token, version):
    url = f"{world.base}/services/data/v{version}/limits"
    answer = world.web.get(url, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")
    for kind in ("u", "c", "m"):
        assert "UNSUPPORTED_API_VERSION" in soap(world, kind, token, "<getUserInfo/>", version).text


@pytest.mark.parametrize("version", [31, 40, 64, 66, 67, 68])
def test_every_version_an_org_has_answers_on_every_surface(version):
    world = World("next_release")
    token = world.admin_token()
    listed = {each["version"] for each in world.web.get(f"{world.base}/services/data").json()}
    assert f"{version}.0" in listed
    url = f"{world.base}/services/data/v{version}.0/limits"
    assert world.web.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert soap(world, "u", token, "<getUserInfo/>", f"{version}.0").status_code == 200
    assert soap(world, "m", token, "<describeMetadata/>", f"{version}.0").status_code == 200


# --- deletions


def test_a_deleted_app_is_honoured_by_late_nodes_for_a_while(world, token):
    world.deploy_app(token)
    world.settle()
    world.org.switches.propagation.first_s, world.org.switches.propagation.last_s = 10.0, 30.0
    destructive = (
        f"<Package {METADATA}><types><members>Acme_JWT</members><name>ExternalClientApplication</name>"
        "</types></Package>"
    )
    assert world.deploy({"destructiveChangesPost.xml": destructive}, token)["success"]
    gone_s = world.org.departed_apps[0].gone_s
    seen = set()
    for _ in range(60):
        answer = world.jwt().json()
        seen.add((answer.get("error", "token"), world.sim.now_s() < max(gone_s)))
        world.sim.clock.advance(1)
    assert ("token", True) in seen
    assert ("invalid_client_id", True) in seen
    assert ("invalid_client_id", False) in seen
    assert ("token", False) not in seen


def test_an_app_made_again_under_its_old_key_never_mixes_with_the_old_one(world, token):
    world.deploy_app(token, certificate=certificate_pem())
    world.settle()
    world.org.remove_app("Acme_JWT", world.sim.now_s())
    assert world.deploy(app_files(certificate_pem("second")), token)["success"]
    world.settle()
    assert world.jwt().json()["error_description"] == "invalid assertion"


def test_a_check_only_deletion_leaves_app_and_grants_alone(world, token):
    world.deploy_app(token)
    before = dict(world.org.apps)
    body = (
        f"<Package {METADATA}><types><members>Acme_JWT</members><name>ExternalClientApplication</name>"
        "</types></Package>"
    )
    options = '{"deployOptions": {"checkOnly": true, "rollbackOnError": true, "singlePackage": true}}'
    parts = {"json": (None, options), "file": ("a.zip", package({"destructiveChangesPost.xml": body}))}
    made = world.rest("POST", "/metadata/deployRequest", token, files=parts).json()["id"]
    world.wall_s += 20
    assert world.rest("GET", f"/metadata/deployRequest/{made}", token).json()["deployResult"]["success"]
    assert dict(world.org.apps) == before
    assert not world.org.departed_apps
