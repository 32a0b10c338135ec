"""The tree the loader builds: scalars, sequences and mappings, each knowing its line and column (1-based)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orchestrator.playbook.diagnostics import Place


@dataclass(slots=True)
class Scalar:
    """One value.

    Attributes:
        value: text, int, float, bool or None.
        text: as written, without quotes.
        plain: written without quotes.
        span: where it stands in the document, as character offsets.
    """

    value: str | int | float | bool | None
    text: str
    plain: bool
    line: int
    column: int
    span: tuple[int, int] = field(compare=False)

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.line, self.column)


@dataclass(slots=True)
class Sequence:
    """A list of nodes."""

    line: int
    column: int
    items: list[Node] = field(default_factory=list)

    @property
    def place(self) -> Place:
        """Where it starts."""
        return Place(self.line, self.column)


@dataclass(slots=True)
class Entry:
    """One key of a mapping with its place, and its value."""

    line: int
    column: int
    node: Node

    @property
    def place(self) -> Place:
        """Where the key stands."""
        return Place(self.line, self.column)


@dataclass(slots=True)
class Mapping:
    """Keys in the order of the document; keys are always text."""

    line: int
    column: int
    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Where it starts."""
        return Place(self.line, self.column)


Node = Scalar | Sequence | Mapping


def plain_tree(node: Node) -> Any:
    """The tree as dicts, lists and plain values, as other YAML tools see it."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain_tree(item) for item in node.items]
    return {key: plain_tree(entry.node) for key, entry in node.entries.items()}
