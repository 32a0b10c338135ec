"""The token endpoint and its neighbours, spoken to over `requests`."""

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
    JWT_BEARER,
    World,
    certificate_pem,
    private_key,
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


def test_a_signed_assertion_of_a_preauthorised_user_gets_a_token_that_works(deployed):
    answer = deployed.jwt()
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert set(document) == {"access_token", "scope", "instance_url", "id", "token_type"}
    assert document["instance_url"] == deployed.base
    assert document["id"].endswith(
        f"/id/{deployed.org.id}/{deployed.user_id(deployed.seed.integration_username)}"
    )
    assert document["access_token"].startswith(deployed.org.id15 + "!")
    rows = deployed.query(
        "SELECT Username FROM User WHERE Username LIKE 'integration%'", document["access_token"]
    )
    assert rows[0]["Username"] == deployed.seed.integration_username


@pytest.mark.parametrize(
    "exp",
    [lambda s: s + 120, lambda s: (s + 120) * 1000, lambda s: str(s + 120), lambda s: s + 86400, lambda s: s],
)
def test_expiry_is_read_in_seconds_milliseconds_and_as_text(deployed, exp):
    assert deployed.jwt(exp=exp(int(deployed.wall_s))).status_code == 200


@pytest.mark.parametrize("audience", ["https://login.salesforce.com", "https://acme.my.salesforce.com/"])
def test_production_audiences_are_taken_with_and_without_slash(deployed, audience):
    assert deployed.jwt(aud=audience).status_code == 200


@pytest.mark.parametrize(
    ("claims", "error", "text"),
    [
        ({"aud": "https://test.salesforce.com"}, "invalid_grant", "audience is invalid"),
        ({"exp": 1_789_990_000}, "invalid_grant", "expired authorization code"),
        ({"exp": "soon"}, "invalid_grant", "invalid assertion"),
        ({"consumer_key": "NOSUCHKEY"}, "invalid_client_id", "client identifier invalid"),
        ({"username": "nobody@acme.example"}, "invalid_grant", "user hasn't approved this consumer"),
        (
            {"username": "sam@acme.example"},
            "invalid_app_access",
            "user is not admin approved to access this app",
        ),
        ({"username": "former@acme.example"}, "inactive_user", "user is inactive"),
    ],
)
def test_each_flaw_of_an_assertion_has_its_own_refusal(deployed, claims, error, text):
    assert refusal(deployed.jwt(**claims)) == (400, error, text)


def test_a_signature_by_another_key_is_an_invalid_assertion(deployed):
    assert refusal(deployed.jwt(key=private_key("other"))) == (400, "invalid_grant", "invalid assertion")


@pytest.mark.parametrize(
    "assertion", ["", "a", "a.b.c", "....", "eyJhbGciOiJub25lIn0.e30.", "\x00.\x00.\x00"]
)
def test_a_broken_assertion_is_refused_and_breaks_nothing(deployed, assertion):
    answer = deployed.token(grant_type=JWT_BEARER, assertion=assertion)
    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_grant", "invalid_request", "invalid_client_id"}


def test_an_app_without_refresh_scope_is_told_so():
    world = World()
    world.deploy_app(world.admin_token(), scopes="Api")
    world.settle()
    status, error, text = refusal(world.jwt())
    assert (status, error) == (400, "invalid_request")
    assert "require a refresh_token scope" in text


def test_a_self_authorised_app_needs_an_earlier_approval():
    world = World()
    world.deploy_app(world.admin_token(), approved=False)
    world.settle()
    assert refusal(world.jwt()) == (400, "invalid_grant", "user hasn't approved this consumer")


def test_a_new_app_climbs_the_ladder_of_transient_refusals():
    world = World()
    world.deploy_app(world.admin_token())
    seen = []
    for _ in range(240):
        answer = world.jwt()
        seen.append("ok" if answer.status_code == 200 else answer.json()["error"])
        world.sim.clock.advance(0.25)
    assert seen[0] == "invalid_client_id"
    assert {"invalid_client_id", "app_not_found", "invalid_grant", "ok"} >= set(seen)
    first_ok = seen.index("ok")
    assert "invalid_client_id" in seen[first_ok:] or "invalid_grant" in seen[first_ok:], (
        "no node lagged behind"
    )
    assert seen[-40:] == ["ok"] * 40


