"""An org is provisioned, something is changed, and the playbook `verify` says exactly what."""

from __future__ import annotations

from typing import Any

import pytest
from scenario_facts import fresh_certificate, plant, user_of
from scenario_world import Finished, Witness, World

from orchestrator.salesforce.client_app import ClientAppPlan, build_client_app
from orchestrator.salesforce.session import Network

APP = "Orchestrator_JWT"
# What the thin JWT user may not read; everything else must hold.
HIDDEN = {"certificate_in_app", "lock:block_password_grant"}


def verify(world: World, inputs: dict[str, str] | None = None, **entry: Any) -> Finished:
    world.forget_history()
    return world.drive(world.start(inputs, playbook="verify", **entry))


def states(finished: Finished) -> dict[str, str]:
    return {check["check"]: check["state"] for check in finished.evidence["verification"]["checks"]}


def drifted(finished: Finished) -> set[str]:
    checks = finished.evidence["verification"]["checks"]
    for check in checks:
        if check["state"] == "drifted":
            assert check["remedy"], check
            assert check["seen"] != check["expected"]
    return {check["check"] for check in checks if check["state"] == "drifted"}


def passwords(world: World) -> int:
    return len(Witness(world.seen, world.password, world.seed.my_domain_host).passwords)


def change_app(world: World, **facts: Any) -> None:
    app = world.org.apps[APP]
    for name, value in facts.items():
        setattr(app, name, value)
    world.org.app_changed(app, world.sim.now_s())
    world.clock.advance(3600.0)


def grant(world: World, *permissions: str) -> None:
    """An administrator lets the JWT user read more."""
    for name in permissions:
        world.change({"grant_permission": {"username": world.seed.integration_username, "permission": name}})


def unassign(world: World) -> None:
    user = user_of(world, world.seed.integration_username)
    for key, row in list(world.org.assignments.items()):
        if (
            row.assignee_id == user.id
            and world.org.permission_sets[row.permission_set_id].name == f"{APP}_Access"
        ):
            del world.org.assignments[key]


def deploy_another_certificate(world: World) -> None:
    plan = ClientAppPlan(
        name=APP,
        label=APP,
        contact_email="someone@example.com",
        certificate_pem=fresh_certificate(world),
        permission_set=f"{APP}_Access",
    )
    plant(world, build_client_app(plan, 66))


def test_everything_holds_after_a_run_and_what_is_hidden_is_shown(world):
    finished = verify(world)
    assert (finished.record.result, finished.exit_code) == ("succeeded", 0)
    found = states(finished)
    assert {name for name, state in found.items() if state == "not_readable"} == HIDDEN
    assert not drifted(finished)
    assert {
        *("credential", "certificate_expiry", "host", "org_id", "jwt_login"),
        *("app_enabled", "app_policy", "assignment", "lock:withdraw_any_api_auth"),
        *("lock:replace_password", "password_logins"),
    } == {name for name, state in found.items() if state == "holds"}
    assert finished.evidence["verification"]["certificate_days_left"] in {363, 364}


def test_nothing_is_written_and_no_password_is_sent(world):
    verify(world)
    assert passwords(world) == 0
    allowed = {"auth_configuration", "versions", "token", "query", "read_metadata", "describe"}
    assert {one.operation for one in world.seen} <= allowed


def test_with_more_rights_the_hidden_checks_hold_too(world):
    grant(world, "ModifyMetadata", "ManageUsers")
    found = states(verify(world))
    assert found["certificate_in_app"] == "holds"
    assert found["lock:block_password_grant"] == "holds"


DRIFT = {
    "the assignment was withdrawn": (unassign, {"jwt_login"}),
    "the JWT user was frozen": (
        lambda w: w.change({"freeze_user": w.seed.integration_username}),
        {"jwt_login"},
    ),
    "the app was switched off": (lambda w: change_app(w, enabled=False), {"jwt_login"}),
    "the certificate was replaced": (deploy_another_certificate, {"jwt_login"}),
    "the policy lists another set beside ours": (
        lambda w: change_app(w, permission_set_names=w.org.apps[APP].permission_set_names | {"Any_API_Auth"}),
        set(),
    ),
    "the password was set again": (
        lambda w: w.change({"set_password": {"username": w.seed.username, "password": "Another-Passw0rd!"}}),
        {"lock:replace_password"},
    ),
    "Use Any API Auth was given back": (
        lambda w: w.change(
            {"grant_permission": {"username": w.seed.username, "permission": "UseAnyApiAuth"}}
        ),
        {"lock:withdraw_any_api_auth"},
    ),
}


@pytest.mark.parametrize("what", DRIFT)
def test_drift_is_found(world, what):
    change, expected = DRIFT[what]
    change(world)
    finished = verify(world)
    assert drifted(finished) == expected
    assert finished.exit_code == (3 if expected else 0)


def test_the_unblocked_password_grant_is_found_where_it_may_be_read(world):
    grant(world, "ModifyMetadata")
    world.change({"settings": {"OauthOidcSettings": {"blockOAuthUnPwFlow": "false"}}})
    assert drifted(verify(world)) == {"lock:block_password_grant"}


def test_a_login_by_password_since_the_lock_is_found(world):
    world.change({"set_password": {"username": world.seed.username, "password": "Another-Passw0rd!"}})
    world.give_password("Another-Passw0rd!")
    probed = verify(world, {"probe_password": "true"})
    assert {"password_probe", "lock:replace_password"} == drifted(probed)
    world.clock.advance(60.0)
    assert "password_logins" in drifted(verify(world))


