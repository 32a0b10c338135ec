"""The vault of many machines: the same sealed scopes as in files, kept where all of them can reach them.

The database holds ciphertext and, so that a wrong key is told from a changed row, the id of the key and one
known text sealed with it; never the key. What the seal cannot show is the same as with files: a whole row
replaced by an older one of the same scope, or removed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.errors import VaultError
from orchestrator.ports import SealedStore
from orchestrator.redaction import Secret
from orchestrator.vault.cipher import VaultKey
from orchestrator.vault.faults import vault_error
from orchestrator.vault.key import new_salt

_FORMAT = 1
_KNOWN = b"orchestrator"
_CHECK = "key check"


class SharedVault:
    """Secrets at rest in a shared database. Safe under threads, other machines and `kill -9`.

    Args:
        entries: where the ciphertext is kept.
        key_source: gives this machine's key for the vault's salt; called once, when it is first needed.
    """

    def __init__(self, entries: SealedStore, key_source: Callable[[str], VaultKey]) -> None:
        self._entries = entries
        self._key_source = key_source
        self._key: VaultKey | None = None
        self._lock = threading.Lock()

    def put(self, scope: str, name: str, value: Secret) -> None:
        """Store durably before returning; replaces an older value. Raises VaultError, StoreError."""
        self.put_all(scope, {name: value})

    def put_all(self, scope: str, values: Mapping[str, Secret]) -> None:
        """Store *values* in one write, so that a crash leaves all of them or none. Raises as `put` does."""
        key, place = self._opened(), _place(scope)

        def changed(sealed: bytes | None) -> bytes:
            new = {name: value.reveal() for name, value in values.items()}
            return _sealed(key, scope, {**_values(key, sealed, place), **new}, place)

        self._entries.change(place, changed)

    def get(self, scope: str, name: str) -> Secret | None:
        """The value, or None. Raises VaultError on a wrong key or a tampered entry, and StoreError."""
        value = self._values_of(scope).get(name)
        return None if value is None else Secret(value)

    def forget(self, scope: str, name: str | None = None) -> None:
        """Remove one value, or the whole scope; what is not there is no error. Raises as `put` does."""
        place = _place(scope)
        if name is None:
            self._entries.change(place, lambda _sealed: None)
            return
        if self._entries.read(place) is None:
            return
        key = self._opened()

        def changed(sealed: bytes | None) -> bytes | None:
            values = {kept: value for kept, value in _values(key, sealed, place).items() if kept != name}
            return _sealed(key, scope, values, place) if values else None

        self._entries.change(place, changed)

    def names(self, scope: str) -> list[str]:
        """Names stored under *scope*, sorted. Raises VaultError, StoreError."""
        return sorted(self._values_of(scope))

    def scopes(self) -> list[str]:
        """All scopes, sorted. Raises VaultError, StoreError."""
        return sorted(
            str(_content(self._opened(), sealed, place)["scope"]) for place, sealed in self._entries.entries()
        )

    def check_key(self) -> None:
        """Find out whether this machine has the key of a vault that exists. Raises VaultError, StoreError."""
        if self._entries.key_record(None) is not None:
            self._opened()

    def _values_of(self, scope: str) -> dict[str, str]:
        place = _place(scope)
        sealed = self._entries.read(place)
        return {} if sealed is None else _values(self._opened(), sealed, place)

    def _opened(self) -> VaultKey:
        """This machine's key, once it has shown that it is the vault's."""
        with self._lock:
            if self._key is None:
                self._key = self._checked()
            return self._key

    def _checked(self) -> VaultKey:
        ours: list[VaultKey] = []

        def first() -> bytes:
            salt = new_salt()
            ours.append(self._key_source(salt))
            check = base64.b64encode(ours[0].seal(_KNOWN, _CHECK)).decode()
            return json.dumps({"format": _FORMAT, "key": ours[0].id, "salt": salt, "check": check}).encode()

        try:
            record = json.loads(self._entries.key_record(first) or b"")
            form, key_id = record["format"], str(record["key"])
            salt = bytes.fromhex(record["salt"]).hex()
            check = base64.b64decode(record["check"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise vault_error("vault_tampered", "the record of the shared vault's key was changed") from None
        if form != _FORMAT:
            raise vault_error("vault_unusable", f"the shared vault has format {form}, not {_FORMAT}")
        key = ours[0] if ours and ours[0].id == key_id else self._key_source(salt)
        if key.id != key_id:
            raise _wrong(key)
        if key.open(check, _CHECK) != _KNOWN:
            raise vault_error("vault_tampered", "the record of the shared vault's key was changed")
        return key


def _wrong(key: VaultKey) -> VaultError:
    return VaultError(
        f"the vault in this database was made with another key than this machine's (from the {key.source})",
        code="vault_key_wrong",
        remedy="give every machine the same ORCHESTRATOR_KEY; or copy vault.key of the home that was first",
    )


def _place(scope: str) -> str:
    return hashlib.sha256(scope.encode("utf-8", "surrogatepass")).hexdigest()


def _content(key: VaultKey, sealed: bytes, place: str) -> dict[str, Any]:
    opened = key.open(sealed, place)
    if opened is None:
        raise vault_error("vault_tampered", f"vault entry {place[:12]} was changed, or is of another vault")
    content: dict[str, Any] = json.loads(opened)
    return content


def _values(key: VaultKey, sealed: bytes | None, place: str) -> dict[str, str]:
    return {} if sealed is None else dict(_content(key, sealed, place)["values"])


def _sealed(key: VaultKey, scope: str, values: dict[str, str], place: str) -> bytes:
    return key.seal(json.dumps({"scope": scope, "values": values}).encode(), place)
