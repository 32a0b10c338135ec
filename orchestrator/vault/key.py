"""Where the vault's key comes from: ORCHESTRATOR_KEY, the OS keyring, or a key file in home.

The first use decides and writes the decision to `key-source` in home; every later start takes the key
from the same place and says so when it is gone, instead of quietly beginning with a new key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import VaultError
from orchestrator.vault import os_keyring
from orchestrator.vault.cipher import KEY_BYTES, VaultKey
from orchestrator.vault.disk import (
    OTHERS_WRITE,
    exclusively,
    make_private_directory,
    read_private,
    write_private,
)
from orchestrator.vault.faults import translated, vault_error

ENVIRONMENT_NAME = "ORCHESTRATOR_KEY"
MINIMUM_PASSPHRASE_LENGTH = 16
KEYRING_SERVICE = "salesforce-orchestrator"

# scrypt with the cost OWASP's Password Storage Cheat Sheet asks for: 32 MiB, about 0.2 s.
_SCRYPT_N = 2**15
_SCRYPT_R = 8
_SCRYPT_P = 3
_SCRYPT_MEMORY_BYTES = 64 * 1024 * 1024
_SALT_BYTES = 16


@dataclass(frozen=True)
class _Source:
    """The decision.

    Attributes:
        kind: `environment`, `keyring` or `file`.
        entry: name of the keyring's entry; home may move, so it is not home's path.
        salt: hex; for a passphrase.
    """

    kind: str
    entry: str
    salt: str

    def as_json(self) -> bytes:
        return json.dumps({"kind": self.kind, "entry": self.entry, "salt": self.salt}).encode() + b"\n"


def load_key(home: Path, environ: Mapping[str, str]) -> VaultKey:
    """The vault's key; on the first use chosen, made and recorded.

    Args:
        home: folder of the orchestrator's files.
        environ: environment variables.

    Raises:
        VaultError: `vault_key_missing` when the recorded source is gone, `vault_key_weak`,
            `vault_permissions`.
    """
    with translated():
        # Home is the user's to choose; others may look at it, but not put files there.
        make_private_directory(home, forbidden=OTHERS_WRITE)
        recorded = _recorded(home)
        if recorded is None:
            with exclusively(home / "key.lock"):  # two first uses at once agree on one key
                recorded = _recorded(home)
                if recorded is None:
                    recorded = _choose(home, environ)
                    write_private(_record(home), recorded.as_json())
        return _key(home, environ, recorded)


def load_shared_key(home: Path, environ: Mapping[str, str], salt: str) -> VaultKey:
    """This machine's key for a vault that several machines share.

    ORCHESTRATOR_KEY wins: with the salt that is kept beside the vault, one passphrase is one key on every
    machine. Without it the key of this home is taken, which the others must be given a copy of.

    Args:
        home: folder of the orchestrator's files.
        environ: environment variables.
        salt: of the shared vault, hex; for a passphrase.

    Raises:
        VaultError: see `load_key`.
    """
    text = environ.get(ENVIRONMENT_NAME)
    return _from_text(text, salt) if text else load_key(home, environ)


def new_salt() -> str:
    """A salt for a passphrase, hex."""
    return secrets.token_hex(_SALT_BYTES)


def home_mac(home: Path, environ: Mapping[str, str], content: bytes, label: str) -> str:
    """HMAC-SHA256 (hex) of *content* that only this home can make and check.

    Args:
        home: folder of the orchestrator's files.
        environ: environment variables.
        content: what is signed.
        label: what for; see `VaultKey.mac`.

    Raises:
        VaultError: see `load_key`.
    """
    key = load_key(home, environ)
    with translated():
        recorded = _recorded(home)
    return key.mac(content, label=label, salt=bytes.fromhex(recorded.salt if recorded else ""))


def new_key(home: Path, environ: Mapping[str, str], replacement: str | None = None) -> VaultKey:
    """A key to rotate to, for the recorded source. Nothing is stored; see `adopt_key`.

    Args:
        home: folder of the orchestrator's files.
        environ: environment variables.
        replacement: what ORCHESTRATOR_KEY will be, when the key comes from there.

    Raises:
        VaultError: `vault_key_weak`.
    """
    kind = load_key(home, environ).source
    if kind in {"environment", "passphrase"}:
        recorded = _recorded(home)
        return _from_text(replacement or "", recorded.salt if recorded else "")
    return VaultKey(secrets.token_bytes(KEY_BYTES), kind)


def adopt_key(home: Path, key: VaultKey) -> None:
    """Make the recorded source give *key*; ORCHESTRATOR_KEY is for the operator to change.

    Raises:
        VaultError: the source cannot be written.
    """
    recorded = _recorded(home)
    with translated():
        if recorded is not None and recorded.kind == "file":
            write_private(_key_file(home), key.as_text().encode() + b"\n")
        elif recorded is not None and recorded.kind == "keyring":
            os_keyring.write(KEYRING_SERVICE, recorded.entry, key.as_text())


def _record(home: Path) -> Path:
    return home / "key-source"


def _key_file(home: Path) -> Path:
    return home / "vault.key"


def _recorded(home: Path) -> _Source | None:
    content = read_private(_record(home))
    if content is None:
        return None
    try:
        tree = json.loads(content)
        return _Source(str(tree["kind"]), str(tree["entry"]), str(bytes.fromhex(tree["salt"]).hex()))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise vault_error("vault_tampered", f"{_record(home)} was changed") from None


def _choose(home: Path, environ: Mapping[str, str]) -> _Source:
    """The source of a new vault's key, with a key in it."""
    salt = new_salt()
    entry = f"vault-{secrets.token_hex(4)}"
    made = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    if _key_file(home).exists():  # a home that was copied without its record
        return _Source("file", entry, salt)
    if environ.get(ENVIRONMENT_NAME):
        _from_text(environ[ENVIRONMENT_NAME], salt)  # a weak one is not recorded
        return _Source("environment", entry, salt)
    if os_keyring.is_usable(environ):
        try:
            os_keyring.write(KEYRING_SERVICE, entry, made)
            if os_keyring.read(KEYRING_SERVICE, entry) == made:
                return _Source("keyring", entry, salt)
        except VaultError:
            pass  # a keyring that refuses is no keyring
    write_private(_key_file(home), made.encode() + b"\n", replace=False)
    return _Source("file", entry, salt)


