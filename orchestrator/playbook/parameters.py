"""Read the parameters of an action: types, choices, secrets and references, each with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.playbook import diagnostics as found
from orchestrator.playbook import loader, nodes, references, secret_references
from orchestrator.playbook.diagnostics import Findings, Place, did_you_mean
from orchestrator.playbook.grammar import Field, is_secret_name
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.playbook.references import Reference, Template
from orchestrator.playbook.values import Reader, parse_duration

# Inside lists and mappings a reference may stand for anything.
ANY = "any"


@dataclass(frozen=True, slots=True)
class Use:
    """One reference in the document.

    Attributes:
        place: of its `{{`.
        expected: type of the parameter, `any` inside lists and mappings, `string` inside a text.
        label: the parameter.
    """

    reference: Reference
    place: Place
    expected: str
    label: str


@dataclass(slots=True)
class ParameterReader:
    """Reads `with` and texts that may contain references.

    Attributes:
        source: the document, for exact columns inside quoted texts.
        uses: every reference read so far; judged when all states are known.
    """

    findings: Findings
    source: str
    uses: list[Use] = field(default_factory=list)

    def parameters(self, node: nodes.Mapping, spec: ActionSpec, place: Place) -> dict[str, Any]:
        """The parameters for *spec* with defaults merged in; *place* is where missing ones are reported."""
        values: dict[str, Any] = {}
        for key, entry in node.entries.items():
            parameter = spec.parameters.get(key)
            if parameter is None:
                self.findings.add(
                    entry.place,
                    found.UNKNOWN_KEY,
                    f"action '{spec.name}' has no parameter '{key}'",
                    did_you_mean(key, spec.parameters, otherwise=_known_parameters(spec)),
                )
                self._walk(entry.node, key)
                continue
            value = self.parameter(entry.node, parameter, key)
            if value is not None:
                values[key] = value
        for key, parameter in spec.parameters.items():
            if key in node.entries:
                continue
            if parameter.required:
                self.findings.add(
                    place,
                    found.MISSING_KEY,
                    f"parameter '{key}' of action '{spec.name}' is missing",
                    f"add it under `with:` ({parameter.description or parameter.type})",
                )
            elif parameter.default is not None:
                values[key] = native_default(parameter)
        return values

    def parameter(self, node: nodes.Node, parameter: Parameter, key: str) -> Any:
        """The value of one parameter; a Template when it contains references; None after a finding."""
        if (
            isinstance(node, nodes.Scalar)
            and isinstance(node.value, str)
            and references.has_reference(node.value)
        ):
            return self._referring(node, parameter, key)
        if parameter.type in {"list", "mapping"}:
            expected = nodes.Sequence if parameter.type == "list" else nodes.Mapping
            if not isinstance(node, expected):
                Reader(self.findings).wrong_type(node, parameter.type, key)
                return None
            return self._walk(node, key)
        if parameter.type == "string" and not parameter.choices and self._secret_literal(node, key):
            return None
        return Reader(self.findings).value(node, Field(parameter.type, choices=parameter.choices), key)

    def text(self, node: nodes.Scalar, label: str) -> None:
        """Collect the references of a text that is rendered later, such as an operator's prompt."""
        self._template(node, "string", label)

    def _referring(self, node: nodes.Scalar, parameter: Parameter, key: str) -> Template | None:
        known = len(self.uses)
        template = self._template(node, parameter.type, key)
        if template is None or template.whole is not None:
            return template
        if parameter.type == "secret" or (is_secret_name(key) and parameter.type == "string"):
            del self.uses[known:]
            self.findings.add(
                node.place,
                found.SECRET_LITERAL,
                f"'{key}' mixes a secret with text",
                f"write `{key}: env:{secret_references.variable_name(key)}`, or refer to a secret input",
            )
            return None
        if parameter.type != "string":
            del self.uses[known:]
            self.findings.add(
                node.place,
                found.REFERENCE_TYPE,
                f"'{key}' needs type {parameter.type}, but references inside a text make a text",
                "write the reference alone, `{{ … }}`",
            )
            return None
        return template

    def _template(self, node: nodes.Scalar, expected: str, label: str) -> Template | None:
        text = str(node.value)
        try:
            template = references.parse(text, expected=expected)
        except references.ReferenceSyntax as error:
            place = self._place(node, error.opening, error.within)
            self.findings.add(place, found.REFERENCE_SYNTAX, str(error), error.remedy)
            return None
        for reference in template.references:
            kind = expected if template.whole is not None else "string"
            self.uses.append(Use(reference, self._place(node, reference.opening, 0), kind, label))
        return template

    def _place(self, node: nodes.Scalar, opening: int, within: int) -> Place:
        """The place of the character *within* after the `{{` number *opening* of the value."""
        start, end = node.span
        at = start - 1
        for _ in range(opening + 1):
            at = self.source.find("{{", at + 1 if at < start else at + 2, end)
            if at < 0:
                return node.place
        return loader.place_of(self.source, at + within)

    def _walk(self, node: nodes.Node, key: str) -> Any:
        """The plain tree of a list or mapping, with templates, refusing secrets in it."""
        if isinstance(node, nodes.Sequence):
            return [self._walk(item, key) for item in node.items]
        if isinstance(node, nodes.Mapping):
            return {name: self._walk(entry.node, name) for name, entry in node.entries.items()}
        if self._secret_literal(node, key):
            return None
        if isinstance(node.value, str) and references.has_reference(node.value):
            return self._template(node, ANY, key)
        return node.value

    def _secret_literal(self, node: nodes.Node, key: str) -> bool:
        """Whether *node* is a secret by the name of its key and not a reference; a finding if so."""
        if not is_secret_name(key) or not isinstance(node, nodes.Scalar):
            return False
        if node.value is None or isinstance(node.value, bool):
            return False
        if references.has_reference(node.text):
            return False
        judged = secret_references.judge(node.text, key, secret_references.variable_name(key))
        if judged is None:
            return False
        self.findings.add(node.place, *judged)
        return True


def native_default(parameter: Parameter) -> Any:
    """The default of a parameter in its native type: durations in seconds."""
    if parameter.type == "duration" and isinstance(parameter.default, str):
        seconds = parse_duration(parameter.default)
        return parameter.default if seconds is None else seconds
    if parameter.type == "list" and isinstance(parameter.default, tuple):
        return list(parameter.default)
    if parameter.type == "mapping" and isinstance(parameter.default, Mapping):
        return dict(parameter.default)
    return parameter.default


def _known_parameters(spec: ActionSpec) -> str:
    return (
        f"it has {', '.join(sorted(spec.parameters))}" if spec.parameters else "it has none; remove this one"
    )
