"""Which keys a vault accepts: the file `keys`, made before the first secret.

It holds the id of the vault's key, so that a wrong key is told from a changed file. While a rotation is
under way it holds both ids, and each key encrypted with the other: whoever has one can read everything,
at whatever instant the rotation was interrupted.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import VaultError
from orchestrator.vault.cipher import VaultKey
from orchestrator.vault.disk import read_private, write_private
from orchestrator.vault.faults import vault_error

_FORMAT = 1


@dataclass(frozen=True)
class KeySet:
    """The keys of a vault.

    Attributes:
        current: what is written is sealed with this one.
        former: the key a rotation leads away from; None when none is under way.
    """

    current: VaultKey
    former: VaultKey | None = None

    def key(self, key_id: str | None) -> VaultKey | None:
        """The key of that id, if it is one of ours."""
        return next((key for key in (self.current, self.former) if key and key.id == key_id), None)

    def save(self, path: Path) -> None:
        """Write the set durably."""
        tree: dict[str, object] = {"format": _FORMAT, "current": self.current.id}
        if self.former is not None:
            tree["former"] = self.former.id
            tree["current_under_former"] = _text(self.former.wrap(self.current))
            tree["former_under_current"] = _text(self.current.wrap(self.former))
        body = json.dumps(tree).encode()
        write_private(path, body + b"\n" + _checksum(body) + b"\n")


def load_keys(path: Path, key: VaultKey) -> KeySet | None:
    """The keys of the vault that *key* opens; None in a vault without a `keys` file.

    Raises:
        VaultError: `vault_key_wrong` when *key* is none of them, `vault_tampered`, `vault_permissions`.
    """
    content = read_private(path)
    if content is None:
        return None
    body, _, checksum = content.partition(b"\n")
    if checksum != _checksum(body) + b"\n":
        raise _tampered(path)
    try:
        return _keys(path, key, json.loads(body))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # The checksum has no key: whoever can write the file can make it fit.
        raise _tampered(path) from None


def _keys(path: Path, key: VaultKey, tree: dict[str, Any]) -> KeySet:
    if tree["format"] != _FORMAT:
        raise vault_error(
            "vault_unusable", f"{path} has format {tree['format']}, this program knows {_FORMAT}"
        )
    current, former = tree["current"], tree.get("former")
    if key.id not in {current, former}:
        raise vault_error(
            "vault_key_wrong", f"the vault was made with another key than that from the {key.source}"
        )
    if former is None:
        return KeySet(key)
    if key.id == current:
        other = key.unwrap(_bytes(tree["former_under_current"]), former)
    else:
        other = key.unwrap(_bytes(tree["current_under_former"]), current)
    if other is None:
        raise _tampered(path)
    return KeySet(key, other) if key.id == current else KeySet(other, key)


def _tampered(path: Path) -> VaultError:
    return vault_error("vault_tampered", f"{path} was changed")


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
