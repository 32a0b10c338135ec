"""Chapter "A curious colleague": no secret is in the environment or the words of the programs we start."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from orchestrator.app import App
from orchestrator.cli import browser
from orchestrator.configuration import Configuration
from orchestrator.salesforce.sf_cli import known_orgs
from orchestrator.vault.references import SecretReference, resolve

CANARIES = {"ORCHESTRATOR_KEY": "key-canary", "ORCHESTRATOR_DATABASE": "postgresql://u:db-canary@h/d"}
PASSWORD = {"ADMIN_PASSWORD": "password-canary"}
WRITER = """#!{python}
import json, os, sys
from pathlib import Path
Path({log!r}).write_text(json.dumps([sys.argv, dict(os.environ)]))
print({answer!r})
"""


@pytest.fixture
def asked(tmp_path: Path):
    """Puts a program on the PATH that writes down its words and its environment; what it wrote."""
    log = tmp_path / "asked.json"

    class Asked:
        folder = tmp_path / "bin"

        def stand_in(self, name: str, answer: str) -> str:
            self.folder.mkdir(exist_ok=True)
            path = self.folder / name
            path.write_text(WRITER.format(python=sys.executable, log=str(log), answer=answer))
            path.chmod(0o700)
            return str(path)

        def words(self) -> list[str]:
            return json.loads(log.read_text())[0]

        def environ(self) -> dict[str, str]:
            return json.loads(log.read_text())[1]

    return Asked()


def environ(asked, **more: str) -> dict[str, str]:
    return {"PATH": str(asked.folder), "KEPT": "yes", **CANARIES, **PASSWORD, **more}


@pytest.mark.parametrize("reference", ["exec:{0}", "vault:secret/acme#password"])
def test_the_command_of_a_reference_sees_no_key_and_no_password_of_the_org(asked, tmp_path, reference):
    program = asked.stand_in("vault", "token-canary")
    secret = resolve(
        SecretReference.parse(reference.format(program)),
        environ=environ(asked),
        prompt=None,
        base_dir=tmp_path,
        siblings=["env:ADMIN_PASSWORD"],
    )
    assert secret.reveal() == "token-canary"
    assert asked.environ()["KEPT"] == "yes"
    assert "canary" not in json.dumps(asked.environ())


def test_the_app_tells_a_command_of_no_other_secret_of_its_org(asked, tmp_path):
    program = asked.stand_in("token", "token-canary")
    app = App(Configuration(home=tmp_path / "home", secrets_base=tmp_path), environ=environ(asked))
    entry = {
        "name": "acme",
        "secrets": {"password": "env:ADMIN_PASSWORD", "security_token": f"exec:{program}"},
    }
    assert app.resolve_secret(entry, "security_token").reveal() == "token-canary"
    assert "canary" not in json.dumps(asked.environ())
    app.close()


def test_the_salesforce_cli_sees_nothing_of_ours(asked):
    asked.stand_in("sf", json.dumps({"status": 0, "result": {"other": []}}))
    assert known_orgs({**environ(asked), "ADMIN_PASSWORD": ""}) == []
    assert "canary" not in json.dumps(asked.environ())


def test_the_browser_sees_nothing_of_ours_and_is_given_the_address(asked, monkeypatch, capfd):
    monkeypatch.setenv("BROWSER", asked.stand_in("browser", ""))
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    browser.show("https://acme.my.salesforce.com/authorize?state=x")
    assert asked.words()[1:] == ["https://acme.my.salesforce.com/authorize?state=x"]
    assert "canary" not in json.dumps(asked.environ())
    assert "acme.my.salesforce.com" in capfd.readouterr().err
