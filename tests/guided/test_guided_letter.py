"""What is forwarded to an administrator: complete, alone, and without a secret."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from guided_world import TOKEN, Guided


def test_the_file_for_the_administrator_holds_every_step_and_value_and_stands_alone(guided: Guided) -> None:
    guided.begin()
    page = guided.get(f"/{guided.run}/steps.html")
    assert page.headers["Content-Disposition"].startswith("attachment;")
    for text in ("New External Client App", "Orchestrator_JWT", "/OauthRedirect", "BEGIN CERTIFICATE"):
        assert text in page.text
    assert "ManageExternalClientApplication" in page.link("salesforce-setup.com")
    assert not re.search(r"<(?:script|link|img|iframe|form)\b", page.text)
    assert "Never send a Consumer Secret" in page.text


def test_the_text_says_the_same_as_the_page(guided: Guided) -> None:
    guided.begin()
    text = guided.get(f"/{guided.run}/steps.txt").text
    assert text.count("BEGIN CERTIFICATE") == 1
    for needle in ("1. Make the app", "6. Copy the consumer key", "/OauthRedirect", "salesforce-setup.com"):
        assert needle in text


def test_nothing_that_is_forwarded_holds_a_secret_or_leads_back_to_this_page(guided: Guided) -> None:
    page = guided.to_login(requires_secret=False)
    state = parse_qs(urlsplit(page.link("/services/oauth2/authorize")).query)["state"][0]
    guided.post(f"/{guided.run}/reject", {})
    mail = guided.get(f"/{guided.run}").link("mailto:")
    for text in (mail, *(guided.get(f"/{guided.run}/{name}").text for name in ("steps.html", "steps.txt"))):
        for secret in (TOKEN, state, "PRIVATE KEY"):
            assert secret not in text
    assert guided.seed.my_domain_host in mail
    assert len(mail) < 1800
