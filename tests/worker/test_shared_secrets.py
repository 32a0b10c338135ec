"""What a dump of the shared database shows of secrets: nothing."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from postgresql_server import programs
from worker_world import SPEED

from orchestrator.app import App
from orchestrator.configuration import Configuration

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
PASSPHRASE = "a passphrase of the tests, long enough"


def test_a_dump_of_the_database_holds_ciphertext_and_no_secret(simulated, command, shared_database, home):
    where = programs()
    if where is None:
        pytest.skip("pg_dump is NOT tried: Debian's postgresql is not there")
    orgs = simulated(speed=SPEED, count=1)
    text = Path(orgs.line["orgs_file"]).read_text("utf-8")
    password = Path(re.search(r"password: file:(.*)", text)[1]).read_text("utf-8").strip()
    ran = command("run", "hybrid", "--database", shared_database, *orgs.options, orgs=orgs)
    assert ran.code == 0, ran.err
    environ = {**os.environ, "ORCHESTRATOR_KEY": PASSPHRASE}
    app = App(Configuration(home=home, database=shared_database), environ=environ)
    [scope] = app.vault.scopes()
    kept = {name: app.vault.get(scope, name).reveal() for name in app.vault.names(scope)}
    app.close()
    assert set(kept) >= {"private_key", "certificate", "record"}
    key = "".join(kept["private_key"].splitlines()[1:-1])
    dump = subprocess.run(  # noqa: S603 - Debian's program
        [where / "pg_dump", "--inserts", shared_database], capture_output=True, text=True, check=True
    ).stdout
    assert "INSERT INTO public.vault_entry" in dump
    assert "INSERT INTO public.attempt" in dump
    planted = [
        password,
        PASSPHRASE,
        "PRIVATE KEY",
        *(key[at : at + 24] for at in range(0, len(key) - 24, 24)),
    ]
    for secret in planted:
        for form in (secret, secret.encode().hex()):  # bytes are dumped as hex
            assert form not in dump
    assert not (home / "vault").exists()
