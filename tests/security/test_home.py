"""Chapter "A curious colleague": who may look into home, as SECURITY.md says it."""

from __future__ import annotations

import base64
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.app import App
from orchestrator.configuration import Configuration
from orchestrator.errors import VaultError
from orchestrator.redaction import Secret

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
ENVIRON = {"ORCHESTRATOR_KEY": base64.b64encode(bytes(32)).decode()}


@pytest.fixture
def careless() -> Iterator[None]:
    """A user whose new files are open to everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def used(home: Path) -> None:
    """Open everything that lies in home once."""
    app = App(Configuration(home=home), environ=ENVIRON)
    try:
        assert app.owner.id
        assert app.journal.runs() == []
        app.vault.put("org:acme", "password", Secret("canary-in-the-vault"))
    finally:
        app.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("careless")
def test_a_new_home_and_everything_in_it_is_for_its_owner_alone(home: Path) -> None:
    used(home)
    found = [home, *home.rglob("*")]
    assert {path.name for path in found} >= {"home", "journal.db", "vault", "key-source", "owners"}
    assert [(path.name, oct(mode(path))) for path in found if mode(path) & 0o077] == []


def test_a_home_that_others_may_write_to_is_refused(home: Path) -> None:
    home.mkdir()
    home.chmod(0o770)
    with pytest.raises(VaultError) as refused:
        used(home)
    assert refused.value.code == "vault_permissions"


def test_a_home_that_others_may_write_to_later_is_refused_as_well(home: Path) -> None:
    used(home)
    home.chmod(0o770)
    with pytest.raises(VaultError) as refused:
        used(home)
    assert refused.value.code == "vault_permissions"


def test_in_a_home_that_others_may_look_at_they_can_open_nothing(home: Path) -> None:
    home.mkdir()
    home.chmod(0o755)
    used(home)
    assert [path.name for path in home.rglob("*") if mode(path) & 0o077] == []


def test_a_journal_that_was_open_to_others_is_closed_to_them_and_a_vault_is_refused(home: Path) -> None:
    used(home)
    (home / "journal.db").chmod(0o644)
    (home / "vault").chmod(0o755)
    with pytest.raises(VaultError) as refused:
        used(home)
    assert refused.value.code == "vault_permissions"
    assert mode(home / "journal.db") == 0o600
