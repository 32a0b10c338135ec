"""What a rung answers when its switch is off, and what the next rung, and the password, make of it."""

from __future__ import annotations

import pytest
from ladder_world import CONSUMER_KEY, CONSUMER_SECRET, PERSON, Ladder
from scenario_world import Witness

from orchestrator.simulator import sessions

PASSWORD_AND_SECRET = {"password": "env:ADMIN_PASSWORD", "consumer_secret": "env:TOOL_SECRET"}
BY_GRANT = {"consumer_key": CONSUMER_KEY, "secrets": PASSWORD_AND_SECRET}


def with_app(ladder: Ladder) -> None:
    ladder.connected_app()
    ladder.provide(TOOL_SECRET=CONSUMER_SECRET)


def passwords_sent(ladder: Ladder) -> int:
    world = ladder.world
    witness = Witness(world.seen, world.password, world.seed.my_domain_host)
    assert witness.check() == []
    return len(witness.passwords)


def test_a_wrong_password_is_not_tried_again_by_another_door(ladder: Ladder) -> None:
    with_app(ladder)
    ladder.world.give_password("mistyped-0815")
    finished = ladder.play(**BY_GRANT)
    assert (finished.record.result, finished.record.code) == ("failed", "login_invalid")
    assert passwords_sent(ladder) == 1
    assert "OrgLoginHistory" in finished.record.detail


def test_after_a_wrong_password_a_way_without_password_is_still_tried(ladder: Ladder) -> None:
    token = ladder.session().token
    ladder.provide(HANDED=token)
    ladder.world.give_password("mistyped-0815")
    finished = ladder.play(secrets={"password": "env:ADMIN_PASSWORD", "access_token": "env:HANDED"})
    assert [row["rung"] for row in finished.evidence["ladder"]] == ["soap_login", "access_token"]
    assert finished.evidence["bootstrap"]["method"] == "access_token"
    # The wrong password is refused after the lock too, which proves nothing about the right one.
    assert finished.evidence["password_probe"]["baseline"] is None
    assert "never seen to work" in finished.evidence["password_probe"]["meaning"]
    assert finished.evidence["verdicts"]["soap_login"]["state"] == "closed_unproven"


def test_a_ladder_in_another_order_begins_elsewhere(ladder: Ladder) -> None:
    ladder.provide(HANDED=ladder.session().token)
    finished = ladder.play(
        ["access_token", "soap_login"],
        secrets={"password": "env:ADMIN_PASSWORD", "access_token": "env:HANDED"},
    )
    assert finished.evidence["bootstrap"]["method"] == "access_token"
    assert finished.evidence["password_attempts"] <= 1  # only the probe at the end
    assert finished.evidence["password_probe"]["baseline"] is None


def test_what_the_ladder_does_not_name_is_not_used(ladder: Ladder) -> None:
    finished = ladder.play(["web", "sf_cli"])
    assert finished.exit_code == 2
    assert finished.errors[0].code == "bootstrap_missing"
    assert passwords_sent(ladder) == 0


def test_a_rung_that_does_not_exist_is_named(ladder: Ladder) -> None:
    finished = ladder.play(["soap_login", "carrier_pigeon"])
    assert (finished.exit_code, finished.errors[0].code) == (2, "rung_unknown")
    assert "carrier_pigeon" in finished.errors[0].detail


def test_a_blocked_password_grant_names_its_switch_and_who_turns_it(ladder: Ladder) -> None:
    with_app(ladder)
    ladder.world.change({"settings": {"OauthOidcSettings": {"blockOAuthUnPwFlow": "true"}}})
    ladder.world.change({"switches": {"soap_login_enabled": False}})
    finished = ladder.play(**BY_GRANT)
    assert (finished.record.result, finished.record.code) == ("failed", "soap_login_disabled")
    soap, grant = finished.evidence["ladder"]
    assert (soap["code"], grant["code"]) == ("soap_login_disabled", "login_refused")
    assert grant["setup"].endswith("/OauthOidcSettings/home")
    assert "administrator" in grant["who"]
    assert "Customize Application" in finished.record.detail
    assert passwords_sent(ladder) == 2


