"""`{{ … }}`: dotted paths into what a run knows, and nothing else. No calls, no operators, no attributes.

    {{ org.username }}   {{ inputs.app_name }}   {{ evidence.app.consumer_key | default("none") }}

Paths are looked up in mappings and lists only, never as attributes of objects, so a playbook cannot
reach anything but the trees it is given. A value that consists of one reference keeps the native type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import UsageError

ROOTS = ("org", "inputs", "evidence")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_INDEX = re.compile(r"\[(0|[1-9][0-9]{0,5})\]")
_DOTTED_INDEX = re.compile(r"(?:0|[1-9][0-9]{0,5})(?![a-zA-Z0-9_])")
_SPACE = re.compile(r"[ \t\n]*")
_DEFAULT = re.compile(r"default[ \t]*\([ \t]*")
_LITERAL = re.compile(
    r"""(?P<text>"[^"\\{}]*"|'[^'\\{}]*')|(?P<number>-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?)|(?P<word>true|false|null)"""
)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_ABSENT = object()

# Native types a parameter accepts when a reference gives it; bool is no number here.
_ACCEPTS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "secret": (str,),
    "integer": (int,),
    "number": (int, float),
    "duration": (int, float),
    "boolean": (bool,),
    "list": (list, tuple),
    "mapping": (dict, Mapping),
}


class ReferenceSyntax(ValueError):
    """A `{{ … }}` is malformed.

    Attributes:
        offset: where in the text, in characters.
        opening: which `{{` of the text it is in, from 0.
        within: offset from that `{{`.
        remedy: what to write instead.
    """

    def __init__(self, problem: str, remedy: str, *, offset: int, opening: int, within: int) -> None:
        super().__init__(problem)
        self.remedy = remedy
        self.offset = offset
        self.opening = opening
        self.within = within


@dataclass(frozen=True, slots=True)
class Reference:
    """One `{{ … }}`.

    Attributes:
        path: root, then names and list indices.
        default: used when the path leads nowhere, if `has_default`.
        opening: which `{{` of its text it is, from 0.
    """

    path: tuple[str | int, ...]
    default: Any = None
    has_default: bool = False
    opening: int = 0

    def __str__(self) -> str:
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return steps.removeprefix(".")


