"""What is wrong in a file of texts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong in a file of texts.

    Attributes:
        file: as it was named.
        line: 1-based.
        column: 1-based.
        problem: one sentence without a full stop.
        remedy: what to write instead.
    """

    file: str
    line: int
    column: int
    problem: str
    remedy: str


class TextsInvalid(Exception):
    """A file of texts is not of its shape; all findings at once."""

    def __init__(self, findings: Collection[Finding]) -> None:
        self.findings = sorted(findings)
        super().__init__("; ".join(f"{one.file}:{one.line}: {one.problem}" for one in self.findings))
