"""The operating system's keyring, where there is one that answers without a person.

The package `keyring` is imported only here and only when asked for. Its backends that keep nothing
(fail, null) or keep it in a file (keyrings.alt) are passed over. Every call has a deadline: a locked
collection may open a dialog that nobody sees.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.vault.faults import vault_error

TIMEOUT_S = 20.0
_NO_STORE = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")
_CHAINER = "keyring.backends.chainer"
_NEEDS_DESKTOP = ("keyring.backends.SecretService", "keyring.backends.libsecret", "keyring.backends.kwallet")
_SESSION_BUS = "DBUS_SESSION_BUS_ADDRESS"
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def is_usable(environ: Mapping[str, str]) -> bool:
    """Whether a real keyring can be reached in this session."""
    backend = _backend()
    if backend is None:
        return False
    if sys.platform != "linux" or not type(backend).__module__.startswith(_NEEDS_DESKTOP):
        return True
    # Without a display its unlock dialog would wait for ever.
    return _SESSION_BUS in environ and any(name in environ for name in _DISPLAYS)


def read(service: str, entry: str) -> str | None:
    """The stored text, or None. Raises VaultError `vault_key_missing` when the keyring does not answer."""
    found = _answer(lambda backend: backend.get_password(service, entry))
    return None if found is None else str(found)


def write(service: str, entry: str, text: str) -> None:
    """Store *text*. Raises VaultError `vault_key_missing` when the keyring does not answer."""
    _answer(lambda backend: backend.set_password(service, entry, text))


def _backend() -> Any:
    """The keyring's own choice, or the first real one it chains; None when there is none."""
    try:
        import keyring  # noqa: PLC0415 - takes 0.1 s and looks for backends; many runs never need it

        chosen = keyring.get_keyring()
    except Exception:  # noqa: BLE001 - a broken backend of any kind means: no keyring
        return None
    chained = chosen.backends if type(chosen).__module__ == _CHAINER else [chosen]  # type: ignore[attr-defined]  # only the chainer has it
    real = (backend for backend in chained if not type(backend).__module__.startswith(_NO_STORE))
    return next(real, None)


def _answer(ask: Callable[[Any], object]) -> object:
    """What the keyring answers within `TIMEOUT_S`. Raises VaultError."""
    answers: list[object] = []
    failures: list[str] = []

    def call() -> None:
        try:
            answers.append(ask(_backend()))
        except Exception as error:  # noqa: BLE001 - backends raise whatever their system raises
            failures.append(type(error).__name__)  # its text might quote what was to be stored

    thread = threading.Thread(target=call, daemon=True, name="keyring")
    thread.start()
    thread.join(TIMEOUT_S)
    if answers:
        return answers[0]
    why = failures[0] if failures else f"no answer within {TIMEOUT_S:.0f} s"
    raise vault_error("vault_key_missing", f"the OS keyring cannot be used: {why}")
