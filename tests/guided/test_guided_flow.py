"""From an org's address to a credential, over real HTTP on both sides."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from guided_world import CALLBACK, TOKEN, Guided

from orchestrator.cli.main import run_cli


def vault_texts(guided: Guided) -> dict[str, str]:
    names = guided.app.vault.names(f"org:{guided.record().org}")
    return {name: guided.app.vault.get(f"org:{guided.record().org}", name).reveal() for name in names}


def test_a_person_gets_from_the_address_of_the_org_to_a_credential_that_works(guided: Guided) -> None:
    page = guided.begin()
    assert page.heading == "Make the app, bring back its key"
    page = guided.give_key(guided.make_app(page))
    assert page.heading == "Log in once"
    page = guided.come_back(guided.log_in(page))
    assert page.url == f"{guided.origin}/{TOKEN}/{guided.run}"
    page = guided.settled("Connected")

    evidence = guided.record().evidence
    assert guided.record().result == "succeeded"
    assert evidence["signed_in"]["org_id"] == guided.seed.org_id
    assert evidence["signed_in"]["username"] == guided.seed.username
    assert len(evidence["jwt_proofs"]) == 2
    kept = vault_texts(guided)
    assert set(kept) == {"private_key", "certificate", "record"}
    assert json.loads(kept["record"])["username"] == guided.seed.username
    assert guided.app.vault.names(f"run:{guided.run}") == []
    assert guided.seed.username in page.text


def test_the_credential_is_known_to_the_other_commands(
    guided: Guided, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    guided.come_back(guided.log_in(guided.to_login()))
    guided.settled("Connected")
    monkeypatch.setenv("ORCHESTRATOR_KEY", guided.app.environ["ORCHESTRATOR_KEY"])
    home = ["--home", str(guided.home)]
    assert run_cli(["credentials", "list", "--json", *home]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["username"] for row in listed] == [guided.seed.username]
    assert run_cli(["credentials", "show", guided.record().org, "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out)["app"]["name"] == "Orchestrator_JWT"
    assert run_cli(["runs", "list", "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out)[0]["playbook"] == "guided"


def test_without_a_certificate_the_refresh_token_is_kept_under_the_org(
    guided: Guided, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = guided.begin()
    page = guided.give_key(guided.make_app(page, certificate_pem=None), uploaded=False)
    guided.come_back(guided.log_in(page))
    page = guided.settled("Connected")
    kept = vault_texts(guided)
    assert set(kept) == {"refresh_token", "private_key", "certificate", "record"}
    assert json.loads(kept["record"])["grant"] == "refresh_token"
    assert kept["refresh_token"].startswith("5Aep")
    assert "refresh token" in page.text
    assert kept["refresh_token"] not in page.text
    monkeypatch.setenv("ORCHESTRATOR_KEY", guided.app.environ["ORCHESTRATOR_KEY"])
    assert run_cli(["credentials", "list", "--home", str(guided.home)]) == 0
    assert guided.seed.username in capsys.readouterr().out
    assert run_cli(["credentials", "show", guided.record().org, "--home", str(guided.home)]) == 0
    assert kept["refresh_token"] not in capsys.readouterr().out


def test_an_app_that_asks_for_its_secret_gets_it_and_the_secret_stays_in_the_vault(guided: Guided) -> None:
    page = guided.begin()
    key = guided.make_app(page, certificate_pem=None, requires_secret=True, secret_optional=False)
    secret = guided.org.apps["Orchestrator_JWT"].consumer_secret
    page = guided.give_key(key, uploaded=False)
    assert (page.heading, page.code) == ("The app asks for its secret", "client_secret_required")
    page = guided.post(f"/{guided.run}/secret", {"consumer_secret": "0" * 64})
    assert (page.heading, page.code) == ("The app asks for its secret", "client_credentials_invalid")
    page = guided.post(f"/{guided.run}/secret", {"consumer_secret": f"  {secret}\n"})
    guided.come_back(guided.log_in(page))
    guided.settled("Connected")
    assert vault_texts(guided)["client_secret"] == secret
    journal = (guided.home / "journal.db").read_bytes() + (guided.home / "journal.db-wal").read_bytes()
    assert secret.encode() not in journal


def test_a_set_up_goes_on_after_the_page_the_browser_and_the_process_are_gone(guided: Guided) -> None:
    page = guided.begin()
    key = guided.make_app(page)
    port, run = guided.port, guided.run
    guided.close()
    guided.open(port)
    guided.run = run
    assert run in guided.get().text
    page = guided.give_key(key)
    assert page.heading == "Log in once"
    address = guided.log_in(page)
    guided.close()
    guided.open(port)
    guided.run = run
    guided.come_back(address)
    guided.settled("Connected")
    assert guided.record().result == "succeeded"


def test_beginning_twice_for_one_org_finds_the_set_up_that_was_begun(guided: Guided) -> None:
    guided.begin()
    first = guided.run
    guided.begin(f"  {guided.url}/lightning/setup/SetupOneHome/home ")
    assert guided.run == first


def test_nothing_of_the_login_is_in_the_journal_or_the_events(guided: Guided) -> None:
    page = guided.to_login()
    asked = parse_qs(urlsplit(page.link("/services/oauth2/authorize")).query)
    address = guided.log_in(page)
    code = parse_qs(urlsplit(address).query)["code"][0]
    guided.come_back(address)
    guided.settled("Connected")
    written = "".join(
        path.read_bytes().decode("latin-1") for path in guided.home.glob("journal.db*") if path.is_file()
    )
    for secret in (code, asked["state"][0], TOKEN):
        assert secret not in written
        assert secret not in repr(guided.events)


def test_the_login_asks_with_pkce_state_and_only_the_scopes_that_are_needed(guided: Guided) -> None:
    asked = parse_qs(urlsplit(guided.to_login().link("/services/oauth2/authorize")).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["state"][0]) >= 43
    assert asked["scope"] == ["api refresh_token"]
    assert asked["redirect_uri"] == [f"http://localhost:{guided.port}{CALLBACK}"]


def test_the_key_is_checked_without_a_user_and_without_a_login(guided: Guided) -> None:
    page = guided.begin()
    key = guided.make_app(page)
    guided.seen.clear()
    assert guided.give_key(key).heading == "Log in once"
    assert {path for _, path in guided.seen} == {"/services/oauth2/authorize", "/services/oauth2/token"}
    assert list(guided.org.login_history) == []


@pytest.mark.parametrize("profile", ["production", "sandbox", "developer", "scratch", "trailhead"])
def test_the_page_names_the_kind_of_org_and_leads_into_its_own_setup(
    make_guided: Callable[..., Guided], profile: str
) -> None:
    guided = make_guided(profile=profile)
    page = guided.begin()
    assert f"({profile}, API 66.0)" in page.text
    assert page.link("/lightning/setup/ManageExternalClientApplication").startswith(
        "https://" + guided.seed.my_domain_host.replace(".my.salesforce.com", ".my.salesforce-setup.com")
    )


def test_the_other_kind_of_app_is_a_new_run_with_the_same_certificate(guided: Guided) -> None:
    guided.begin()
    first, certificate = guided.run, guided.get(f"/{guided.run}/certificate.crt").text
    page = guided.post(f"/{first}/other-app", {"app_kind": "connected_app"})
    guided.run = page.url.rpartition("/")[2]
    assert "Use digital signatures" in page.text
    assert guided.get(f"/{guided.run}/certificate.crt").text == certificate
    assert guided.app.journal.run(first).status == "cancelled"
    assert guided.app.vault.names(f"run:{first}") == []


def test_giving_up_ends_the_run_and_forgets_its_secrets(guided: Guided) -> None:
    guided.begin()
    page = guided.post(f"/{guided.run}/give-up", {})
    assert page.heading == "This set-up has ended"
    assert guided.app.vault.names(f"run:{guided.run}") == []


def test_a_certificate_that_does_not_work_is_told_and_can_be_mended(
    make_guided: Callable[..., Guided],
) -> None:
    guided = make_guided(speed=150.0)
    page = guided.to_login(certificate_pem=None)
    guided.come_back(guided.log_in(page))
    page = guided.settled("The login works, the certificate does not yet")
    assert page.code == "assertion_invalid"
    certificate = guided.get(f"/{guided.run}/certificate.crt").text
    guided.change({"change_app": {"name": "Orchestrator_JWT", "certificate_pem": certificate}})
    guided.post(f"/{guided.run}/approve", {})
    guided.settled("Connected")
    assert "private_key" in vault_texts(guided)


def test_without_a_certificate_that_works_the_login_can_be_kept(make_guided: Callable[..., Guided]) -> None:
    guided = make_guided(speed=150.0)
    guided.come_back(guided.log_in(guided.to_login(certificate_pem=None)))
    guided.settled("The login works, the certificate does not yet")
    guided.post(f"/{guided.run}/reject", {})
    guided.settled("Connected")
    assert "refresh_token" in vault_texts(guided)


def test_closing_the_page_for_good_ends_the_command(guided: Guided) -> None:
    assert guided.post("/close", {}).heading == "Closed"
    assert guided.closed.is_set()


def test_the_page_is_not_reached_under_other_addresses_of_this_machine(guided: Guided) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://[::1]:{guided.port}/{TOKEN}/", timeout=5)
