"""A real Chromium goes through the whole set-up, the login page of the org included."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from devtools import CHROMIUM, Browser, Tab
from guided_world import TOKEN, Guided
from scenario_world import Wire

pytestmark = pytest.mark.slow

MAKE_APP, LOG_IN, CONNECTED = "Make the app, bring back its key", "Log in once", "Connected"
SIGHT = (Path(__file__).parent / "sight.js").read_text(encoding="utf-8")
LEAST_CONTRAST = 4.5


@pytest.fixture(scope="module")
def browser(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("NO CHROMIUM: no browser has seen the pages of the guided set-up (apt install chromium)")
    certificate = x509.load_pem_x509_certificate(
        ssl.get_server_certificate(("127.0.0.1", wire.port)).encode()
    )
    public = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    spki = base64.b64encode(hashlib.sha256(public).digest()).decode()
    with Browser(tmp_path_factory.mktemp("profile"), orgs_port=wire.port, spki=spki) as made:
        yield made


@pytest.fixture
def guided(make_guided: Callable[..., Guided]) -> Guided:
    return make_guided(profile="sandbox")


@pytest.fixture
def tab(browser: Browser, guided: Guided) -> Tab:
    tab = browser.tab()
    tab.resize(1100, 900)
    tab.goto(f"{guided.origin}/{TOKEN}/")
    return tab


def in_setup(guided: Guided, tab: Tab, **fields: Any) -> str:
    """The person pastes the page's values into Setup; the consumer key."""
    guided.run = tab.url().rpartition("/")[2]
    return guided.make_app(guided.get(f"/{guided.run}"), **fields)


def sight(tab: Tab) -> list[str]:
    """What is wrong with the page for people who see badly or not at all, in both colour schemes."""
    said: list[str] = []
    for scheme in ("light", "dark"):
        tab.prefers(scheme)
        seen = tab.evaluate(SIGHT)
        ratio, where = seen["contrast"]
        if ratio < LEAST_CONTRAST:
            said.append(f"contrast {ratio:.2f} in {scheme}: {where}")
        said += seen["complaints"]
    return said


def log_in_at_salesforce(guided: Guided, tab: Tab) -> None:
    tab.wait_for_heading("Log in")
    assert tab.url().startswith(f"{guided.url}/services/oauth2/authorize")
    tab.fill("#username", guided.seed.username)
    tab.fill("#password", guided.seed.password)
    tab.press("Enter")
    tab.wait_for_heading("Allow Access?")


def test_a_person_with_a_mouse_gets_through_and_every_page_is_accessible(guided: Guided, tab: Tab) -> None:
    said = {"start": sight(tab)}
    tab.fill("#url", f" {guided.url}/lightning/page/home ")
    tab.click("button[type=submit]")
    tab.wait_for_heading(MAKE_APP)
    said["app"] = sight(tab)
    tab.fill("#consumer_key", "3MVG9" + "z" * 80)
    tab.click("#key ~ form button[type=submit]")
    tab.wait_for("document.querySelector('[role=alert]')")
    assert "client_id_unknown" in tab.text()
    said["problem"] = sight(tab)
    key = in_setup(guided, tab, requires_secret=True, secret_optional=False)
    tab.fill("#consumer_key", key)
    tab.click("#key ~ form button[type=submit]")
    tab.wait_for_heading("The app asks for its secret")
    said["secret"] = sight(tab)
    tab.fill("#consumer_secret", guided.org.apps["Orchestrator_JWT"].consumer_secret)
    tab.click("button[type=submit]")
    tab.wait_for_heading(LOG_IN)
    said["login"] = sight(tab)
    tab.click("main a.button")
    log_in_at_salesforce(guided, tab)
    tab.click("#oaapprove")
    tab.wait_for_heading(CONNECTED)
    said["done"] = sight(tab)
    tab.resize(360, 740, mobile=True)
    said["phone"] = sight(tab)
    assert {page: words for page, words in said.items() if words} == {}
    assert guided.record().evidence["signed_in"]["username"] == guided.seed.username
    own = {f"127.0.0.1:{guided.port}", f"localhost:{guided.port}"}
    assert tab.asked_hosts() == own | {guided.seed.my_domain_host}
    assert not [text for text in tab.complaints() if "Content Security Policy" in text]


