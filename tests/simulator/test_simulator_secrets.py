"""Passwords, tokens, keys and certificates planted in a simulation must come out nowhere."""

from __future__ import annotations

import gc
import json
import logging
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from core_wire import World, app_files, certificate_pem

from orchestrator.simulator.catalogue import OrgSeed
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.command import ServeOptions, Simulation
from orchestrator.simulator.control import answer_control
from orchestrator.simulator.http import Request, Response
from orchestrator.simulator.org import Org
from orchestrator.simulator.records import AuthorizationCode, InstallRequest, OauthGrant, Session
from orchestrator.simulator.users import User


def planted(world: World) -> dict[str, str]:
    """Do everything that carries a secret once; return the secrets by what they are."""
    token = world.admin_token()
    files = app_files(certificate_pem())
    path = "extlClntAppGlobalOauthSets/Acme_JWT_glbloauth.ecaGlblOauth"
    files[path] = files[path].replace(
        "<externalClient", "<consumerSecret>CanarySecret42</consumerSecret><externalClient"
    )
    assert world.deploy(files, token)["success"]
    world.soap_login("CanaryWr0ngPassword")
    world.token(grant_type="password", username=world.seed.username, password="CanaryWr0ngPassword")
    world.rest(
        "POST",
        f"/sobjects/User/{world.user_id(world.seed.integration_username)}/password",
        token,
        json={"NewPassword": "CanaryNewPassw0rd"},
    )
    assertion = world.assertion()
    world.settle()
    world.token(grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=assertion)
    version = next(v for p in world.sim.packages for v in p.versions if v.installation_key)
    fields = {"SubscriberPackageVersionKey": version.id, "Password": version.installation_key}
    world.rest("POST", "/tooling/sobjects/PackageInstallRequest", token, json=fields)
    world.web.get(f"{world.base}/services/oauth2/userinfo?access_token={token}")
    return {
        "password": world.seed.password,
        "security token": world.seed.security_token,
        "session": token,
        "other session": world.admin_token(),
        "consumer secret": "CanarySecret42",
        "wrong password": "CanaryWr0ngPassword",
        "new password": "CanaryNewPassw0rd",
        "assertion": assertion,
        "installation key": version.installation_key,
    }


@pytest.fixture(scope="module")
def told():
    """Everything that a simulation shows to anybody, after it has seen every kind of secret."""
    world = World()
    lines: list[str] = []
    world.sim.on_request = lambda row: lines.append(json.dumps(row))
    records: list[str] = []
    watcher = logging.Handler()
    watcher.emit = lambda record: records.append(record.getMessage())
    logging.getLogger().addHandler(watcher)
    secrets = planted(world)
    logging.getLogger().removeHandler(watcher)

    def control(path):
        request = Request("GET", "127.0.0.1:9", path, {}, {}, b"", "127.0.0.1", 0)
        return answer_control(world.sim, request)[0].body.decode()

    kinds = (Org, User, Session, OauthGrant, AuthorizationCode, InstallRequest, ClientApp, OrgSeed)
    seen = [each for each in gc.get_objects() if isinstance(each, (*kinds, Request, Response))]
    shown = {
        "journal": "\n".join(lines),
        "history": control("/requests"),
        "truth": control("/orgs/acme"),
        "orgs": control("/orgs"),
        "faults": control("/faults"),
        "log": "\n".join(records),
        "repr": "\n".join(repr(each) for each in seen),
    }
    return secrets, shown


@pytest.mark.parametrize("place", ["journal", "history", "truth", "orgs", "faults", "log", "repr"])
@pytest.mark.parametrize(
    "what",
    [
        "password",
        "security token",
        "session",
        "other session",
        "consumer secret",
        "wrong password",
        "new password",
        "assertion",
        "installation key",
    ],
)
def test_no_secret_is_shown(told, place, what):
    secrets, shown = told
    assert shown[place] or place == "log"
    assert secrets[what] not in shown[place], f"{what} is shown in the {place}"


def test_passwords_of_generated_orgs_lie_in_private_files_only_and_go_with_the_simulation():
    with Simulation(ServeOptions(http=True, count=3, seed="7")) as simulation:
        folder = simulation.orgs_path.parent
        passwords = [seed.password for seed in simulation.simulator.catalogue]
        for path in folder.rglob("*"):
            mode = path.stat().st_mode & 0o777
            assert mode == (0o700 if path.is_dir() else 0o600), path
        holders = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "secrets"]
        assert holders
        for path in holders:
            assert not any(password in path.read_text() for password in passwords), path
    assert not folder.exists()


def test_a_journal_file_is_private(tmp_path):
    journal = tmp_path / "journal.jsonl"
    with Simulation(ServeOptions(http=True, count=1, seed="7", journal=journal)):
        assert journal.stat().st_mode & 0o777 == 0o600
