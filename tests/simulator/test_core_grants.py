"""Grants other than the assertion, and the neighbours of the token endpoint."""

from __future__ import annotations

import base64
import hashlib
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

sys.path.append(str(Path(__file__).parent))

from core_wire import (
    CALLBACK,
    CONSUMER_KEY,
    World,
)


@pytest.fixture(scope="module")
def deployed() -> World:
    """An org with a working app; tests that change it make their own."""
    world = World()
    world.deploy_app(world.admin_token())
    world.settle()
    return world


def refusal(answer) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["error"], answer.json()["error_description"]


def test_the_password_flow_needs_a_connected_app_and_can_be_blocked():
    world = World("legacy_connected_apps")
    app = world.org.apps["Legacy_Loader"]
    fields = {
        "grant_type": "password",
        "client_id": app.consumer_key,
        "client_secret": app.consumer_secret,
        "username": world.seed.username,
        "password": world.seed.password,
    }
    assert world.token(**fields).status_code == 200
    assert refusal(world.token(**{**fields, "client_secret": "wrong"}))[1:] == (
        "invalid_client",
        "invalid client credentials",
    )
    assert refusal(world.token(**{**fields, "password": "wrong"}))[1:] == (
        "invalid_grant",
        "authentication failure",
    )
    world.org.settings["OauthOidcSettings"]["blockOAuthUnPwFlow"] = "true"
    assert refusal(world.token(**fields))[1:] == ("invalid_grant", "authentication failure")
    assert [row.status for row in world.org.login_history][-2:] == [
        "Invalid Password",
        "Username-Password Flow Disabled",
    ]


def test_external_client_apps_refuse_the_password_flow(deployed):
    answer = deployed.token(
        grant_type="password",
        client_id=CONSUMER_KEY,
        username=deployed.seed.username,
        password=deployed.seed.password,
    )
    assert answer.json()["error"] == "unsupported_grant_type"


