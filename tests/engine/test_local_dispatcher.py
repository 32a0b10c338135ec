from __future__ import annotations

import threading

import pytest
from engine_world import T0, Make, Scripted, chain, question

from orchestrator.fleet.local import LocalDispatcher
from orchestrator.machine import Again, Done, Failed
from orchestrator.ports import RunStatus

OTHER = "there.2.bb"


def dispatcher(here, *, concurrency=4, stop=None):
    stop = stop or threading.Event()
    return LocalDispatcher(here.engine(stopping=stop.is_set), concurrency=concurrency, stop=stop)


def never(_failed, _started):
    return False


def fleet(world, org, *script, runs=6):
    step = Scripted(org, "step", *script)
    here = world(chain("step"), [step])
    return here, [here.start() for _ in range(runs)]


def test_every_run_is_driven_to_its_end(world, org):
    here, runs = fleet(world, org, Done(), runs=20)
    drive = dispatcher(here).drive_waves([runs], too_many_failures=never)
    assert {record.result for record in drive.standing.values()} == {"succeeded"}
    assert set(drive.standing) == set(runs)
    assert drive.errors == {}


def test_a_wave_starts_after_the_one_before_is_over(world, org):
    here, runs = fleet(world, org, Done())
    dispatcher(here).drive_waves([runs[:1], runs[1:3], runs[3:]], too_many_failures=never)
    finished = [event.run for event in here.events if event.event == "run_finished"]
    started = [event.run for event in here.events if event.event == "run_started"]
    assert finished[0] == runs[0]
    assert set(started[1:3]) == set(runs[1:3])
    assert set(finished[1:3]) == set(runs[1:3])


def test_too_many_failures_hold_the_next_wave_back(world, org):
    here, runs = fleet(world, org, Failed("login_invalid"))
    drive = dispatcher(here).drive_waves(
        [runs[:2], runs[2:4], runs[4:]], too_many_failures=lambda failed, started: failed * 2 > started
    )
    assert drive.held_back == runs[2:]
    assert set(drive.standing) == set(runs[:2])
    assert org.log == ["do step"] * 2
    assert here.journal.run(runs[5]).seq == 0


def test_a_defect_of_one_run_does_not_take_the_others_with_it(world, org):
    def broken(ctx):
        if ctx.run == runs[1]:
            raise ZeroDivisionError
        return Done()

    here, runs = fleet(world, org, broken)
    drive = dispatcher(here).drive_waves([runs], too_many_failures=never)
    assert set(drive.errors) == {runs[1]}
    assert drive.errors[runs[1]].exit_status == 70
    assert {drive.standing[run].result for run in runs if run != runs[1]} == {"succeeded"}


def test_no_more_runs_work_at_once_than_allowed(world, org):
    at_work, most, lock = [0], [0], threading.Lock()
    together = threading.Barrier(2)

    def busy(_ctx):
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        together.wait(10)
        with lock:
            at_work[0] -= 1
        return Done()

    here, runs = fleet(world, org, busy, runs=8)
    dispatcher(here, concurrency=2).drive_waves([runs], too_many_failures=never)
    assert most[0] == 2


def test_a_signal_parks_what_runs_and_starts_nothing_more(world, org):
    stop = threading.Event()

    def asked(_ctx):
        stop.set()
        return Again("busy")

    here, runs = fleet(world, org, asked)
    drive = dispatcher(here, concurrency=1, stop=stop).drive_waves(
        [runs[:3], runs[3:]], too_many_failures=never
    )
    assert {record.status for record in drive.standing.values()} == {RunStatus.ACTIVE}
    assert set(drive.standing) == set(runs[:3])
    assert drive.held_back == runs[3:]
    assert org.log == ["do step"]


def test_a_run_that_waits_for_a_person_ends_the_drive(world, org):
    here = world(chain("step", ask=question("done")), [Make(org, "step")])
    here.machine.states["step"].on["succeeded"] = "ask"
    run = here.start()
    drive = dispatcher(here).drive_waves([[run]], too_many_failures=never)
    assert drive.standing[run].status is RunStatus.AWAITING_OPERATOR


def test_a_busy_org_is_said_once_and_tried_again(world, org):
    stop = threading.Event()
    here, runs = fleet(world, org, Done(), runs=1)
    record = here.journal.run(runs[0])
    here.journal.acquire(record.org, record.run, OTHER, now_s=T0, ttl_s=60)
    told = []

    def observe(event):
        told.append(event)
        stop.set()

    engine = here.engine(observer=observe)
    drive = LocalDispatcher(engine, concurrency=1, stop=stop).drive_waves([runs], too_many_failures=never)
    assert [(event.event, event.code) for event in told] == [("waiting", "org_busy")]
    assert told[0].not_before_s == pytest.approx(T0 + 5)
    assert OTHER.split(".", maxsplit=1)[0] in (told[0].detail or "")
    assert drive.errors[runs[0]].code == "org_busy"
