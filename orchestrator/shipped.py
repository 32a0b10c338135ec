"""Files by name: playbooks, those that ship with the product among them, and what somebody points at."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.errors import UsageError


def playbook_source(name: str) -> tuple[str, str]:
    """Text and file name of the playbook *name*: a path, or one that ships with the product.

    Raises:
        UsageError: there is no such file and no shipped playbook of that name.
    """
    path = Path(name)
    if path.suffix in {".yaml", ".yml"} or path.is_file() or os.sep in name:
        return read_text(path), name
    for folder in (Path(__file__).parent / "playbooks", Path(__file__).parent.parent / "playbooks"):
        shipped = folder / f"{name}.yaml"
        if shipped.is_file():
            return read_text(shipped), str(shipped)
    raise UsageError(
        f"there is no playbook '{name}'",
        code="playbook_unknown",
        remedy="name a file, or one of those that `orchestrator playbook list` shows",
    )


def shipped_playbooks() -> list[str]:
    """Names of the playbooks that ship with the product."""
    here = Path(__file__).parent
    folders = [folder for folder in (here / "playbooks", here.parent / "playbooks") if folder.is_dir()]
    return sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})


def read_text(path: Path) -> str:
    """The text of a file somebody named, without a byte order mark. Raises UsageError."""
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 text", code="file_unreadable", remedy="save it as UTF-8"
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}",
            code="file_unreadable",
            remedy="check path and permissions",
        ) from error
