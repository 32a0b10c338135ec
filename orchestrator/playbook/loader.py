"""Read YAML as a tree in which every key and value knows its line and column.

Stricter than YAML 1.1 on purpose: no tags, anchors, aliases or merge keys (nothing to expand, nothing
to construct), no key twice, no word or number that another reader would understand differently. `on:`
is a key like any other. The tree is built from parser events, without recursion. Findings never quote
a value, because it may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from orchestrator.playbook import diagnostics as found
from orchestrator.playbook.diagnostics import Findings, Place
from orchestrator.playbook.nodes import Entry, Mapping, Node, Scalar, Sequence
from orchestrator.playbook.scalars import AMBIGUOUS_WORDS, NumberRefused, plain_value

MAX_SIZE_BYTES = 1 << 20
MAX_DEPTH = 16

# The C parser is thirty times faster and gives the same events; PyYAML may be built without it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# What YAML allows (1.1, section 5.1) without the exotic line breaks, which would shift line numbers.
_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_LOOKALIKE = re.compile("[\xa0\u1680\u2000-\u200f\u202f\u205f\u2060\u3000]")
_NAMED = {"\xa0": "a no-break space", "\u200b": "a zero-width space", "\u202f": "a narrow no-break space"}
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_TYPOGRAPHIC_QUOTES = "\u2018\u2019\u201a\u201c\u201d\u201e\xab\xbb"


class _Unreadable(Exception):
    """The rest of the document cannot be understood."""


def load(
    text: str, findings: Findings, *, max_size_bytes: int = MAX_SIZE_BYTES, max_depth: int = MAX_DEPTH
) -> Mapping | None:
    """The document as a tree; None when it cannot be read at all (the findings say why).

    Args:
        text: the document.
        findings: receives everything that is wrong.
        max_size_bytes: larger documents (in UTF-8) are refused unread.
        max_depth: deeper nesting is refused.
    """
    text = text.removeprefix("\ufeff")
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > max_size_bytes:
        findings.add(
            (1, 1),
            found.TOO_LARGE,
            f"the document has {size_bytes} bytes",
            f"at most {max_size_bytes} are read",
        )
        return None
    if bad := _FORBIDDEN.search(text):
        findings.add(
            place_of(text, bad.start()),
            found.CHARACTER,
            f"the character U+{ord(bad.group()):04X} is not allowed",
            "remove it, or save the file as UTF-8 text",
        )
        return None
    builder = _Builder(findings, max_depth, check_characters=_suspicious(text))
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        _report_syntax(text, error, findings)
        return None
    except _Unreadable:
        return None
    return builder.result()


def place_of(text: str, offset: int) -> Place:
    """Line and column of a character offset."""
    line_start = text.rfind("\n", 0, offset) + 1
    return Place(text.count("\n", 0, offset) + 1, offset - line_start + 1)


def _suspicious(text: str) -> bool:
    return bool(_LOOKALIKE.search(text)) or any(quote in text for quote in _TYPOGRAPHIC_QUOTES)


@dataclass(slots=True)
class _Frame:
    """A collection that is being read; *key* is set between a key and its value."""

    node: Sequence | Mapping
    key: str | None = None
    key_line: int = 1
    key_column: int = 1
    discard: bool = False


class _Builder:
    """Builds the tree from parser events with a stack of its own."""

    def __init__(self, findings: Findings, max_depth: int, *, check_characters: bool) -> None:
        self._findings = findings
        self._max_depth = max_depth
        self._check_characters = check_characters
        self._stack: list[_Frame] = []
        self._root: Node | None = None
        self._documents = 0

    def take(self, event: Event) -> None:
        """Take in one event."""
        kind = type(event)
        if kind is ScalarEvent:
            self._scalar(event)
        elif kind in {MappingEndEvent, SequenceEndEvent}:
            self._stack.pop()
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            self._start(event, Mapping if kind is MappingStartEvent else Sequence)
        elif kind is AliasEvent:
            self._refuse_feature(event, "aliases are not read")
            self._attach(Scalar(None, "", True, *_place(event), (0, 0)))  # noqa: FBT003 - a field, in its order
        elif kind is DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                self._refuse_feature(event, "a second document starts here")
                raise _Unreadable

    def result(self) -> Mapping | None:
        """The root, when it is a mapping."""
        if isinstance(self._root, Mapping):
            return self._root
        place = self._root.place if self._root is not None else Place(1, 1)
        blank = self._root is None or (isinstance(self._root, Scalar) and self._root.value is None)
        problem = "the document is empty" if blank else "the document is not a mapping"
        self._findings.add(place, found.SHAPE, problem, "start with keys at the left margin, `key: value`")
        return None

    def _start(self, event: Any, make: type[Sequence | Mapping]) -> None:
        self._check_properties(event)
        place = _place(event)
        if len(self._stack) >= self._max_depth:
            self._findings.add(
                place, found.TOO_LARGE, f"nested deeper than {self._max_depth} levels", "flatten the document"
            )
            raise _Unreadable
        node = make(*place)
        self._attach(node)
        self._stack.append(_Frame(node))

    def _scalar(self, event: Any) -> None:
        if event.anchor is not None or event.tag is not None:
            self._check_properties(event)
        text: str = event.value
        plain = not event.style
        start = event.start_mark
        if plain and self._check_characters:
            one_line = event.end_mark.line == start.line
            text = self._check_plain(text, Place(start.line + 1, start.column + 1), one_line=one_line)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key is None and isinstance(frame.node, Mapping):
            self._key(frame, text, Place(start.line + 1, start.column + 1), plain=plain)
            return
        value: str | int | float | bool | None = text
        if plain:
            value = self._plain(text, start)
        self._attach(
            Scalar(value, text, plain, start.line + 1, start.column + 1, (start.index, event.end_mark.index))
        )

    def _plain(self, text: str, start: Any) -> str | int | float | bool | None:
        if text in AMBIGUOUS_WORDS:
            self._findings.add(
                (start.line + 1, start.column + 1),
                found.AMBIGUOUS_WORD,
                f"`{text}` is a boolean to some YAML readers and a text to others",
                f'write "{text}" in quotes for the text, `true` or `false` for the boolean',
            )
            return text
        try:
            return plain_value(text)
        except NumberRefused as refused:
            self._findings.add(
                (start.line + 1, start.column + 1),
                found.AMBIGUOUS_NUMBER,
                str(refused),
                "write the text in quotes, or the number in plain decimal digits",
            )
            return text

    def _key(self, frame: _Frame, text: str, place: Place, *, plain: bool) -> None:
        mapping = frame.node
        assert isinstance(mapping, Mapping)  # noqa: S101 - for the type checker; the caller has looked
        if plain and text == "<<":
            self._findings.add(place, found.YAML_FEATURE, "merge keys are not read", "write the keys out")
            frame.discard = True
        elif not text:
            self._findings.add(place, found.SHAPE, "a key is empty", "give it a name")
            frame.discard = True
        elif text in mapping.entries:
            first = mapping.entries[text].line
            self._findings.add(
                place,
                found.DUPLICATE_KEY,
                f"the key '{text}' is here twice (first on line {first})",
                "keep one",
            )
        frame.key, (frame.key_line, frame.key_column) = text, place

    def _attach(self, node: Node) -> None:
        if not self._stack:
            self._root = node
            return
        frame = self._stack[-1]
        if isinstance(frame.node, Sequence):
            frame.node.items.append(node)
        elif frame.key is None:
            self._findings.add(node.place, found.SHAPE, "a key is not a text", "write `name: value`")
            raise _Unreadable
        else:
            if not frame.discard:
                frame.node.entries.setdefault(frame.key, Entry(frame.key_line, frame.key_column, node))
            frame.key = None
            frame.discard = False

    def _check_properties(self, event: Any) -> None:
        if event.anchor is not None:
            self._refuse_feature(event, "anchors are not read")
        if event.tag is not None and event.tag != "!":
            self._refuse_feature(event, "tags are not read")

    def _refuse_feature(self, event: Event, problem: str) -> None:
        self._findings.add(
            _place(event), found.YAML_FEATURE, problem, "write the value itself, once, in one document"
        )

    def _check_plain(self, text: str, place: Place, *, one_line: bool) -> str:
        """*text* as it was meant, after a finding about characters that are not what they look like.

        Lines of a longer text have been joined, so its characters have lost their columns.
        """
        if bad := _LOOKALIKE.search(text):
            at = Place(place.line, place.column + bad.start()) if one_line else place
            name = _NAMED.get(bad.group(), f"the invisible character U+{ord(bad.group()):04X}")
            self._findings.add(
                at,
                found.CHARACTER,
                f"{name} stands outside quotes",
                "type an ordinary space, or put the text in quotes",
            )
        if text and text[0] in _TYPOGRAPHIC_QUOTES:
            self._findings.add(
                place, found.CHARACTER, "a typographic quote does not quote in YAML", "use \" or ' instead"
            )
            text = text.strip(_TYPOGRAPHIC_QUOTES)
        return _LOOKALIKE.sub(" ", text).strip()


def _place(event: Event) -> Place:
    mark: Any = event.start_mark
    return Place(mark.line + 1, mark.column + 1)


def _unless_word(quoted: re.Match[str]) -> str:
    """What the parser quotes: signs and the names of its tokens (`'<stream end>'`), but no word."""
    text = quoted.group()
    return text if text.startswith("'<") or not re.search(r"\w", text) else "…"


def _report_syntax(text: str, error: yaml.YAMLError, findings: Findings) -> None:
    """A YAML error as a finding; tabs and no-break spaces are named, since one does not see them."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    # Quoted words in the parser's sentence come from the document and may be secret.
    problem = _QUOTED.sub(_unless_word, str(getattr(error, "problem", None) or "the text cannot be read"))
    lines = text.split("\n")
    nearby = [number for number in (place.line, place.line - 1) if 0 < number <= len(lines)]
    for number in nearby:
        line = lines[number - 1]
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent:
            findings.add(
                (number, indent.index("\t") + 1),
                found.CHARACTER,
                "a tab indents the line",
                "indent with spaces",
            )
            return
        if bad := _LOOKALIKE.search(line):
            findings.add(
                (number, bad.start() + 1),
                found.CHARACTER,
                "a no-break space stands here",
                "type an ordinary space",
            )
            return
    remedy = "check indentation, colons and quotes here and on the line before"
    if "cannot start any token" in problem:
        remedy = "put the value in quotes"
    elif "mapping values are not allowed" in problem:
        remedy = "put a text that contains `: ` in quotes, and check the indentation"
    findings.add(place, found.SYNTAX, f"not YAML: {problem}", remedy)
