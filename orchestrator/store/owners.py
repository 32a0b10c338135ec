"""Who owns a lease, and whether that process still lives.

Every process that drives runs has an id and, in a folder shared by the processes of one machine, a file
of that name which it keeps locked (flock). The kernel drops the lock when the process ends, however it
ends; so a lease of an owner whose file can be locked is free at once, without waiting for its expiry.
Where there is no flock (Windows), or the owner is of another machine, only the expiry counts.
"""

from __future__ import annotations

import os
import platform
import re
import secrets
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_SUFFIX = ".lock"
_KEPT_S = 86_400.0
"""Files of dead owners are removed after a day; their leases have long expired by then."""


class Owner:
    """This process, as an owner of leases. A forked child gets an id of its own.

    Args:
        directory: where the lock files are, e.g. `<home>/owners`.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._process = 0
        self._id = ""
        self._file: int | None = None
        if sys.platform != "win32":
            os.register_at_fork(after_in_child=_forgotten_by_child(weakref.ref(self)))

    @property
    def id(self) -> str:
        """`host.process.random`; the first use makes and locks the file.

        Raises:
            OSError: the folder cannot be written.
        """
        with self._lock:
            if self._process != os.getpid():
                self._process = os.getpid()
                self._id = f"{_host()}.{self._process}.{secrets.token_hex(4)}"
                self._file = _lock_new_file(self._directory, self._id)
            return self._id

    def close(self) -> None:
        """Remove the file; leases still held count as those of a dead owner until they expire."""
        with self._lock:
            if self._file is not None and self._process == os.getpid():
                os.close(self._file)  # first: a file that is gone says nothing about its owner
            self._file = None
            self._process = 0

    def _forget(self) -> None:
        """In a forked child: let go of the parent's lock without releasing it."""
        self._lock = threading.Lock()
        if self._file is not None:
            os.close(self._file)
        self._file = None
        self._process = 0


def owner_is_dead(directory: Path, owner: str) -> bool:
    """Whether the process of that id has certainly ended. False when it cannot be known."""
    if sys.platform == "win32":
        return False
    if not owner.startswith(f"{_host()}.") or Path(owner).name != owner:
        return False
    try:
        file = os.open(directory / (owner + _SUFFIX), os.O_RDONLY)
    except OSError:
        return False
    try:
        # Shared, so that two processes asking at the same time do not take each other for the owner.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def describe(owner: str) -> str:
    """An owner's id for people: `process 4711 on build-7`."""
    match owner.rsplit(".", 2):
        case [host, process, _]:
            return f"process {process} on {host}"
        case _:
            return owner


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", platform.node()) or "localhost"


def _lock_new_file(directory: Path, owner: str) -> int | None:
    if sys.platform == "win32":
        return None
    for private in (directory.parent, directory):  # `parents` alone would make home with the user's umask
        private.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / (owner + _SUFFIX)
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    _remove_old(directory, os.fstat(file).st_mtime)
    return file


def _remove_old(directory: Path, now_s: float) -> None:
    for path in directory.glob(f"*{_SUFFIX}"):
        with suppress(OSError):  # another process may be removing it too
            if now_s - path.stat().st_mtime > _KEPT_S and owner_is_dead(directory, path.stem):
                path.unlink()


def _forgotten_by_child(reference: weakref.ref[Owner]) -> Callable[[], None]:
    def forget() -> None:
        owner = reference()
        if owner is not None:
            owner._forget()  # noqa: SLF001 - the same file, the same class's business

    return forget
