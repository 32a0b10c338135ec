"""One login budget for all processes of one database, on both kinds of database."""

from __future__ import annotations

import threading

import pytest

from orchestrator.errors import OrgFault
from orchestrator.fleet.governor import CHUNK, LoginGovernor
from orchestrator.ports import SystemClock
from orchestrator.store import open_store


class Clock:
    at_s = 1_800_000_000.0

    def __call__(self):
        return self.at_s


@pytest.fixture(params=["sqlite", "postgresql"])
def processes(request, home):
    """Governors of several processes that use one database and one clock."""
    where = home / "journal.db" if request.param == "sqlite" else request.getfixturevalue("shared_database")
    clock = Clock()
    stores = []

    def start(count, **options):
        stores.extend(open_store(where, clock=SystemClock()) for _ in range(count))
        made = [LoginGovernor(clock, facts=store.pace, chunk=CHUNK, **options) for store in stores[-count:]]
        return made, clock

    yield start
    for store in stores:
        store.journal.close()


def wait_of(governor, user, host="login.salesforce.com"):
    try:
        governor.admit(host, user)
    except OrgFault as refused:
        return refused.retry_after_s
    return 0.0


def test_processes_ask_one_login_host_at_one_pace(processes):
    (first, second), clock = processes(2, logins_per_s=5)
    admitted = 0
    for number in range(60):
        governor = (first, second)[number % 2]
        admitted += wait_of(governor, f"user{admitted}") == 0.0
        clock.at_s += 0.1
    assert 28 <= admitted <= 35  # six seconds at 5/s, and the burst of one second
    assert first.admitted + second.admitted == admitted


def test_a_user_has_one_budget_over_all_processes(processes):
    (first, second), clock = processes(2, logins_per_s=100, share=0.02)
    times = []
    for number in range(120):
        if wait_of((first, second)[number % 2], "a") == 0.0:
            times.append(clock.at_s)
        clock.at_s += 60.0
    busiest = max(sum(start <= at < start + 3600 for at in times) for start in times)
    assert busiest <= 72 + 2 * CHUNK  # 2 % of 3,600, and what each process may have taken at once


def test_a_slot_one_process_was_told_is_kept_by_the_others(processes):
    (first, second), clock = processes(2, logins_per_s=1)
    assert wait_of(first, "a") == 0.0
    assert wait_of(first, "b") == pytest.approx(1.0)
    assert wait_of(second, "b") == pytest.approx(1.0)  # the run woke on another machine
    assert wait_of(second, "c") == pytest.approx(2.0)
    clock.at_s += 1.0
    assert wait_of(second, "b") == 0.0


def test_most_logins_of_a_run_ask_nobody(processes):
    (governor, _), clock = processes(2, logins_per_s=5)
    asked = []
    change = governor._facts.change

    def counted(*arguments):
        asked.append(arguments)
        return change(*arguments)

    governor._facts = type("Counted", (), {"change": staticmethod(counted)})()
    for number in range(12):
        assert wait_of(governor, "a", host="acme.my.salesforce.com") == 0.0
        clock.at_s += 0.1 if number % CHUNK < CHUNK - 1 else 30.0
    assert len(asked) == 12 / CHUNK


def test_a_clock_that_was_set_back_does_not_lock_anybody_out(processes):
    (governor, _), clock = processes(2, logins_per_s=1)
    clock.at_s += 86_400.0
    wait_of(governor, "a")
    clock.at_s -= 86_400.0
    assert wait_of(governor, "a") == 0.0


def test_threads_of_two_processes_take_no_login_twice(processes):
    governors, _ = processes(2, logins_per_s=10)
    waits: list[float] = []

    def ask(governor, name):
        waits.extend(wait_of(governor, f"{name}-{number}") for number in range(8))

    threads = [
        threading.Thread(target=ask, args=(governor, f"{n}{m}"))
        for n, governor in enumerate(governors)
        for m in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waits.count(0.0) == 10 - (CHUNK - 1)  # the first took its chunk
    assert len(set(waits) - {0.0}) > 1
