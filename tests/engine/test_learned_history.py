"""What runs leave in the journal is what later runs pace themselves by."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from engine_world import Org, Scripted, World, chain

from orchestrator.actions import propagation
from orchestrator.engine.history import READ_EVERY_S, History
from orchestrator.machine import Again, Done
from orchestrator.pacing import LEARNED, Wait
from orchestrator.ports import RunStatus

WAIT = Wait(interval_s=3, backoff_rate=1.6, max_interval_s=30, timeout_s=1800, pace=LEARNED)
LENGTH_S = 400.0


def world_of(*, adopted=False, pace=LEARNED, instance="USA1", length_s=LENGTH_S):
    """Deploy, then prove: refused until the app is as old as *length_s*, by the clock of the world."""

    def deploy(ctx):
        app = {"kind": "external_client_app", "deployed_at_s": ctx.now_s(), "adopted_existing": adopted}
        return Done(evidence={"client_app": app, "organization": {"InstanceName": instance}})

    def prove(ctx):
        if (ctx.now_s() - propagation.deployed_at_s(ctx)) * ctx.speed < length_s:
            return Again("busy", evidence={"propagation": propagation.account(ctx, refused="busy")})
        return Done(evidence={"propagation": propagation.account(ctx)})

    org = Org()
    machine = chain("deploy", "prove")
    wait = replace(WAIT, pace=pace)
    states = {**machine.states, "prove": replace(machine.states["prove"], wait=wait)}
    actions = {"deploy": Scripted(org, "deploy", deploy), "prove": Scripted(org, "prove", prove)}
    return World(replace(machine, states=states), actions, org)


def engine_of(world):
    return world.engine(history=History(world.journal, world.clock))


def looks(world):
    return [one for one in world.attempts() if one.state == "prove"]


def run_once(world, engine, **start):
    world.start(**start)
    assert world.drive(engine).result == "succeeded"
    return looks(world)


def test_a_later_run_of_another_process_looks_less_often_and_notices_no_later():
    world = world_of()
    first = run_once(world, engine_of(world))
    for _ in range(5):
        run_once(world, engine_of(world))
    later = run_once(world, engine_of(world))
    assert len(later) * 2 <= len(first)
    noticed_s = later[-1].settled_s - world.journal.run(world.run).evidence["client_app"]["deployed_at_s"]
    assert LENGTH_S <= noticed_s <= LENGTH_S * 1.1


def test_without_history_and_without_the_word_the_schedule_is_as_written():
    learned, fixed = world_of(), world_of(pace="fixed")
    first = run_once(learned, engine_of(learned))
    for _ in range(3):
        written = run_once(fixed, engine_of(fixed))
    assert len(first) == len(written)
    pauses = [after.intended_s - before.intended_s for before, after in pairwise(first)]
    assert pauses[:3] == pytest.approx([3.0, 4.8, 7.68])


def test_an_app_that_stood_already_teaches_nothing_and_is_not_paced_by_others():
    world = world_of(adopted=True)
    first = run_once(world, engine_of(world))
    assert "app_kind" not in world.journal.run(world.run).evidence["propagation"]
    assert len(run_once(world, engine_of(world))) == len(first)


def test_simulated_time_teaches_real_runs_nothing():
    world = world_of()
    for _ in range(5):
        run_once(world, engine_of(world), speed=100.0)
    real, untaught = run_once(world, engine_of(world)), world_of()
    assert len(real) == len(run_once(untaught, engine_of(untaught)))


def test_what_was_chosen_is_in_the_journal_before_the_wait():
    world = world_of()
    engine = engine_of(world)
    for _ in range(3):
        run_once(world, engine)
    world.start()
    record = engine.advance(world.run)
    assert record.status is RunStatus.ACTIVE
    assert record.not_before_s - world.clock.at_s > 3 * WAIT.interval_s
    assert world.journal.run(world.run).not_before_s == record.not_before_s


def test_one_process_learns_from_its_own_runs_at_once_and_reads_the_journal_once_a_minute():
    world = world_of()
    asked = []
    read = world.journal.finished_evidence
    world.journal.finished_evidence = lambda *what: asked.append(world.clock.at_s) or read(*what)
    engine = engine_of(world)
    first = run_once(world, engine)
    assert all(after - before >= READ_EVERY_S for before, after in pairwise(asked))
    for _ in range(4):
        last = run_once(world, engine)
    assert len(last) * 2 <= len(first)


def test_a_run_that_timed_out_counts_as_one_that_took_longer():
    world = world_of(length_s=1e9)
    for _ in range(4):
        world.start()
        assert world.drive(engine_of(world)).result == "needs_attention"
    assert "settled_s" not in world.journal.run(world.run).evidence["propagation"]
    assert len(looks(world)) > 10


def test_the_journal_gives_the_newest_finished_runs_of_one_playbook_and_one_speed():
    world = world_of()
    done = []
    for _ in range(3):
        run_once(world, engine_of(world))
        done.append(world.run)
    world.start()
    assert [run for run, _ in world.journal.finished_evidence("test", 1.0, 2)] == [done[2], done[1]]
    assert world.journal.finished_evidence("other", 1.0, 5) == []
    assert world.journal.finished_evidence("test", 5.0, 5) == []
