"""What can be wrong with the vault: one VaultError with a stable code and a remedy for each."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.errors import VaultError

REMEDIES = {
    "vault_key_wrong": "give the key the vault was made with; the message says where it came from",
    "vault_key_missing": "bring back the key the vault was made with, or move the vault away and begin anew",
    "vault_key_weak": "set ORCHESTRATOR_KEY to the base64 of 32 random bytes, or to at least 16 characters",
    "vault_tampered": "restore the file from a backup, or remove it and provision the org again",
    "vault_permissions": "take the access of others away: chmod -R go= on the vault and the key file",
    "vault_full": "free space where --home is, then resume",
    "vault_read_only": "give this user write permission to --home, or choose another --home",
    "vault_unusable": VaultError.remedy,
}

_ERRNO = {
    errno.ENOSPC: "vault_full",
    errno.EDQUOT: "vault_full",
    errno.EROFS: "vault_read_only",
    errno.EACCES: "vault_read_only",
    errno.EPERM: "vault_read_only",
    errno.ENOTDIR: "vault_read_only",
    errno.EEXIST: "vault_read_only",  # a file where the folder should be
}


def vault_error(code: str, detail: str) -> VaultError:
    """The VaultError of that code with its remedy."""
    return VaultError(detail, code=code, remedy=REMEDIES[code])


@contextmanager
def translated() -> Iterator[None]:
    """Let no OSError out."""
    try:
        yield
    except OSError as error:
        code = _ERRNO.get(error.errno or 0, "vault_unusable")
        raise vault_error(code, f"{error.strerror} ({error.filename})") from error
