"""What all parts of a run's page share: numbered sections, and results as a mark, a word and a colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.report.markup import Markup, element

Tree = Mapping[str, Any]

_TONES = {"succeeded": "good", "failed": "bad", "needs_attention": "fair", "waiting": "fair"}
_MARKS = {"good": "\u2713", "bad": "\u2717", "fair": "!", "calm": "\u2026"}


def chip(tone: str, words: str) -> Markup:
    """A mark, a word and a colour; the colour says nothing that the others do not."""
    return element("span", f"{_MARKS[tone]} {words}", class_=f"chip {tone}")


def result_chip(run: Tree) -> Markup:
    """The result of a run."""
    return chip(tone_of(run["result"]), run["verdict"]["word"])


def tone_of(result: str) -> str:
    """The colour of a result: good, fair, bad or calm."""
    return _TONES.get(result, "calm")


class Sections:
    """Makes numbered sections; a part that has nothing to show is left out without a number."""

    def __init__(self, level: int, run: str) -> None:
        self._level = level
        self._run = run
        self._number = 0

    def __call__(self, title: str, *children: Markup | None) -> Markup | None:
        """A section with its heading, or None when every child is None."""
        shown = [child for child in children if child is not None]
        if not shown:
            return None
        self._number += 1
        anchor = f"{self._run}-{self._number}"
        heading = element(f"h{self._level}", f"{self._number}. {title}", id=anchor)
        return element("section", heading, *shown, aria_labelledby=anchor)

    def heading(self, title: str) -> Markup:
        """A heading one level below."""
        return element(f"h{self._level + 1}", title)