def test_a_person_with_a_keyboard_alone_gets_through_and_sees_where_they_are(
    guided: Guided, tab: Tab
) -> None:
    def press(selector: str, key: str = "Enter") -> None:
        tab.tab_to(selector)
        outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", f"the focus on {selector} is not seen"
        tab.press(key)

    tab.wait_for("document.activeElement.id === 'url'")
    tab.type(guided.url)
    tab.press("Enter")
    tab.wait_for_heading(MAKE_APP)
    tab.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    key = in_setup(guided, tab, certificate_pem=None)
    tab.tab_to("#consumer_key")
    tab.type(key)
    tab.tab_to("#certificate-yes")
    tab.press("ArrowDown")
    press("#key ~ form button[type=submit]")
    tab.wait_for_heading(LOG_IN)
    press("main a.button")
    tab.wait_for_heading("Log in")
    tab.tab_to("#username")
    tab.type(guided.seed.username)
    tab.tab_to("#password")
    tab.type(guided.seed.password)
    tab.press("Enter")
    tab.wait_for_heading("Allow Access?")
    tab.tab_to("#oaapprove")
    tab.press("Enter")
    tab.wait_for_heading(CONNECTED)
    assert "refresh token" in tab.text()


def test_without_scripts_everything_is_there_and_works(guided: Guided, tab: Tab) -> None:
    tab.without_scripts()
    tab.goto(f"{guided.origin}/{TOKEN}/")
    tab.fill("#url", guided.url)
    tab.press("Enter")
    tab.wait_for_heading(MAKE_APP)
    assert tab.evaluate("[...document.querySelectorAll('[data-copy]')].every(e => !e.checkVisibility())")
    assert tab.evaluate("document.querySelector('#value-certificate').value").startswith("-----BEGIN")
    tab.fill("#consumer_key", in_setup(guided, tab))
    tab.press("Enter")
    tab.wait_for_heading(LOG_IN)
    tab.click("main a.button")
    log_in_at_salesforce(guided, tab)
    tab.click("#oaapprove")
    tab.wait_for_heading(CONNECTED)
    assert guided.record().result == "succeeded"


def test_copying_is_said_aloud_and_copies_the_value(guided: Guided, tab: Tab) -> None:
    tab.fill("#url", guided.url)
    tab.press("Enter")
    tab.wait_for_heading(MAKE_APP)
    tab.click("[data-copy=value-callback_url]")
    tab.wait_for("document.querySelector('#said').textContent === 'Copied: Callback URL'")
    tab.fill("#consumer_key", "")
    tab.paste()
    copied = tab.evaluate("document.querySelector('#consumer_key').value")
    assert copied == f"http://localhost:{guided.port}/OauthRedirect"


def test_a_page_of_another_site_cannot_post_into_the_set_up(guided: Guided, tab: Tab) -> None:
    """The worst case: it knows the whole address."""
    tab.goto(f"{guided.url}/")
    form = f"{guided.origin}/{TOKEN}/begin"
    tab.evaluate(
        "(() => { const f = document.createElement('form'); f.method = 'post'; "
        f"f.action = '{form}'; f.innerHTML = '<input name=url value=\"{guided.url}\">'; "
        "document.body.append(f); f.submit(); })()"
    )
    tab.wait_for_heading("That did not work")
    assert "nothing was done" in tab.text()
    assert guided.app.journal.runs() == []


def test_denying_the_access_comes_back_with_the_reason(guided: Guided, tab: Tab) -> None:
    tab.fill("#url", guided.url)
    tab.press("Enter")
    tab.wait_for_heading(MAKE_APP)
    tab.fill("#consumer_key", in_setup(guided, tab))
    tab.press("Enter")
    tab.wait_for_heading(LOG_IN)
    tab.click("main a.button")
    log_in_at_salesforce(guided, tab)
    tab.click("#oadeny")
    tab.wait_for_heading(LOG_IN)
    assert "authorization_denied" in tab.text()
