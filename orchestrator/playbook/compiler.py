"""Compile a playbook: YAML in, a frozen machine out, or every reason why not at once."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.errors import PlaybookError
from orchestrator.machine import Machine
from orchestrator.pacing import Wait
from orchestrator.playbook import diagnostics as found
from orchestrator.playbook import loader, nodes
from orchestrator.playbook.diagnostics import Findings, Place, did_you_mean
from orchestrator.playbook.grammar import DEFAULTS, DOCUMENT, INPUT, MAX_STATES, PLAYBOOK_NAME
from orchestrator.playbook.model import ActionSpec, Parameter, Playbook
from orchestrator.playbook.parameters import ParameterReader
from orchestrator.playbook.rules import Rules
from orchestrator.playbook.scopes import Scopes
from orchestrator.playbook.states import Draft, StateReader
from orchestrator.playbook.values import Reader


def compile_playbook(
    text: str, file: str, actions: Mapping[str, ActionSpec], fault_codes: Collection[str]
) -> Playbook:
    """The playbook in *text*.

    Args:
        text: YAML.
        file: its name for the diagnostics.
        actions: every action by name.
        fault_codes: every code of the catalogue of faults.

    Raises:
        PlaybookError: with all diagnostics at once.
    """
    findings = Findings(file, "PB")
    root = loader.load(text, findings)
    playbook = None if root is None else _Compilation(findings, text, actions, fault_codes).compile(root)
    if findings or playbook is None:
        raise PlaybookError(findings.listed())
    return playbook


class _Compilation:
    """One compilation."""

    def __init__(
        self, findings: Findings, source: str, actions: Mapping[str, ActionSpec], fault_codes: Collection[str]
    ) -> None:
        self._findings = findings
        self._source = source
        self._actions = actions
        self._fault_codes = fault_codes
        self._reader = Reader(findings)
        self._input_places: dict[str, Place] = {}

    def compile(self, root: nodes.Mapping) -> Playbook | None:
        """The playbook; None or unfinished when there are findings."""
        _, values = self._reader.fields(
            root, {**DOCUMENT, "playbook": replace(DOCUMENT["playbook"], type="string")}, "the playbook"
        )
        name = values.get("playbook")
        if name is not None:
            self._reader.name(name, root.entries["playbook"], "a playbook", PLAYBOOK_NAME)
        inputs = self._inputs(root)
        drafts = self._states(root)
        if drafts is None:
            return None
        initial = self._initial(root, values.get("initial"), drafts)
        listed = frozenset(code for spec in self._actions.values() for code in spec.faults)
        rules = Rules(self._findings, drafts, initial, self._fault_codes, listed)
        rules.judge()
        Scopes(self._findings, inputs, self._input_places, drafts, rules).judge()
        if self._findings or initial is None:
            return None
        states = {
            key: replace(draft.state, on={key: str(edge.target) for key, edge in draft.edges.items()})
            for key, draft in drafts.items()
        }
        return Playbook(
            name=name or "",
            version=values["version"],
            description=values.get("description", ""),
            digest=hashlib.sha256(self._source.encode()).hexdigest(),
            source=self._source,
            inputs=inputs,
            machine=Machine(initial, states),
            marks={key: (draft.place.line, draft.place.column) for key, draft in drafts.items()},
        )

    def _inputs(self, root: nodes.Mapping) -> dict[str, Parameter]:
        entry = root.entries.get("inputs")
        node = self._reader.mapping(entry.node, "inputs") if entry else None
        inputs: dict[str, Parameter] = {}
        for name, item in node.entries.items() if node else ():
            self._reader.name(name, item, "an input")
            inputs[name] = self._input(name, item)
            self._input_places[name] = item.place
        return inputs

    def _input(self, name: str, item: nodes.Entry) -> Parameter:
        node, values = self._reader.fields(item.node, INPUT, f"input '{name}'")
        stated = node is not None and "type" in node.entries
        parameter = Parameter(
            values.get("type", "literal" if stated else "string"),  # a faulty type fits everything
            required=values.get("required", False),
            choices=tuple(str(choice) for choice in values.get("choices", ())),
            description=values.get("description", ""),
        )
        if node is None or "default" not in node.entries:
            return parameter
        given = node.entries["default"].node
        if isinstance(given, nodes.Scalar) and given.value is None:
            return parameter
        reader = ParameterReader(self._findings, self._source)
        default = reader.parameter(given, parameter, name)
        for use in reader.uses:
            self._findings.add(
                use.place,
                found.REFERENCE_SYNTAX,
                "a default cannot contain references",
                "write a plain value",
            )
        if parameter.required:
            self._findings.add(
                node.entries["default"].place,
                found.OUT_OF_RANGE,
                f"input '{name}' is required and has a default",
                "remove one of the two",
            )
        return replace(parameter, default=default)

    def _states(self, root: nodes.Mapping) -> dict[str, Draft] | None:
        """All states; None when there are none to judge."""
        reader = StateReader(self._findings, self._source, self._actions, self._default_wait(root))
        entry = root.entries.get("states")
        node = self._reader.mapping(entry.node, "states") if entry else None
        if node is None:
            return None
        if not node.entries:
            self._findings.add(
                node.place, found.MISSING_KEY, "there are no states", "add at least a final one"
            )
            return None
        if len(node.entries) > MAX_STATES:
            self._findings.add(
                node.place,
                found.TOO_LARGE,
                f"there are {len(node.entries)} states",
                f"at most {MAX_STATES} are compiled; split the playbook",
            )
            return None
        drafts = {name: reader.read(name, item) for name, item in node.entries.items()}
        # A state that is no mapping has been reported; it still exists for those that lead to it.
        return {
            name: draft or Draft(name, node.entries[name].place, nodes.Mapping(*node.entries[name].place))
            for name, draft in drafts.items()
        }

    def _default_wait(self, root: nodes.Mapping) -> dict[str, Any]:
        entry = root.entries.get("defaults")
        if entry is None:
            return {}
        node, _ = self._reader.fields(entry.node, DEFAULTS, "defaults")
        if node is None or "wait" not in node.entries:
            return {}
        reader = StateReader(self._findings, self._source, self._actions, {})
        stated = reader.wait_values(node.entries["wait"].node)
        reader.check_wait(Wait(**stated), stated, node.entries["wait"].place)
        return stated

    def _initial(self, root: nodes.Mapping, initial: str | None, drafts: Mapping[str, Draft]) -> str | None:
        if initial is None or initial in drafts:
            return initial
        self._findings.add(
            root.entries["initial"].node.place,
            found.UNKNOWN_STATE,
            f"'{initial}' is not a state",
            did_you_mean(initial, drafts),
        )
        return None
