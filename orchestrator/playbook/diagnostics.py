"""Collect every finding of a document with its place, so that one run of the compiler shows them all."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import NamedTuple

from orchestrator.errors import Diagnostic

# Findings of the YAML loader; the number follows the document's prefix (PB003, OF003).
SYNTAX = 1
CHARACTER = 2
DUPLICATE_KEY = 3
YAML_FEATURE = 4
AMBIGUOUS_WORD = 5
AMBIGUOUS_NUMBER = 6
TOO_LARGE = 7
SHAPE = 8
# Findings about keys and values.
UNKNOWN_KEY = 10
MISSING_KEY = 11
WRONG_TYPE = 12
OUT_OF_RANGE = 13
DURATION_UNIT = 14
BAD_NAME = 15
# Findings about states and their edges.
STATE_KIND = 20
UNKNOWN_STATE = 21
UNREACHABLE = 22
DEAD_END = 23
MISSING_EDGE = 24
IMPOSSIBLE_EDGE = 25
UNBOUNDED_CYCLE = 26
UNKNOWN_ACTION = 27
MISPLACED_KEY = 28
# Findings about one-way states.
UNGUARDED = 30
PROOF_AVOIDABLE = 31
PROOF_WEAKER = 32
# Findings about secrets and references.
SECRET_LITERAL = 50
SECRET_REFERENCE = 51
SECRET_TYPE = 52
REFERENCE_SYNTAX = 60
UNKNOWN_REFERENCE = 61
EVIDENCE_ABSENT = 62
SECRET_REFERENCED = 63
REFERENCE_TYPE = 64

LOADER_MEANINGS = {
    SYNTAX: "the text is not YAML",
    CHARACTER: "a character that reads as something else, such as a tab or a no-break space",
    DUPLICATE_KEY: "a key twice in one mapping",
    YAML_FEATURE: "a tag, anchor, alias, merge key or second document",
    AMBIGUOUS_WORD: "a word some YAML readers take for a boolean, such as `yes`",
    AMBIGUOUS_NUMBER: "a number some YAML readers take for another, such as `010` or `1:30`",
    TOO_LARGE: "the document is too large or nested too deeply",
    SHAPE: "the document is empty or not a mapping",
}
PLAYBOOK_MEANINGS = {
    **LOADER_MEANINGS,
    UNKNOWN_KEY: "a key, parameter or input type the language does not have",
    MISSING_KEY: "a required key or parameter is missing",
    WRONG_TYPE: "a value of the wrong type",
    OUT_OF_RANGE: "a value outside its limits or choices",
    DURATION_UNIT: "a duration without its unit",
    BAD_NAME: "a malformed name",
    STATE_KIND: "a state with none or several of action, operator and final",
    UNKNOWN_STATE: "a state that is not defined",
    UNREACHABLE: "no path leads to the state",
    DEAD_END: "no final state can be reached from the state",
    MISSING_EDGE: "an outcome without an edge",
    IMPOSSIBLE_EDGE: "an edge for an outcome or code that cannot come",
    UNBOUNDED_CYCLE: "a cycle that no `visits` budget ends",
    UNKNOWN_ACTION: "an action that does not exist",
    MISPLACED_KEY: "a key that has no meaning on this kind of state",
    UNGUARDED: "a one-way effect without `one_way: true` or without `requires`",
    PROOF_AVOIDABLE: "the one-way state can be reached without the proof it requires",
    PROOF_WEAKER: "the proving state proves less than is required",
    SECRET_LITERAL: "a secret written into the document",
    SECRET_REFERENCE: "a malformed secret reference",
    SECRET_TYPE: "an input whose name says secret and whose type does not",
    REFERENCE_SYNTAX: "a malformed `{{ … }}`",
    UNKNOWN_REFERENCE: "a reference to an input or org field that does not exist",
    EVIDENCE_ABSENT: "a reference to evidence that nothing before provides",
    SECRET_REFERENCED: "a reference to a secret where it could be printed",
    REFERENCE_TYPE: "a reference to a value of another type",
}


class Place(NamedTuple):
    """Where something stands in a document, both 1-based."""

    line: int
    column: int


class Findings:
    """The findings of one document.

    Args:
        file: the document, as the user named it.
        prefix: of the codes: `PB` for playbooks, `OF` for orgs files.
    """

    def __init__(self, file: str, prefix: str) -> None:
        self.file = file
        self.prefix = prefix
        self._found: dict[Diagnostic, None] = {}
        self._unread: set[tuple[int, int]] = set()

    def add(self, place: tuple[int, int], number: int, problem: str, remedy: str) -> None:
        """Keep one finding; the same finding twice is kept once."""
        line, column = place
        if number in {AMBIGUOUS_WORD, AMBIGUOUS_NUMBER}:
            self._unread.add((line, column))
        elif (line, column) in self._unread:
            return  # what the value is has not been understood; its type is no second finding
        code = f"{self.prefix}{number:03d}"
        self._found[Diagnostic(self.file, line, column, code, problem, remedy)] = None

    def __bool__(self) -> bool:
        return bool(self._found)

    def listed(self) -> list[Diagnostic]:
        """All findings in the order of the document."""
        return sorted(self._found)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that *word* was probably meant to be."""
    found = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Collection[str], *, otherwise: str = "") -> str:
    """A remedy sentence: the nearest known word, or the list of all of them when it is short."""
    close = nearest(word, known)
    if close is not None:
        return f"did you mean '{close}'?"
    if otherwise:
        return otherwise
    return f"use one of {listing(known)}" if known else "remove it"


def listing(words: Iterable[str], limit: int = 12) -> str:
    """Words in alphabetical order, separated by commas, the end left out when they are many."""
    ordered = sorted(words)
    shown = ", ".join(ordered[:limit])
    return shown if len(ordered) <= limit else f"{shown}, … ({len(ordered)} in all)"