def authorize(world: World, **fields):
    answer = world.web.get(f"{world.base}/services/oauth2/authorize", params=fields, allow_redirects=False)
    location = answer.headers.get("Location", "")
    return answer, {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def test_the_cli_logs_in_by_browser_with_pkce_and_refreshes():
    world = World()
    redirect = "http://localhost:1717/OauthRedirect"
    verifier = "v" * 128
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    answer, given = authorize(
        world,
        response_type="code",
        client_id="PlatformCLI",
        redirect_uri=redirect,
        state="xyz",
        prompt="login",
        scope="refresh_token api web",
        code_challenge=challenge,
    )
    assert (answer.status_code, given["state"]) == (302, "xyz")
    fields = {
        "grant_type": "authorization_code",
        "code": given["code"],
        "client_id": "PlatformCLI",
        "redirect_uri": redirect,
    }
    wrong = world.token(**fields, code_verifier="w" * 128)
    assert wrong.json()["error"] == "invalid_grant", "a wrong verifier must not pass"
    _, given = authorize(
        world,
        response_type="code",
        client_id="PlatformCLI",
        redirect_uri=redirect,
        scope="refresh_token api web",
        code_challenge=challenge,
    )
    document = world.token(**{**fields, "code": given["code"]}, code_verifier=verifier).json()
    assert set(document) >= {"access_token", "refresh_token", "signature", "issued_at", "id"}
    again = world.token(
        grant_type="refresh_token", client_id="PlatformCLI", refresh_token=document["refresh_token"]
    )
    assert again.status_code == 200
    assert again.json()["access_token"] != document["access_token"]
    assert world.token(**{**fields, "code": given["code"]}, code_verifier=verifier).status_code == 400


def test_the_immediate_probe_tells_a_known_key_from_an_unknown_one(deployed):
    asked = {
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "code_challenge": "x" * 43,
        "immediate": "true",
    }
    known, given = authorize(deployed, client_id=CONSUMER_KEY, **asked)
    assert (known.status_code, given["error"]) == (302, "immediate_unsuccessful")
    unknown, _ = authorize(deployed, client_id="NOSUCHKEY", **asked)
    assert "error=invalid_client_id&amp;error_description=client%20identifier%20invalid" in unknown.text
    elsewhere, _ = authorize(
        deployed, client_id=CONSUMER_KEY, **{**asked, "redirect_uri": "https://elsewhere.example"}
    )
    assert "redirect_uri_mismatch" in elsewhere.text


def test_a_revoked_token_is_dead_at_once():
    world = World()
    token = world.admin_token()
    assert world.rest("GET", "/limits", token).status_code == 200
    assert world.web.post(f"{world.base}/services/oauth2/revoke", data={"token": token}).status_code == 200
    answer = world.rest("GET", "/limits", token)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_userinfo_names_user_and_org(deployed):
    token = deployed.jwt().json()["access_token"]
    found = deployed.web.get(
        f"{deployed.base}/services/oauth2/userinfo", headers={"Authorization": f"Bearer {token}"}
    ).json()
    assert (found["organization_id"], found["preferred_username"]) == (
        deployed.org.id,
        deployed.seed.integration_username,
    )


def test_single_access_is_refused_to_api_only_users_and_given_to_admins(deployed):
    address = f"{deployed.base}/services/oauth2/singleaccess"
    token = deployed.jwt().json()["access_token"]
    assert deployed.web.get(address, headers={"Authorization": f"Bearer {token}"}).status_code == 403
    admin = {"Authorization": f"Bearer {deployed.admin_token()}"}
    assert deployed.web.get(address, headers=admin).json()["frontdoor_uri"].startswith(deployed.base)


def test_discovery_needs_no_login(deployed):
    configuration = deployed.web.get(f"{deployed.base}/.well-known/auth-configuration").json()
    assert configuration["OrgId"] == deployed.org.id15
    openid = deployed.web.get(f"{deployed.base}/.well-known/openid-configuration").json()
    assert openid["token_endpoint"] == f"{deployed.base}/services/oauth2/token"


def test_jwt_format_tokens_work_over_rest():
    world = World()
    world.deploy_app(world.admin_token())
    app = world.org.apps["Acme_JWT"]
    app.issues_jwt_tokens = True
    world.org.app_changed(app, world.sim.now_s())
    world.settle()
    token = world.jwt().json()["access_token"]
    assert token.count(".") == 2
    assert world.rest("GET", "/limits", token).status_code == 200


def test_client_credentials_run_as_the_named_user_on_my_domain_only():
    world = World()
    world.deploy_app(world.admin_token())
    app = world.org.apps["Acme_JWT"]
    app.client_credentials_enabled, app.consumer_secret = True, "S" * 32
    world.org.app_changed(app, world.sim.now_s())
    world.settle()
    fields = {"grant_type": "client_credentials", "client_id": CONSUMER_KEY, "client_secret": "S" * 32}
    assert world.token(**fields).json()["error_description"] == "no client credentials user enabled"
    app.client_credentials_username = world.seed.integration_username
    world.org.app_changed(app, world.sim.now_s())
    world.settle()
    assert world.token(**fields).status_code == 200
    assert world.token(host="https://login.salesforce.com", **fields).status_code == 400
    assert world.token(**{**fields, "client_secret": "x"}).json()["error"] == "invalid_client"


def test_a_reused_rotated_refresh_token_revokes_its_family():
    world = World()
    world.deploy_app(world.admin_token(), scopes="Api, RefreshToken, Web")
    app = world.org.apps["Acme_JWT"]
    app.refresh_token_rotation, app.pkce_required, app.secret_optional = True, False, True
    world.org.app_changed(app, world.sim.now_s())
    world.settle()
    user = world.seed.integration_username
    _, given = authorize(
        world, response_type="code", client_id=CONSUMER_KEY, redirect_uri=CALLBACK, login_hint=user
    )
    first = world.token(
        grant_type="authorization_code", code=given["code"], client_id=CONSUMER_KEY, redirect_uri=CALLBACK
    ).json()["refresh_token"]
    second = world.token(grant_type="refresh_token", client_id=CONSUMER_KEY, refresh_token=first).json()[
        "refresh_token"
    ]
    assert second != first
    assert (
        world.token(grant_type="refresh_token", client_id=CONSUMER_KEY, refresh_token=first).status_code
        == 400
    )
    assert (
        world.token(grant_type="refresh_token", client_id=CONSUMER_KEY, refresh_token=second).status_code
        == 400
    )
