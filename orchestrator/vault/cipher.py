"""The vault's cipher: AES-256-GCM, random 96-bit nonces, and the file formats around it.

A sealed file is `magic | key id (16) | nonce (12) | ciphertext and tag`; the associated data is the
format, the key id and the name of the file, so a file cannot pass for another one. With random nonces
one key is good for 2**32 files written (NIST SP 800-38D, 8.3).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_MAGIC = b"orchestrator vault 1\n"
_ID_BYTES = 16
_NONCE_BYTES = 12
_HEADER_BYTES = len(_MAGIC) + _ID_BYTES + _NONCE_BYTES


class VaultKey:
    """256 bits that open a vault, and where they came from. Never shown, never pickled.

    Attributes:
        source: `environment`, `passphrase`, `keyring` or `file`.
        id: hex; says which key it is without telling the key.
    """

    __slots__ = ("_material", "id", "source")

    def __init__(self, material: bytes, source: str) -> None:
        if len(material) != KEY_BYTES:
            raise ValueError(f"a vault key has {KEY_BYTES} bytes")
        self._material = material
        self.source = source
        self.id = hmac.digest(material, b"orchestrator vault key id", hashlib.sha256)[:_ID_BYTES].hex()

    def as_text(self) -> str:
        """The key in base64, for the place it is kept in. Every call site is a place to review."""
        return base64.b64encode(self._material).decode()

    def seal(self, content: bytes, name: str) -> bytes:
        """*content* encrypted as the file *name*."""
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = AESGCM(self._material).encrypt(nonce, content, self._associated(name))
        return _MAGIC + bytes.fromhex(self.id) + nonce + ciphertext

    def open(self, sealed: bytes, name: str) -> bytes | None:
        """What was sealed as *name* with this key; None if even one bit differs."""
        if key_of(sealed) != self.id:
            return None
        nonce = sealed[_HEADER_BYTES - _NONCE_BYTES : _HEADER_BYTES]
        try:
            return AESGCM(self._material).decrypt(nonce, sealed[_HEADER_BYTES:], self._associated(name))
        except InvalidTag:
            return None

    def wrap(self, other: VaultKey) -> bytes:
        """*other*, encrypted with this key."""
        return self.seal(other._material, f"key {other.id}")

    def unwrap(self, wrapped: bytes, key_id: str) -> VaultKey | None:
        """The key that `wrap` encrypted; None if it is not that key."""
        material = self.open(wrapped, f"key {key_id}")
        return None if material is None else VaultKey(material, self.source)

    def mac(self, content: bytes, *, label: str, salt: bytes) -> str:
        """HMAC-SHA256 (hex) of *content* under a key of its own, derived by HKDF (RFC 5869).

        Args:
            content: what is signed.
            label: what for; another label is another key, and none of them tells the vault's.
            salt: of the home, so that two homes with one key do not take each other's signatures.
        """
        derived = HKDF(hashes.SHA256(), KEY_BYTES, salt, f"orchestrator {label}".encode())
        return hmac.digest(derived.derive(self._material), content, hashlib.sha256).hex()

    def _associated(self, name: str) -> bytes:
        return b"/".join((_MAGIC, self.id.encode(), name.encode()))

    def __repr__(self) -> str:
        return f"<vault key from {self.source}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a vault key cannot be pickled")


def key_of(sealed: bytes) -> str | None:
    """Id of the key *sealed* was made with; None if it is not a sealed file."""
    if not sealed.startswith(_MAGIC) or len(sealed) < _HEADER_BYTES:
        return None
    return sealed[len(_MAGIC) : len(_MAGIC) + _ID_BYTES].hex()
