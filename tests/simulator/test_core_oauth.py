"""The JWT bearer grant over `requests`: what is checked, in which words, and how apps spread."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from core_wire import (
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
