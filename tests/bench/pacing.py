"""Pacing by what earlier runs took, against fixed and exponential schedules, on the simulator's propagation.

The product's own engine, machine, history and account of propagation, with the hybrid playbook's state
`prove_oauth`, ask the simulator's own model of front ends; only the clock is turned by hand and nothing goes
over a wire. Every schedule meets the same draws.

True propagation: from the deploy to the moment from which every front end answers right for good
(`simulator.propagation.converged_s`). Noticed: the success no refusal followed, `settled_s` in the evidence.
Decided: the machine left the state, after five proofs over 90 s. A login goes to a front end drawn at
random, so luck can notice and even decide before the slowest one is ready; that share is shown.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.actions import propagation
from orchestrator.actions.base import RunContext
from orchestrator.actions.registry import ACTIONS
from orchestrator.catalogue import FAULTS
from orchestrator.engine.advance import Engine
from orchestrator.engine.history import History
from orchestrator.machine import Again, Done, Machine, Outcome, Position, Result, State
from orchestrator.pacing import FIXED, Wait
from orchestrator.playbook.compiler import compile_playbook
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import Clock, RunStatus
from orchestrator.simulator.client_app import ClientApp
from orchestrator.simulator.org import Org, Propagation
from orchestrator.simulator.propagation import converged_s, find_app
from orchestrator.simulator.simulation import Simulator
from orchestrator.store import open_journal
from tests.bench.noop import DIGEST, new_run

SEED = "pacing"
STATE = "prove_oauth"
_HYBRID = Path(__file__).parents[2] / "playbooks" / "hybrid.yaml"
_APP = "Bench"


@functools.cache
def shipped() -> Wait:
    """The wait of `prove_oauth` in the hybrid playbook."""
    specs = {name: action.spec for name, action in ACTIONS.items()}
    return (
        compile_playbook(_HYBRID.read_text("utf-8"), "hybrid.yaml", specs, FAULTS).machine.states[STATE].wait
    )


def schedules() -> dict[str, Wait]:
    """By name; all ask for the same proof inside the same window."""
    learned = shipped()
    written = replace(learned, pace=FIXED)
    return {
        "every 30 s": replace(written, interval_s=30, backoff_rate=1, max_interval_s=30),
        "exponential, 3 s doubled to 5 min": replace(written, backoff_rate=2, max_interval_s=300),
        "hybrid without history": written,
        "hybrid, learned": learned,
    }


class World:
    """Orgs of the simulator whose apps are deployed when their runs start.

    Args:
        draws: how long apps take, one per org and pod.
        clock: Unix seconds; None for a clock turned by hand (`at_s`).
        speed: the orgs' clock runs so much faster.
    """

    def __init__(
        self, draws: Sequence[tuple[str, Propagation]], clock: Clock | None = None, speed: float = 1.0
    ) -> None:
        self.at_s = 1_790_000_000.0
        self.clock: Clock = clock or self
        self.simulator = Simulator(seed=SEED, count=len(draws), wall=self.clock.now_s, speed=speed)
        self.orgs = [self.simulator.org_of(seed) for seed in self.simulator.catalogue]
        for org, (pod, spread) in zip(self.orgs, draws, strict=True):
            org.instance_name, org.switches.propagation = pod, spread

    def now_s(self) -> float:
        """The hand clock."""
        return self.at_s

    def deploy(self, org: Org) -> float:
        """Deploy an app; the org time from which every front end honours it."""
        app = ClientApp(
            "external_client_app", _APP, _APP, "0xI000000000001", "888000000000001", consumer_key="key"
        )
        org.apps[_APP] = app
        org.app_changed(app, self.simulator.now_s())
        return converged_s(app)

    def answers_right(self, org: Org) -> bool:
        """Whether the front end that the next login meets honours the app."""
        seen = find_app(org, "key", self.simulator.draw_node(org), self.simulator.now_s())
        return seen is not None and seen.stage == "in_force"


class Ask:
    """`prove_oauth` with the wire left out."""

    spec = ActionSpec(STATE, "Ask one front end.", waits=True, learnable=True)

    def __init__(self, world: World) -> None:
        self.world = world
        self.orgs: dict[str, Org] = {}

    def observe(self, ctx: RunContext) -> Outcome | None:  # noqa: ARG002 - every proof is a new one
        """Nothing can be seen."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """One login."""
        if self.world.answers_right(self.orgs[ctx.run]):
            return Done(evidence={"propagation": propagation.account(ctx)})
        return Again(
            "app_not_found", evidence={"propagation": propagation.account(ctx, refused="app_not_found")}
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run saw; seconds from the deploy."""

    true_s: float
    first_s: float
    noticed_s: float
    decided_s: float
    calls: int


