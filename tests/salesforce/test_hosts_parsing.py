"""From what people paste to an org's API host, and which hosts may be given credentials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import Defect, UsageError
from orchestrator.salesforce.hosts import (
    audiences_for,
    is_loopback_host,
    is_salesforce_host,
    parse_org_url,
)
from orchestrator.salesforce.setup_links import (
    all_links,
    external_client_app_link,
    pages,
    permission_set_link,
    setup_link,
    user_link,
)

LOGIN = "https://login.salesforce.com"
TEST = "https://test.salesforce.com"
ACCEPTED = [
    # pasted, API host, kind, generic audience
    ("https://acme.my.salesforce.com", "acme.my.salesforce.com", "production", LOGIN),
    ("ACME.MY.SALESFORCE.COM", "acme.my.salesforce.com", "production", LOGIN),
    ("https://acme.my.salesforce.com:443/", "acme.my.salesforce.com", "production", LOGIN),
    ("//acme.my.salesforce.com", "acme.my.salesforce.com", "production", LOGIN),
    (" <https://acme.my.salesforce.com>\n", "acme.my.salesforce.com", "production", LOGIN),
    ("\ufeff'https://acme.my.salesforce.com'\u200b", "acme.my.salesforce.com", "production", LOGIN),
    ("https://acme.my.salesforce.com/home/home.jsp?x=1#y", "acme.my.salesforce.com", "production", LOGIN),
    ("https://acme.my.salesforce.com#@evil.example", "acme.my.salesforce.com", "production", LOGIN),
    ("acme.lightning.force.com/lightning/page/home", "acme.my.salesforce.com", "production", LOGIN),
    ("acme.my.salesforce-setup.com/lightning/setup", "acme.my.salesforce.com", "production", LOGIN),
    ("acme.my.salesforce.com.mcas.ms", "acme.my.salesforce.com", "production", LOGIN),
    ("acme.lightning.force.com.mcas.ms", "acme.my.salesforce.com", "production", LOGIN),
    ("acme--uat.sandbox.my.salesforce.com", "acme--uat.sandbox.my.salesforce.com", "sandbox", TEST),
    ("acme--uat.sandbox.lightning.force.com", "acme--uat.sandbox.my.salesforce.com", "sandbox", TEST),
    ("acme--uat.sandbox.my.salesforce-setup.com", "acme--uat.sandbox.my.salesforce.com", "sandbox", TEST),
    ("acme--uat.my.salesforce.com", "acme--uat.my.salesforce.com", "sandbox", TEST),
    ("x-ab12.scratch.my.salesforce.com", "x-ab12.scratch.my.salesforce.com", "scratch", TEST),
    ("x-dev-ed.develop.my.salesforce.com", "x-dev-ed.develop.my.salesforce.com", "developer", LOGIN),
    ("x-dev-ed.trailblaze.my.salesforce.com", "x-dev-ed.trailblaze.my.salesforce.com", "trailhead", LOGIN),
    ("x.demo.my.salesforce.com", "x.demo.my.salesforce.com", "demo", LOGIN),
    ("x.patch.my.salesforce.com", "x.patch.my.salesforce.com", "patch", LOGIN),
    ("x.free.my.salesforce.com", "x.free.my.salesforce.com", "free", LOGIN),
    ("x.wfl.my.salesforce.com", "x.wfl.my.salesforce.com", "unknown_partition", None),
    ("acme.my.salesforce.mil", "acme.my.salesforce.mil", "government", LOGIN),
    ("acme.lightning.crmforce.mil", "acme.my.salesforce.mil", "government", LOGIN),
    ("acme.my.sfcrmproducts.cn", "acme.my.sfcrmproducts.cn", "china", None),
    ("acme.lightning.sfcrmapps.cn", "acme.my.sfcrmproducts.cn", "china", None),
    ("acme.my-salesforce.com", "acme.my-salesforce.com", "production", LOGIN),
    ("acme.my-lightning.com", "acme.my-salesforce.com", "production", LOGIN),
    ("acme.cloudforce.com", "acme.cloudforce.com", "production", LOGIN),
    ("acme.database.com", "acme.database.com", "production", LOGIN),
]


@pytest.mark.parametrize(("pasted", "my_domain", "kind", "generic"), ACCEPTED)
def test_what_people_paste_becomes_the_api_host(pasted, my_domain, kind, generic):
    host = parse_org_url(pasted)
    assert (host.my_domain, host.kind) == (my_domain, kind)
    assert host.url == f"https://{my_domain}"
    assert host.audiences == ((host.url,) if generic is None else (host.url, generic))
    assert is_salesforce_host(host.my_domain)


REFUSED = [
    # pasted, a word of the reason
    ("", "empty"),
    (" \u200b ", "empty"),
    ("acme", "only a name"),
    ("admin@acme.example", "username"),
    ("https://admin:hunter2-secret@acme.my.salesforce.com", "username or password"),
    ("https://acme.my.salesforce.com:8443", "443"),
    ("https://acme.my.salesforce.com:notaport", "cannot be read"),
    ("http://acme.my.salesforce.com", "http would show"),
    ("ftp://acme.my.salesforce.com", "scheme"),
    ("javascript:alert(1)", "cannot be read"),
    ("https://acme.my.sales force.com", "white space"),
    ("https://evil.example\\@acme.my.salesforce.com", "backslash"),
    ("https://acme.my.salesforce.com.", "dot"),
    ("evil-my.salesforce.com.", "dot"),
    ("evil-my.salesforce.com", "of no org"),
    ("acme.my.salesforce.com.evil.example", "belongs to somebody else"),
    ("acme.my.salesforce.com.mcas.ms.evil.example", "belongs to somebody else"),
    ("https://evil.example/acme.my.salesforce.com", "not a host of Salesforce"),
    ("https://evil.example#.my.salesforce.com", "not a host of Salesforce"),
    ("https://evil.example?.my.salesforce.com", "not a host of Salesforce"),
    ("acmemy.salesforce.com.co", "belongs to somebody else"),
    ("my-salesforce.com.ru", "belongs to somebody else"),
    ("xsalesforce.com", "belongs to somebody else"),
    ("acme.notmy-salesforce.com", "belongs to somebody else"),
    ("\u0430cme.my.salesforce.com", "look-alike"),
    ("acme.my.s\u0430lesforce.com", "look-alike"),
    ("xn--cme-7cd.my.salesforce.com", "look-alike"),
    ("acme\uff0emy.salesforce.com.evil.example", "look-alike"),
    ("acme_x.my.salesforce.com", "not a valid host name"),
    ("-acme.my.salesforce.com", "not a valid host name"),
    ("acme..my.salesforce.com", "not a valid host name"),
    ("acme%2emy.salesforce.com", "not a valid host name"),
    ("10.0.0.1", "address"),
    ("https://[2001:db8::1]", "address"),
    ("2130706433", "address"),
    ("my.salesforce.com", "of no org"),
    ("www.salesforce.com", "web site"),
    ("a.b.sandbox.my.salesforce.com", "more parts"),
    ("acme--c.vf.force.com", "Visualforce"),
    ("acme--c.na1.visual.force.com", "Visualforce"),
    ("acme.file.force.com", "files"),
    ("acme--c.documentforce.com", "files"),
    ("acme.my.site.com", "Experience Cloud"),
    ("acme.my.salesforce-sites.com", "Experience Cloud"),
    ("acme.builder.salesforce-experience.com", "Experience Cloud"),
    ("login.salesforce.com", "every org"),
    ("https://test.salesforce.com/?un=a", "every org"),
    ("na139.salesforce.com", "instance"),
    ("cs12.my.salesforce.com", "instance"),
    ("eu55.salesforce.com", "instance"),
    ("gs1.salesforce.com", "instance"),
    ("mist.pc-rnd.salesforce.com", "internal"),
    ("x.my.stm.salesforce.com", "internal"),
    ("x.crm.dev", "internal"),
    ("https://" + "a" * 2100, "longer"),
]


@pytest.mark.parametrize(("pasted", "word"), REFUSED)
def test_what_names_no_org_is_refused_with_the_reason_and_a_remedy(pasted, word):
    with pytest.raises(UsageError) as refused:
        parse_org_url(pasted)
    assert refused.value.code == "url_not_an_org"
    assert word in refused.value.detail
    assert refused.value.remedy
    assert "hunter2" not in str(refused.value) + refused.value.remedy


@pytest.mark.parametrize(
    ("pasted", "kind", "audiences"),
    [
        ("login.salesforce.com", "generic_login", (LOGIN,)),
        ("test.salesforce.com", "generic_login", (TEST,)),
        ("na139.salesforce.com", "legacy_instance", (LOGIN,)),
        ("cs12.salesforce.com", "legacy_instance", (TEST,)),
    ],
)
def test_hosts_of_many_orgs_are_described_when_no_org_is_required(pasted, kind, audiences):
    host = parse_org_url(pasted, require_org=False)
    assert (host.kind, host.audiences) == (kind, audiences)
    assert audiences_for(host, is_sandbox=True) == audiences
    assert any("My Domain" in note for note in host.notes)


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://localhost:8443/x", "https://localhost:8443"),
        ("https://acme.localhost", "https://acme.localhost"),
        ("http://[::1]:99", "http://[::1]:99"),
        ("127.0.0.2:80", "https://127.0.0.2:80"),
    ],
)
def test_loopback_hosts_are_accepted_for_simulators_with_port_and_http(pasted, url):
    host = parse_org_url(pasted)
    assert (host.kind, host.url) == ("loopback", url)
    assert host.audiences[0] == url
    assert not is_salesforce_host(host.my_domain)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("acme.my.salesforce.com", True),
        ("LOGIN.salesforce.com", True),
        ("acme.my.salesforce.mil", True),
        ("acme.my.sfcrmproducts.cn", True),
        ("salesforce.com", False),
        ("evilsalesforce.com", False),
        ("salesforce.com.evil.example", False),
        ("acme.my.salesforce.com.", False),
        ("acme.my.salesforce.com:443", False),
        ("acme.file.force.com", False),
        ("acme.my.site.com", False),
        ("acme.my.pc-rnd.salesforce.com", False),
        ("127.0.0.1", False),
        ("", False),
    ],
)
def test_credentials_go_to_api_hosts_of_salesforce_only(host, expected):
    assert is_salesforce_host(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("a.localhost", True),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("128.0.0.1", False),
        ("192.0.2.1", False),
    ],
)
def test_this_machine_is_told_from_others(host, expected):
    assert is_loopback_host(host) is expected


@pytest.mark.parametrize("pasted", [row[0] for row in ACCEPTED])
@pytest.mark.parametrize("is_sandbox", [True, False, None])
def test_login_and_test_are_never_tried_both_and_my_domain_is_first(pasted, is_sandbox):
    host = parse_org_url(pasted)
    audiences = audiences_for(host, is_sandbox)
    assert audiences[0] == host.url
    assert not {LOGIN, TEST} <= set(audiences)


def test_the_organization_row_beats_the_host():
    host = parse_org_url("acme.my.salesforce.com")
    assert audiences_for(host, is_sandbox=True) == (host.url, TEST)
    unknown = parse_org_url("x.wfl.my.salesforce.com")
    assert audiences_for(unknown, is_sandbox=False) == (unknown.url, LOGIN)


@given(st.text(max_size=80))
def test_any_text_is_an_org_or_a_refusal(text):
    try:
        host = parse_org_url(text)
    except UsageError as refused:
        found = refused.code
    else:
        found = "org" if host.kind == "loopback" or is_salesforce_host(host.my_domain) else "foreign"
    assert found in {"org", "url_not_an_org"}


@given(st.sampled_from([row[0] for row in ACCEPTED]), st.text(max_size=12), st.text(max_size=12))
def test_whatever_surrounds_an_org_only_salesforce_or_loopback_comes_out(pasted, before, after):
    try:
        host = parse_org_url(before + pasted + after)
    except UsageError:
        return
    assert host.kind == "loopback" or is_salesforce_host(host.my_domain)


def test_parsing_what_was_parsed_changes_nothing():
    for pasted, *_ in ACCEPTED:
        host = parse_org_url(pasted)
        again = parse_org_url(host.url)
        assert (again.my_domain, again.kind, again.audiences) == (host.my_domain, host.kind, host.audiences)


def test_setup_links_lead_to_the_orgs_own_setup_host():
    host = parse_org_url("acme--uat.sandbox.my.salesforce.com")
    root = "https://acme--uat.sandbox.my.salesforce-setup.com/lightning/setup"
    assert setup_link(host, "external_client_apps") == f"{root}/ManageExternalClientApplication/home"
    assert setup_link(host, "user_interface") == f"{root}/UserInterfaceUI/home"
    assert user_link(host, "005000000000001AAA").startswith(
        f"{root}/ManageUsers/page?address=%2F005000000000001AAA"
    )
    assert permission_set_link(host, "0PS000000000001").endswith("PermSets/page?address=%2F0PS000000000001")
    assert external_client_app_link(host, "0xI000000000001AAA").endswith("/0xI000000000001/detail")
    assert set(all_links(host)) == set(pages())
    assert all(link.startswith(root) for link in all_links(host).values())


def test_a_page_or_id_that_cannot_be_is_our_defect():
    host = parse_org_url("acme.my.salesforce.com")
    with pytest.raises(Defect):
        setup_link(host, "nowhere")
    with pytest.raises(Defect):
        user_link(host, "005/../../evil")
