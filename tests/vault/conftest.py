from __future__ import annotations

import sys

import keyring
import keyring.backend
import keyring.backends.fail
import pytest


@pytest.fixture(autouse=True)
def no_keyring():
    """The computer's own keyring stays out of the tests."""
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())
    yield
    keyring.set_keyring(before)


class MemoryKeyring(keyring.backend.KeyringBackend):
    """A keyring as third parties write them."""

    priority = 5

    def __init__(self):
        super().__init__()
        self.entries = {}
        self.is_locked = False

    def get_password(self, service, username):
        self._refuse_if_locked()
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        self._refuse_if_locked(password)
        self.entries[service, username] = password

    def _refuse_if_locked(self, password=""):
        if self.is_locked:
            raise keyring.errors.KeyringLocked(f"cannot store {password}")


@pytest.fixture
def memory_keyring(no_keyring):  # noqa: ARG001 - first the computer's own is put away
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    return backend


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def posix():
    if sys.platform == "win32":
        pytest.skip("permissions and flock are POSIX")
