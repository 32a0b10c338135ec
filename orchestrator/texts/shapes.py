"""Which documents of texts there are, and which fields their entries have.

A new document is a YAML file of this package and a row here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a document's entries.

    Attributes:
        required: fields every shipped entry has.
        optional: fields an entry may have.
        lists: those of them that are lists of texts; all others are one text.
        paths: those of them that are paths on a host, and so start with a slash.
    """

    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()

    @property
    def fields(self) -> frozenset[str]:
        """All of them."""
        return self.required | self.optional


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "faults": Shape(frozenset({"meaning", "remedy", "source"})),
        "setup_pages": Shape(frozenset({"label", "path"}), paths=frozenset({"path"})),
        "setup_steps": Shape(
            frozenset({"title", "do"}),
            frozenset({"app", "kinds", "since", "until", "page", "values"}),
            lists=frozenset({"do", "kinds", "values"}),
        ),
    }
)