def test_the_probe_sends_the_old_password_once(world):
    finished = verify(world, {"probe_password": "true"})
    assert states(finished)["password_probe"] == "holds"
    assert passwords(world) == 1
    assert finished.exit_code == 0


def test_a_probe_that_got_no_answer_is_not_repeated_and_claims_nothing(world):
    world.fault(kind="reset", operation="soap_login", when="after", times=1)
    finished = verify(world, {"probe_password": "true"})
    assert states(finished)["password_probe"] == "not_readable"
    assert passwords(world) == 1


class Killed(BaseException):
    """The process ends here."""


def test_a_probe_that_a_crash_cut_off_is_not_repeated(world):
    real = world.app.network

    class DyingNetwork(Network):
        """Delivers the login and dies before its answer can be noted."""

        def exchange(self, prepared, rules):
            answer = real.exchange(prepared, rules)
            if "/services/Soap/u/" in prepared.url:
                raise Killed
            return answer

    run = world.start({"probe_password": "true"}, playbook="verify")
    world.app.__dict__["network"] = DyingNetwork(
        real.policy, clock_s=world.clock.now_s, sleep=world.clock.advance
    )
    world.forget_history()
    with pytest.raises(Killed):
        world.drive(run)
    world.app.network.close()
    world.app.__dict__["network"] = real
    world.clock.advance(120.0)  # the lease of the dead runs out
    finished = world.drive(run)
    assert states(finished)["password_probe"] == "not_readable"
    assert passwords(world) == 1


def test_a_grant_that_is_not_by_our_set_is_drift_even_while_tokens_are_given(world):
    grant(world, "ApiEnabled")
    change_app(world, permission_set_names=frozenset({"Granted_ApiEnabled"}))
    assert drifted(verify(world)) == {"app_policy"}


def test_a_refused_token_is_asked_again_before_it_counts(world):
    world.fault(kind="error", operation="token", code="app_not_found", message="not installed", times=2)
    finished = verify(world)
    assert finished.exit_code == 0
    assert finished.codes == ["app_not_found", "app_not_found"]


def test_a_token_that_stays_refused_is_drift(world):
    world.change({"delete_app": APP})
    world.clock.advance(3600.0)
    finished = verify(world)
    assert drifted(finished) == {"jwt_login"}
    assert finished.exit_code == 3


def test_an_org_in_maintenance_is_unreachable_not_drifted(world):
    world.change({"maintenance": True})
    finished = verify(world)
    assert (finished.record.result, finished.exit_code) == ("failed", 3)
    assert finished.evidence["verification"]["result"] == "unreachable"


def test_a_short_outage_is_waited_for(world):
    world.fault(kind="status", operation="auth_configuration", status=503, times=12)
    assert verify(world).exit_code == 0


@pytest.mark.parametrize(("days", "expected"), [(340, "holds"), (370, "drifted")])
def test_the_end_of_the_certificate_warns_and_then_fails(world, days, expected):
    world.clock.advance(days * 86_400.0)
    finished = verify(world)
    (check,) = [
        row for row in finished.evidence["verification"]["checks"] if row["check"] == "certificate_expiry"
    ]
    assert check["state"] == expected
    assert check.get("warning", False) is (expected == "holds")
    assert finished.exit_code == (0 if expected == "holds" else 3)


def test_a_renamed_my_domain_is_drift_and_gets_no_assertion(world):
    world.change({"moved_my_domain": "newname.my.salesforce.com"})
    finished = verify(world)
    assert drifted(finished) == {"host"}
    assert "newname.my.salesforce.com" in finished.record.detail
    assert not [one for one in world.seen if one.operation == "token"]


def test_another_org_at_the_address_is_drift_and_gets_no_assertion(world):
    world.rewrites["auth_configuration"] = [(r'"OrgId":\s*"[^"]+"', '"OrgId":"00D000000000009"')]
    finished = verify(world)
    assert drifted(finished) == {"org_id"}
    assert not [one for one in world.seen if one.operation == "token"]


def test_an_org_that_was_never_provisioned_does_not_hold(make_world):
    finished = verify(make_world(provisioned=False))
    assert drifted(finished) == {"credential"}
    assert finished.exit_code == 3


def test_another_integration_user_in_the_orgs_file_is_drift(world):
    assert drifted(verify(world, integration_user="somebody.else@acme.example")) == {"credential"}


def test_a_frozen_account_that_was_thawed_is_found_where_it_may_be_read(make_world):
    world = make_world(provisioned=False)
    finished = world.run({"bootstrap_principal": "dedicated"})
    assert finished.record.result == "succeeded", finished.record.detail
    world.clock.advance(3600.0)
    found = states(verify(world))
    assert found["lock:freeze_user"] == "not_readable"
    assert found["lock:deactivate_user"] == "holds"
    grant(world, "ManageUsers")
    world.change({"unfreeze_user": world.seed.username, "activate_user": world.seed.username})
    assert {"lock:freeze_user", "lock:deactivate_user"} <= drifted(verify(world))


def test_the_owner_of_a_password_that_was_left_may_log_in(make_world):
    world = make_world(provisioned=False)
    finished = world.run({"bootstrap_principal": "human_admin"})
    assert finished.record.result == "needs_attention"
    finished = verify(world)
    assert not drifted(finished)
    assert states(finished)["password_logins"] == "holds"


def test_a_connected_app_has_no_switch_to_check(make_world):
    world = make_world(provisioned=False, profile="legacy_connected_apps")
    assert world.run({"app_kind": "connected_app"}).record.result == "succeeded"
    world.clock.advance(3600.0)
    found = states(verify(world))
    assert found["app_enabled"] == "not_applicable"
    assert (found["app_policy"], found["assignment"]) == ("holds", "holds")
