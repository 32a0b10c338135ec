"""One simulator, one deployed app and one logged-in CLI per worker; the tests share them in any order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from app_package import CONSUMER_KEY, app_files, archive, private_key_pem
from npm_clients import ClientsMissing, NpmClients, installed
from salesforce_cli import SalesforceCli
from simulated_orgs import SimulatedOrgs

APP = "Client_App"
ALIAS = "sim"


@dataclass(frozen=True)
class LoggedIn:
    """The CLI, logged in to an org by JWT as its administrator under the alias `sim`."""

    sf: SalesforceCli
    orgs: SimulatedOrgs
    result: dict[str, Any]
    login_operations: list[str]


@pytest.fixture(scope="session")
def npm_clients() -> NpmClients:
    try:
        return installed()
    except ClientsMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def orgs() -> Iterator[SimulatedOrgs]:
    """A simulator over plain http, its first org with the app the clients log in with."""
    with SimulatedOrgs("--http", "--speed", "10") as running:
        set_up_app(running)
        yield running


@pytest.fixture(scope="session")
def secure_orgs() -> Iterator[SimulatedOrgs]:
    """The same over TLS."""
    with SimulatedOrgs("--speed", "10") as running:
        set_up_app(running)
        yield running


@pytest.fixture(scope="session")
def key_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("key") / "jwt.key"
    path.touch(mode=0o600)
    path.write_text(private_key_pem(), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def cli(npm_clients, orgs, key_file, tmp_path_factory) -> LoggedIn:
    return log_in_by_jwt(SalesforceCli(npm_clients, tmp_path_factory.mktemp("home")), orgs, key_file)


@pytest.fixture
def slow_cli(npm_clients, key_file, tmp_path) -> Iterator[LoggedIn]:
    """The CLI logged in to an org of its own, in which a deploy takes minutes of the test's time."""
    with SimulatedOrgs("--http", "--speed", "0.01") as running:
        set_up_app(running)
        yield log_in_by_jwt(SalesforceCli(npm_clients, tmp_path / "home"), running, key_file)


@pytest.fixture
def fresh_sf(npm_clients, tmp_path) -> SalesforceCli:
    """The CLI with an empty home."""
    return SalesforceCli(npm_clients, tmp_path / "home")


def set_up_app(orgs: SimulatedOrgs) -> None:
    result = orgs.deploy(archive(app_files(APP, key=CONSUMER_KEY)), orgs.log_in())
    assert result["success"], result["details"]
    orgs.assign(f"{APP}_Access", orgs.username, orgs.integration_user)
    orgs.settle()


def log_in_by_jwt(sf: SalesforceCli, orgs: SimulatedOrgs, key_file: Path) -> LoggedIn:
    mark = len(orgs.requests())
    result = sf.done(
        *("org", "login", "jwt", "--username", orgs.username, "--jwt-key-file", str(key_file)),
        *("--client-id", CONSUMER_KEY, "--instance-url", orgs.url, "--alias", ALIAS),
    )
    return LoggedIn(sf, orgs, result, orgs.operations_since(mark))
