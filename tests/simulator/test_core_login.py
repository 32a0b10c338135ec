"""SOAP login as an outsider sees it, and what Login History says about it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from core_wire import World


def code(answer) -> str:
    return answer.text.partition("<sf:exceptionCode>")[2].partition("</")[0]


def last_status(world: World) -> str:
    return world.org.login_history[-1].status


def admin(world: World):
    return world.org.user_by_name(world.seed.username)


def test_a_right_password_opens_a_session_that_works():
    world = World()
    assert world.rest("GET", "/limits", world.admin_token()).status_code == 200
    assert last_status(world) == "Success"


def test_a_password_with_its_security_token_appended_is_right_too():
    world = World()
    assert world.soap_login(world.seed.password + world.seed.security_token).status_code == 200
    assert code(world.soap_login(world.seed.password + "x")) == "INVALID_LOGIN"


def test_the_login_host_finds_production_users_and_the_test_host_does_not():
    world = World()
    assert world.soap_login(host="https://login.salesforce.com").status_code == 200
    assert code(world.soap_login(host="https://test.salesforce.com")) == "INVALID_LOGIN"
    sandbox = World("sandbox")
    assert sandbox.soap_login(host="https://test.salesforce.com").status_code == 200
    assert code(sandbox.soap_login(host="https://login.salesforce.com")) == "INVALID_LOGIN"


def set_fact(name):
    def change(world):
        setattr(admin(world), name, True if name == "is_frozen" else False)  # noqa: SIM210 - says which

    return change


def restrict_network(world):
    world.org.profiles[admin(world).profile_id].login_ip_ranges = [("203.0.113.1", "203.0.113.9")]


def close_hours(world):
    world.org.profiles[admin(world).profile_id].login_hours_open = False


def require_my_domain(world):
    world.org.settings["MyDomainSettings"]["doesApiLoginRequireOrgDomain"] = "true"


def give_sso(world):
    world.org.permission_sets[world.org.permission_set_by_name("Any_API_Auth").id].user_permissions.add(
        "IsSsoEnabled"
    )


def give_sso_with_dead_gateway(world):
    give_sso(world)
    world.org.switches.delegated_gateway = "unreachable"


def no_api(world):
    world.org.profiles[admin(world).profile_id].user_permissions.discard("ApiEnabled")


REFUSALS = {
    "frozen": (set_fact("is_frozen"), "INVALID_LOGIN", "User is Frozen"),
    "inactive": (set_fact("is_active"), "INVALID_LOGIN", "User is Inactive"),
    "network": (restrict_network, "LOGIN_DURING_RESTRICTED_DOMAIN", "Restricted IP"),
    "hours": (close_hours, "LOGIN_DURING_RESTRICTED_TIME", "Restricted time"),
    "single sign-on": (give_sso, "INVALID_SSO_GATEWAY_URL", "The Single Sign-On Gateway URL is invalid"),
    "dead gateway": (give_sso_with_dead_gateway, "SSO_SERVICE_DOWN", "Failed: SSO service down"),
    "no api": (no_api, "API_DISABLED_FOR_ORG", "API Disabled"),
}


@pytest.mark.parametrize(("change", "expected", "status"), REFUSALS.values(), ids=REFUSALS.keys())
def test_each_state_of_a_user_refuses_in_its_own_way(change, expected, status):
    world = World()
    change(world)
    answer = world.soap_login()
    assert (answer.status_code, code(answer), last_status(world)) == (500, expected, status)
    assert admin(world).failed_attempts == 0, "a refusal that is no wrong password was counted as one"


def test_my_domain_may_be_required():
    world = World()
    require_my_domain(world)
    assert code(world.soap_login(host="https://login.salesforce.com")) == "INVALID_LOGIN"
    assert last_status(world) == "Restricted domain"
    assert world.soap_login().status_code == 200


@pytest.mark.parametrize(
    ("profile", "expected", "text"),
    [
        ("soap_login_off", "INVALID_OPERATION", "SOAP API login() is disabled by default in this org."),
        ("any_api_auth_missing", "INSUFFICIENT_ACCESS", "requires the Use Any API Auth user permission."),
        ("security_token_required", "LOGIN_MUST_USE_SECURITY_TOKEN", "you must add a security token"),
    ],
)
def test_org_profiles_refuse_with_the_documented_words(profile, expected, text):
    world = World(profile)
    answer = world.soap_login()
    assert code(answer) == expected
    assert text in answer.text


def test_a_trusted_network_needs_no_security_token():
    world = World("security_token_required")
    world.org.settings["SecuritySettings"]["networkAccess"] = {
        "ipRanges": {"start": "127.0.0.0", "end": "127.0.0.9"}
    }
    assert world.soap_login().status_code == 200


def test_under_api_access_control_the_session_is_useless_for_the_api():
    world = World("api_access_control")
    answer = world.rest("GET", "/limits", world.admin_token())
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (403, "INVALID_SESSION_ID")
    assert "not valid for use with the API" in answer.json()[0]["message"]


def test_ten_wrong_passwords_lock_and_the_lock_passes_with_time():
    world = World()
    assert [code(world.soap_login("wrong")) for _ in range(10)] == ["INVALID_LOGIN"] * 10
    assert code(world.soap_login()) == "INVALID_LOGIN", "a locked user got in"
    assert last_status(world) == "Password Lockout"
    world.sim.clock.advance(15 * 60 + 1)
    assert world.soap_login().status_code == 200
    assert admin(world).failed_attempts == 0


def test_a_wrong_password_after_a_lock_starts_counting_anew():
    world = World()
    for _ in range(10):
        world.soap_login("wrong")
    world.sim.clock.advance(15 * 60 + 1)
    world.soap_login("wrong")
    assert admin(world).failed_attempts == 1
    assert world.soap_login().status_code == 200


def test_a_lock_forever_needs_an_administrator():
    world = World()
    world.org.settings["SecuritySettings"]["passwordPolicies"].update(
        maxLoginAttempts="ThreeAttempts", lockoutInterval="Forever"
    )
    for _ in range(3):
        world.soap_login("wrong")
    world.sim.clock.advance(1e9)
    assert code(world.soap_login()) == "INVALID_LOGIN"


def test_a_lock_leaves_a_live_session_alone():
    world = World()
    token = world.admin_token()
    for _ in range(10):
        world.soap_login("wrong")
    assert world.rest("GET", "/limits", token).status_code == 200


def test_sessions_expire_when_idle_and_live_when_used():
    world = World()
    used, idle = world.admin_token(), world.admin_token()
    for _ in range(4):
        world.sim.clock.advance(3600)
        assert world.rest("GET", "/limits", used).status_code == 200
    assert world.rest("GET", "/limits", idle).status_code == 401


def test_an_expired_password_gives_a_session_good_for_nothing_else():
    world = World()
    admin(world).password_expired = True
    answer = world.soap_login()
    assert "<passwordExpired>true</passwordExpired>" in answer.text
    token = answer.text.partition("<sessionId>")[2].partition("</")[0]
    refused = world.rest("GET", "/limits", token)
    assert refused.json()[0]["errorCode"] == "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"


def test_login_history_may_come_late():
    world = World()
    world.org.switches.login_history_delay_s = 60
    token = world.admin_token()
    assert world.query("SELECT Id FROM LoginHistory", token) == []
    world.sim.clock.advance(61)
    assert len(world.query("SELECT Id FROM LoginHistory", token)) == 1


def test_the_same_seed_gives_the_same_orgs_and_another_seed_others():
    one, same, other = World(seed="a"), World(seed="a"), World(seed="b")
    assert (one.org.id, one.seed.password) == (same.org.id, same.seed.password)
    assert one.org.id != other.org.id
    assert one.seed.password != other.seed.password
    assert one.org.id.startswith("00DSIM")
