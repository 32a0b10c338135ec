"""Files that hold a secret: private, whole or absent, and not where others or git would find them."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.vault.disk import write_private

_WORLD_READ, _WORLD_ENTER = stat.S_IROTH, stat.S_IXOTH


def write_secret_file(path: Path, text: str, *, force: bool) -> list[str]:
    """Write *text* to *path*, mode 0600, in one step; warnings that --force made of refusals.

    Raises:
        UsageError: `export_unsafe`, the place is no place for a secret; `file_unwritable`.
    """
    path = path.expanduser().absolute()
    problems = unsafe(path)
    if problems and not force:
        raise UsageError(
            f"{problems[0]}; nothing was written",
            code="export_unsafe",
            remedy="choose a private folder outside of git, or give --force",
        )
    try:
        write_private(path, text.encode())
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}",
            code="file_unwritable",
            remedy="check that the folder exists and is yours",
        ) from error
    return problems


def unsafe(path: Path) -> list[str]:
    """Why *path* is no place for a secret, one sentence each."""
    problems = []
    work_tree = next((each for each in path.parents if (each / ".git").exists()), None)
    if work_tree is not None:
        problems.append(f"{path} is inside the git work tree {work_tree}, from where it may be committed")
    if sys.platform == "win32":
        return problems
    if is_open_to_everybody(path.parent):
        problems.append(f"the folder {path.parent} is open to everybody on this machine")
    if path.exists():
        status = path.stat()
        if status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            problems.append(f"{path} exists and others may read it (mode {mode:04o})")
        if status.st_uid != os.geteuid():
            problems.append(f"{path} belongs to another user")
    return problems


def is_open_to_everybody(folder: Path) -> bool:
    """Whether any user of the machine can list *folder*: it and all folders above it let everybody in."""
    if not folder.is_dir():
        return False
    everybody = folder.stat().st_mode & (_WORLD_READ | _WORLD_ENTER) == _WORLD_READ | _WORLD_ENTER
    return everybody and all(each.stat().st_mode & _WORLD_ENTER for each in folder.resolve().parents)
