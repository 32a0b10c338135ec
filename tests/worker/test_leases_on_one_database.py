"""Two engines on one PostgreSQL: the database's clock, leases that run out, and jobs made anew."""

from __future__ import annotations

import threading

import psycopg
import pytest
from worker_world import wait_until

from orchestrator.actions.base import RunContext
from orchestrator.engine.advance import Engine
from orchestrator.errors import LeaseHeld, LeaseLost, StoreError
from orchestrator.fleet.breaker import Breaker
from orchestrator.fleet.queue import QueueWorker, lease_ttl_s, prepare
from orchestrator.fleet.waking import Waker
from orchestrator.machine import Done, Machine, Position, Result, State
from orchestrator.pacing import Wait
from orchestrator.playbook.model import ActionSpec
from orchestrator.ports import NewRun, RunStatus, SystemClock
from orchestrator.store import open_store

DIGEST = "ab" * 32
TTL_S = 1.0


class Lock:
    """An effect, and a place right before it where its process can be made to stand still."""

    spec = ActionSpec("lock", "Lock it.", waits=True)

    def __init__(self):
        self.effects = []
        self.stands_still = threading.Event()
        self.goes_on = threading.Event()
        self.goes_on.set()

    def observe(self, ctx):  # noqa: ARG002 - the signature of every action
        return Done(detail="it is locked") if self.effects else None

    def apply(self, ctx):
        self.stands_still.set()
        assert self.goes_on.wait(30)
        ctx.effect()
        self.effects.append(ctx.run)
        return Done()


MACHINE = Machine(
    "lock",
    {
        "lock": State(
            "lock", action="lock", on={"succeeded": "done", "failed": "bad"}, wait=Wait(timeout_s=600)
        ),
        "done": State("done", final=Result.SUCCEEDED),
        "bad": State("bad", final=Result.FAILED),
    },
)


@pytest.fixture
def store(shared_database):
    opened = open_store(shared_database, clock=SystemClock())
    opened.journal.put_playbook(DIGEST, "states: {}")
    prepare(opened.wake_ups)
    yield opened
    opened.journal.close()


@pytest.fixture
def action():
    return Lock()


def engine_of(store, owner, action, ttl_s=TTL_S, **options):
    def open_context(**fields):
        return RunContext(
            clock=store.clock, vault=None, network=None, resolve_secret=lambda _entry, _name: None, **fields
        )

    return Engine(
        journal=store.journal,
        clock=store.clock,
        actions={"lock": action},
        machine_of=lambda _digest: MACHINE,
        open_context=open_context,
        owner=owner,
        noise=lambda: 0.5,
        lease_ttl_s=ttl_s,
        **options,
    )


def new_runs(store, count=1, *, delay_s=0.0, gates=True):
    now_s = store.clock.now_s()
    runs = [
        NewRun(
            run=f"run-{number}",
            org=f"org-{number}",
            playbook="test",
            playbook_digest=DIGEST,
            org_entry={"name": f"org-{number}", "url": f"https://org-{number}.my.salesforce.com"},
            inputs={},
            position=Position("lock", now_s, visits={"lock": 1}),
            not_before_s=now_s + delay_s,
            status=RunStatus.ACTIVE,
            created_s=now_s,
            batch="batch",
        )
        for number in range(count)
    ]
    if gates:
        store.batches.begin("batch", runs, max_failures="", until="")
    store.journal.create_runs(runs)
    return [run.run for run in runs]


def jobs(store, columns="args->>'run'"):
    with store.journal._database.reading() as connection:
        query = f"SELECT {columns} FROM procrastinate_jobs ORDER BY args->>'run'"  # noqa: S608 - a constant
        return [tuple(row) if len(row) > 1 else row[0] for row in connection.exec_driver_sql(query)]


def test_a_process_that_wakes_late_is_refused_right_before_its_effect(store, action):
    [run] = new_runs(store)
    action.goes_on.clear()
    refused = []

    def late_riser():
        try:
            engine_of(store, "late", action).advance(run)
        except LeaseLost as lost:
            refused.append(lost)

    thread = threading.Thread(target=late_riser)
    thread.start()
    assert action.stands_still.wait(10)
    other = Lock()  # what the other machine runs; it sees no effect yet
    other.effects = action.effects
    taken_over = engine_of(store, "other", other)

    def taken():
        try:
            return taken_over.advance(run).result == "succeeded"
        except LeaseHeld:
            return False

    wait_until(taken, 10 * TTL_S, "taken over when the lease has run out")
    action.goes_on.set()
    thread.join(10)
    assert [lost.code for lost in refused] == ["lease_lost"]
    assert action.effects == [run]
    assert [row.outcome for row in store.journal.attempts(run)] == ["succeeded"]


def test_leases_and_due_times_follow_the_databases_clock_and_not_the_machines(shared_database):
    class WrongClock:
        def now_s(self):
            return 1_000_000_000.0

    store = open_store(shared_database, clock=WrongClock())
    assert abs(store.clock.now_s() - SystemClock().now_s()) < 60
    lease = store.journal.acquire("org", "run", "owner", now_s=1_000_000_000.0, ttl_s=30.0)
    assert lease.expires_s == pytest.approx(store.clock.now_s() + 30.0, abs=5.0)
    store.journal.check(lease, now_s=9_000_000_000.0)  # a machine whose clock is wrong loses nothing
    store.journal.close()