@dataclass(frozen=True, slots=True)
class Template:
    """A value with references, to be resolved when the state is entered.

    Attributes:
        parts: texts and references in turn.
        type: of the parameter it is for; checked when resolved.
        source: as written.
    """

    parts: tuple[str | Reference, ...]
    type: str = "string"
    source: str = ""

    @property
    def references(self) -> tuple[Reference, ...]:
        """The references in it."""
        return tuple(part for part in self.parts if isinstance(part, Reference))

    @property
    def whole(self) -> Reference | None:
        """The reference, when the value is nothing else."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Reference):
            return self.parts[0]
        return None


def has_reference(text: str) -> bool:
    """Whether *text* contains the start of a reference."""
    return "{{" in text


def parse(text: str, *, expected: str = "string") -> Template:
    """The template in *text*.

    Args:
        text: with at least one `{{`.
        expected: type of the parameter it is for.

    Raises:
        ReferenceSyntax: at the first malformed reference.
    """
    parts: list[str | Reference] = []
    position = 0
    opening = 0
    while (start := text.find("{{", position)) >= 0:
        if start > position:
            parts.append(text[position:start])
        reference, position = _Cursor(text, start, opening).reference()
        parts.append(reference)
        opening += 1
    if position < len(text):
        parts.append(text[position:])
    # Space around a single reference is layout, not text.
    trimmed = [part for part in parts if not (isinstance(part, str) and not part.strip())]
    if len(trimmed) == 1 and isinstance(trimmed[0], Reference):
        parts = trimmed
    return Template(tuple(parts), expected, text)


class _Cursor:
    """Reads one reference."""

    def __init__(self, text: str, start: int, opening: int) -> None:
        self.text = text
        self.start = start
        self.opening = opening
        self.at = start + 2

    def reference(self) -> tuple[Reference, int]:
        """The reference and the offset behind its `}}`."""
        self._skip(_SPACE)
        path = self._path()
        self._skip(_SPACE)
        default: Any = _ABSENT
        if self.text.startswith("|", self.at):
            self.at += 1
            self._skip(_SPACE)
            default = self._default()
            self._skip(_SPACE)
        if not self.text.startswith("}}", self.at):
            raise self._wrong_end()
        has_default = default is not _ABSENT
        return Reference(path, default if has_default else None, has_default, self.opening), self.at + 2

    def _path(self) -> tuple[str | int, ...]:
        root = self._name()
        if root not in ROOTS:
            self.at -= len(root)
            raise self._error(
                f"'{root}' is not a root of references", "start with org., inputs. or evidence."
            )
        path: list[str | int] = [root]
        while True:
            if index := _INDEX.match(self.text, self.at):
                path.append(int(index.group(1)))
                self.at = index.end()
            elif self.text.startswith(".", self.at):
                self.at += 1
                if dotted := _DOTTED_INDEX.match(self.text, self.at):
                    path.append(int(dotted.group()))
                    self.at = dotted.end()
                else:
                    path.append(self._name())
            else:
                break
        if len(path) == 1 or isinstance(path[1], int):
            raise self._error(f"'{root}' alone is not a value", f"name one of its fields, `{root}.…`")
        return tuple(path)

    def _name(self) -> str:
        match = _NAME.match(self.text, self.at)
        if match is None:
            raise self._error("a name is expected here", "use lower-case names, `{{ evidence.app.name }}`")
        if "__" in match.group():
            raise self._error("names with two underscores are not readable", "name a field of the tree")
        self.at = match.end()
        return match.group()

    def _default(self) -> Any:
        match = _DEFAULT.match(self.text, self.at)
        if match is None:
            raise self._error(
                "the only filter is `default(…)`", 'write `| default("text")` or drop the filter'
            )
        self.at = match.end()
        literal = _LITERAL.match(self.text, self.at)
        if literal is None:
            raise self._error(
                "a literal is expected here", 'give default() a "text", a number, true, false or null'
            )
        self.at = literal.end()
        self._skip(_SPACE)
        if not self.text.startswith(")", self.at):
            raise self._error("`)` is expected here", "close default( with `)`")
        self.at += 1
        if literal["text"] is not None:
            return literal["text"][1:-1]
        if literal["word"] is not None:
            return _WORDS[literal["word"]]
        number = literal["number"]
        return float(number) if "." in number else int(number)

    def _wrong_end(self) -> ReferenceSyntax:
        close, following = self.text.find("}}", self.at), self.text.find("{{", self.at)
        if close < 0 or 0 <= following < close:
            self.at = self.start
            return self._error("`{{` without `}}`", "close the reference with `}}`")
        letter = self.text[self.at]
        if letter == "(":
            return self._error("references cannot call anything", "name a value, `{{ evidence.app.name }}`")
        if letter in "+-*/%~<>=!":
            return self._error("references cannot compute", "compute in an action, refer to its evidence")
        if letter == "[":
            return self._error("a list index is a plain number", "write `[0]`, or `.name` for a field")
        return self._error("`}}` is expected here", "a reference is a dotted path and an optional default")

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()

    def _error(self, problem: str, remedy: str) -> ReferenceSyntax:
        at = min(self.at, len(self.text))
        return ReferenceSyntax(problem, remedy, offset=at, opening=self.opening, within=at - self.start)


def resolve(parameters: Mapping[str, Any], scope: Mapping[str, Any]) -> dict[str, Any]:
    """*parameters* with every reference replaced by its value. Pure.

    Args:
        parameters: of a compiled state.
        scope: `org`, `inputs` and `evidence`, trees of mappings, lists and plain values.

    Raises:
        UsageError: `reference_unresolved` when a path leads nowhere (or to null) and there is no
            default; `reference_mistyped` when the value does not fit the parameter.
    """
    return {name: _resolved(value, scope, name) for name, value in parameters.items()}


def render(text: str, scope: Mapping[str, Any]) -> str:
    """*text* (such as an operator's prompt) with its references replaced; the result is always text.

    Raises:
        UsageError: as for `resolve`.
    """
    if not has_reference(text):
        return text
    return "".join(_as_text(part, scope, "text") for part in parse(text).parts)


def _resolved(value: Any, scope: Mapping[str, Any], name: str) -> Any:
    if isinstance(value, Template):
        if value.whole is None:
            return "".join(_as_text(part, scope, name) for part in value.parts)
        found = _copied(_looked_up(value.whole, scope, name))
        accepted = _ACCEPTS.get(value.type)
        fits = (
            found is None
            or accepted is None
            or (isinstance(found, accepted) and not (isinstance(found, bool) and value.type != "boolean"))
        )
        if not fits:
            raise UsageError(
                f"'{name}' needs type {value.type}, but {value.whole} is of type {_type_name(found)}",
                code="reference_mistyped",
                remedy=f"refer to a value of type {value.type}, or change what {value.whole} holds",
            )
        return found
    return _walked(value, lambda item: _resolved(item, scope, name))


def _copied(value: Any) -> Any:
    """Mappings and lists are copied, so that an action cannot change the run's evidence by accident."""
    return _walked(value, _copied)


def _walked(value: Any, visit: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: visit(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [visit(item) for item in value]
    return value


def _type_name(value: Any) -> str:
    """What playbooks call the type of a value in the trees."""
    return next((name for name, types in _ACCEPTS.items() if type(value) in types), "null")


def _as_text(part: str | Reference, scope: Mapping[str, Any], name: str) -> str:
    if isinstance(part, str):
        return part
    found = _looked_up(part, scope, name)
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, str | int | float):
        return str(found)
    raise UsageError(
        f"{part} in '{name}' is of type {_type_name(found)} and cannot stand inside a text",
        code="reference_mistyped",
        remedy=f"refer to one field of {part}",
    )


def _looked_up(reference: Reference, scope: Mapping[str, Any], name: str) -> Any:
    value: Any = scope
    for step in reference.path:
        if isinstance(step, int):
            is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
            value = value[step] if is_list and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None:
            break
    if value is not None:
        return value
    if reference.has_default:
        return reference.default
    raise UsageError(
        f"{reference}, needed for '{name}', has no value in this run",
        code="reference_unresolved",
        remedy=f"give it a value before this state, or write `{{{{ {reference} | default(…) }}}}`",
    )
