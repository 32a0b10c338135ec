"""What the local dispatcher starts and holds: order, failure limits inside a wave, hosts in trouble."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from engine_world import Org, Scripted, World, chain

from orchestrator.fleet.breaker import Breaker
from orchestrator.fleet.local import LocalDispatcher
from orchestrator.machine import Again, Done, Failed
from orchestrator.ports import RunStatus, SystemClock


class RealClock(SystemClock):
    """The machine's clock, as the world of the engine's tests reads one."""

    @property
    def at_s(self):
        return self.now_s()


@pytest.fixture
def fleet():
    """`fleet(script, runs=…)`: a world with one state and so many runs; closed after the test."""
    worlds = []

    def new(*script, runs=6):
        org = Org()
        here = World(chain("step"), {"step": Scripted(org, "step", *script)}, org, clock=RealClock())
        worlds.append(here)
        return here, [here.start(speed=1000) for _ in range(runs)]

    yield new
    for here in worlds:
        here.journal.close()


def dispatcher(here, *, concurrency=1, breaker=None):
    stop = threading.Event()
    return LocalDispatcher(
        here.engine(stopping=stop.is_set), concurrency=concurrency, stop=stop, breaker=breaker
    )


def never(_failed, _started):
    return False


def test_inside_a_wave_nothing_more_is_started_when_too_many_failed(fleet):
    here, runs = fleet(Failed("login_invalid"), runs=10)
    drive = dispatcher(here).drive_waves([runs], too_many_failures=lambda failed, _started: failed > 2)
    assert drive.failed == 3
    assert drive.held_back == runs[3:]
    assert {here.journal.run(run).status for run in runs[3:]} == {RunStatus.ACTIVE}
    assert {here.journal.run(run).seq for run in runs[3:]} == {0}


def test_runs_that_have_begun_go_before_runs_that_have_not(fleet):
    here, runs = fleet(Again("deploy_in_progress"), Done(), runs=3)
    dispatcher(here).drive_waves([runs], too_many_failures=never)
    finished = [event.run for event in here.events if event.event == "run_finished"]
    assert set(finished) == set(runs)
    assert {here.journal.run(run).result for run in runs} == {"succeeded"}


def test_what_is_kept_of_ten_thousand_runs_is_without_evidence(fleet):
    here, runs = fleet(Done(evidence={"much": "x" * 10_000}), runs=2)
    drive = dispatcher(here).drive_waves([runs], too_many_failures=never)
    assert {record.result for record in drive.standing.values()} == {"succeeded"}
    assert all(not record.evidence for record in drive.standing.values())
    assert here.journal.run(runs[0]).evidence["much"]


def test_runs_of_a_host_in_trouble_are_postponed_until_a_probe_gets_through(fleet):
    trouble = [Again("server_trouble") for _ in range(6)]
    here, runs = fleet(*trouble, Done(), runs=8)
    breaker = Breaker(here.clock.now_s, speed=300)
    drive = dispatcher(here, breaker=breaker).drive_waves([runs], too_many_failures=never)
    assert {record.result for record in drive.standing.values()} == {"succeeded"}
    assert drive.failed == 0
    assert not breaker.is_open