def _key(home: Path, environ: Mapping[str, str], recorded: _Source) -> VaultKey:
    """The key the recorded source gives. Raises VaultError."""
    match recorded.kind:
        case "environment":
            text = environ.get(ENVIRONMENT_NAME)
            if not text:
                raise vault_error(
                    "vault_key_missing", f"the vault was made with {ENVIRONMENT_NAME}; it is not set"
                )
            return _from_text(text, recorded.salt)
        case "keyring":
            if not os_keyring.is_usable(environ):
                raise vault_error(
                    "vault_key_missing", "the vault's key is in the OS keyring; this session cannot reach it"
                )
            stored = os_keyring.read(KEYRING_SERVICE, recorded.entry)
            where = f"entry {KEYRING_SERVICE}/{recorded.entry} of the OS keyring"
        case "file":
            content = read_private(_key_file(home))
            stored = None if content is None else content.decode("ascii", "replace").strip()
            where = str(_key_file(home))
        case kind:
            raise vault_error("vault_unusable", f"{_record(home)} names an unknown source '{kind[:40]}'")
    if stored is None:
        raise vault_error("vault_key_missing", f"the vault's key was in {where}; it is gone")
    material = _decoded(stored)
    if material is None:
        raise vault_error("vault_tampered", f"{where} does not hold a key")
    return VaultKey(material, recorded.kind)


def _from_text(text: str, salt: str) -> VaultKey:
    """The key in ORCHESTRATOR_KEY: 32 bytes in base64, or else a passphrase. Raises VaultError."""
    material = _decoded(text.strip())
    if material is not None:
        return VaultKey(material, "environment")
    if len(text) < MINIMUM_PASSPHRASE_LENGTH:
        raise vault_error(
            "vault_key_weak", f"{ENVIRONMENT_NAME} is shorter than {MINIMUM_PASSPHRASE_LENGTH} characters"
        )
    derived = hashlib.scrypt(
        text.encode("utf-8", "surrogateescape"),
        salt=bytes.fromhex(salt),
        n=_SCRYPT_N,
        r=_SCRYPT_R,
        p=_SCRYPT_P,
        maxmem=_SCRYPT_MEMORY_BYTES,
        dklen=KEY_BYTES,
    )
    return VaultKey(derived, "passphrase")


def _decoded(text: str) -> bytes | None:
    """32 bytes from base64 or base64url; None if *text* is anything else."""
    try:
        material = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return material if len(material) == KEY_BYTES else None
