"""JSON Schema (draft 2020-12) of the playbook language, for editors. Made from the compiler's own tables.

Every document the compiler accepts is valid; the schema cannot say everything the compiler checks
(paths, cycles, proofs, references).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from orchestrator.machine import EXHAUSTED, PROOF_STALE, TIMED_OUT
from orchestrator.pacing import FIXED
from orchestrator.playbook import secret_references
from orchestrator.playbook.grammar import (
    ALWAYS_OUTCOMES,
    DEFAULTS,
    DOCUMENT,
    DURATION,
    INPUT,
    KIND_KEYS,
    KINDS,
    MAX_STATES,
    NAME,
    OPERATOR,
    OPERATOR_OUTCOMES,
    OPERATOR_WAIT,
    PLAYBOOK_NAME,
    REQUIRES,
    STATE,
    VALUE_TYPES,
    WAIT,
    Field,
)
from orchestrator.playbook.model import ActionSpec, Parameter

Schema = dict[str, Any]

_REFERRING: Schema = {"type": "string", "pattern": r"\{\{"}


def json_schema(actions: Mapping[str, ActionSpec], fault_codes: Collection[str]) -> Schema:
    """The schema of playbooks made of *actions*.

    Args:
        actions: by name.
        fault_codes: every code of the catalogue of faults.
    """
    properties = _properties(DOCUMENT)
    properties["playbook"] = _described(_pattern(PLAYBOOK_NAME.pattern), DOCUMENT["playbook"].description)
    properties["inputs"] = {"type": "object", "additionalProperties": {"$ref": "#/$defs/input"}}
    properties["inputs"]["propertyNames"] = _pattern(NAME.pattern)
    properties["defaults"] = _object(DEFAULTS, wait={"$ref": "#/$defs/wait"})
    properties["states"] = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": MAX_STATES,
        "propertyNames": _pattern(NAME.pattern),
        "additionalProperties": {"$ref": "#/$defs/state"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "orchestrator playbook",
        "type": "object",
        "properties": properties,
        "required": _required(DOCUMENT),
        "additionalProperties": False,
        "$defs": {
            "wait": _object(WAIT),
            "input": _object(INPUT),
            "requires": _object(REQUIRES),
            "operator": _operator(),
            "state": _state(actions, fault_codes),
        },
    }


def _state(actions: Mapping[str, ActionSpec], fault_codes: Collection[str]) -> Schema:
    properties = _properties(STATE)
    properties["action"] = {"enum": sorted(actions), "description": STATE["action"].description}
    properties["undo"] = {"enum": sorted(actions), "description": STATE["undo"].description}
    properties["operator"] = {"$ref": "#/$defs/operator"}
    properties["wait"] = {"$ref": "#/$defs/wait"}
    properties["requires"] = {"$ref": "#/$defs/requires"}
    properties["on"] = {
        "type": "object",
        "additionalProperties": _pattern(NAME.pattern),
        "description": STATE["on"].description,
    }
    conditions: list[Schema] = [
        _when({"required": [kind]}, {"propertyNames": {"enum": sorted(keys)}})
        for kind, keys in KIND_KEYS.items()
    ]
    conditions.append(_when({"required": ["operator"]}, _operator_state()))
    conditions.append(_when({"required": ["visits"]}, _edges([EXHAUSTED])))
    conditions.append(_when(_having("one_way", {"const": True}), {"required": ["requires"]}))
    conditions.append(_when({"required": ["requires"]}, _having("one_way", {"const": True})))
    conditions.extend(
        _when(_having("action", {"const": name}), _action_state(spec, fault_codes))
        for name, spec in sorted(actions.items())
    )
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "oneOf": [{"required": [kind]} for kind in KINDS],
        "allOf": conditions,
    }


def _action_state(spec: ActionSpec, fault_codes: Collection[str]) -> Schema:
    needed = spec.outcomes | ALWAYS_OUTCOMES | (frozenset({TIMED_OUT}) if spec.waits else frozenset())
    schema = _edges(needed)
    allowed = needed | spec.faults | frozenset(fault_codes) | {EXHAUSTED, PROOF_STALE}
    schema["properties"]["on"]["propertyNames"] = {"enum": sorted(allowed)}
    required = sorted(name for name, parameter in spec.parameters.items() if parameter.required)
    schema["properties"]["with"] = {
        "type": "object",
        "properties": {name: _parameter(parameter) for name, parameter in sorted(spec.parameters.items())},
        "additionalProperties": False,
        "required": required,
    }
    schema["description"] = spec.summary
    if required:
        schema["required"].append("with")
    if not spec.learnable:
        schema["properties"]["wait"] = {"properties": {"pace": {"const": FIXED}}}
    if spec.one_way:
        schema["required"].append("one_way")
        schema["properties"]["one_way"] = {"const": True}
    return schema


def _operator_state() -> Schema:
    schema = _edges(OPERATOR_OUTCOMES)
    schema["properties"]["on"]["propertyNames"] = {"enum": sorted(OPERATOR_OUTCOMES | {EXHAUSTED})}
    schema["properties"]["wait"] = _object(OPERATOR_WAIT)
    return schema


def _operator() -> Schema:
    asked = {
        "type": "object",
        "propertyNames": _pattern(NAME.pattern),
        "additionalProperties": {"enum": list(VALUE_TYPES)},
        "description": OPERATOR["inputs"].description,
    }
    approve, ask = {"required": ["approve"]}, {"required": ["ask", "inputs"]}
    return {
        **_object(OPERATOR, inputs=asked),
        "oneOf": [
            {**approve, "not": {"anyOf": [{"required": ["ask"]}, {"required": ["inputs"]}]}},
            {**ask, "not": approve},
        ],
    }


def _parameter(parameter: Parameter) -> Schema:
    field = Field(parameter.type, choices=parameter.choices, description=parameter.description)
    schema = _value(field)
    if parameter.type != "string" or parameter.choices:
        schema = {"anyOf": [schema, _REFERRING]}
    return _described(schema, parameter.description)


def _object(fields: Mapping[str, Field], **replaced: Schema) -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": {**_properties(fields), **replaced},
        "additionalProperties": False,
    }
    if required := _required(fields):
        schema["required"] = required
    return schema


def _properties(fields: Mapping[str, Field]) -> dict[str, Schema]:
    return {key: _described(_value(field), field.description) for key, field in fields.items()}


def _required(fields: Mapping[str, Field]) -> list[str]:
    return [key for key, field in fields.items() if field.required]


def _value(field: Field) -> Schema:
    schema: Schema = dict(_TYPES[field.type])
    if field.choices:
        schema["enum"] = [int(c) if field.type == "integer" else c for c in field.choices]
    if field.type in {"integer", "number"}:
        if field.minimum is not None:
            schema["minimum"] = field.minimum
        if field.maximum is not None:
            schema["maximum"] = field.maximum
    return schema


def _pattern(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


_TYPES: Mapping[str, Schema] = {
    "string": {"type": "string"},
    "name": _pattern(NAME.pattern),
    "state": _pattern(NAME.pattern),
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "duration": _pattern(DURATION.pattern),
    "list": {"type": "array"},
    "mapping": {"type": "object"},
    "secret": {"type": "string", "pattern": secret_references.PATTERN},
    "literal": {},
}


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema


def _when(condition: Schema, consequence: Schema) -> Schema:
    return {"if": condition, "then": consequence}


def _having(key: str, schema: Schema) -> Schema:
    return {"properties": {key: schema}, "required": [key]}


def _edges(outcomes: Iterable[str]) -> Schema:
    return {"required": ["on"], "properties": {"on": {"required": sorted(outcomes)}}}
