"""A vault with one credential, and stand-ins for the programs it is handed over to."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stand_ins import KEY, ORG, StandIns, write_stand_ins

from orchestrator.app import App
from orchestrator.configuration import Configuration
from orchestrator.redaction import Secret
from orchestrator.salesforce.certificate import KeyAndCertificate, issue


@pytest.fixture
def stand_ins(tmp_path: Path) -> StandIns:
    return write_stand_ins(tmp_path / "bin", tmp_path / "calls.jsonl")


@pytest.fixture(scope="session")
def pair() -> KeyAndCertificate:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    return issue(
        subject_common_name="acme",
        key_bits=2048,
        not_before=now - dt.timedelta(days=1),
        not_after=now + dt.timedelta(days=20, hours=1),
        serial=42,
    )


@pytest.fixture
def stored(home: Path, pair: KeyAndCertificate) -> KeyAndCertificate:
    """What a run leaves in the vault."""
    record = {
        "org": ORG,
        "org_id": "00D000000000001AAA",
        "instance_url": "https://acme.my.salesforce.com",
        "my_domain": "acme.my.salesforce.com",
        "audience": "https://login.salesforce.com",
        "username": "integration@acme.example",
        "app": {
            "kind": "external_client_app",
            "name": "Orchestrator_JWT",
            "consumer_key": "3MVG9" + "x" * 40,
        },
        "certificate": {"sha256": pair.sha256, "not_after": pair.not_after.strftime("%Y-%m-%dT%H:%M:%SZ")},
        "run": "acme-0123456789",
        "proven_at": "2026-09-01T00:00:00.000Z",
    }
    app = App(Configuration(home=home), environ={"ORCHESTRATOR_KEY": KEY})
    app.vault.put_all(
        f"org:{ORG}",
        {
            "record": Secret(json.dumps(record)),
            "private_key": pair.private_key_pem,
            "certificate": Secret(pair.certificate_pem),
        },
    )
    app.close()
    return pair


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder of the operator's own."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def export(command: Callable[..., Any], stored: KeyAndCertificate, stand_ins: StandIns) -> Callable[..., Any]:
    """Runs `credentials export acme …` with the stand-ins first on the path."""
    assert stored

    def run(*arguments: str, **variables: str) -> Any:
        path = f"{stand_ins.folder}{os.pathsep}{os.environ['PATH']}"
        given = {"ORCHESTRATOR_KEY": KEY, "PATH": path, **variables}
        return command("credentials", "export", ORG, *arguments, **given)

    return run


@pytest.fixture
def credentials(command: Callable[..., Any], stored: KeyAndCertificate) -> Callable[..., Any]:
    """Runs `credentials …`."""
    assert stored

    def run(*arguments: str) -> Any:
        return command("credentials", *arguments, ORCHESTRATOR_KEY=KEY)

    return run
