"""The repository as the house rules see it: its files, and its Python read as trees."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "orchestrator"
# What tools leave behind, and what is no part of the repository.
_LEFT_ASIDE = {".git", "build", "dist", "__pycache__", "corpus"}
_TEXT = {"", ".py", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", ".wsdl", ".xml", ".cfg", ".sh", ".ini"}


@functools.cache
def text_files() -> tuple[Path, ...]:
    """Every text file of the repository."""
    found = []
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(
            part in _LEFT_ASIDE or part.endswith("_cache") or part.startswith((".venv", ".hypothesis"))
            for part in parts
        )
        if path.is_file() and not hidden and path.suffix in _TEXT:
            found.append(path)
    return tuple(found)


def python_files(*folders: str) -> list[Path]:
    """The Python files below the folders."""
    wanted = tuple(ROOT / folder for folder in folders)
    return [
        path for path in text_files() if path.suffix == ".py" and any(path.is_relative_to(f) for f in wanted)
    ]


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(tree_of(path))


def here(path: Path, node: ast.AST | None = None) -> str:
    """Where something is, for a person to click on."""
    line = getattr(node, "lineno", None)
    return f"{path.relative_to(ROOT)}" + (f":{line}" if line else "")


def imports(path: Path) -> Iterator[str]:
    """Every module the file imports."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def words(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
