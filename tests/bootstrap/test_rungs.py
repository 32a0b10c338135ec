"""Every way in, through the whole hybrid playbook, against the simulator over TLS."""

from __future__ import annotations

from ladder_world import CONSUMER_KEY, CONSUMER_SECRET, PERSON, Ladder

ENDED = "revoked; a call with it was refused"


def test_soap_login_is_the_first_of_the_ways_a_password_offers(ladder: Ladder) -> None:
    finished = ladder.play()
    assert (finished.record.result, finished.exit_code) == ("succeeded", 0)
    entered = finished.evidence["bootstrap"]
    assert (entered["method"], entered["session_of"], entered["user_id"]) == (
        "soap_login",
        "run",
        ladder.admin.id,
    )
    assert "ladder" not in finished.evidence
    assert finished.evidence["password_probe"]["baseline"]["at"] == entered["at"]


def test_the_password_grant_of_the_customers_app_opens_an_org_without_soap_login(ladder: Ladder) -> None:
    ladder.connected_app()
    ladder.provide(TOOL_SECRET=CONSUMER_SECRET)
    ladder.world.change({"switches": {"soap_login_enabled": False}})
    secrets = {"password": "env:ADMIN_PASSWORD", "consumer_secret": "env:TOOL_SECRET"}
    finished = ladder.play(consumer_key=CONSUMER_KEY, secrets=secrets)
    assert (finished.record.result, finished.exit_code) == ("succeeded", 0)
    assert finished.evidence["bootstrap"]["method"] == "password_grant"
    assert finished.evidence["bootstrap"]["username"] == ladder.world.seed.username
    first, last = finished.evidence["ladder"]
    assert (first["rung"], first["code"]) == ("soap_login", "soap_login_disabled")
    assert first["setup"].endswith("/lightning/setup/UserInterfaceUI/home")
    assert (last["rung"], last["code"]) == ("password_grant", "")
    assert finished.evidence["adopted"]["bootstrap_session"] == ENDED
    assert "password" not in ladder.living_grants()
    # The switch that refused the bootstrap refuses the probe too, and is named; nothing else is claimed.
    assert finished.evidence["password_probe"]["answer"] == "soap_login_disabled"
    assert finished.evidence["password_attempts"] == 3
    assert CONSUMER_SECRET not in ladder.traces(finished)


def test_a_token_somebody_handed_over_is_used_and_left_alone(ladder: Ladder) -> None:
    token = ladder.session().token
    ladder.provide(HANDED=token)
    finished = ladder.play(username=None, secrets={"access_token": "env:HANDED"})
    assert (finished.record.result, finished.exit_code) == ("succeeded", 0)
    entered = finished.evidence["bootstrap"]
    assert (entered["method"], entered["session_of"]) == ("access_token", "person")
    assert entered["username"] == ladder.world.seed.username
    assert finished.evidence["adopted"]["bootstrap_session"].startswith(
        "left alone: it belongs to the person"
    )
    assert ladder.is_alive(token)
    assert ladder.world.truth()["jwt_works"]
    assert token not in ladder.traces(finished)


def test_without_a_password_no_password_is_sent_locked_or_talked_about(ladder: Ladder) -> None:
    ladder.provide(HANDED=ladder.session().token)
    finished = ladder.play(username=None, secrets={"access_token": "env:HANDED"})
    assert {"soap_login", "set_password"}.isdisjoint({one.operation for one in ladder.world.seen})
    assert finished.evidence["password_attempts"] == 0
    assert finished.evidence["bootstrap"]["meaning"] == "no password was used; nothing is known about one"
    assert finished.evidence["password_probe"]["when"] is None
    assert "no password was handed over" in finished.evidence["password_probe"]["meaning"]
    assert finished.evidence["verdicts"] == {}
    assert ladder.world.truth()["password_works"]  # the person's own, and nobody's business


def test_a_run_without_password_for_a_named_person_touches_nothing_of_that_person(ladder: Ladder) -> None:
    token = ladder.session().token
    ladder.provide(HANDED=token)
    finished = ladder.play(secrets={"access_token": "env:HANDED"})
    assert finished.evidence["lock_plan"]["principal"] == "human_admin"
    assert [step["mechanism"] for step in finished.evidence["lock_plan"]["steps"]] == ["block_password_grant"]
    assert finished.evidence["password_probe"]["meaning"] == "no password was given, so none can be tried"
    assert (finished.record.result, finished.exit_code) == ("needs_attention", 4)
    assert ladder.is_alive(token)


