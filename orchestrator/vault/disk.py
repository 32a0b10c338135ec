"""Private files: readable by their owner alone, replaced whole or not at all, durable when they return."""

from __future__ import annotations

import os
import secrets
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.vault.faults import vault_error

if sys.platform != "win32":
    import fcntl

OTHERS = 0o077
"""Any permission of the group or of everybody."""
OTHERS_WRITE = 0o022
_TEMPORARY = ".tmp"
_threads = threading.Lock()  # what is left of the lock where there is no flock


def make_private_directory(path: Path, *, forbidden: int = OTHERS) -> None:
    """Make *path* with mode 0700, or check the one that exists.

    Raises:
        VaultError: `vault_permissions` when it gives others a permission that is *forbidden*.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_open_to_others(path, path.stat(), forbidden)


def refuse_open_to_others(path: Path, status: os.stat_result, forbidden: int = OTHERS) -> None:
    """As ssh does with keys: what others can touch is not used.

    Raises:
        VaultError: `vault_permissions`.
    """
    if sys.platform == "win32":
        return
    if status.st_mode & forbidden:
        mode = stat.S_IMODE(status.st_mode)
        raise vault_error("vault_permissions", f"{path} is open to others (mode {mode:04o})")
    if status.st_uid not in {os.geteuid(), 0}:
        raise vault_error("vault_permissions", f"{path} belongs to another user")


def read_private(path: Path) -> bytes | None:
    """The content; None when there is no such file.

    Raises:
        VaultError: `vault_permissions` when others could have read or changed it.
        OSError: it cannot be read.
    """
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return None
    with os.fdopen(file, "rb") as opened:
        refuse_open_to_others(path, os.fstat(opened.fileno()))
        return opened.read()


def write_private(path: Path, content: bytes, *, replace: bool = True) -> bool:
    """Put *content* at *path*, mode 0600, durably; a crash leaves the old file or the new one.

    Args:
        path: in an existing directory.
        content: what is written.
        replace: False leaves an existing file alone.

    Returns:
        Whether *content* is there now.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_TEMPORARY}")
    file = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        if replace:
            temporary.replace(path)
        else:
            path.hardlink_to(temporary)  # fails when the file exists, unlike a rename
            temporary.unlink()
    except FileExistsError:
        temporary.unlink()
        return False
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
    return True


def sync_directory(path: Path) -> None:
    """Make renames and removals in *path* durable."""
    if sys.platform == "win32":
        return
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def remove_temporaries(directory: Path) -> None:
    """Remove what killed writers left. Only while holding the lock that every writer takes."""
    for path in directory.glob(f".*{_TEMPORARY}"):
        path.unlink(missing_ok=True)


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Hold the lock file *path*: one thread of one process at a time; the kernel frees it on death."""
    if sys.platform == "win32":
        with _threads:
            yield
        return
    # Opened anew each time: flock excludes open files from each other, so threads as well.
    file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
