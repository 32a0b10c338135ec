"""Addresses and certificates as people paste them."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlsplit

import pytest
from guided_world import Guided

from orchestrator.salesforce.certificate import KeyAndCertificate, issue

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def pair() -> KeyAndCertificate:
    return issue(
        subject_common_name="own",
        key_bits=2048,
        not_before=NOW - dt.timedelta(days=1),
        not_after=NOW + dt.timedelta(days=100),
        serial=7,
    )


def test_any_address_of_the_org_leads_to_it(guided: Guided) -> None:
    host = guided.seed.my_domain_host
    lightning = host.replace(".my.salesforce.com", ".lightning.force.com")
    setup = host.replace(".my.salesforce.com", ".my.salesforce-setup.com")
    for address in (
        f"  https://{lightning}/lightning/page/home \n",
        f"https://{setup}/lightning/setup/SetupOneHome/home",
        f"{host}",
        f'"https://{host}/?startURL=%2Fapex"',
        f"HTTPS://{host.upper()}/",
    ):
        page = guided.begin(address)
        assert page.heading == "Make the app, bring back its key", address
        assert host in page.text
    assert len(guided.app.journal.runs()) == 1


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "the URL is empty"),
        ("https://login.salesforce.com", "serves every org"),
        ("https://test.salesforce.com/", "serves every org"),
        ("https://na139.salesforce.com/home/home.jsp", "an instance that serves many orgs"),
        ("https://acme.my.site.com/portal/s/", "Experience Cloud"),
        ("https://acme--c.vf.force.com/apex/Page", "Visualforce"),
        ("https://acme.my.salesforce.com.evil.example", "belongs to somebody else"),
        ("http://acme.my.salesforce.com", "http would show"),
        ("https://admin:secret@acme.my.salesforce.com", "username or password in it"),
        ("admin@acme.example", "looks like a username"),
        ("acme", "is only a name"),
        ("https://example.com", "is not a host of Salesforce"),
    ],
)
def test_an_address_of_no_org_is_refused_with_the_reason(guided: Guided, address: str, said: str) -> None:
    page = guided.post("/begin", {"url": address})
    assert (page.status, page.code) == (422, "url_not_an_org")
    assert said.lower() in page.text.lower()
    assert "secret@" not in page.text
    assert guided.app.journal.runs() == []
    assert guided.seen == []


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://acme.my.salesforce.mil", "government"),
        ("https://acme.my.sfcrmproducts.cn", "china"),
        ("https://acme--uat.my.salesforce.com", "sandbox"),
        ("https://acme-dev-ed.scratch.my.salesforce.com", "scratch"),
    ],
)
def test_an_org_that_is_not_there_is_said_before_anything_is_recorded(
    guided: Guided, address: str, kind: str
) -> None:
    page = guided.post("/begin", {"url": address})
    assert page.status == 422, kind
    assert page.code
    assert urlsplit(address).netloc in page.text
    assert guided.app.journal.runs() == []


def test_an_own_certificate_is_used_whatever_became_of_its_line_ends(
    guided: Guided, pair: KeyAndCertificate
) -> None:
    key = pair.private_key_pem.reveal().replace("\n", "\\n")
    page = guided.begin(certificate=pair.certificate_pem.replace("\n", "\r\n"), private_key=key)
    assert page.heading == "Make the app, bring back its key"
    assert guided.get(f"/{guided.run}/certificate.crt").text.strip() == pair.certificate_pem
    assert guided.record().evidence["certificate"]["sha256"] == pair.sha256
    assert "PRIVATE KEY" not in page.text


@pytest.mark.parametrize(
    ("certificate", "private_key", "code", "said"),
    [
        ("CERT", "CERT", "key_unusable", "this is a certificate, not a private key"),
        ("KEY", "KEY", "certificate_unreadable", "a private key stands where the certificate belongs"),
        ("CERT", "", "key_without_certificate", "together or not at all"),
        ("", "KEY", "key_without_certificate", "together or not at all"),
        (
            "CERT",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE",
            "key_unusable",
            "encrypted with a passphrase",
        ),
        ("CERT", "hello", "key_unusable", "no BEGIN line"),
    ],
)
def test_a_wrong_pair_is_refused_and_the_key_is_not_shown_again(
    guided: Guided, pair: KeyAndCertificate, *, certificate: str, private_key: str, code: str, said: str
) -> None:
    texts = {"CERT": pair.certificate_pem, "KEY": pair.private_key_pem.reveal()}
    form = {
        "url": guided.url,
        "certificate": texts.get(certificate, certificate),
        "private_key": texts.get(private_key, private_key),
    }
    page = guided.post("/begin", form)
    assert (page.status, page.code) == (422, code)
    assert said.lower() in page.text.lower()
    assert pair.private_key_pem.reveal()[40:100] not in page.text
    assert guided.app.journal.runs() == []
