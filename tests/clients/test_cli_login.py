"""Salesforce CLI: every way to log in, over http and over TLS; sessions that end, and logging out."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from app_package import CONSUMER_KEY
from conftest import ALIAS
from connect_proxy import proxying
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

REDIRECT = "http://localhost:1717/OauthRedirect"
LOGIN_CALLS = ["query", "versions", "query"]  # ScratchOrgInfo (is it a Dev Hub?), API versions, Organization


@pytest.fixture
def proxy(secure_orgs):
    with proxying(secure_orgs.port) as running:
        yield running


@pytest.fixture
def over_tls(fresh_sf, secure_orgs, proxy):
    """The CLI for which every Salesforce host is the simulator."""
    fresh_sf.environment |= {"HTTPS_PROXY": proxy.url, "NODE_EXTRA_CA_CERTS": secure_orgs.line["ca"]}
    return fresh_sf


def is_hidden(token: str) -> bool:
    return "REDACTED" in token


def test_jwt(cli):
    assert cli.result["username"] == cli.orgs.username
    assert cli.result["orgId"] == cli.orgs.org_id
    assert cli.result["instanceUrl"] == cli.orgs.url
    assert cli.result["clientId"] == CONSUMER_KEY
    assert cli.result["name"] == "Acme Inc."
    assert (cli.result["isDevHub"], cli.result["isSandbox"], cli.result["isScratch"]) == (False, False, False)
    assert cli.result["orgEdition"] == "Enterprise Edition"
    assert is_hidden(cli.result["accessToken"])
    assert cli.login_operations == ["token", *LOGIN_CALLS]
    logins = [row for row in cli.orgs.truth()["login_history"] if row["login_sub_type"] == "oauthassertion"]
    assert {(row["username"], row["status"]) for row in logins} >= {(cli.orgs.username, "Success")}


def test_jwt_over_tls_by_my_domain(over_tls, secure_orgs, key_file, proxy):
    mark = len(secure_orgs.requests())
    result = over_tls.done(
        *("org", "login", "jwt", "--username", secure_orgs.integration_user, "--jwt-key-file", str(key_file)),
        *("--client-id", CONSUMER_KEY, "--instance-url", secure_orgs.my_domain),
    )
    assert (result["username"], result["instanceUrl"]) == (
        secure_orgs.integration_user,
        secure_orgs.my_domain,
    )
    assert secure_orgs.operations_since(mark) == ["token", *LOGIN_CALLS]
    assert {row["host"] for row in secure_orgs.requests()[mark:]} == {
        urlsplit(secure_orgs.my_domain).hostname
    }
    assert set(proxy.names) == {f"{urlsplit(secure_orgs.my_domain).hostname}:443"}


def test_jwt_signed_with_another_key_is_refused_on_every_host_the_cli_tries(
    over_tls, secure_orgs, tmp_path, proxy
):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = stranger.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "stranger.key").write_bytes(pem)
    refusal = over_tls.refused(
        *("org", "login", "jwt", "--username", secure_orgs.username, "--client-id", CONSUMER_KEY),
        *("--jwt-key-file", str(tmp_path / "stranger.key"), "--instance-url", secure_orgs.my_domain),
    )
    assert refusal["name"] == "JwtGrantError"
    assert "invalid assertion" in refusal["message"]
    assert {"login.salesforce.com:443", "test.salesforce.com:443"} <= set(proxy.names)
    failed = [row for row in secure_orgs.truth()["login_history"] if "invalid assertion" in row["status"]]
    assert failed


def test_web_with_pkce(fresh_sf, orgs, tmp_path):
    seen = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" >> {seen}\ncurl -sL "$1" >/dev/null 2>&1 &\n', encoding="utf-8")
    browser.chmod(0o700)
    mark = len(orgs.requests())
    result = fresh_sf.done("org", "login", "web", "--instance-url", orgs.url, BROWSER=str(browser))
    assert (result["username"], result["clientId"]) == (orgs.username, "PlatformCLI")
    asked = parse_qs(urlsplit(seen.read_text(encoding="utf-8").split()[-1]).query)
    assert asked["redirect_uri"] == [REDIRECT]
    assert len(asked["code_challenge"][0]) == 43  # S256 in base64url without padding
    expected = ["authorize", "token", "userinfo", "user_get", *LOGIN_CALLS]
    assert orgs.operations_since(mark) == expected
    sessions = orgs.truth()["users"][orgs.username]["live_sessions"]
    assert {"origin": "oauth", "app": "Salesforce CLI", "grant_type": "authorization_code"} in sessions


def test_access_token_and_logout(fresh_sf, orgs):
    mark_login = orgs.log_in()
    mark = len(orgs.requests())
    result = fresh_sf.done(
        *("org", "login", "access-token", "--instance-url", orgs.url, "--no-prompt", "--alias", ALIAS),
        SF_ACCESS_TOKEN=mark_login,
    )
    assert (result["username"], result["orgId"]) == (orgs.username, orgs.org_id)
    assert orgs.operations_since(mark)[:2] == ["userinfo", "user_get"]
    assert fresh_sf.done("org", "logout", "--target-org", ALIAS, "--no-prompt") == [orgs.username]
    assert fresh_sf.done("org", "list")["nonScratchOrgs"] == []


def test_an_access_token_nobody_gave_is_refused(fresh_sf, orgs):
    refusal = fresh_sf.refused(
        *("org", "login", "access-token", "--instance-url", orgs.url, "--no-prompt"),
        SF_ACCESS_TOKEN=f"{orgs.org_id[:15]}!AQEAQ.not_a_session_of_this_org",
    )
    assert re.search("Bad_OAuth_Token|expired or invalid|INVALID_SESSION_ID", json.dumps(refusal))


def test_sfdx_url_over_tls(over_tls, secure_orgs, tmp_path):
    refresh_token = consent(secure_orgs)
    host = urlsplit(secure_orgs.my_domain).hostname
    (tmp_path / "auth").write_text(f"force://PlatformCLI::{refresh_token}@{host}", encoding="utf-8")
    mark = len(secure_orgs.requests())
    result = over_tls.done("org", "login", "sfdx-url", "--sfdx-url-file", str(tmp_path / "auth"))
    assert (result["username"], result["instanceUrl"]) == (secure_orgs.username, secure_orgs.my_domain)
    assert secure_orgs.operations_since(mark)[:3] == ["token", "userinfo", "user_get"]
    sessions = secure_orgs.truth()["users"][secure_orgs.username]["live_sessions"]
    assert "refresh_token" in {session["grant_type"] for session in sessions}


def consent(orgs) -> str:
    """Return the refresh token a browser login with the CLI's own app gives."""
    fields = {"client_id": "PlatformCLI", "redirect_uri": REDIRECT}
    asked = {**fields, "response_type": "code", "scope": "refresh_token api web", "login_hint": orgs.username}
    sent = orgs.web.get(
        f"{orgs.url}/services/oauth2/authorize", params=asked, allow_redirects=False, timeout=30
    )
    code = parse_qs(urlsplit(sent.headers["Location"]).query)["code"][0]
    form = {**fields, "grant_type": "authorization_code", "code": code}
    answer = orgs.web.post(f"{orgs.url}/services/oauth2/token", data=form, timeout=30)
    assert answer.ok, answer.text
    return answer.json()["refresh_token"]


def test_a_session_that_ended_is_renewed_and_the_call_repeated(cli):
    cli.orgs.change(expire_sessions=cli.orgs.username)
    mark = len(cli.orgs.requests())
    result = cli.sf.done("data", "query", "--target-org", ALIAS, "--query", "SELECT Name FROM Organization")
    assert result["records"][0]["Name"] == "Acme Inc."
    rows = cli.orgs.requests()[mark:]
    codes = [row["code"] or row["operation"] for row in rows if row["operation"] in {"query", "token"}]
    assert codes.index("INVALID_SESSION_ID") < codes.index("token") < codes.index("query")
