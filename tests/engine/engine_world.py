"""An org in a dictionary, actions on it, and engines that share one journal and one clock."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.actions.base import RunContext
from orchestrator.engine.advance import Engine
from orchestrator.engine.events import Event
from orchestrator.machine import Done, Machine, Operator, Outcome, Position, Requires, Result, State
from orchestrator.pacing import Wait
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import NewRun, RunRecord, RunStatus
from orchestrator.store import open_journal

T0 = 1_790_000_000.0
DIGEST = "ab" * 32
_numbers = itertools.count(1)


class Died(BaseException):
    """The process is gone."""


@dataclass
class HandClock:
    at_s: float = T0

    def now_s(self) -> float:
        return self.at_s


@dataclass
class Org:
    """What exists, how often each thing was made, and everything that was asked, in order."""

    made: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)


Look = Callable[[RunContext], Outcome | None]
Act = Callable[[RunContext], Outcome]


class Make:
    """Makes one thing, announced before and visible after; `before` and `after` are the test's to use."""

    def __init__(self, org: Org, thing: str) -> None:
        self.org = org
        self.thing = thing
        self.spec = ActionSpec(thing, "Make it.", waits=True)
        self.before: Callable[[RunContext], None] = lambda _ctx: None
        self.after: Callable[[RunContext], Outcome | None] = lambda _ctx: None

    def observe(self, ctx: RunContext) -> Outcome | None:
        self.org.log.append(f"look {self.thing} in_doubt={ctx.in_doubt}")
        if not self.org.made[self.thing]:
            return None
        return Done(evidence={self.thing: "seen", "notes": dict(ctx.notes)})

    def apply(self, ctx: RunContext) -> Outcome:
        self.org.log.append(f"make {self.thing}")
        ctx.note(announced=self.thing)
        self.before(ctx)
        ctx.effect()
        self.org.made[self.thing] += 1
        return self.after(ctx) or Done(evidence={self.thing: "made"})


class Scripted:
    """Answers what the test has written down; the last line is repeated."""

    def __init__(self, org: Org, name: str, *script: Act | Outcome) -> None:
        self.org = org
        self.spec = ActionSpec(name, "Do as told.", waits=True)
        self.script = list(script)
        self.contexts: list[RunContext] = []
        self.look: Look = lambda _ctx: None

    def observe(self, ctx: RunContext) -> Outcome | None:
        self.org.log.append(f"look {self.spec.name}")
        return self.look(ctx)

    def apply(self, ctx: RunContext) -> Outcome:
        self.contexts.append(ctx)
        self.org.log.append(f"do {self.spec.name}")
        line = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return line(ctx) if callable(line) else line


WAIT = Wait(interval_s=10, timeout_s=500)


def chain(*names: str, **changes: State) -> Machine:
    """States that follow each other, then `done`; failures go to `failed`, timeouts to `attention`."""
    states = {}
    for name, following in zip(names, [*names[1:], "done"], strict=True):
        on = {"succeeded": following, "failed": "failed", "timed_out": "attention", "exhausted": "attention"}
        states[name] = State(name, action=name, on=on, wait=WAIT)
    ends = {
        "done": State("done", final=Result.SUCCEEDED),
        "failed": State("failed", final=Result.FAILED),
        "attention": State("attention", final=Result.NEEDS_ATTENTION),
    }
    return Machine(names[0], {**states, **ends, **changes})


def question(yes: str, inputs: Mapping[str, str] | None = None) -> State:
    on = {"approved": yes, "rejected": "failed", "timed_out": "attention"}
    return State("ask", operator=Operator("go?", inputs or {}), wait=Wait(timeout_s=600), on=on)


def looping(name: str, following: str, visits: int) -> State:
    on = {"more": name, "succeeded": following, "failed": "failed", "exhausted": "attention"}
    return State(name, action=name, on=on, wait=WAIT, visits=visits)


def one_way(name: str, proved: str) -> State:
    on = {"succeeded": "done", "proof_stale": proved, "failed": "attention", "timed_out": "attention"}
    needs = Requires(proved, consecutive=1, not_older_than_s=60)
    return State(name, action=name, on=on, wait=WAIT, one_way=True, requires=needs)


@dataclass
class World:
    """One journal, one clock, one org; engines come and go."""

    machine: Machine
    actions: Mapping[str, Any]
    org: Org
    clock: HandClock = field(default_factory=HandClock)
    database: str = ":memory:"
    events: list[Event] = field(default_factory=list)
    run: str = ""

    def __post_init__(self) -> None:
        self.journal = open_journal(self.database, clock=self.clock)
        self.journal.put_playbook(DIGEST, "states: {}")

    def start(self, *, org: str | None = None, speed: float = 1.0, **inputs: Any) -> str:
        number = next(_numbers)
        first = self.machine.states[self.machine.initial]
        asks = first.operator is not None
        self.run = f"run-{number:05d}"
        self.journal.create_run(
            NewRun(
                run=self.run,
                org=org or f"org{number}",
                playbook="test",
                playbook_digest=DIGEST,
                org_entry={"name": org or f"org{number}", "username": "admin@acme.example"},
                inputs=inputs,
                position=Position(first.name, self.clock.at_s, visits={first.name: 1}),
                not_before_s=self.clock.at_s + (first.wait.timeout_s if asks else 0),
                status=RunStatus.AWAITING_OPERATOR if asks else RunStatus.ACTIVE,
                created_s=self.clock.at_s,
                speed=speed,
            )
        )
        return self.run

    def engine(self, owner: str = "here.1.aa", **changes: Any) -> Engine:
        settings: dict[str, Any] = {
            "journal": self.journal,
            "clock": self.clock,
            "actions": self.actions,
            "machine_of": lambda _digest: self.machine,
            "open_context": self._context,
            "owner": owner,
            "noise": lambda: 0.5,
            "observer": self.events.append,
        }
        return Engine(**{**settings, **changes})

    def _context(self, **fields: Any) -> RunContext:
        rooms: dict[str, Any] = {"vault": None, "network": None, "resolve_secret": lambda _e, _n: None}
        return RunContext(clock=self.clock, **rooms, **fields)

    def drive(self, engine: Engine | None = None) -> RunRecord:
        """Wake the run whenever it is due."""
        engine = engine or self.engine()
        for _ in range(200):
            record = engine.advance(self.run)
            if record.status is not RunStatus.ACTIVE:
                return record
            self.clock.at_s = max(self.clock.at_s, record.not_before_s)
        raise AssertionError(f"still active in {record.position.state}")

    def attempts(self) -> list[Any]:
        return self.journal.attempts(self.run)

    def happened(self) -> list[str]:
        return [event.event for event in self.events]
