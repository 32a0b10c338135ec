"""Judge every `{{ … }}`: what it names exists, can be known by then, fits, and is no secret."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.playbook import diagnostics as found
from orchestrator.playbook.diagnostics import Findings, Place, did_you_mean, listing
from orchestrator.playbook.grammar import ORG_FIELDS, is_secret_name
from orchestrator.playbook.model import Parameter
from orchestrator.playbook.parameters import ANY, Use
from orchestrator.playbook.rules import Rules
from orchestrator.playbook.states import Draft

_LONGEST_ORG_PATH = 2


class Scopes:
    """Judges the references of one playbook.

    Args:
        findings: receives everything that is wrong.
        inputs: of the playbook.
        places: where each of them stands.
        drafts: its states.
        rules: for what can run before what.
    """

    def __init__(
        self,
        findings: Findings,
        inputs: Mapping[str, Parameter],
        places: Mapping[str, Place],
        drafts: Mapping[str, Draft],
        rules: Rules,
    ) -> None:
        self._findings = findings
        self._inputs = inputs
        self._places = places
        self._drafts = drafts
        self._rules = rules

    def judge(self) -> None:
        """Add every finding."""
        self._asked_twice()
        self._secret_names()
        for draft in self._drafts.values():
            if not draft.uses:
                continue
            before = self._rules.before(draft.name)
            uncertain = bool(self._rules.holes)
            for use in draft.uses:
                self._judge(use, before, uncertain=uncertain)

    def _judge(self, use: Use, before: set[str], *, uncertain: bool) -> None:
        root, name = use.reference.path[0], str(use.reference.path[1])
        if root == "inputs":
            self._input(use, name, before, uncertain=uncertain)
            return
        if any(isinstance(step, str) and is_secret_name(step) for step in use.reference.path):
            self._secret(use, f"{use.reference} is a secret, and references never carry secrets")
        elif use.expected == "secret":
            self._findings.add(
                use.place,
                found.REFERENCE_TYPE,
                f"'{use.label}' needs a secret, and {use.reference} is none",
                "refer to an input of type secret, or write a secret reference such as `env:NAME`",
            )
        elif root == "org":
            self._org(use, name)
        elif not uncertain:
            self._evidence(use, name, before)

    def _input(self, use: Use, name: str, before: set[str], *, uncertain: bool) -> None:
        kind = self._inputs[name].type if name in self._inputs else None
        for draft in self._drafts.values():
            operator = draft.state.operator
            if operator and name in operator.inputs and (uncertain or draft.name in before):
                kind = operator.inputs[name]
        if kind is None:
            self._unknown_input(use, name)
        elif kind == "secret" and use.expected != "secret":
            self._secret(use, f"input '{name}' is a secret and '{use.label}' is not")
        elif len(use.reference.path) == _LONGEST_ORG_PATH and not _fits(kind, use.expected):
            self._findings.add(
                use.place,
                found.REFERENCE_TYPE,
                f"input '{name}' is of type {kind}, but '{use.label}' needs type {use.expected}",
                f"give the input `type: {use.expected}`, or refer to another one",
            )

    def _unknown_input(self, use: Use, name: str) -> None:
        asked = [
            d.name for d in self._drafts.values() if d.state.operator and name in d.state.operator.inputs
        ]
        if asked:
            problem = f"input '{name}' is asked for in '{asked[0]}', which cannot run before this state"
            remedy = f"lead a path through '{asked[0]}' first"
        else:
            problem = f"there is no input '{name}'"
            remedy = did_you_mean(
                name, self._inputs, otherwise=f"add it under `inputs:` (`{name}: {{type: string}}`)"
            )
        self._findings.add(use.place, found.UNKNOWN_REFERENCE, problem, remedy)

    def _org(self, use: Use, name: str) -> None:
        if name not in ORG_FIELDS:
            self._findings.add(
                use.place,
                found.UNKNOWN_REFERENCE,
                f"an org has no field '{name}'",
                did_you_mean(name, ORG_FIELDS),
            )
        elif name != "labels" and len(use.reference.path) > _LONGEST_ORG_PATH:
            self._findings.add(
                use.place,
                found.UNKNOWN_REFERENCE,
                f"org.{name} has no fields",
                f"write `{{{{ org.{name} }}}}`",
            )

    def _evidence(self, use: Use, name: str, before: set[str]) -> None:
        providers = {
            draft.name
            for draft in self._drafts.values()
            if draft.spec is not None and name in draft.spec.evidence
        }
        if providers & before:
            return
        if any(
            draft.kind == "action" and draft.spec is None and draft.name in before
            for draft in self._drafts.values()
        ):
            return
        if providers:
            remedy = f"it comes from {listing(providers)}; lead a path through there first"
            problem = f"no state before this one provides evidence '{name}'"
        else:
            known = {key for draft in self._drafts.values() if draft.spec for key in draft.spec.evidence}
            remedy = did_you_mean(name, known)
            problem = f"no action of this playbook provides evidence '{name}'"
        self._findings.add(use.place, found.EVIDENCE_ABSENT, problem, remedy)

    def _secret(self, use: Use, problem: str) -> None:
        self._findings.add(
            use.place,
            found.SECRET_REFERENCED,
            problem,
            "actions read secrets from the org entry and the vault; pass others as inputs of type secret",
        )

    def _secret_names(self) -> None:
        """What is called a secret is one; otherwise its value would be stored and shown as it is."""
        asked = [
            (draft.place_of("operator"), name, kind)
            for draft in self._drafts.values()
            if draft.state.operator
            for name, kind in draft.state.operator.inputs.items()
        ]
        given = [(self._places[name], name, parameter.type) for name, parameter in self._inputs.items()]
        for place, name, kind in (*given, *asked):
            if kind == "string" and is_secret_name(name):
                self._findings.add(
                    place,
                    found.SECRET_TYPE,
                    f"input '{name}' is called a secret, but its type is string",
                    "write `type: secret`, or give it another name",
                )

    def _asked_twice(self) -> None:
        """The same name always asks for the same type."""
        kinds = {name: parameter.type for name, parameter in self._inputs.items()}
        for draft in self._drafts.values():
            operator = draft.state.operator
            for name, kind in operator.inputs.items() if operator else ():
                if kinds.setdefault(name, kind) != kind:
                    self._findings.add(
                        draft.place_of("operator"),
                        found.REFERENCE_TYPE,
                        f"input '{name}' is of type {kinds[name]} elsewhere and {kind} here",
                        "use one type, or another name",
                    )


def _fits(kind: str, expected: str) -> bool:
    if expected in {ANY, kind} or kind == "literal":
        return True
    if expected == "number":
        return kind in {"integer", "duration"}
    # Inside a text, plain values are written out.
    return expected == "string" and kind in {"integer", "number", "boolean", "duration"}
