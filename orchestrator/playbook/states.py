"""Read one state of the document: its kind, its edges, its wait. Rules between states are in `rules`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator import machine
from orchestrator.pacing import LEARNED, Wait
from orchestrator.playbook import diagnostics as found
from orchestrator.playbook import nodes, references
from orchestrator.playbook.diagnostics import Findings, Place, did_you_mean
from orchestrator.playbook.grammar import (
    KIND_KEYS,
    KINDS,
    NAME,
    OPERATOR,
    OPERATOR_TIMEOUT_S,
    OPERATOR_WAIT,
    REQUIRES,
    STATE,
    VALUE_TYPES,
    WAIT,
)
from orchestrator.playbook.model import ActionSpec
from orchestrator.playbook.parameters import ParameterReader, Use
from orchestrator.playbook.values import Reader, shown_duration

_WAIT_FIELDS = {
    "interval": "interval_s",
    "backoff_rate": "backoff_rate",
    "max_interval": "max_interval_s",
    "jitter": "jitter",
    "timeout": "timeout_s",
    "consecutive": "consecutive",
    "spread": "spread_s",
    "pace": "pace",
}
_REQUIRES_FIELDS = {
    "proved": "proved",
    "consecutive": "consecutive",
    "spread": "spread_s",
    "not_older_than": "not_older_than_s",
}


@dataclass(frozen=True, slots=True)
class Edge:
    """Where an outcome leads.

    Attributes:
        target: None when it is no name at all, which has been reported.
        place: of the outcome.
        target_place: of the name of the state.
    """

    target: str | None
    place: Place
    target_place: Place


@dataclass(slots=True)
class Draft:
    """A state as read, before the rules have judged it.

    Attributes:
        place: of its name.
        node: its mapping in the document.
        kind: `action`, `operator` or `final`; None when that could not be decided.
        spec: of its action, when that is known.
        wait_known: whether all of its wait could be read.
        state: the row of the machine, without edges.
        edges: by outcome, targets not yet checked.
        uses: the references in it.
    """

    name: str
    place: Place
    node: nodes.Mapping
    kind: str | None = None
    spec: ActionSpec | None = None
    wait_known: bool = True
    state: machine.State = field(default_factory=lambda: machine.State(""))
    edges: dict[str, Edge] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)

    def place_of(self, key: str) -> Place:
        """The place of a key, or of the state when it is not there."""
        entry = self.node.entries.get(key)
        return self.place if entry is None else entry.place


class StateReader:
    """Reads states.

    Args:
        findings: receives everything that is wrong.
        source: the document.
        actions: by name.
        defaults: the waits of `defaults.wait`.
    """

    def __init__(
        self, findings: Findings, source: str, actions: Mapping[str, ActionSpec], defaults: Mapping[str, Any]
    ) -> None:
        self._findings = findings
        self._source = source
        self._actions = actions
        self._defaults = defaults
        self._reader = Reader(findings)

    def read(self, name: str, entry: nodes.Entry) -> Draft | None:
        """The state under *entry*."""
        self._reader.name(name, entry, "a state", NAME)
        node, values = self._reader.fields(entry.node, STATE, f"state '{name}'")
        if node is None:
            return None
        draft = Draft(name, entry.place, node, self._kind(name, entry.place, node))
        if draft.kind is None:
            return draft
        for key, item in node.entries.items():
            if key in STATE and key not in KIND_KEYS[draft.kind]:
                self._findings.add(
                    item.place,
                    found.MISPLACED_KEY,
                    f"'{key}' has no meaning on {_WHICH[draft.kind]} state",
                    f"remove it; allowed here: {', '.join(sorted(KIND_KEYS[draft.kind]))}",
                )
        # A key with a faulty value still shows what was meant; it must not cause further findings.
        draft.state = machine.State(
            name, visits=values.get("visits", 1 if "visits" in node.entries else None)
        )
        parameters = ParameterReader(self._findings, self._source)
        if draft.kind == "action":
            self._action(draft, values, parameters)
        elif draft.kind == "operator":
            self._operator(draft, parameters)
        elif "final" in values:
            draft.state = machine.State(name, final=machine.Result(values["final"]))
        if draft.kind != "final":
            draft.edges = self._edges(draft)
        draft.uses = parameters.uses
        return draft

    def wait_values(self, node: nodes.Node, allowed: Mapping[str, Any] = WAIT) -> dict[str, Any]:
        """The fields of a `wait` by their names in `Wait`."""
        _, values = self._reader.fields(node, allowed, "wait")
        return {_WAIT_FIELDS[key]: value for key, value in values.items()}

    def check_wait(self, wait: Wait, stated: Mapping[str, Any], place: Place) -> None:
        """The fields agree with each other; *stated* are those written at this place."""
        interval, longest = shown_duration(wait.interval_s), shown_duration(wait.max_interval_s)
        spread, timeout = shown_duration(wait.spread_s), shown_duration(wait.timeout_s)
        if "interval_s" in stated and wait.interval_s > wait.max_interval_s:
            self._findings.add(
                place,
                found.OUT_OF_RANGE,
                f"interval {interval} is cut by max_interval {longest}",
                f"add `max_interval: {interval}` or more",
            )
        if wait.spread_s > wait.timeout_s and {"spread_s", "timeout_s"} & set(stated):
            self._findings.add(
                place,
                found.OUT_OF_RANGE,
                f"spread {spread} does not fit timeout {timeout}",
                "raise `timeout` above `spread`",
            )

    def _kind(self, name: str, place: Place, node: nodes.Mapping) -> str | None:
        kinds = [kind for kind in KINDS if kind in node.entries]
        if len(kinds) == 1:
            return kinds[0]
        problem = f"has {' and '.join(kinds)}" if kinds else "has none of action, operator and final"
        self._findings.add(
            place, found.STATE_KIND, f"state '{name}' {problem}", "give it exactly one of the three"
        )
        return None

    def _action(self, draft: Draft, values: Mapping[str, Any], parameters: ParameterReader) -> None:
        stated: dict[str, Any] = {}
        if wait_entry := draft.node.entries.get("wait"):
            stated = self.wait_values(wait_entry.node)
            written = wait_entry.node.entries if isinstance(wait_entry.node, nodes.Mapping) else {"": None}
            draft.wait_known = len(stated) == len(written)
        wait = Wait(**{**self._defaults, **stated})
        self.check_wait(wait, stated, draft.place_of("wait"))
        draft.state = replace(
            draft.state,
            action=values.get("action"),
            wait=wait,
            one_way=values.get("one_way", "one_way" in draft.node.entries),
            requires=self._requires(draft),
            undo=self._known_action(values.get("undo"), draft, "undo"),
        )
        name = self._known_action(values.get("action"), draft, "action")
        if name is None:
            return
        draft.spec = self._actions[name]
        paced = draft.node.entries["wait"].node if "pace" in stated else None
        if stated.get("pace") == LEARNED and not draft.spec.learnable and isinstance(paced, nodes.Mapping):
            self._findings.add(
                paced.entries["pace"].place,
                found.MISPLACED_KEY,
                f"'{name}' keeps no account of how long things take, so its pace cannot be learned",
                "remove `pace`",
            )
        entry = draft.node.entries.get("with")
        given: nodes.Node = entry.node if entry else nodes.Mapping(*draft.place)
        node = self._reader.mapping(given, "with")
        if node is not None:
            place = draft.place_of("with" if entry else "action")
            draft.state = replace(draft.state, parameters=parameters.parameters(node, draft.spec, place))

    def _known_action(self, name: str | None, draft: Draft, key: str) -> str | None:
        if name is None or name in self._actions:
            return name
        self._findings.add(
            draft.node.entries[key].node.place,
            found.UNKNOWN_ACTION,
            f"'{name}' is not an action",
            did_you_mean(name, self._actions),
        )
        return None

    def _requires(self, draft: Draft) -> machine.Requires | None:
        entry = draft.node.entries.get("requires")
        if entry is None:
            return None
        _, values = self._reader.fields(entry.node, REQUIRES, "requires")
        if "proved" not in values:
            return None
        return machine.Requires(**{_REQUIRES_FIELDS[key]: value for key, value in values.items()})

    def _operator(self, draft: Draft, parameters: ParameterReader) -> None:
        entry = draft.node.entries["operator"]
        node, values = self._reader.fields(entry.node, OPERATOR, "operator")
        if node is None:
            return
        asked = self._asked(node)
        if len({"approve", "ask"} & set(node.entries)) != 1:
            self._findings.add(
                entry.place,
                found.STATE_KIND,
                "operator needs exactly one of approve and ask",
                'write `{approve: "text"}`, or `{ask: "text", inputs: {name: type}}`',
            )
        elif "ask" in node.entries and "inputs" not in node.entries:
            self._findings.add(
                entry.place,
                found.MISSING_KEY,
                "'inputs' is missing in operator",
                "add `inputs: {name: type}`, or use approve",
            )
        elif "approve" in node.entries and "inputs" in node.entries:
            self._findings.add(
                node.entries["inputs"].place,
                found.MISPLACED_KEY,
                "approve takes no inputs",
                "use `ask` to ask for inputs",
            )
        for key in ("approve", "ask"):
            prompt = node.entries.get(key)
            if (
                prompt
                and isinstance(prompt.node, nodes.Scalar)
                and references.has_reference(prompt.node.text)
            ):
                parameters.text(prompt.node, key)
        stated: dict[str, Any] = {"timeout_s": OPERATOR_TIMEOUT_S}
        if wait_entry := draft.node.entries.get("wait"):
            stated |= self.wait_values(wait_entry.node, OPERATOR_WAIT)
        prompt_text = values.get("approve") or values.get("ask") or ""
        draft.state = replace(draft.state, operator=machine.Operator(prompt_text, asked), wait=Wait(**stated))

    def _asked(self, node: nodes.Mapping) -> dict[str, str]:
        entry = node.entries.get("inputs")
        asked_node = self._reader.mapping(entry.node, "inputs") if entry else None
        asked: dict[str, str] = {}
        for name, item in asked_node.entries.items() if asked_node else ():
            self._reader.name(name, item, "an input")
            kind = item.node.value if isinstance(item.node, nodes.Scalar) else None
            if kind in VALUE_TYPES:
                asked[name] = str(kind)
            else:
                self._findings.add(
                    item.node.place,
                    found.OUT_OF_RANGE,
                    f"the type of '{name}' is not known",
                    did_you_mean(str(kind), VALUE_TYPES),
                )
                asked[name] = "string"
        return asked

    def _edges(self, draft: Draft) -> dict[str, Edge]:
        entry = draft.node.entries.get("on")
        node = self._reader.mapping(entry.node, "on") if entry else None
        edges: dict[str, Edge] = {}
        for outcome, item in node.entries.items() if node else ():
            if isinstance(item.node, nodes.Scalar) and isinstance(item.node.value, str):
                edges[outcome] = Edge(item.node.value, item.place, item.node.place)
            else:
                self._reader.wrong_type(item.node, "state", outcome)
                edges[outcome] = Edge(None, item.place, item.node.place)
        return edges


_WHICH = {"action": "an action", "operator": "an operator", "final": "a final"}
