"""Read documents of texts strictly: every finding with its line, nothing guessed, nothing ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator.texts.invalid import Finding, TextsInvalid
from orchestrator.texts.shapes import Shape

if TYPE_CHECKING:
    import yaml

_TEXT_TAG = "tag:yaml.org,2002:str"
_NUMBER_TAGS = {"tag:yaml.org,2002:float", "tag:yaml.org,2002:int"}
_VERSIONS = "versions"
_SINCE = "since"
_SHOWN = 12
_MOST_LEVELS = 16
_RELEASE = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4})?")


@dataclass(frozen=True, slots=True)
class Entry:
    """The texts of one key: for each field what it says since which release, oldest first."""

    fields: Mapping[str, tuple[tuple[float, tuple[str, ...]], ...]]

    def pick(self, name: str, release: float | None) -> tuple[str, ...] | None:
        """What the field says in an org of that release; None when it says nothing there."""
        said = self.fields.get(name, ())
        return next((words for since, words in reversed(said) if release is None or since <= release), None)


@dataclass(frozen=True, slots=True)
class Document:
    """A shipped document: its entries, and their keys by section in the order of the file."""

    sections: Mapping[str, tuple[str, ...]]
    entries: Mapping[str, Entry]


def read_document(text: str, file: str, shape: Shape) -> Document:
    """A shipped document. Raises TextsInvalid."""
    reader = _Reader(file)
    sections: dict[str, tuple[str, ...]] = {}
    entries: dict[str, Entry] = {}
    for title, _, section in reader.pairs(reader.root(text)):
        found = list(reader.pairs(section))
        sections[title] = tuple(key for key, _, _ in found)
        for key, place, node in found:
            if key in entries:
                reader.add(place, f"'{key}' stands here twice", "give each entry a key of its own")
            before = len(reader.findings)
            entries[key] = reader.entry(node, shape)
            missing = {name for name in shape.required if entries[key].pick(name, 0.0) is None}
            if missing and len(reader.findings) == before:  # what was refused is not missing as well
                reader.add(place, f"'{key}' lacks {', '.join(sorted(missing))}", "write the text")
    reader.finish()
    return Document(MappingProxyType(sections), MappingProxyType(entries))


def read_overlay(
    text: str, file: str, shapes: Mapping[str, Shape], shipped: Callable[[str], Document]
) -> Mapping[str, Mapping[str, Entry]]:
    """A file of corrections: document → key → field, only such as exist.

    Args:
        text: of the file.
        file: its name, for the findings.
        shapes: of the documents that can be corrected.
        shipped: gives the document of a name.

    Raises:
        TextsInvalid: it names what does not exist, or a value is no text.
    """
    reader = _Reader(file)
    reader.refuse_pits(text)
    overlay: dict[str, Mapping[str, Entry]] = {}
    for name, place, keys in reader.pairs(reader.root(text)):
        if name not in shapes:
            reader.add(place, f"there is no document '{name}'", _instead(name, shapes))
            continue
        known = shipped(name).entries
        overlay[name] = own = {}
        for key, key_place, node in reader.pairs(keys):
            if key not in known:
                reader.add(key_place, f"'{name}' has no entry '{key}'", _instead(key, known))
                continue
            own[key] = reader.entry(node, shapes[name])
    reader.finish()
    return MappingProxyType(overlay)


@dataclass(slots=True)
class _Reader:
    """Walks the nodes of one file and keeps what is wrong."""

    file: str
    findings: list[Finding] = field(default_factory=list)

    def add(self, place: yaml.Mark, problem: str, remedy: str) -> None:
        """Keep one finding."""
        self.findings.append(Finding(self.file, place.line + 1, place.column + 1, problem, remedy))

    def finish(self) -> None:
        """Raise TextsInvalid if anything was found."""
        if self.findings:
            raise TextsInvalid(self.findings)

    def refuse_pits(self, text: str) -> None:
        """Raise TextsInvalid for nesting no text needs; the composer recurses until the process dies."""
        import yaml  # noqa: PLC0415 - as below

        depth = 0
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            for event in yaml.parse(text, Loader=loader):
                depth += isinstance(event, yaml.CollectionStartEvent)
                depth -= isinstance(event, yaml.CollectionEndEvent)
                if depth > _MOST_LEVELS:
                    mark: Any = event.start_mark
                    remedy = "write document, key and field"
                    self.add(mark, "the text is nested too deeply", remedy)
                    self.finish()
        except yaml.YAMLError:
            return  # `root` says where

    def root(self, text: str) -> Any:
        """The one node of the file; None for an empty one."""
        import yaml  # noqa: PLC0415 - 15 ms that a run without faults need not pay

        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            root = yaml.compose(text, Loader=loader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
            problem = f"the text is not YAML: {getattr(error, 'problem', None) or 'unreadable'}"
            found = Finding(self.file, line, column, problem, "correct the syntax at this place")
            raise TextsInvalid([found]) from None
        return root

    def pairs(self, node: Any) -> Iterator[tuple[str, yaml.Mark, Any]]:
        """Key, its place and value of a mapping; each key is kept once."""
        if node is None:
            return
        if node.id != "mapping":
            self.add(node.start_mark, "this is no mapping", "write `key: value` lines here")
            return
        seen = set()
        for key, value in node.value:
            if key.id != "scalar":
                self.add(key.start_mark, "this key is no text", "write `key: value` lines here")
            elif key.value in seen:
                self.add(key.start_mark, f"'{key.value}' stands here twice", "remove one of the two")
            else:
                seen.add(key.value)
                yield str(key.value), key.start_mark, value

    def entry(self, node: Any, shape: Shape) -> Entry:
        """The fields of one key, those of `versions` included."""
        said: dict[str, dict[float, tuple[str, ...]]] = {}
        for name, place, value in self.pairs(node):
            if name == _VERSIONS:
                for since, version in self._versions(value):
                    for inner, inner_place, text in self.pairs(version):
                        if inner != _SINCE:
                            self._field(said, since, shape, (inner, inner_place, text))
            else:
                self._field(said, 0.0, shape, (name, place, value))
        return Entry({name: tuple(sorted(versions.items())) for name, versions in said.items()})

    def _versions(self, node: Any) -> Iterator[tuple[float, Any]]:
        if node.id != "sequence":
            self.add(node.start_mark, "`versions` is no list", "write `- since: 66.0` and what it changes")
            return
        seen = set()
        for version in node.value:
            pairs = version.value if version.id == "mapping" else []
            number = next((value for key, value in pairs if key.value == _SINCE), None)
            since = _release(number)
            if since is None or since in seen:
                remedy = "begin each version with its own `since: 66.0`, the API version of the release"
                self.add(version.start_mark, "this version does not say since which release", remedy)
                continue
            seen.add(since)
            yield since, version

    def _field(
        self,
        said: dict[str, dict[float, tuple[str, ...]]],
        since: float,
        shape: Shape,
        found: tuple[str, yaml.Mark, Any],
    ) -> None:
        name, place, node = found
        if name not in shape.fields:
            self.add(place, f"'{name}' is no field of this document", _instead(name, shape.fields))
            return
        is_list = name in shape.lists
        if (node.id == "sequence") != is_list:
            wanted = "a list of texts" if is_list else "one text"
            self.add(node.start_mark, f"'{name}' is not {wanted}", f"write {wanted}")
            return
        words = tuple(self._words(one) for one in (node.value if is_list else [node]))
        if name in shape.paths and any(not one.startswith("/") or one.startswith("//") for one in words):
            self.add(node.start_mark, f"'{name}' is no path on a host", "begin it with one slash")
        said.setdefault(name, {})[since] = words

    def _words(self, node: Any) -> str:
        """One text on one line, however it was folded."""
        if node.id != "scalar" or node.tag != _TEXT_TAG or not node.value.strip():
            self.add(node.start_mark, "this is no text", "write a sentence; quote what looks like a number")
            return ""
        return " ".join(node.value.split())


def _release(node: Any) -> float | None:
    """The number of a release, such as 66.0; None for what only YAML takes for one (`0x42`, `1:06`)."""
    if node is None or node.tag not in _NUMBER_TAGS or not _RELEASE.fullmatch(node.value):
        return None
    return float(node.value)


def _instead(word: str, known: Collection[str]) -> str:
    import difflib  # noqa: PLC0415 - only for who mistyped

    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    shown = sorted(known)[:_SHOWN]
    return f"use one of {', '.join(shown)}{', …' if len(known) > len(shown) else ''}"
