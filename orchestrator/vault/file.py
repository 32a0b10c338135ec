"""The vault in files: one sealed file per scope, named by the hash of the scope.

A scope's file holds its name and all its values under one authenticated encryption; so neither a value,
nor the name of a value, nor which value belongs where can be read or changed from outside. What the
seal cannot show is a whole file replaced by an older one of the same scope, or removed.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orchestrator.redaction import Secret
from orchestrator.vault.cipher import VaultKey, key_of
from orchestrator.vault.disk import (
    exclusively,
    make_private_directory,
    read_private,
    remove_temporaries,
    sync_directory,
    write_private,
)
from orchestrator.vault.faults import translated, vault_error
from orchestrator.vault.keyset import KeySet, load_keys

_SUFFIX = ".sealed"


class FileVault:
    """Secrets at rest. Safe under threads, other processes and `kill -9`.

    Args:
        directory: made with mode 0700 on the first write.
        key_source: gives the key; called once, when a secret is first asked for or stored.
    """

    def __init__(self, directory: Path, key_source: Callable[[], VaultKey]) -> None:
        self._directory = directory
        self._key_source = key_source
        self._key: VaultKey | None = None
        self._key_lock = threading.Lock()
        self._is_swept = False

    def put(self, scope: str, name: str, value: Secret) -> None:
        """Store durably before returning; replaces an older value. Raises VaultError."""
        self.put_all(scope, {name: value})

    def put_all(self, scope: str, values: Mapping[str, Secret]) -> None:
        """Store *values* in one write, so that a crash leaves all of them or none. Raises VaultError."""
        with translated(), self._exclusively():
            keys = self._keys_or_new()
            path = self._path(scope)
            kept = self._values(path)
            kept.update({name: value.reveal() for name, value in values.items()})
            _write(path, scope, kept, keys.current)

    def get(self, scope: str, name: str) -> Secret | None:
        """The value, or None. Raises VaultError on a wrong key or a tampered entry."""
        with translated():
            value = self._values(self._path(scope)).get(name)
        return None if value is None else Secret(value)

    def forget(self, scope: str, name: str | None = None) -> None:
        """Remove one value, or the whole scope; what is not there is no error. Raises VaultError."""
        path = self._path(scope)
        with translated():
            if not path.exists():
                return
            with self._exclusively():
                values = {} if name is None else self._values(path)
                values.pop(name or "", None)
                if values:
                    _write(path, scope, values, self._keys_or_new().current)
                else:
                    path.unlink(missing_ok=True)
                    sync_directory(self._directory)

    def names(self, scope: str) -> list[str]:
        """Names stored under *scope*, sorted. Raises VaultError."""
        with translated():
            return sorted(self._values(self._path(scope)))

    def scopes(self) -> list[str]:
        """All scopes, sorted. Raises VaultError."""
        with translated():
            contents = [self._content(path) for path in self._directory.glob(f"*{_SUFFIX}")]
        return sorted(content["scope"] for content in contents if content)

    def rotate(self, new_key: VaultKey, adopt: Callable[[], None] = lambda: None) -> None:
        """Seal everything with *new_key*.

        Until this returns, the old key and the new one both open the whole vault; interrupted, it is
        finished by calling it again, with the same key or another one.

        Args:
            new_key: the key from now on.
            adopt: makes the key's source give *new_key*; called while both keys are still accepted.

        Raises:
            VaultError: see `get`.
        """
        with translated(), self._exclusively():
            keys = self._keys_or_new()
            if keys.former is not None and keys.key(new_key.id) is None:
                # An interrupted rotation to a third key: back to the key that our source gives.
                keys = self._sealed_with(self._own_key())
                keys.save(self._keys_path)
            if keys.current.id != new_key.id:
                keys = KeySet(new_key, keys.current)
                keys.save(self._keys_path)
            finished = self._sealed_with(new_key)
            adopt()
            finished.save(self._keys_path)
            self._key = new_key

    @property
    def _keys_path(self) -> Path:
        return self._directory / "keys"

    def _path(self, scope: str) -> Path:
        # A scope may hold slashes, dots, any case and any length; a file name may not.
        return self._directory / (
            hashlib.sha256(scope.encode("utf-8", "surrogatepass")).hexdigest() + _SUFFIX
        )

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        make_private_directory(self._directory)
        with exclusively(self._directory / "lock"):
            if not self._is_swept:
                remove_temporaries(self._directory)
                self._is_swept = True
            yield

    def _own_key(self) -> VaultKey:
        with self._key_lock:
            if self._key is None:
                self._key = self._key_source()
            return self._key

    def _keys_or_new(self) -> KeySet:
        """The accepted keys; a vault without any begins with ours. Only under the lock."""
        keys = load_keys(self._keys_path, self._own_key())
        if keys is None:
            if any(self._directory.glob(f"*{_SUFFIX}")):
                raise vault_error("vault_tampered", f"{self._keys_path} is missing")
            keys = KeySet(self._own_key())
            keys.save(self._keys_path)
        return keys

    def _content(self, path: Path) -> dict[str, Any] | None:
        """What is sealed in *path*; None when there is no such file."""
        for _ in range(2):  # a rotation may end between reading the file and reading the keys
            sealed = read_private(path)
            if sealed is None:
                return None
            keys = load_keys(self._keys_path, self._own_key())
            key = keys and keys.key(key_of(sealed))
            opened = key and key.open(sealed, path.stem)
            if opened:
                content: dict[str, Any] = json.loads(opened)
                return content
        raise vault_error("vault_tampered", f"{path} was changed, or is of another vault")

    def _values(self, path: Path) -> dict[str, str]:
        content = self._content(path)
        return {} if content is None else content["values"]

    def _sealed_with(self, key: VaultKey) -> KeySet:
        """Seal every file with *key*, one of the accepted ones; the set to save afterwards."""
        for path in self._directory.glob(f"*{_SUFFIX}"):
            content = self._content(path)
            if content is not None:
                _write(path, content["scope"], content["values"], key)
        return KeySet(key)


def _write(path: Path, scope: str, values: dict[str, str], key: VaultKey) -> None:
    content = json.dumps({"scope": scope, "values": values}).encode()
    write_private(path, key.seal(content, path.stem))