def test_a_process_that_stands_still_in_a_transaction_does_not_hold_the_others_up(
    store, shared_database, monkeypatch
):
    monkeypatch.setattr("orchestrator.store.engine._IDLE_TIMEOUT_S", 1)
    stopped = open_store(shared_database, clock=SystemClock())
    lease = stopped.journal.acquire("org", "run", "stopped", now_s=0.0, ttl_s=0.5)

    def stand_still():
        with stopped.journal._database.writing() as connection:
            stopped.journal._hold(connection, lease, 0.0)  # and here it stops
            wait_until(lambda: acquired(store, "org", "run", "other"), 10, "the server ends its transaction")
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(StoreError) as caught:
        stand_still()
    assert caught.value.code == "journal_unreachable"
    with pytest.raises(LeaseLost):
        stopped.journal.check(lease, now_s=0.0)
    stopped.journal.close()


def acquired(store, org, run, owner):
    try:
        return store.journal.acquire(org, run, owner, now_s=0.0, ttl_s=60.0)
    except LeaseHeld:
        return None


def test_a_worker_makes_the_wake_ups_that_are_missing_and_takes_those_of_a_silent_one(store, action):
    runs = new_runs(store, 3)
    store.wake_ups.queue(runs[:1])
    with store.journal._database.writing() as connection:  # fetched by a worker that is not there any more
        connection.exec_driver_sql("UPDATE procrastinate_jobs SET status = 'doing'")
    engine = engine_of(store, "owner", action, lease_ttl_s(3.0))
    waker = Waker(engine, store.batches, store.wake_ups, Breaker(store.clock.now_s))
    with QueueWorker(waker, store.wake_ups, concurrency=2, takeover_s=3.0):
        wait_until(lambda: sorted(action.effects) == runs, 20)
        wait_until(lambda: jobs(store) == [], 10, "a job that was answered is gone")
    assert {record.result for record in store.journal.runs()} == {"succeeded"}


def test_a_wake_up_is_made_once_is_due_when_the_run_is_and_moves_with_it(store):
    [run] = new_runs(store, delay_s=3600.0)
    for _ in range(3):
        store.wake_ups.queue([run])
        store.wake_ups.sweep(stalled_after_s=10.0)
    due = "args->>'run', lock, queueing_lock, extract(epoch FROM scheduled_at)::float8 - {}"
    [(named, lock, queueing_lock, off_s)] = jobs(store, due.format(store.journal.run(run).not_before_s))
    assert (named, lock, queueing_lock) == (run, run, run)
    assert off_s == pytest.approx(0.0, abs=0.001)
    store.journal.request_cancel(run, store.clock.now_s())
    store.wake_ups.sweep(stalled_after_s=10.0)  # whoever asked could not reach the queue
    [(_, _, _, off_s)] = jobs(store, due.format(store.clock.now_s()))
    assert off_s == pytest.approx(0.0, abs=5.0)


def test_runs_that_began_come_first_and_then_those_of_earlier_waves(store):
    runs = new_runs(store, 3)
    with store.journal._database.writing() as connection:
        connection.exec_driver_sql("UPDATE run SET priority = 5 WHERE run = 'run-0'")
        connection.exec_driver_sql("UPDATE run SET priority = 9, seq = 1 WHERE run = 'run-2'")
    store.wake_ups.queue(runs)
    order = sorted(jobs(store, "priority, args->>'run'"), reverse=True)
    assert [run for _, run in order] == ["run-2", "run-1", "run-0"]


def test_a_run_without_a_gate_or_with_a_held_one_is_woken_by_nobody(store):
    [private, held] = new_runs(store, 2, gates=False)
    store.batches.hold(held)
    store.wake_ups.queue([held, private])
    store.wake_ups.sweep(stalled_after_s=10.0)
    assert jobs(store) == []
    store.batches.open([held], until="")
    store.wake_ups.sweep(stalled_after_s=10.0)
    assert jobs(store) == [held]


def test_a_defect_parks_the_run_for_everybody_and_says_so(store, action):
    [run] = new_runs(store)
    told = []

    def broken(_ctx):
        raise ZeroDivisionError("ours")

    action.apply = broken
    engine = engine_of(store, "owner", action)
    waker = Waker(
        engine, store.batches, store.wake_ups, Breaker(store.clock.now_s), lambda *said: told.append(said)
    )
    waker.wake(run)
    assert [(one, error.code) for one, error in told] == [(run, "defect")]
    assert store.batches.gate(run).held
    assert store.journal.run(run).code == "defect"
    waker.wake(run)
    assert len(told) == 1


def test_a_url_is_taken_as_people_write_it_and_handed_to_the_queue_unharmed(shared_database):
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        written = shared_database.replace("postgresql:", f"{scheme}:", 1)
        store = open_store(f"{written}?options=-c%20application_name%3Dof%5C%20ours", clock=SystemClock())
        with psycopg.connect(store.wake_ups.conninfo.reveal()) as connection:
            assert connection.execute("SHOW application_name").fetchone() == ("of ours",)
        store.journal.close()
