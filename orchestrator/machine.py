"""Decide what a run does next. No clock, no disk, no network in this file.

Rule 1: every transition of every run is taken here and nowhere else.
Rule 2: this file knows states, outcomes and budgets; it has never heard of Salesforce.
Rule 3: whatever a crash must not lose is in `Position`; nothing else is remembered between calls.

    decide(machine, position, outcome, now)  -> Perform | AwaitOperator | Halt
    gate(machine, position, now)             -> Failed | None      before every effect of a one-way state
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, assert_never

from orchestrator.pacing import Course, Wait, next_delay_s, proof_delay_s, scaled

SUCCEEDED = "succeeded"
FAILED = "failed"
TIMED_OUT = "timed_out"
EXHAUSTED = "exhausted"
APPROVED = "approved"
REJECTED = "rejected"
PROOF_STALE = "proof_stale"


class Result(StrEnum):
    """What a final state says about the run."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NEEDS_ATTENTION = "needs_attention"


@dataclass(frozen=True, slots=True)
class Requires:
    """The fresh proof a one-way state depends on.

    Attributes:
        proved: the state whose streak of successes is the proof.
        consecutive: at least that many in a row.
        spread_s: from the first to the last at least so many seconds.
        not_older_than_s: the last one no longer ago than this when the effect starts.
    """

    proved: str
    consecutive: int = 1
    spread_s: float = 0.0
    not_older_than_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Operator:
    """A state in which a person decides: approval, or inputs asked for by name.

    Attributes:
        prompt: what the person is asked.
        inputs: name -> type of what must be given with the approval (may be empty).
    """

    prompt: str
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """One row of the compiled playbook. Exactly one of action, operator and final is set."""

    name: str
    action: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    on: Mapping[str, str] = field(default_factory=dict)
    wait: Wait = field(default_factory=Wait)
    visits: int | None = None
    one_way: bool = False
    requires: Requires | None = None
    undo: str | None = None
    operator: Operator | None = None
    final: Result | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """A compiled playbook: frozen, total, every path ends (the compiler has shown it)."""

    initial: str
    states: Mapping[str, State]

    def scaled(self, speed: float) -> Machine:
        """The same machine with every wait divided by *speed*; freshness of proofs is left as it is."""
        return Machine(
            self.initial,
            {
                name: replace(
                    state,
                    wait=scaled(state.wait, speed),
                    requires=state.requires
                    and replace(state.requires, spread_s=state.requires.spread_s / speed),
                )
                for name, state in self.states.items()
            },
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """A completed streak: how many successes in a row, from when to when (Unix seconds)."""

    count: int
    first_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands: all that must survive a crash. Times are Unix seconds.

    Attributes:
        state: name of the state.
        entered_at_s: when it was entered; deadlines count from here.
        attempt: number of the attempt to make next, from 1.
        streak: successes in a row so far in this state.
        streak_since_s: time of the first of them.
        visits: how often each state was entered.
        proofs: completed streaks by state; dropped when the state is entered again or a proof fails.
    """

    state: str
    entered_at_s: float
    attempt: int = 1
    streak: int = 0
    streak_since_s: float | None = None
    visits: Mapping[str, int] = field(default_factory=dict)
    proofs: Mapping[str, Proof] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """A JSON tree that `from_json` reads back."""
        return {
            "state": self.state,
            "entered_at_s": self.entered_at_s,
            "attempt": self.attempt,
            "streak": self.streak,
            "streak_since_s": self.streak_since_s,
            "visits": dict(self.visits),
            "proofs": {name: [p.count, p.first_s, p.last_s] for name, p in self.proofs.items()},
        }

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Position:
        """The position that `as_json` wrote."""
        proofs = {name: Proof(*row) for name, row in tree["proofs"].items()}
        return cls(**{**tree, "proofs": proofs})


@dataclass(frozen=True, slots=True)
class Done:
    """The attempt reached one of the action's named outcomes."""

    name: str = SUCCEEDED
    evidence: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """Not yet: the same state will be attempted again inside its window.

    Attributes:
        code: why, as in the catalogue of faults.
        retry_after_s: at least so long, because the server said so.
        asked: False when nothing was asked of the org, so that a streak of successes stands.
    """

    code: str
    detail: str = ""
    retry_after_s: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """Asking again would not help; the playbook says where this code leads."""

    code: str
    detail: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


Outcome = Done | Again | Failed


@dataclass(frozen=True, slots=True)
class Perform:
    """Make the attempt at *position*, not before *not_before_s* (Unix seconds)."""

    position: Position
    not_before_s: float


@dataclass(frozen=True, slots=True)
class AwaitOperator:
    """A person is asked; after *until_s* (Unix seconds) the state's `timed_out` edge is taken."""

    position: Position
    until_s: float


@dataclass(frozen=True, slots=True)
class Halt:
    """The run is over."""

    position: Position
    result: Result


Decision = Perform | AwaitOperator | Halt


def start(machine: Machine, now_s: float) -> Decision:
    """The first decision of a run."""
    return _enter(machine, Position("", now_s), machine.initial, now_s)


def decide(
    machine: Machine,
    at: Position,
    outcome: Outcome,
    now_s: float,
    *,
    noise: float = 0.5,
    course: Course | None = None,
) -> Decision:
    """What follows from *outcome* of the attempt at *at*.

    Args:
        machine: the compiled playbook.
        at: the position the attempt was made from.
        outcome: what came of it.
        now_s: Unix seconds.
        noise: a number in [0, 1) for jitter.
        course: what earlier runs tell of how long this takes, for a state that paces itself by it.
    """
    here = machine.states[at.state]
    at = _counted_from(at, now_s)
    match outcome:
        case Done(name=name) if name == SUCCEEDED:
            return _succeeded(machine, here, at, now_s, noise)
        case Done(name=name):
            return _enter(machine, at, here.on[name], now_s)
        case Again(asked=False, retry_after_s=retry_after_s) if (
            now_s + retry_after_s - at.entered_at_s <= here.wait.timeout_s
        ):
            return Perform(replace(at, attempt=at.attempt + 1), now_s + retry_after_s)
        case Again(retry_after_s=retry_after_s):
            left_s = at.entered_at_s + here.wait.timeout_s - now_s
            delay_s = next_delay_s(here.wait, at.attempt, noise, course, now_s=now_s, left_s=left_s)
            resume_at_s = now_s + max(delay_s, retry_after_s)
            if resume_at_s - at.entered_at_s > here.wait.timeout_s:
                return _enter(machine, at, here.on.get(TIMED_OUT, here.on[FAILED]), now_s)
            again = replace(at, attempt=at.attempt + 1, streak=0, streak_since_s=None)
            return Perform(replace(again, proofs=_without(at.proofs, at.state)), resume_at_s)
        case Failed(code=code):
            return _enter(machine, at, here.on.get(code, here.on[FAILED]), now_s)
        case _:
            assert_never(outcome)


def gate(machine: Machine, at: Position, now_s: float) -> Failed | None:
    """Why the effect of the one-way state at *at* may not start now; None when it may.

    The runner asks immediately before every effect, so a run that was parked, resumed or slow finds
    its proof too old and the playbook's `proof_stale` edge leads back to proving.
    """
    here = machine.states[at.state]
    needs = here.requires
    if not here.one_way or needs is None:
        return None
    proof = at.proofs.get(needs.proved)
    if proof is None:
        return Failed(PROOF_STALE, f"'{needs.proved}' has not proved anything in this run")
    if proof.count < needs.consecutive:
        return Failed(PROOF_STALE, f"{proof.count} proofs in a row, {needs.consecutive} are required")
    if proof.last_s - proof.first_s < needs.spread_s:
        spread_s = proof.last_s - proof.first_s
        return Failed(PROOF_STALE, f"proofs span {spread_s:.1f} s, {needs.spread_s:.1f} s are required")
    # A proof from the future means that the clock was set back: its age is unknown.
    if not 0.0 <= now_s - proof.last_s <= needs.not_older_than_s:
        age_s = now_s - proof.last_s
        return Failed(PROOF_STALE, f"last proof is {age_s:.0f} s old, {needs.not_older_than_s:.0f} s allowed")
    return None


def answer(machine: Machine, at: Position, approved: bool, now_s: float) -> Decision:  # noqa: FBT001 - the answer is a yes or a no
    """What follows when the operator says yes or no in an operator state."""
    here = machine.states[at.state]
    return _enter(machine, at, here.on[APPROVED if approved else REJECTED], now_s)


def expire(machine: Machine, at: Position, now_s: float) -> Decision:
    """What follows when the operator has not answered in time."""
    return _enter(machine, at, machine.states[at.state].on[TIMED_OUT], now_s)


def _succeeded(machine: Machine, here: State, at: Position, now_s: float, noise: float) -> Decision:
    """One more success: either the streak is complete, or the next proof is scheduled."""
    since_s = now_s if at.streak_since_s is None else at.streak_since_s
    streak = at.streak + 1
    elapsed_s = now_s - since_s
    if streak < here.wait.consecutive or elapsed_s < here.wait.spread_s:
        again = replace(at, attempt=at.attempt + 1, streak=streak, streak_since_s=since_s)
        return Perform(again, now_s + proof_delay_s(here.wait, streak, elapsed_s, noise))
    proved = {**at.proofs, at.state: Proof(streak, since_s, now_s)}
    return _enter(machine, replace(at, proofs=proved), here.on[SUCCEEDED], now_s)


def _enter(machine: Machine, at: Position, name: str, now_s: float) -> Decision:
    """Enter *name*; a state whose visits are used up passes on along its `exhausted` edge."""
    here = machine.states[name]
    count = at.visits.get(name, 0) + 1
    visits = {**at.visits, name: count}
    if here.visits is not None and count > here.visits:
        return _enter(machine, replace(at, visits=visits), here.on[EXHAUSTED], now_s)
    position = Position(
        state=name,
        entered_at_s=now_s,
        visits=visits,
        proofs=_without(at.proofs, name),
    )
    if here.final is not None:
        return Halt(position, here.final)
    if here.operator is not None:
        return AwaitOperator(position, now_s + here.wait.timeout_s)
    return Perform(position, now_s)


def _counted_from(at: Position, now_s: float) -> Position:
    """*at*, with what would lie in the future counted from now: the clock was set back.

    Windows must not grow by the jump, and a streak whose length is unknown begins anew.
    """
    if at.streak_since_s is not None and at.streak_since_s > now_s:
        at = replace(at, streak=0, streak_since_s=None)
    return replace(at, entered_at_s=now_s) if at.entered_at_s > now_s else at


def _without(proofs: Mapping[str, Proof], name: str) -> Mapping[str, Proof]:
    return {key: proof for key, proof in proofs.items() if key != name} if name in proofs else proofs
