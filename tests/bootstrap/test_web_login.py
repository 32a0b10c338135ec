"""The login in a browser: who may come back, how often, and what is said when nobody does."""

from __future__ import annotations

import socket
from urllib.parse import parse_qs, urlsplit

from ladder_world import PERSON, Ladder, fetch, free_port


def state_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]


def test_nobody_on_a_terminal_is_said_at_once(ladder: Ladder) -> None:
    finished = ladder.play(**PERSON, web=True)
    assert (finished.record.result, finished.record.code) == ("failed", "authorization_unattended")
    assert "ORCHESTRATOR_WEB_LOGIN" in finished.stopped_by()[2]


def test_a_login_nobody_finishes_ends_by_itself(ladder: Ladder) -> None:
    callback = ladder.watched(lambda _url: None)
    finished = ladder.play(**PERSON, web=True, web_callback=callback, web_timeout="1s")
    assert (finished.record.result, finished.record.code) == ("failed", "authorization_unanswered")


def test_a_taken_port_is_named_before_a_browser_opens(ladder: Ladder) -> None:
    callback = ladder.watched()
    with socket.socket() as other:
        other.bind(("127.0.0.1", urlsplit(callback).port or 0))
        other.listen()
        finished = ladder.play(**PERSON, web=True, web_callback=callback)
    assert (finished.exit_code, finished.errors[0].code) == (2, "callback_port_taken")
    assert ladder.opened == []


def test_a_person_who_says_no_ends_the_login(ladder: Ladder) -> None:
    callback = f"http://127.0.0.1:{free_port()}/back"
    ladder.watched(lambda url: fetch(f"{callback}?error=access_denied&state={state_of(url)}"))
    finished = ladder.play(**PERSON, web=True, web_callback=callback)
    assert (finished.record.result, finished.record.code) == ("failed", "authorization_denied")


def test_an_org_that_blocks_apps_that_are_not_installed_refuses_those_who_may_not_approve_them(
    ladder: Ladder,
) -> None:
    ladder.world.change({"switches": {"blocks_uninstalled_apps": True}})
    permission = {"username": ladder.world.seed.username, "permission": "ApproveUninstalledConnectedApps"}
    ladder.world.change({"revoke_permission": permission})
    finished = ladder.play(**PERSON, web=True, web_callback=ladder.watched())
    assert (finished.record.result, finished.record.code) == ("failed", "authorization_denied")
    assert finished.evidence["ladder"][0]["setup"].endswith("/ConnectedAppsUsage/home")


def test_a_callback_that_comes_again_and_one_that_is_forged_change_nothing(ladder: Ladder) -> None:
    answers: list[int] = []

    def browse(url: str) -> None:
        callback = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        answers.append(fetch(f"{callback}?code=forged&state=guessed")[0])
        sent = ladder.world.app.network.request("GET", url, credentials=False, idempotent=True, follow=False)
        answers.append(fetch(sent.headers["Location"])[0])
        answers.append(fetch(sent.headers["Location"])[0])

    finished = ladder.play(**PERSON, web=True, web_callback=ladder.watched(browse))
    assert finished.record.result == "succeeded"
    assert answers == [400, 200, 400]


def test_a_code_that_was_redeemed_before_is_said_to_be_spent(ladder: Ladder) -> None:
    def browse(url: str) -> None:
        ladder.browse(url)
        ladder.world.org.authorization_codes.clear()  # somebody was faster

    finished = ladder.play(**PERSON, web=True, web_callback=ladder.watched(browse))
    assert (finished.record.result, finished.record.code) == ("failed", "authorization_code_spent")


def test_a_login_of_another_org_is_refused_before_anything_is_changed(ladder: Ladder) -> None:
    """The browser is logged in elsewhere, and the token endpoint answers with that org."""
    other = ladder.world.bystander
    elsewhere = ladder.session(org=other).token
    pattern = r'(?s)"access_token":\s*"[^"]+"(.*)"instance_url":\s*"[^"]+"'
    replacement = rf'"access_token":"{elsewhere}"\1"instance_url":"https://{other.my_domain_host}"'
    ladder.world.rewrites["token"] = [(pattern, replacement)]
    finished = ladder.play(**PERSON, web=True, web_callback=ladder.watched())
    assert (finished.record.result, finished.record.code) == ("failed", "org_id_mismatch")
    assert ladder.world.org.deploys_started == other.deploys_started == 0


def test_verifier_code_and_token_of_a_login_are_in_no_trace_of_the_run(ladder: Ladder) -> None:
    secrets: list[str] = []

    def browse(url: str) -> None:
        ladder.browse(url)
        secrets.extend(ladder.world.org.authorization_codes)

    finished = ladder.play(**PERSON, web=True, web_callback=ladder.watched(browse))
    exchange = next(one.body.decode() for one in ladder.world.seen if b"authorization_code" in one.body)
    secrets.append(parse_qs(exchange)["code_verifier"][0])
    traces = ladder.traces(finished)
    assert len(secrets) == 2
    assert [secret for secret in secrets if secret in traces] == []
