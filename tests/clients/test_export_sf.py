"""`credentials export --to sf` with the real Salesforce CLI: what we hand over logs it in, over TLS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from connect_proxy import proxying
from salesforce_cli import SalesforceCli
from simulated_orgs import SimulatedOrgs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SPEED = "20"
COMMAND_TIMEOUT_S = 150


@dataclass
class Exporting:
    """A home with a credential, the CLI, and the program `sf` as a user has it on the path."""

    home: Path
    orgs: SimulatedOrgs
    sf: SalesforceCli
    path: str

    def orchestrate(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run `orchestrator` in the CLI's environment, as both have one in a terminal."""
        environment = {
            **self.sf.environment,
            "PATH": f"{self.path}{os.pathsep}{self.sf.environment['PATH']}",
            "REQUESTS_CA_BUNDLE": self.orgs.line["ca"],
            "ORCHESTRATOR_KEY": "a passphrase of the tests, long enough",
            **more,
        }
        return subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "orchestrator", "--home", str(self.home), *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )


@pytest.fixture(scope="module")
def exporting(npm_clients: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporting]:
    folder = tmp_path_factory.mktemp("export")
    (folder / "bin").mkdir()
    program = folder / "bin" / "sf"
    program.write_text(f'#!/bin/sh\nexec "{npm_clients.node}" "{npm_clients.salesforce_cli}" "$@"\n')
    program.chmod(0o755)
    with SimulatedOrgs("--speed", SPEED) as orgs, proxying(orgs.port) as proxy:
        sf = SalesforceCli(npm_clients, folder / "home")
        made = Exporting(folder / "orchestrator", orgs, sf, str(folder / "bin"))
        line = orgs.line
        ran = made.orchestrate(
            *("run", "hybrid", "--orgs", line["orgs_file"], "--connect-to", line["connect_to"]),
            *("--speed", SPEED, "--json"),
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        sf.environment |= {"HTTPS_PROXY": proxy.url, "NODE_EXTRA_CA_CERTS": line["ca"]}
        yield made


def key_files(folder: Path) -> list[Path]:
    """Files under *folder* with a private key in them."""
    return [
        path for path in folder.rglob("*") if path.is_file() and b"BEGIN PRIVATE KEY" in path.read_bytes()
    ]


def test_the_cli_is_logged_in_and_the_key_is_gone(exporting: Exporting):
    done = exporting.orchestrate(
        "credentials", "export", exporting.orgs.name, "--to", "sf", "--alias", "ours"
    )
    assert done.returncode == 0, done.stderr
    orgs = exporting.sf.done("org", "list", "auth")
    assert [(row["username"], row["alias"]) for row in orgs if row["alias"] == "ours"] == [
        (exporting.orgs.integration_user, "ours")
    ]
    rows = exporting.sf.done(
        "data", "query", "--query", "SELECT Id FROM Organization", "--target-org", "ours"
    )
    assert rows["records"][0]["Id"] == exporting.orgs.org_id
    assert key_files(exporting.sf.home) == []


def test_a_kept_key_lets_the_cli_log_in_again(exporting: Exporting, tmp_path: Path):
    tmp_path.chmod(0o700)
    kept = tmp_path / "jwt.key"
    words = (
        "credentials",
        "export",
        exporting.orgs.name,
        "--to",
        "sf",
        "--alias",
        "kept",
        "--file",
        str(kept),
    )
    done = exporting.orchestrate(*words, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["target"] == "kept"
    exporting.orgs.change(expire_sessions=True)
    rows = exporting.sf.done(
        "data", "query", "--query", "SELECT Id FROM Organization", "--target-org", "kept"
    )
    assert rows["records"][0]["Id"] == exporting.orgs.org_id


def test_what_the_cli_says_of_its_failure_is_told(exporting: Exporting):
    words = ("credentials", "export", exporting.orgs.name, "--to", "sf", "--alias", "never", "--json")
    done = exporting.orchestrate(*words, NODE_EXTRA_CA_CERTS="")  # the CLI trusts the simulator no more
    assert done.returncode == 2
    error = json.loads(done.stderr)["error"]
    assert error["code"] == "program_failed"
    assert "fetch failed" in error["detail"]
    assert key_files(exporting.sf.home) == []
