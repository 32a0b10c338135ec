"""SFDX auth URLs and the Salesforce CLI's answers, read strictly; the orgs file's keys for them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ladder_world import Ladder

from orchestrator.errors import OrgFault, OrgsFileError
from orchestrator.fleet.org_entry import OrgEntry
from orchestrator.fleet.orgs import read_orgs
from orchestrator.redaction import Secret
from orchestrator.salesforce.hosts import parse_org_url
from orchestrator.salesforce.sf_cli import known_orgs, stored_session
from orchestrator.salesforce.sfdx_url import is_for, parse_sfdx_url

TOKEN = "5Aep861canary.REFRESH_token"
ACME = parse_org_url("https://acme.my.salesforce.com")


@pytest.mark.parametrize(
    ("secret", "host"),
    [("", "acme.my.salesforce.com"), ("s3cret", "login.salesforce.com"), ("9F8E==", "na139.salesforce.com")],
)
def test_an_sfdx_auth_url_is_taken_apart(secret: str, host: str) -> None:
    url = parse_sfdx_url(Secret(f"force://PlatformCLI:{secret}:{TOKEN}@{host}\n"))
    assert (url.client_id, url.refresh_token, url.host.my_domain) == ("PlatformCLI", Secret(TOKEN), host)
    assert url.client_secret == (Secret(secret) if secret else None)
    assert is_for(url, ACME)
    assert TOKEN not in repr(url)


@pytest.mark.parametrize(
    "text",
    [
        "",
        TOKEN,
        f"https://PlatformCLI::{TOKEN}@acme.my.salesforce.com",
        f"force://{TOKEN}@acme.my.salesforce.com",
        f"force://PlatformCLI:{TOKEN}@acme.my.salesforce.com",
        f"force://PlatformCLI::@acme.my.salesforce.com",  # noqa: F541 - reads like its neighbours
        f"force://PlatformCLI::{TOKEN}@",
        f"force://PlatformCLI::{TOKEN}@acme.my.salesforce.com/path",
        f"force://PlatformCLI::{TOKEN}@acme.my.salesforce.com@evil.example",
        f"force://PlatformCLI::{TOKEN}@evil.example",
        f"force://PlatformCLI::{TOKEN}@acme.my.salesforce.com.evil.example",
        f"force://PlatformCLI::{TOKEN}@acme.my.salesforce.com:8443",
        f"force://Platform CLI::{TOKEN}@acme.my.salesforce.com",
        f"force://PlatformCLI::{TOKEN}\nforce://x::y@acme.my.salesforce.com",
    ],
)
def test_what_is_no_sfdx_auth_url_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(OrgFault) as refused:
        parse_sfdx_url(Secret(text))
    assert refused.value.code == "sfdx_url_malformed"
    assert TOKEN not in str(refused.value)


def test_another_orgs_url_is_not_for_this_org() -> None:
    url = parse_sfdx_url(Secret(f"force://PlatformCLI::{TOKEN}@other.my.salesforce.com"))
    assert not is_for(url, ACME)


@pytest.mark.parametrize("name", ["--json", "-o", "a b", "a;b", "$(id)", ""])
def test_a_name_that_could_be_an_option_never_reaches_the_cli(name: str) -> None:
    with pytest.raises(OrgFault) as refused:
        stored_session(name, {"PATH": ""})
    assert refused.value.code == "sf_org_unknown"


# --- the orgs file


def one(text: str) -> OrgEntry:
    return read_orgs(f"orgs:\n  acme: {{url: 'https://acme.my.salesforce.com', {text}}}\n", "orgs.yaml")[0]


def test_every_way_in_has_its_keys_in_the_orgs_file() -> None:
    entry = one(
        "username: a@acme.example, password: 'env:P', consumer_key: 3MVG9.abc_DEF, consumer_secret: 'env:S', "
        "access_token: 'env:T', sfdx_auth_url: 'file:url', sf_org: acme-admin, web: true, "
        "web_client_id: PlatformCLI, web_callback: 'http://localhost:1717/OauthRedirect'"
    )
    assert set(entry.secrets) == {"password", "consumer_secret", "access_token", "sfdx_auth_url"}
    assert (entry.consumer_key, entry.sf_org, entry.web) == ("3MVG9.abc_DEF", "acme-admin", True)
    assert OrgEntry.from_public(json.loads(json.dumps(entry.public()))) == entry


def test_the_same_keys_are_columns_of_a_table() -> None:
    table = (
        "name,url,sf_org,web,web_client_id,consumer_key,username,password,consumer_secret\n"
        "acme,https://acme.my.salesforce.com,acme-admin,true,PlatformCLI,3MVG9.abc,a@acme.example,env:P,env:S\n"
    )
    entry = read_orgs(table, "orgs.csv", "csv")[0]
    assert (entry.sf_org, entry.web_client_id, entry.secrets["consumer_secret"]) == (
        "acme-admin",
        "PlatformCLI",
        "env:S",
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("consumer_secret: not-a-reference, consumer_key: 3MVG9.abc", "OF050"),
        ("consumer_secret: 'env:S'", "OF071"),
        ("web_client_id: PlatformCLI", "OF071"),
        ("web_callback: 'http://localhost:1717/x'", "OF071"),
        ("web: true, web_callback: 'http://evil.example/x'", "OF013"),
        ("web: true, web_callback: 'https://localhost:1717/x'", "OF013"),
        ("sf_org: '--all'", "OF013"),
        ("sf_org: 'a b'", "OF013"),
        ("consumer_key: 'has space'", "OF013"),
    ],
)
def test_a_key_that_cannot_be_meant_is_found_when_the_file_is_read(text: str, code: str) -> None:
    with pytest.raises(OrgsFileError) as refused:
        one(text)
    assert code in {finding.code for finding in refused.value.diagnostics}


# --- orgs import --from-sf


def listed(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"org list": {"status": 0, "result": {"nonScratchOrgs": list(rows), "devHubs": [rows[0]]}}}


ROW = {
    "alias": "prod: main",
    "username": "admin@acme.example",
    "orgId": "00D000000000001AAA",
    "instanceUrl": "https://acme.my.salesforce.com",
    "accessToken": "00D000000000001!AQcanarycanarycanarycanary",
    "connectedStatus": "Connected",
}
LEGACY = {**ROW, "alias": "", "username": "old@acme.example", "instanceUrl": "https://na139.salesforce.com"}


def test_import_prints_an_orgs_file_that_is_accepted_and_leaves_out_what_is_not(
    ladder: Ladder, command: Any
) -> None:
    ladder.sf(listed(ROW, LEGACY))
    done = command("orgs", "import", "--from-sf", PATH=str(ladder.folder / "bin"))
    assert done.code == 0, done.err
    (entry,) = read_orgs(done.out, "imported")
    assert (entry.name, entry.org_id) == ("prod-main", "00D000000000001EAA")  # checksum put right
    assert entry.sf_org == "admin@acme.example"  # an alias with blanks is none that could be written
    assert "left out old@acme.example" in done.err
    assert "canary" not in done.out + done.err


def test_import_writes_no_file_over_another(ladder: Ladder, command: Any) -> None:
    ladder.sf(listed(ROW))
    out, path = str(ladder.folder / "orgs.yaml"), str(ladder.folder / "bin")
    assert command("orgs", "import", "--from-sf", "--out", out, PATH=path).code == 0
    again = command("orgs", "import", "--from-sf", "--out", out, "--json", PATH=path)
    assert (again.code, again.json["orgs"]["prod-main"]["org_id"]) == (0, "00D000000000001AAA")
    refused = command("orgs", "import", "--from-sf", "--out", out, PATH=path)
    assert refused.code == 2
    assert "file_exists" in refused.err


def test_import_without_the_cli_says_what_to_install(ladder: Ladder, command: Any) -> None:
    refused = command("orgs", "import", "--from-sf", "--json", PATH=str(ladder.folder))
    assert (refused.code, refused.error["code"]) == (3, "sf_cli_unusable")


def test_an_org_is_listed_once_however_often_the_cli_names_it(ladder: Ladder) -> None:
    ladder.sf(listed(ROW))
    orgs = known_orgs({"PATH": str(ladder.folder / "bin")})
    assert [org.username for org in orgs] == ["admin@acme.example"]