def test_a_third_password_in_the_bootstrap_leaves_none_for_the_probe(ladder: Ladder) -> None:
    with_app(ladder)
    ladder.world.change({"switches": {"soap_login_enabled": False}})
    ladder.world.fault(kind="status", operation="token", status=503, times=1)
    finished = ladder.play(**BY_GRANT)
    assert finished.evidence["password_attempts"] == 3
    assert "3 password attempts were made" in finished.evidence["password_probe"]["meaning"]
    assert passwords_sent(ladder) == 3


def test_no_more_passwords_are_sent_than_a_strict_policy_allows(ladder: Ladder) -> None:
    with_app(ladder)
    ladder.world.change({"switches": {"soap_login_enabled": False}})
    ladder.world.fault(kind="status", operation="token", status=503, times=99)
    finished = ladder.play(**BY_GRANT)
    assert (finished.record.result, finished.exit_code) == ("failed", 3)
    assert finished.codes.count("soap_login_disabled") <= 1
    assert passwords_sent(ladder) == 3


def test_an_external_client_app_has_no_password_grant(ladder: Ladder) -> None:
    app = ladder.connected_app()
    app.kind = "external_client_app"
    ladder.world.org.app_changed(app, ladder.world.sim.now_s())
    ladder.world.clock.advance(600)
    ladder.provide(TOOL_SECRET=CONSUMER_SECRET)
    finished = ladder.play(["password_grant"], **BY_GRANT)
    assert (finished.record.result, finished.record.code) == ("failed", "grant_unsupported")


def test_a_wrong_consumer_secret_is_a_fault_of_the_orgs_file(ladder: Ladder) -> None:
    ladder.connected_app()
    ladder.provide(TOOL_SECRET="not-the-secret-of-the-app")
    finished = ladder.play(["password_grant"], **BY_GRANT)
    assert finished.record.code == "client_credentials_invalid"
    assert finished.evidence["ladder"][0]["who"] == "whoever keeps the orgs file"


def test_an_expired_token_lets_the_next_rung_try(ladder: Ladder) -> None:
    session, grant = ladder.session(), ladder.grant()
    sessions.close(ladder.world.org, session.token)
    ladder.provide(HANDED=session.token, URL=ladder.sfdx_url(grant))
    finished = ladder.play(username=None, secrets={"access_token": "env:HANDED", "sfdx_auth_url": "env:URL"})
    assert finished.record.result == "succeeded"
    first, last = finished.evidence["ladder"]
    assert (first["code"], last["rung"]) == ("session_expired", "sfdx_auth_url")


def test_a_token_of_another_org_is_sent_nowhere_and_ends_the_run(ladder: Ladder) -> None:
    foreign = ladder.session(org=ladder.world.bystander).token
    ladder.provide(HANDED=foreign, URL=ladder.sfdx_url(ladder.grant()))
    finished = ladder.play(username=None, secrets={"access_token": "env:HANDED", "sfdx_auth_url": "env:URL"})
    assert (finished.record.result, finished.record.code) == ("failed", "org_id_mismatch")
    assert {one.operation for one in ladder.world.seen} == {"auth_configuration", "versions"}
    assert ladder.is_alive(foreign)


@pytest.mark.parametrize("text", ["not a token", "00Dshort!x", "Bearer 00D000000000001!AQcccccccccccccccccc"])
def test_what_is_no_access_token_is_sent_nowhere_and_not_repeated(ladder: Ladder, text: str) -> None:
    ladder.provide(HANDED=text)
    finished = ladder.play(username=None, secrets={"access_token": "env:HANDED"})
    assert (finished.record.result, finished.record.code) == ("failed", "access_token_malformed")
    assert text not in ladder.traces(finished)


