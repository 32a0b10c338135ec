"""Read values of the document as what the language says they are; every deviation is a finding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator.playbook import diagnostics as found
from orchestrator.playbook import nodes, secret_references
from orchestrator.playbook.diagnostics import Findings, did_you_mean
from orchestrator.playbook.grammar import DURATION, NAME, UNITS_S, Field

_ARTICLES = {
    "string": "a text",
    "name": "a name",
    "state": "the name of a state",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "duration": "a duration such as `90s`",
    "list": "a list",
    "mapping": "a mapping",
    "secret": "a secret reference such as `env:NAME`",
    "literal": "a plain value",
}


class Reader:
    """Reads typed values and collects what is wrong with them."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def check_keys(self, node: nodes.Mapping, allowed: Mapping[str, Field], where: str) -> None:
        """Every key is known and every required key is there."""
        for key, entry in node.entries.items():
            if key not in allowed:
                self.findings.add(
                    entry.place,
                    found.UNKNOWN_KEY,
                    f"unknown key '{key}' in {where}",
                    did_you_mean(key, allowed),
                )
        for key, field in allowed.items():
            if field.required and key not in node.entries:
                self.findings.add(
                    node.place,
                    found.MISSING_KEY,
                    f"'{key}' is missing in {where}",
                    f"add `{key}: …` ({field.description})",
                )

    def mapping(self, node: nodes.Node, label: str) -> nodes.Mapping | None:
        """*node*, when it is a mapping."""
        if isinstance(node, nodes.Mapping):
            return node
        self.wrong_type(node, "mapping", label)
        return None

    def fields(
        self, node: nodes.Node, allowed: Mapping[str, Field], where: str
    ) -> tuple[nodes.Mapping | None, dict[str, Any]]:
        """The values of all plain fields of the mapping *node*; faulty ones are left out."""
        if not isinstance(node, nodes.Mapping):
            self._not_a(node, "mapping", where)
            return None, {}
        self.check_keys(node, allowed, where)
        values: dict[str, Any] = {}
        for key, entry in node.entries.items():
            field = allowed.get(key)
            if field is not None and field.type not in {"mapping", "literal"}:
                value = self.value(entry.node, field, key)
                if value is not None:
                    values[key] = value
        return node, values

    def value(self, node: nodes.Node, field: Field, label: str) -> Any:
        """The value of *node* as *field*, no mapping, wants it; None after a finding."""
        if field.type == "list":
            return self._list(node, label)
        if not isinstance(node, nodes.Scalar):
            self.wrong_type(node, field.type, label)
            return None
        if field.type == "literal":
            return node.value
        if field.type == "duration":
            value: Any = self.duration(node, label)
        elif field.type == "secret":
            return self.secret(node, label)
        else:
            value = self._scalar(node, field, label)
        return None if value is None else self._limited(node, value, field, label)

    def duration(self, node: nodes.Scalar, label: str) -> float | None:
        """Seconds of a duration with its unit."""
        if isinstance(node.value, str):
            seconds = parse_duration(node.value)
            if seconds is not None:
                return seconds
        if not isinstance(node.value, bool) and isinstance(node.value, int | float):
            self.findings.add(
                node.place,
                found.DURATION_UNIT,
                f"'{label}' is a duration without a unit",
                f"write `{node.text}s` for seconds, `{node.text}m` for minutes (units: {', '.join(UNITS_S)})",
            )
            return None
        self.findings.add(
            node.place,
            found.DURATION_UNIT,
            f"'{label}' is not a duration",
            f"write a number and one unit, such as `90s` or `5m` (units: {', '.join(UNITS_S)})",
        )
        return None

    def secret(self, node: nodes.Scalar, label: str) -> str | None:
        """A secret reference; a literal is refused and not quoted."""
        if node.value is None:
            self.wrong_type(node, "secret", label)
            return None
        judged = secret_references.judge(
            node.text if not isinstance(node.value, str) else node.value,
            label,
            secret_references.variable_name(label),
        )
        if judged is None:
            return node.text
        self.findings.add(node.place, *judged)
        return None

    def wrong_type(self, node: nodes.Node, expected: str, label: str) -> None:
        """A finding: the value of *label* is not what was expected."""
        self._not_a(node, expected, f"'{label}'")

    def _not_a(self, node: nodes.Node, expected: str, what: str) -> None:
        remedy = f"write {_ARTICLES[expected]}"
        if (
            expected in {"string", "name", "state"}
            and isinstance(node, nodes.Scalar)
            and node.value is not None
        ):
            remedy = "write the text in quotes"
        if expected == "boolean" and isinstance(node, nodes.Scalar) and isinstance(node.value, str):
            remedy = "write `true` or `false`, without quotes"
        self.findings.add(
            node.place,
            found.WRONG_TYPE,
            f"{what} is {_described(node)}, not {_ARTICLES[expected]}",
            remedy,
        )

    def _list(self, node: nodes.Node, label: str) -> list[Any] | None:
        if isinstance(node, nodes.Sequence):
            return [nodes.plain_tree(item) for item in node.items]
        self.wrong_type(node, "list", label)
        return None

    def _scalar(self, node: nodes.Scalar, field: Field, label: str) -> Any:
        value = node.value
        wanted: Mapping[str, type | tuple[type, ...]] = {
            "integer": int,
            "number": (int, float),
            "boolean": bool,
        }
        expected = wanted.get(field.type, str)
        if not isinstance(value, expected) or (isinstance(value, bool) and field.type != "boolean"):
            self.wrong_type(node, field.type, label)
            return None
        if field.type in {"name", "state"} and isinstance(value, str) and not self.name(value, node, label):
            return None
        return value

    def name(
        self, text: str, node: nodes.Scalar | nodes.Entry, label: str, pattern: re.Pattern[str] = NAME
    ) -> bool:
        """Whether *text* is a well-formed name; a finding when it is not."""
        if pattern.fullmatch(text):
            return True
        remedy = "lower-case letters, digits and `_`, a letter first, at most 64"
        self.findings.add(
            node.place, found.BAD_NAME, f"'{text[:80]}' is not a name ({label})", f"use {remedy}"
        )
        return False

    def _limited(self, node: nodes.Scalar, value: Any, field: Field, label: str) -> Any:
        if field.choices and str(value) not in field.choices:
            self.findings.add(
                node.place,
                found.OUT_OF_RANGE,
                f"'{value}' is not a choice for '{label}'",
                did_you_mean(str(value), field.choices),
            )
            return None
        if field.minimum is not None and value < field.minimum:
            return self._out_of_range(
                node, field, f"'{label}' is too small", f"at least {_shown(field.minimum, field)}"
            )
        if field.maximum is not None and value > field.maximum:
            return self._out_of_range(
                node, field, f"'{label}' is too large", f"at most {_shown(field.maximum, field)}"
            )
        return value

    def _out_of_range(self, node: nodes.Scalar, field: Field, problem: str, limit: str) -> None:
        self.findings.add(node.place, found.OUT_OF_RANGE, problem, f"{limit} ({field.description})")


def parse_duration(text: str) -> float | None:
    """Seconds of `500ms`, `90s`, `5m`, `2h` or `365d`; None when *text* is no such duration."""
    match = DURATION.fullmatch(text)
    return None if match is None else round(float(match.group(1)) * UNITS_S[match.group(2)], 9)


def shown_duration(seconds: float) -> str:
    """Seconds as the language writes them, in the largest unit that divides them."""
    for unit in ("d", "h", "m", "s"):
        count = seconds / UNITS_S[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return f"{seconds:g}s" if seconds >= 1 or seconds == 0 else f"{seconds * 1000:g}ms"


def _shown(limit: float, field: Field) -> str:
    return shown_duration(limit) if field.type == "duration" else f"{limit:g}"


def _described(node: nodes.Node) -> str:
    """What a node is, without its content."""
    if isinstance(node, nodes.Mapping):
        return "a mapping"
    if isinstance(node, nodes.Sequence):
        return "a list"
    if node.value is None:
        return "empty"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text"}
    return names[type(node.value)]
