"""The machine's clock is set, or the machine stood still: nothing is lost, and nothing waits for a day."""

from __future__ import annotations

import threading
import time

import pytest
from engine_world import T0, Make, Scripted, chain, one_way

from orchestrator.fleet import local
from orchestrator.fleet.local import LocalDispatcher
from orchestrator.machine import Again, Done, Machine, Position, State, decide
from orchestrator.pacing import Wait
from orchestrator.ports import RunStatus

DAY_S = 86_400.0


class Adjustable:
    """The machine's clock, and a hand that sets it."""

    def __init__(self):
        self.off_s = 0.0

    def now_s(self):
        return time.time() + self.off_s


def test_a_run_that_waits_does_not_wait_for_the_clock_to_catch_up(world, org):
    here = world(chain("one"), [Scripted(org, "one", Again("not_yet"), Done())])
    here.start()
    assert here.engine().advance(here.run).not_before_s > here.clock.at_s
    here.clock.at_s -= DAY_S
    assert here.engine().advance(here.run).result == "succeeded"


def test_a_window_does_not_grow_by_the_jump(world, org):
    here = world(chain("one"), [Scripted(org, "one", Again("not_yet"))])
    here.start()
    here.engine().advance(here.run)
    here.clock.at_s -= DAY_S
    back_s = here.clock.at_s
    assert here.drive().position.state == "attention"
    assert here.clock.at_s - back_s <= 500


def test_a_streak_whose_length_is_unknown_begins_anew():
    wait = Wait(interval_s=1, timeout_s=500, consecutive=3, spread_s=20)
    machine = Machine("prove", {"prove": State("prove", action="prove", on={"failed": "prove"}, wait=wait)})
    at = Position("prove", T0, attempt=3, streak=2, streak_since_s=T0 + 15)
    decision = decide(machine, at, Done(), T0 - DAY_S)
    assert (decision.position.streak, decision.position.streak_since_s) == (1, T0 - DAY_S)
    assert decision.position.entered_at_s == T0 - DAY_S


def test_a_proof_from_the_future_opens_nothing(world, org):
    machine = chain("prove", "lock", lock=one_way("lock", "prove"))
    prove = Scripted(org, "prove", Done())
    lock = Scripted(org, "lock", Done())
    here = world(machine, [prove, lock])
    here.start()
    here.engine().advance(here.run, until="lock")
    here.clock.at_s -= DAY_S
    assert here.drive().result == "succeeded"
    assert org.log == ["do prove", "do prove", "do lock"]


@pytest.fixture
def adjustable(world):
    """A world whose engine reads an adjustable clock."""

    def made(machine, actions):
        clock = Adjustable()
        here = world(machine, actions)
        here.clock.at_s = clock.now_s()
        here.start()
        here.clock = clock
        return here, clock

    return made


def test_what_sleeps_in_a_fleet_is_woken_although_the_clock_was_set_back(adjustable, org):
    def set_back(_ctx):
        clock.off_s -= DAY_S
        return Done()

    soon = Wait(interval_s=0.2, timeout_s=500, jitter=0.0)
    machine = chain("nap", "jump")
    states = {
        name: State(name, action=name, on=dict(state.on), wait=soon)
        for name, state in machine.states.items()
        if state.action
    }
    machine = Machine("nap", {**machine.states, **states})
    here, clock = adjustable(
        machine, [Scripted(org, "nap", Again("not_yet"), Done()), Scripted(org, "jump", set_back)]
    )
    first = here.run
    here.machine = Machine("jump", machine.states)
    here.clock.at_s = clock.now_s()
    second = here.start()
    stop = threading.Event()
    drive = LocalDispatcher(here.engine(), concurrency=2, stop=stop).drive_waves(
        [[first, second]], too_many_failures=lambda _failed, _started: False
    )
    assert {record.result for record in drive.standing.values()} == {"succeeded"}


def test_a_process_that_stood_still_until_its_lease_ran_out_goes_on(adjustable, org, monkeypatch):
    monkeypatch.setattr(local, "_BUSY_RETRY_S", 0.01)
    one = Make(org, "one")
    here, clock = adjustable(chain("one"), [one])

    def stand_still(_ctx):
        clock.off_s += 3600
        one.before = lambda _ctx: None

    one.before = stand_still
    drive = LocalDispatcher(here.engine(), concurrency=1, stop=threading.Event()).drive_waves(
        [[here.run]], too_many_failures=lambda _failed, _started: False
    )
    assert drive.standing[here.run].status is RunStatus.FINISHED
    assert (drive.errors, drive.failed) == ({}, 0)
    assert org.made == {"one": 1}