def test_a_session_the_org_does_not_want_for_its_api_is_no_way_in(ladder: Ladder) -> None:
    ladder.provide(HANDED=ladder.session().token)
    ladder.world.change({"settings": {"ConnectedAppSettings": {"enableAdminApprovedAppsOnly": "true"}}})
    finished = ladder.play(username=None, secrets={"access_token": "env:HANDED"})
    assert (finished.record.result, finished.record.code) == ("failed", "session_not_valid_for_api")


def test_a_revoked_refresh_token_says_how_to_get_another(ladder: Ladder) -> None:
    grant = ladder.grant()
    ladder.provide(URL=ladder.sfdx_url(grant))
    grant.revoked = True
    finished = ladder.play(username=None, secrets={"sfdx_auth_url": "env:URL"})
    assert finished.record.code == "refresh_token_invalid"
    assert "show-sfdx-auth-url" in finished.stopped_by()[2]
    assert grant.refresh_token not in ladder.traces(finished)


@pytest.mark.parametrize("host", ["evil.example.com", "acme.my.salesforce.com.evil.io", "203.0.113.7"])
def test_an_sfdx_auth_url_of_a_foreign_host_is_sent_nowhere(ladder: Ladder, host: str) -> None:
    ladder.provide(URL=ladder.sfdx_url(ladder.grant(), host=host))
    finished = ladder.play(username=None, secrets={"sfdx_auth_url": "env:URL"})
    assert (finished.record.result, finished.record.code) == ("failed", "sfdx_url_malformed")
    assert not any(one.operation == "token" for one in ladder.world.seen)


def test_an_sfdx_auth_url_of_another_org_is_sent_nowhere(ladder: Ladder) -> None:
    ladder.provide(URL=ladder.sfdx_url(ladder.grant(), host=ladder.world.seeds[1].my_domain_host))
    finished = ladder.play(username=None, secrets={"sfdx_auth_url": "env:URL"})
    assert (finished.record.result, finished.record.code) == ("failed", "org_id_mismatch")
    assert not any(one.operation == "token" for one in ladder.world.seen)


def test_an_sfdx_auth_url_of_the_generic_host_is_redeemed_at_my_domain(ladder: Ladder) -> None:
    ladder.provide(URL=ladder.sfdx_url(ladder.grant(), host="login.salesforce.com"))
    finished = ladder.play(username=None, secrets={"sfdx_auth_url": "env:URL"})
    assert finished.record.result == "succeeded"
    assert {one.host for one in ladder.world.seen} == {ladder.world.seed.my_domain_host}


def test_no_salesforce_cli_on_the_path_says_so(ladder: Ladder) -> None:
    ladder.provide(PATH=str(ladder.folder))
    finished = ladder.play(**PERSON, sf_org="acme-admin")
    assert (finished.record.result, finished.record.code) == ("failed", "sf_cli_unusable")
    assert "@salesforce/cli" in finished.stopped_by()[2]


SF_SAYS = {
    "no such org": (
        {"status": 1, "name": "NamedOrgNotFoundError", "message": "No authorization for acme-admin"},
        "sf_org_unknown",
    ),
    "no JSON": ("Welcome to the Salesforce CLI", "sf_cli_unusable"),
    "no result": ({"status": 0}, "sf_cli_unusable"),
}


@pytest.mark.parametrize("case", SF_SAYS)
def test_a_salesforce_cli_that_does_not_help_is_told_apart(ladder: Ladder, case: str) -> None:
    answer, code = SF_SAYS[case]
    ladder.sf({"org display": answer})
    assert ladder.play(**PERSON, sf_org="acme-admin").record.code == code


def test_the_clis_session_of_another_org_is_sent_nowhere(ladder: Ladder) -> None:
    ladder.sf({"org display": ladder.sf_display(ladder.session().token, id=ladder.world.bystander.id)})
    finished = ladder.play(**PERSON, sf_org="acme-admin")
    assert (finished.record.result, finished.record.code) == ("failed", "org_id_mismatch")
    assert {one.operation for one in ladder.world.seen} == {"auth_configuration", "versions"}
