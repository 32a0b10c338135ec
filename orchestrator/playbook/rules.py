"""The rules between states: a playbook that passes them has no loose end, and every run of it ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from orchestrator.machine import EXHAUSTED, FAILED, PROOF_STALE, SUCCEEDED, TIMED_OUT
from orchestrator.playbook import diagnostics as found
from orchestrator.playbook import flow
from orchestrator.playbook.diagnostics import Findings, did_you_mean, nearest
from orchestrator.playbook.grammar import (
    ALWAYS_OUTCOMES,
    BUDGET_OUTCOME,
    OPERATOR_OUTCOMES,
)
from orchestrator.playbook.states import Draft
from orchestrator.playbook.values import shown_duration

_REQUIRES = "requires: {proved: <state>, consecutive: 3, not_older_than: 5m}"


@dataclass(slots=True)
class Rules:
    """Judges the states of one playbook.

    Attributes:
        drafts: the states as read.
        initial: the first state; None when it is not known.
        fault_codes: every code an action may end with.
        listed_codes: codes that at least one action lists as its own.
    """

    findings: Findings
    drafts: Mapping[str, Draft]
    initial: str | None
    fault_codes: Collection[str]
    listed_codes: frozenset[str] = frozenset()
    # Edges by state and outcome. A misspelt target counts as what was probably meant, so that one
    # misspelling is one finding; the holes are what could not be guessed.
    edges: dict[str, dict[str, str]] = field(default_factory=dict)
    holes: set[str] = field(default_factory=set)

    def judge(self) -> None:
        """Add every finding."""
        for draft in self.drafts.values():
            self._targets(draft)
            self._outcomes(draft)
        self._cycles()
        if self.initial is not None:
            self._reachability(self.initial)
            for draft in self.drafts.values():
                self._one_way(draft, self.initial)

    def before(self, name: str) -> set[str]:
        """The states that can run before *name* (itself too, when it can come again)."""
        backwards = flow.reverse(self.graph())
        return flow.reachable(backwards, backwards.get(name, ()))

    def graph(self) -> dict[str, list[str]]:
        """State -> states."""
        return {name: list(dict.fromkeys(edges.values())) for name, edges in self.edges.items()}

    def _targets(self, draft: Draft) -> None:
        known = self.edges.setdefault(draft.name, {})
        if draft.kind is None:
            self.holes.add(draft.name)
        for outcome, edge in draft.edges.items():
            target = edge.target
            if edge.target is not None and edge.target not in self.drafts:
                self.findings.add(
                    edge.target_place,
                    found.UNKNOWN_STATE,
                    f"'{edge.target}' is not a state",
                    did_you_mean(edge.target, self.drafts),
                )
                target = nearest(edge.target, self.drafts)
            if target is None:
                self.holes.add(draft.name)
            else:
                known[outcome] = target

    def _outcomes(self, draft: Draft) -> None:
        """Every outcome has an edge, and every edge an outcome."""
        if draft.kind in {None, "final"} or (draft.kind == "action" and draft.spec is None):
            self._outcomes_without_action(draft)
            return
        needed = set(expected_outcomes(draft))
        for outcome in sorted(needed - set(draft.edges)):
            self.findings.add(
                draft.place_of("on"),
                found.MISSING_EDGE,
                f"state '{draft.name}' has no edge for '{outcome}'",
                f"add `{outcome}: <state>` under `on:`",
            )
            if outcome not in {FAILED, TIMED_OUT, EXHAUSTED}:
                self.holes.add(draft.name)
        codes = self._codes(draft)
        for outcome, edge in draft.edges.items():
            if outcome not in needed and outcome not in codes:
                self.findings.add(
                    edge.place,
                    found.IMPOSSIBLE_EDGE,
                    f"'{outcome}' can never come out of state '{draft.name}'",
                    self._instead(draft, outcome, needed | codes),
                )

    def _outcomes_without_action(self, draft: Draft) -> None:
        """An unknown action may end as it likes, but it always may fail."""
        if draft.kind == "action" and FAILED not in draft.edges:
            self.findings.add(
                draft.place_of("on"),
                found.MISSING_EDGE,
                f"state '{draft.name}' has no edge for '{FAILED}'",
                f"add `{FAILED}: <state>` under `on:`",
            )

    def _codes(self, draft: Draft) -> set[str]:
        """Fault codes that may name an edge of the state."""
        if draft.spec is None:
            return set()
        # Codes of network and platform can come out of any action, so no action lists them; a code
        # that some action does list comes only out of those.
        codes = set(draft.spec.faults) | (set(self.fault_codes) - self.listed_codes)
        return codes | {PROOF_STALE} if draft.state.one_way else codes

    def _instead(self, draft: Draft, outcome: str, possible: set[str]) -> str:
        if outcome == EXHAUSTED:
            return "add `visits: N` to the state, or remove the edge"
        if outcome == TIMED_OUT:
            return f"action '{draft.state.action}' never answers `not yet`; remove the edge"
        if outcome == PROOF_STALE:
            return "only one-way states end so; remove the edge"
        if outcome in self.fault_codes:
            return f"action '{draft.state.action}' does not end with this code; remove the edge"
        return did_you_mean(outcome, possible)

    def _cycles(self) -> None:
        """No run goes round for ever.

        A state with a budget leaves by its other edges at most `visits` times, so only its `exhausted`
        edge can be part of an endless path; a state without one can be left by any edge any number of
        times. A cycle among those edges is a path without end, and there is no other.
        """
        endless: dict[str, list[str]] = {}
        for name, edges in self.edges.items():
            budget = self.drafts[name].state.visits is not None
            kept = [target for outcome, target in edges.items() if not budget or outcome == BUDGET_OUTCOME]
            endless[name] = list(dict.fromkeys(kept))
        for cycle in flow.cycles(endless):
            first = self.drafts[cycle[0]]
            way = " -> ".join([*cycle, cycle[0]])
            budgets = [name for name in cycle if self.drafts[name].state.visits is not None]
            if budgets:
                at = self.drafts[budgets[0]]
                edge = at.edges.get(EXHAUSTED)
                self.findings.add(
                    edge.place if edge else at.place,
                    found.UNBOUNDED_CYCLE,
                    f"the cycle {way} goes on through '{EXHAUSTED}' of '{budgets[0]}'",
                    f"lead `{EXHAUSTED}` out of the cycle",
                )
            else:
                self.findings.add(
                    first.place,
                    found.UNBOUNDED_CYCLE,
                    f"the cycle {way} has no `visits` budget",
                    f"add `visits: 3` and `{EXHAUSTED}: <state>` to one of its states",
                )

    def _reachability(self, initial: str) -> None:
        graph = self.graph()
        reached = flow.reachable(graph, [initial])
        if not self.holes & reached:
            for name in self.drafts:
                if name not in reached:
                    self.findings.add(
                        self.drafts[name].place,
                        found.UNREACHABLE,
                        f"no path leads from '{initial}' to state '{name}'",
                        "lead an edge to it, or remove it",
                    )
        finals = [name for name, draft in self.drafts.items() if draft.kind == "final"]
        alive = flow.reachable(flow.reverse(graph), [*finals, *self.holes])
        for name, draft in self.drafts.items():
            if name not in alive and self._judgeable(draft):
                self.findings.add(
                    draft.place,
                    found.DEAD_END,
                    f"no final state can be reached from state '{name}'",
                    "lead an edge towards a state with `final:`",
                )

    def _judgeable(self, draft: Draft) -> bool:
        """A state without any edge has been reported as such."""
        return bool(self.edges[draft.name])

    def _one_way(self, draft: Draft, initial: str) -> None:
        state, spec = draft.state, draft.spec
        if draft.kind != "action":
            return
        if spec is not None and spec.one_way and not state.one_way:
            self.findings.add(
                draft.place_of("action"),
                found.UNGUARDED,
                f"the effect of '{spec.name}' cannot be taken back, and state '{draft.name}' does not say so",
                f"add `one_way: true` and `{_REQUIRES}`",
            )
        if state.one_way and "requires" not in draft.node.entries:
            self.findings.add(
                draft.place_of("one_way"),
                found.UNGUARDED,
                f"state '{draft.name}' is one_way but has no `requires`",
                f"name the proof it depends on, `{_REQUIRES}`",
            )
        if "requires" in draft.node.entries and not state.one_way:
            self.findings.add(
                draft.place_of("requires"),
                found.MISPLACED_KEY,
                f"`requires` has no meaning on state '{draft.name}', which is not one_way",
                "add `one_way: true`, or remove `requires`",
            )
        elif state.requires is not None:
            self._proof(draft, initial)

    def _proof(self, draft: Draft, initial: str) -> None:
        """The proof is on every path to the one-way state, and as strong as required."""
        requires = draft.state.requires
        entry = draft.node.entries["requires"].node
        if requires is None or not hasattr(entry, "entries"):
            return
        place = entry.entries["proved"].node.place
        proving = self.drafts.get(requires.proved)
        if proving is None:
            self.findings.add(
                place,
                found.UNKNOWN_STATE,
                f"'{requires.proved}' is not a state",
                did_you_mean(requires.proved, self.drafts),
            )
            return
        if proving.kind != "action" or proving.name == draft.name:
            self.findings.add(
                place,
                found.PROOF_AVOIDABLE,
                f"'{requires.proved}' proves nothing before '{draft.name}'",
                "name an action state that runs before it",
            )
            return
        # Only leaving by `succeeded` leaves a proof behind, so without that edge the way must be cut.
        unproven = {
            name: [t for outcome, t in edges.items() if (name, outcome) != (proving.name, SUCCEEDED)]
            for name, edges in self.edges.items()
        }
        if draft.name in flow.reachable(unproven, [initial]):
            self.findings.add(
                place,
                found.PROOF_AVOIDABLE,
                f"'{draft.name}' can be reached without a success of '{proving.name}'",
                f"lead every path to '{draft.name}' through `{SUCCEEDED}` of '{proving.name}'",
            )
        self._strength(draft, proving)

    def _strength(self, draft: Draft, proving: Draft) -> None:
        requires, wait = draft.state.requires, proving.state.wait
        if requires is None or not proving.wait_known:
            return
        place = draft.place_of("requires")
        if wait.consecutive < requires.consecutive:
            self.findings.add(
                place,
                found.PROOF_WEAKER,
                f"'{draft.name}' requires {requires.consecutive} successes in a row, "
                f"'{proving.name}' stops after {wait.consecutive}",
                f"add `consecutive: {requires.consecutive}` to the wait of '{proving.name}'",
            )
        if wait.spread_s < requires.spread_s:
            spread = shown_duration(requires.spread_s)
            self.findings.add(
                place,
                found.PROOF_WEAKER,
                f"'{draft.name}' requires successes over {spread}, "
                f"'{proving.name}' is content with {shown_duration(wait.spread_s)}",
                f"add `spread: {spread}` to the wait of '{proving.name}'",
            )


def expected_outcomes(draft: Draft) -> frozenset[str]:
    """Outcomes that need an edge."""
    if draft.kind == "operator":
        needed = OPERATOR_OUTCOMES
    elif draft.spec is not None:
        needed = (
            draft.spec.outcomes
            | ALWAYS_OUTCOMES
            | (frozenset({TIMED_OUT}) if draft.spec.waits else frozenset())
        )
    else:
        return frozenset()
    return needed | {BUDGET_OUTCOME} if draft.state.visits is not None else needed