def drive(draws: Sequence[tuple[str, Propagation]], wait: Wait, waves: Sequence[int]) -> list[list[Seen]]:
    """Runs in waves, each of so many orgs, a wave after the one before; what they saw, wave by wave."""
    world = World(draws)
    journal = open_journal(":memory:", clock=world)
    journal.put_playbook(DIGEST, "states: {}")
    ask, machine = Ask(world), _machine(wait)
    engine = Engine(
        journal=journal,
        clock=world,
        actions={STATE: ask},
        machine_of=lambda _digest: machine,
        open_context=lambda **fields: RunContext(
            clock=world,
            vault=None,  # type: ignore[arg-type]  # unused
            network=None,  # type: ignore[arg-type]  # unused
            resolve_secret=lambda _entry, _name: None,
            **fields,
        ),
        owner="bench.1.aa",
        noise=world.simulator.rng.random,
        history=History(journal, world),
    )
    orgs = iter(world.orgs)
    try:
        return [_wave(world, engine, ask, list(itertools.islice(orgs, size))) for size in waves]
    finally:
        journal.close()


def _wave(world: World, engine: Engine, ask: Ask, orgs: Sequence[Org]) -> list[Seen]:
    """All of one wave at once; the clock jumps to whatever is due next."""
    began_s, due, found = world.at_s, [], []
    converged = {}
    for org in orgs:
        evidence = {
            "client_app": {"kind": "external_client_app", "deployed_at_s": began_s},
            "organization": {"InstanceName": org.instance_name},
        }
        run = new_run(began_s, position=Position(STATE, began_s, visits={STATE: 1}), evidence=evidence)
        engine.journal.create_run(run)
        ask.orgs[run.run] = org
        converged[run.run] = world.deploy(org)
        heapq.heappush(due, (began_s, run.run))
    while due:
        world.at_s, run_id = heapq.heappop(due)
        record = engine.advance(run_id)
        if record.status is RunStatus.ACTIVE:
            heapq.heappush(due, (record.not_before_s, run_id))
            continue
        told = record.evidence["propagation"]
        if record.result != "succeeded":
            raise AssertionError(f"{run_id} ended {record.result}: {told}")
        times = (
            converged[run_id] - began_s,
            told["first_success_s"],
            told["settled_s"],
            world.at_s - began_s,
        )
        found.append(Seen(*times, calls=told["attempts"]))
    return found


def _machine(wait: Wait) -> Machine:
    on = {"succeeded": "done", "timed_out": "failed", "exhausted": "failed", "failed": "failed"}
    ends = {"done": State("done", final=Result.SUCCEEDED), "failed": State("failed", final=Result.FAILED)}
    return Machine(STATE, {STATE: State(STATE, action=STATE, wait=wait, on=on), **ends})


def worlds(count: int) -> dict[str, list[tuple[str, Propagation]]]:
    """By name, how long the apps of *count* orgs take; four front ends each, a third of them relapse."""
    import random  # noqa: PLC0415 - the draws of a bench, from a seed

    dice = random.Random(SEED)  # noqa: S311 - likewise
    own = [dice.uniform(120, 600) for _ in range(count)]
    pods = [dice.choice((("USA1", 150.0), ("EU1", 560.0))) for _ in range(count)]
    return {
        "each front end after 2-10 min": [("", Propagation(first_s=120, last_s=600))] * count,
        "each org after its own 2-10 min": [("", Propagation(first_s=0.7 * s, last_s=s)) for s in own],
        "two pods, 2.5 and 9 min": [(pod, Propagation(first_s=0.8 * s, last_s=s)) for pod, s in pods],
    }


def figures(count: int) -> list[tuple[str, str, str]]:
    """Rows of the table: figure, target, measured."""
    waves = (1, count // 10, count - 1 - count // 10)
    rows = [(f"pacing, {count} orgs in waves of {'+'.join(map(str, waves))}, seed '{SEED}'", "", "")]
    for world, draws in worlds(count).items():
        for name, wait in schedules().items():
            seen = drive(draws, wait, waves)
            rows.extend(_rows(f"{world}: {name}", [one for wave in seen for one in wave], name))
    world, draws = next(iter(worlds(count).items()))
    at_once = drive(draws, shipped(), (count,))[0]
    return [*rows, *_rows(f"{world}: learned, all at once", at_once, "")]


def _rows(figure: str, seen: Sequence[Seen], name: str) -> list[tuple[str, str, str]]:
    off = statistics.median(abs(one.noticed_s - one.true_s) / one.true_s for one in seen)
    calls = sorted(one.calls for one in seen)
    few = sum(call <= 20 for call in calls) / len(calls)
    behind = statistics.median(one.decided_s - one.true_s for one in seen)
    first = statistics.median((one.first_s - one.true_s) / one.true_s for one in seen)
    early = sum(one.decided_s < one.true_s for one in seen) / len(seen)
    learned = name.endswith("learned")
    spread = f"95 %: {calls[int(0.95 * len(calls))]}, most: {calls[-1]}; {few:.0%} <= 20"
    share = f"{early:.0%} before it; first success {first:+.0%}"
    return [
        (figure, "<= 10 %" if learned else "", f"noticed {off:.1%} off the truth (median)"),
        ("  token calls per org", "<= 20" if learned else "", f"{statistics.mean(calls):.1f} ({spread})"),
        ("  decided", "", f"{behind:+.0f} s after the truth (median), {share}"),
    ]


def _main() -> None:
    rows: list[Any] = figures(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
    for figure, target, measured in rows:
        sys.stdout.write(f"{figure:<72} {target:<10} {measured}\n")


if __name__ == "__main__":
    _main()
