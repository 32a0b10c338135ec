"""What goes wrong is told apart, at once, in words, and the set-up goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from guided_world import Guided

from orchestrator.catalogue import FAULTS
from orchestrator.simulator.http import Request, Response

APP = "Orchestrator_JWT"


def unknown(guided: Guided) -> str:
    guided.make_app(guided.get(f"/{guided.run}"))
    return "3MVG9" + "x" * 80


def of_another_org(guided: Guided) -> str:
    return guided.make_app(guided.get(f"/{guided.run}"), org=guided.other)


def wrong_callback(guided: Guided) -> str:
    return guided.make_app(guided.get(f"/{guided.run}"), callback_url="https://elsewhere.example/callback")


def blocked(guided: Guided) -> str:
    return guided.make_app(guided.get(f"/{guided.run}"), enabled=False)


def flow_off(guided: Guided) -> str:
    return guided.make_app(guided.get(f"/{guided.run}"), oauth_plugin_enabled=False)


def not_propagated(guided: Guided) -> str:
    guided.change({"propagation": {"first_s": 3000, "last_s": 3000}})
    return guided.make_app(guided.get(f"/{guided.run}"))


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (unknown, "client_id_unknown"),
        (of_another_org, "client_id_unknown"),
        (not_propagated, "client_id_unknown"),
        (wrong_callback, "callback_mismatch"),
        (blocked, "app_blocked"),
        (flow_off, "flow_disabled"),
    ],
)
def test_each_trouble_of_a_key_is_told_by_name_with_a_way_on(
    guided: Guided, prepare: Callable[[Guided], str], code: str
) -> None:
    guided.begin()
    page = guided.give_key(prepare(guided))
    assert (page.heading, page.code) == ("Make the app, bring back its key", code)
    assert FAULTS[code].remedy[:40] in page.text.replace("&gt;", ">")
    assert 'role="alert"' in page.text
    assert list(guided.org.login_history) == []


def test_a_vendors_app_that_is_not_installed_here_is_told_apart_from_an_unknown_key(guided: Guided) -> None:
    guided.begin()
    apps = [package.app for package in guided.sim.packages if package.app]
    codes = {app.kind: guided.give_key(app.consumer_key).code for app in apps}
    assert codes["external_client_app"] == "app_not_found"
    assert codes.get("connected_app", "app_blocked") == "app_blocked"


def test_a_key_whose_trouble_is_mended_is_taken_the_next_time(guided: Guided) -> None:
    page = guided.begin()
    right = page.value("value-callback_url")
    key = guided.make_app(page, callback_url=right + "/wrong")
    page = guided.give_key(key)
    assert page.code == "callback_mismatch"
    assert page.value("consumer_key") == key
    guided.change({"change_app": {"name": APP, "callback_url": right}})
    assert guided.give_key(key).heading == "Log in once"


@pytest.mark.parametrize(
    "text",
    ["", "ABCDEF0123456789" * 4, "-----BEGIN PRIVATE KEY-----\nMIIE", "https://acme.my.salesforce.com"],
)
def test_what_is_no_key_is_sent_nowhere_and_stored_nowhere(guided: Guided, text: str) -> None:
    guided.begin()
    guided.seen.clear()
    page = guided.give_key(text)
    assert (page.status, page.code) == (422, "consumer_key_unusable")
    assert guided.seen == []
    assert guided.record().position.state == "create_app"
    assert "operator" not in guided.record().evidence
    if text.startswith(("ABC", "-----")):
        journal = b"".join(path.read_bytes() for path in guided.home.glob("journal.db*") if path.is_file())
        assert text[:24].encode() not in journal


def test_the_key_pasted_for_the_secret_is_noticed(guided: Guided) -> None:
    guided.begin()
    page = guided.give_key("3MVG9" + "y" * 80, secret="3MVG9" + "y" * 80)
    assert (page.status, page.code) == (422, "consumer_secret_unusable")


def test_a_login_that_is_denied_is_told_and_may_be_tried_again(guided: Guided) -> None:
    page = guided.to_login()
    state = parse_qs(urlsplit(page.link("/services/oauth2/authorize")).query)["state"][0]
    said = urlencode(
        {"error": "access_denied", "error_description": "end-user denied authorization", "state": state}
    )
    page = guided.come_back(f"{guided.origin}/OauthRedirect?{said}")
    assert (page.heading, page.code) == ("Log in once", "authorization_denied")
    guided.come_back(guided.log_in(page))
    guided.settled("Connected")


def test_a_callback_that_comes_twice_is_refused_the_second_time(guided: Guided) -> None:
    address = guided.log_in(guided.to_login())
    guided.come_back(address)
    guided.settled("Connected")
    page = guided.come_back(address)
    assert (page.status, page.code) == (400, "authorization_code_spent")


def test_a_callback_with_a_state_of_somebody_else_changes_nothing(guided: Guided) -> None:
    address = guided.log_in(guided.to_login())
    query = parse_qs(urlsplit(address).query)
    forged = urlencode({"code": query["code"][0], "state": "A" * 43})
    page = guided.come_back(f"{guided.origin}/OauthRedirect?{forged}")
    assert (page.status, page.code) == (400, "authorization_state_mismatch")
    assert "token-of-the-page" not in page.text
    assert guided.record().position.state == "sign_in"
    guided.come_back(address)
    guided.settled("Connected")


def test_the_state_of_an_earlier_login_is_worth_nothing_for_the_next(guided: Guided) -> None:
    first = guided.to_login()
    old = guided.log_in(first)
    page = guided.post(f"/{guided.run}/reject", {})
    assert page.heading == "Make the app, bring back its key"
    guided.give_key(guided.org.apps[APP].consumer_key)
    page = guided.come_back(old)
    assert (page.status, page.code) == (400, "authorization_state_mismatch")


def test_a_code_that_was_used_by_somebody_else_asks_for_another_login(guided: Guided) -> None:
    address = guided.log_in(guided.to_login())
    guided.org.authorization_codes.clear()
    page = guided.come_back(address)
    assert (page.heading, page.code) == ("Log in once", "authorization_code_spent")


def test_a_login_in_another_org_is_noticed_and_its_token_revoked(guided: Guided) -> None:
    page = guided.to_login()

    def other_org(request: Request, response: Response) -> None:
        if request.path == "/services/oauth2/token":
            response.body = response.body.replace(guided.seed.org_id.encode(), b"00D000000000009AAA")

    guided.rewrite = other_org
    page = guided.come_back(guided.log_in(page))
    assert (page.heading, page.code) == ("Log in once", "org_id_mismatch")
    assert ("POST", "/services/oauth2/revoke") in guided.seen
    assert guided.app.vault.names(f"org:{guided.record().org}") == []


def test_a_login_whose_user_may_not_use_the_api_is_told_as_such(guided: Guided) -> None:
    page = guided.to_login()

    def no_api(request: Request, response: Response) -> None:
        if "/query" in request.path:
            response.status = 403
            said = "The REST API is not enabled for this Organization."
            response.body = json.dumps([{"errorCode": "API_DISABLED_FOR_ORG", "message": said}]).encode()

    guided.rewrite = no_api
    page = guided.come_back(guided.log_in(page))
    assert (page.heading, page.code) == ("Log in once", "api_disabled")


def test_an_exchange_that_was_cut_off_asks_for_another_login_and_never_sends_the_code_again(
    guided: Guided,
) -> None:
    page = guided.to_login()
    guided.sim.faults.add({"kind": "reset", "operation": "token", "times": 1})
    sent = guided.seen.count(("POST", "/services/oauth2/token"))
    page = guided.come_back(guided.log_in(page))
    assert page.heading == "Log in once"
    assert page.code.startswith("network") or page.code == "authorization_code_spent"
    assert guided.seen.count(("POST", "/services/oauth2/token")) == sent + 1


def test_an_app_without_the_refresh_scope_is_told_where_no_certificate_was_uploaded(guided: Guided) -> None:
    page = guided.begin()
    page = guided.give_key(guided.make_app(page, scopes=["Api"]), uploaded=False)
    page = guided.come_back(guided.log_in(page))
    assert (page.heading, page.code) == ("Make the app, bring back its key", "refresh_token_scope_missing")


def test_a_second_click_on_the_same_button_does_no_harm(guided: Guided) -> None:
    page = guided.begin()
    key = guided.make_app(page)
    assert guided.give_key(key).heading == "Log in once"
    assert guided.give_key(key).heading == "Log in once"


def test_an_org_in_trouble_says_nothing_about_the_key(guided: Guided) -> None:
    page = guided.begin()
    key = guided.make_app(page)
    guided.sim.faults.add({"kind": "status", "status": 503, "operation": "authorize", "times": 1})
    assert guided.give_key(key).code == ""
    guided.settled("Log in once")
