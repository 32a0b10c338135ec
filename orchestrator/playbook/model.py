"""What the compiler needs to know of actions, and what it makes of a playbook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.machine import Machine


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an action, or one input of a playbook.

    Attributes:
        type: `string`, `integer`, `number`, `boolean`, `duration`, `list`, `mapping` or `secret`.
            A duration is written `90s`, `5m`, `2h`, `365d` and compiled to seconds (float).
            A secret is written as a reference (`env:NAME` …), never as a literal.
        default: used when the playbook says nothing; None with `required=False` means absent.
        choices: allowed values, empty for any.
        description: one sentence.
    """

    type: str
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """An action as the compiler sees it.

    Attributes:
        name: what playbooks write under `action:`.
        summary: one sentence.
        outcomes: names the action may settle with; `succeeded` is among them.
        faults: fault codes it may end with (others fall under `failed`).
        parameters: name -> Parameter.
        waits: whether it may answer "not yet", so that a `timed_out` edge is needed.
        one_way: whether its effect cannot be taken back by asking again; the state must say
            `one_way: true` and name the proof it `requires`.
        evidence: top-level keys it adds to the run's evidence.
        learnable: whether it keeps an account of how long things take, for `pace: learned`.
    """

    name: str
    summary: str
    outcomes: frozenset[str] = frozenset({"succeeded"})
    faults: frozenset[str] = frozenset()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    waits: bool = False
    one_way: bool = False
    evidence: frozenset[str] = frozenset()
    learnable: bool = False


@dataclass(frozen=True, slots=True)
class Playbook:
    """A compiled playbook.

    Attributes:
        digest: SHA-256 (hex) of the source text.
        source: the text itself.
        inputs: name -> Parameter.
        machine: the frozen machine.
        marks: state name -> (line, column) in the source, both 1-based.
    """

    name: str
    version: int
    description: str
    digest: str
    source: str
    inputs: Mapping[str, Parameter]
    machine: Machine
    marks: Mapping[str, tuple[int, int]] = field(default_factory=dict)
