"""How well the waits of a fleet overlap, with the wire left out so that the processor is not the limit.

The product's dispatcher, engine, journal on disk and learned pace drive orgs of the simulator's own model of
propagation in real time (the orgs' clock runs faster): each deploys, proves until it settles, and is over.
A perfect fleet would be over with its slowest org.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from orchestrator.actions.base import RunContext
from orchestrator.engine.advance import Engine
from orchestrator.engine.history import History
from orchestrator.fleet.local import LocalDispatcher
from orchestrator.machine import Done, Machine, Outcome, Position, Result, State
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import SystemClock
from orchestrator.simulator.org import Org, Propagation
from orchestrator.store.owners import Owner
from tests.bench.fleets import slowest_own_s
from tests.bench.noop import journal_in, new_run
from tests.bench.pacing import STATE, Ask, World, shipped

_THREADS = 16
_SLOW = Propagation(first_s=120, last_s=600)


class Deploy:
    """A deploy that is over at once."""

    spec = ActionSpec("deploy", "Deploy the app.")

    def __init__(self, world: World, orgs: dict[str, Org]) -> None:
        self.world = world
        self.orgs = orgs

    def observe(self, ctx: RunContext) -> Outcome | None:  # noqa: ARG002 - it is made once
        """Nothing is there yet."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """From now on the app propagates."""
        self.world.deploy(self.orgs[ctx.run])
        return Done(evidence={"client_app": {"kind": "external_client_app", "deployed_at_s": ctx.now_s()}})


@dataclass(frozen=True, slots=True)
class Made:
    """Seconds of wall time: of the fleet, and of its slowest run by itself; and the share of all cores."""

    fleet_s: float
    slowest_s: float
    share_of_cores: float


def drive(folder: Path, count: int, speed: float) -> Made:
    """*count* orgs at once."""
    clock = SystemClock()
    world = World([("", _SLOW)] * count, clock, speed)
    machine = _machine()
    with journal_in(folder) as journal:
        owner = Owner(folder / "owners")
        ask = Ask(world)
        engine = Engine(
            journal=journal,
            clock=clock,
            actions={"deploy": Deploy(world, ask.orgs), STATE: ask},
            machine_of=lambda _digest: machine,
            open_context=lambda **fields: RunContext(
                clock=clock,
                vault=None,  # type: ignore[arg-type]  # unused
                network=None,  # type: ignore[arg-type]  # unused
                resolve_secret=lambda _entry, _name: None,
                **fields,
            ),
            owner=owner.id,
            noise=world.simulator.rng.random,
            history=History(journal, clock),
        )
        began_s, cpu_s = time.time(), time.process_time()
        runs = [
            new_run(began_s, position=Position("deploy", began_s, visits={"deploy": 1}), speed=speed)
            for _ in range(count)
        ]
        journal.create_runs(runs)
        ask.orgs.update({run.run: org for run, org in zip(runs, world.orgs, strict=True)})
        dispatcher = LocalDispatcher(engine, concurrency=_THREADS, stop=threading.Event())
        drive = dispatcher.drive_waves([[run.run for run in runs]], too_many_failures=lambda _f, _s: False)
        fleet_s, cpu_s = time.time() - began_s, time.process_time() - cpu_s
        owner.close()
        if {record.result for record in drive.standing.values()} != {"succeeded"}:
            raise AssertionError("not every run succeeded")
    return Made(fleet_s, slowest_own_s(folder), cpu_s / fleet_s / (os.cpu_count() or 1))


def _machine() -> Machine:
    on = {"timed_out": "failed", "exhausted": "failed", "failed": "failed"}
    states = {
        "deploy": State("deploy", action="deploy", on={"succeeded": STATE, **on}),
        STATE: State(STATE, action=STATE, wait=shipped(), on={"succeeded": "done", **on}),
        "done": State("done", final=Result.SUCCEEDED),
        "failed": State("failed", final=Result.FAILED),
    }
    return Machine("deploy", states)