def test_an_sfdx_auth_url_buys_a_token_of_ours_that_is_dead_afterwards(ladder: Ladder) -> None:
    grant = ladder.grant()
    ladder.provide(URL=ladder.sfdx_url(grant))
    finished = ladder.play(username=None, secrets={"sfdx_auth_url": "env:URL"})
    assert (finished.record.result, finished.exit_code) == ("succeeded", 0)
    assert finished.evidence["bootstrap"]["method"] == "sfdx_auth_url"
    assert finished.evidence["adopted"]["bootstrap_session"] == ENDED
    assert "refresh_token" not in ladder.living_grants()
    assert not ladder.is_revoked(grant)  # the person's login with `sf` goes on
    assert grant.refresh_token not in ladder.traces(finished)


def test_a_rotated_refresh_token_that_only_the_run_knows_is_revoked_and_the_person_told(
    ladder: Ladder,
) -> None:
    app = ladder.connected_app(refresh_token_rotation=True)
    grant = ladder.grant(app)
    ladder.provide(URL=ladder.sfdx_url(grant, app=CONSUMER_KEY, secret=CONSUMER_SECRET))
    finished = ladder.play(username=None, secrets={"sfdx_auth_url": "env:URL"})
    assert finished.record.result == "succeeded"
    assert "the SFDX auth URL is used up" in finished.evidence["bootstrap"]["remarks"][0]
    assert ladder.is_revoked(grant)
    assert "refresh_token" not in ladder.living_grants()


def test_the_session_of_the_salesforce_cli_is_used_and_left_alone(ladder: Ladder) -> None:
    token = ladder.session().token
    hidden = "[REDACTED] Use 'sf org auth show-access-token' to view"
    ladder.sf(
        {
            "org display": ladder.sf_display(hidden),
            "org auth show-access-token": {"status": 0, "result": {"accessToken": token}},
        }
    )
    finished = ladder.play(**PERSON, sf_org="acme-admin")
    assert (finished.record.result, finished.exit_code) == ("succeeded", 0)
    assert finished.evidence["bootstrap"]["method"] == "sf_cli"
    assert [words[:2] for words in ladder.asked_of_sf()] == [["org", "display"], ["org", "auth"]]
    assert all("acme-admin" in words for words in ladder.asked_of_sf())
    assert ladder.is_alive(token)
    assert token not in ladder.traces(finished)


def test_an_older_salesforce_cli_shows_the_token_at_once(ladder: Ladder) -> None:
    token = ladder.session().token
    ladder.sf({"org display": ladder.sf_display(token)})
    finished = ladder.play(**PERSON, sf_org="acme-admin")
    assert finished.record.result == "succeeded"
    assert len(ladder.asked_of_sf()) == 1


def test_a_login_in_the_browser_with_pkce_gives_a_session_that_is_dead_afterwards(ladder: Ladder) -> None:
    callback = ladder.watched()
    finished = ladder.play(**PERSON, web=True, web_callback=callback)
    assert (finished.record.result, finished.exit_code) == ("succeeded", 0)
    assert finished.evidence["bootstrap"]["method"] == "web"
    assert finished.evidence["adopted"]["bootstrap_session"] == ENDED
    assert "authorization_code" not in ladder.living_grants()
    assert ladder.world.org.oauth_grants == {}  # no refresh token was asked for
    (opened,) = ladder.opened
    assert "code_challenge_method=S256" in opened
    assert "client_id=PlatformCLI" in opened
    exchange = next(one for one in ladder.world.seen if b"authorization_code" in one.body)
    assert b"code_verifier=" in exchange.body


def test_without_a_user_in_the_orgs_file_a_second_run_finds_its_credential_again(ladder: Ladder) -> None:
    ladder.provide(HANDED=ladder.session().token)
    entry = {"username": None, "integration_user": None, "secrets": {"access_token": "env:HANDED"}}
    first, second = ladder.play(**entry), ladder.play(**entry)
    assert (first.record.result, second.record.result) == ("succeeded", "succeeded")
    assert "bootstrap" not in second.states
    assert second.evidence["credential"]["username"] == ladder.world.seed.username
