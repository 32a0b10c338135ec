"""The inputs of a playbook as given on the command line or by an operator: text in, typed values out."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.errors import UsageError
from orchestrator.playbook.model import Parameter
from orchestrator.playbook.parameters import native_default
from orchestrator.playbook.secret_references import judge
from orchestrator.playbook.values import parse_duration


def read_inputs(specs: Mapping[str, Parameter], given: Mapping[str, str]) -> dict[str, Any]:
    """Defaults, overridden by *given* texts, as the playbook declares their types.

    Raises:
        UsageError: an unknown name, a required input missing, or a text that is not of its type.
    """
    for name in given:
        if name not in specs:
            close = difflib.get_close_matches(name, specs, 1)
            raise UsageError(
                f"the playbook has no input '{name}'",
                code="input_unknown",
                remedy=f"did you mean '{close[0]}'?" if close else f"it has: {', '.join(specs) or 'none'}",
            )
    inputs = {}
    for name, spec in specs.items():
        if name in given:
            inputs[name] = read_value(name, spec, given[name])
        elif spec.required:
            raise UsageError(
                f"input '{name}' is required", code="input_missing", remedy=f"add --set {name}=VALUE"
            )
        else:
            inputs[name] = native_default(spec)
    return inputs


def read_value(name: str, spec: Parameter, text: str) -> Any:
    """*text* as a value of the type *spec* names. Raises UsageError."""
    reader = _READERS.get(spec.type)
    value = None if reader is None else reader(text, name)
    if value is None:
        # The text may be a secret given by mistake, so it is not repeated.
        shown = "" if spec.type == "secret" else f": {text!r}"
        raise UsageError(
            f"input '{name}' must be of type {spec.type}{shown}",
            code="input_invalid",
            remedy=_REMEDIES.get(spec.type, f"give a value of type {spec.type}"),
        )
    if spec.choices and str(value) not in spec.choices:
        raise UsageError(
            f"input '{name}' is {value!r}",
            code="input_invalid",
            remedy=f"choose one of {', '.join(spec.choices)}",
        )
    return value


_REMEDIES = {
    "duration": "write a number with a unit, such as 90s, 5m, 2h or 365d",
    "boolean": "write true or false",
    "secret": "give a reference such as env:NAME or file:PATH, never the secret itself",
    "mapping": 'write a JSON object, such as {"a": 1}',
}


_MOST_DIGITS = 18  # as in a playbook; far below the number at which int() refuses


def _integer(text: str, _name: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS else None


def _number(text: str, _name: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _mapping(text: str, _name: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _secret(text: str, name: str) -> str | None:
    return text if judge(text, name, name.upper()) is None else None


# None stands for "not of this type" throughout.
_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "string": lambda text, _name: text,
    "integer": _integer,
    "number": _number,
    "boolean": lambda text, _name: {"true": True, "false": False}.get(text.lower()),
    "duration": lambda text, _name: parse_duration(text),
    "secret": _secret,
    "list": lambda text, _name: [part.strip() for part in text.split(",") if part.strip()],
    "mapping": _mapping,
}
