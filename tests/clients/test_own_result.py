"""Our own result in a stranger's hands: what a hybrid run leaves behind, the Salesforce CLI can use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from app_package import SOURCE_SUFFIX, write_project
from connect_proxy import proxying
from salesforce_cli import SalesforceCli
from simple_salesforce import SalesforceLogin
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simulated_orgs import SimulatedOrgs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SPEED = "20"
RUN_TIMEOUT_S = 120
ORG = ("--target-org", "ours")


class OwnResult:
    """The credential a finished hybrid run left, and the CLI that was given nothing else."""

    def __init__(
        self, credential: dict[str, Any], orgs: SimulatedOrgs, sf: SalesforceCli, login: dict[str, Any]
    ) -> None:
        self.credential, self.orgs, self.sf, self.login = credential, orgs, sf, login


def orchestrate(home: Path, orgs: SimulatedOrgs, *words: str) -> str:
    """Run `orchestrator`; it must end in success."""
    environment = {**os.environ, "REQUESTS_CA_BUNDLE": orgs.line["ca"]}
    completed = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "orchestrator", "--home", str(home), *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_TIMEOUT_S,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.fixture(scope="module")
def own(npm_clients, tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    # In this profile the integration user may use the Metadata API.
    profile = ("--profile", "full_license_integration_user")
    with SimulatedOrgs("--speed", SPEED, *profile) as orgs, proxying(orgs.port) as proxy:
        orgs_file, connect_to = orgs.line["orgs_file"], orgs.line["connect_to"]
        home = folder / "orchestrator"
        orchestrate(
            home,
            orgs,
            "run",
            "hybrid",
            "--orgs",
            orgs_file,
            "--connect-to",
            connect_to,
            "--speed",
            SPEED,
            "--json",
        )
        shown = orchestrate(home, orgs, "credentials", "show", orgs.name, "--reveal", "--json")
        credential = json.loads(shown)
        key_file = folder / "key.pem"
        key_file.touch(mode=0o600)
        key_file.write_text(credential["private_key_pem"], encoding="utf-8")
        sf = SalesforceCli(npm_clients, folder / "home")
        sf.environment |= {"HTTPS_PROXY": proxy.url, "NODE_EXTRA_CA_CERTS": orgs.line["ca"]}
        login = sf.done(
            *("org", "login", "jwt", "--username", credential["username"], "--jwt-key-file", str(key_file)),
            *(
                "--client-id",
                credential["app"]["consumer_key"],
                "--instance-url",
                orgs.my_domain,
                "--alias",
                "ours",
            ),
        )
        yield OwnResult(credential, orgs, sf, login)


def test_the_cli_logs_in_with_our_key(own):
    assert own.login["username"] == own.credential["username"]
    assert own.login["orgId"] == own.orgs.org_id
    assert own.login["clientId"] == own.credential["app"]["consumer_key"]
    assert urlsplit(own.login["instanceUrl"]).hostname == urlsplit(own.orgs.my_domain).hostname


def test_the_org_is_as_the_run_left_it(own):
    truth = own.orgs.truth()
    assert (truth["jwt_works"], truth["password_works"]) == (True, False)


def test_the_session_of_our_credential_reads_the_org(own):
    result = own.sf.done("data", "query", "--query", "SELECT Id FROM Organization", *ORG)
    assert result["records"][0]["Id"] == own.orgs.org_id


def test_the_cli_retrieves_the_app_we_deployed(own, tmp_path):
    app = own.credential["app"]
    project = write_project(tmp_path / "project")
    types = (
        "ExternalClientApplication",
        "ExtlClntAppGlobalOauthSettings",
        "ExtlClntAppOauthConfigurablePolicies",
    )
    words = [word for type_name in types for word in ("--metadata", type_name)]
    result = own.sf.done("project", "retrieve", "start", "--wait", "3", *words, *ORG, cwd=project)
    assert (result["status"], result["messages"]) == ("Succeeded", [])
    root = project / "force-app" / "main" / "default"
    header = root / "externalClientApps" / f"{app['name']}.eca{SOURCE_SUFFIX}"
    assert "<distributionState>Local</distributionState>" in header.read_text(encoding="utf-8")
    (settings,) = (root / "extlClntAppGlobalOauthSets").iterdir()
    text = settings.read_text(encoding="utf-8")
    assert f"<consumerKey>{app['consumer_key']}</consumerKey>" in text
    assert own.credential["certificate_pem"].strip() in text
    assert "PRIVATE KEY" not in text
    policies = [path.read_text(encoding="utf-8") for path in (root / "extlClntAppOauthPolicies").iterdir()]
    assert any("<permittedUsersPolicyType>AdminApprovedPreAuthorized<" in policy for policy in policies)


def test_the_cli_deploys_a_change_to_our_app_and_our_key_still_opens_the_org(own, tmp_path):
    name = own.credential["app"]["name"]
    project = write_project(tmp_path / "project")
    one = ("--metadata", f"ExternalClientApplication:{name}")
    own.sf.done("project", "retrieve", "start", "--wait", "3", *one, *ORG, cwd=project)
    (path,) = (project / "force-app" / "main" / "default" / "externalClientApps").iterdir()
    changed = path.read_text(encoding="utf-8").replace("<label>", "<label>Changed by the CLI: ", 1)
    path.write_text(changed, encoding="utf-8")
    result = own.sf.done(
        "project", "deploy", "start", "--wait", "3", "--source-dir", "force-app", *ORG, cwd=project
    )
    assert [each["state"] for each in result["files"]] == ["Changed"]
    own.orgs.settle()
    assert own.orgs.truth()["jwt_works"] is True


def test_the_old_password_opens_nothing_for_a_stranger_either(own, monkeypatch):
    for variable in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", own.sf.environment["HTTPS_PROXY"])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", own.orgs.line["ca"])
    with pytest.raises(SalesforceAuthenticationFailed):
        SalesforceLogin(
            username=own.orgs.username, password=own.orgs.password, security_token="", domain="acme.my"
        )