def test_a_new_certificate_reaches_the_nodes_one_after_another():
    world = World()
    token = world.admin_token()
    world.deploy_app(token)
    world.settle()
    world.deploy_app(token, certificate=certificate_pem("second"))
    old, new = [], []
    for _ in range(240):
        old.append(world.jwt().status_code)
        new.append(world.jwt(key=private_key("second")).status_code)
        world.sim.clock.advance(0.25)
    assert (old[0], new[0]) == (200, 400)
    assert 400 in new[new.index(200) :], "every node changed at once"
    assert (set(old[-40:]), set(new[-40:])) == ({400}, {200})


def test_the_same_deploy_again_disturbs_nobody():
    world = World()
    token = world.admin_token()
    world.deploy_app(token)
    world.settle()
    files_again = {"certificate": certificate_pem()}
    world.deploy_app(token, **files_again)
    assert [world.jwt().status_code for _ in range(20)] == [200] * 20


def test_the_generic_host_finds_external_client_apps_only_now_and_then(deployed):
    answers = [
        deployed.jwt(host="https://login.salesforce.com", aud="https://login.salesforce.com")
        for _ in range(60)
    ]
    codes = {answer.status_code for answer in answers}
    assert codes == {200, 400}
    assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"app_not_found"}
    assert deployed.jwt(host="https://test.salesforce.com").json()["error"] == "invalid_client_id"


def test_login_history_tells_flow_and_application(deployed):
    deployed.wall_s += 1
    token = deployed.jwt().json()["access_token"]
    row = deployed.query(
        "SELECT Status, LoginType, LoginSubType, Application FROM LoginHistory ORDER BY LoginTime DESC", token
    )[0]
    assert (row["Status"], row["LoginType"], row["Application"]) == (
        "Success",
        "Remote Access 2.0",
        "Acme JWT",
    )


def test_the_hourly_login_rate_bites_and_passes():
    world = World()
    world.deploy_app(world.admin_token())
    world.settle()
    user = world.org.user_by_name(world.seed.integration_username)
    user.login_times_s.extend([world.sim.now_s()] * 3600)
    assert refusal(world.jwt()) == (400, "rate_limit_exceeded", "number of logins exceeded")
    world.sim.clock.advance(3601)
    assert world.jwt().status_code == 200


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


def test_a_sandbox_takes_the_test_audience_and_not_the_production_one():
    world = World("sandbox")
    world.deploy_app(world.admin_token())
    world.settle()
    assert world.jwt(aud="https://test.salesforce.com").status_code == 200
    assert world.jwt(aud="https://login.salesforce.com").json()["error_description"] == "audience is invalid"


@pytest.mark.parametrize(
    ("fact", "value", "error"),
    [
        ("enabled", False, "app_blocked"),
        ("certificate_pem", None, "invalid_grant"),
        ("required_session_level", "HIGH_ASSURANCE", "invalid_session_level"),
        ("permission_set_names", frozenset(), "invalid_app_access"),
    ],
)
def test_a_change_of_the_app_takes_hold_once_it_has_spread(fact, value, error):
    world = World()
    world.deploy_app(world.admin_token())
    world.settle()
    app = world.org.apps["Acme_JWT"]
    setattr(app, fact, value)
    world.org.app_changed(app, world.sim.now_s())
    assert world.jwt().status_code == 200, "it was in force before it could spread"
    world.settle()
    assert world.jwt().json()["error"] == error


def test_profile_network_ranges_bind_the_jwt_flow_too(deployed):
    user = deployed.org.user_by_name(deployed.seed.integration_username)
    profile = deployed.org.profiles[user.profile_id]
    profile.login_ip_ranges = [("203.0.113.1", "203.0.113.9")]
    assert refusal(deployed.jwt()) == (400, "invalid_grant", "ip restricted")
    profile.login_ip_ranges = []
    assert deployed.jwt().status_code == 200


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
