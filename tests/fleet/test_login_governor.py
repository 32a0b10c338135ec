from __future__ import annotations

import threading

import pytest

from orchestrator.errors import OrgFault
from orchestrator.fleet.governor import LoginGovernor


class Clock:
    at_s = 1000.0

    def __call__(self):
        return self.at_s


def made(**options):
    clock = Clock()
    return LoginGovernor(clock, **options), clock


def wait_of(governor, host="login.salesforce.com", user="a@acme.example"):
    """0 when the login is admitted, else the seconds until its slot."""
    try:
        governor.admit(host, user)
    except OrgFault as refused:
        return refused.retry_after_s
    return 0.0


def test_a_login_over_the_budget_is_not_sent_and_told_when():
    governor, _clock = made(logins_per_s=1)
    governor.admit("login.salesforce.com", "first")
    with pytest.raises(OrgFault) as caught:
        governor.admit("login.salesforce.com", "second")
    assert caught.value.code == "login_budget"
    assert caught.value.was_sent is False
    assert caught.value.retry_after_s == pytest.approx(1.0)


def test_two_more_logins_of_a_user_follow_at_once_and_are_paid_for_later():
    governor, _clock = made(logins_per_s=1)
    assert [wait_of(governor, user="a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert wait_of(governor, user="a") > 0
    assert wait_of(governor, user="b") == pytest.approx(4.0)


def test_one_login_host_is_asked_at_the_given_pace():
    governor, clock = made(logins_per_s=5)
    admitted = 0
    for _ in range(200):
        admitted += wait_of(governor, user=f"user{admitted}@acme.example") == 0.0
        clock.at_s += 0.05
    assert 50 <= admitted <= 56  # ten seconds at 5/s, and the burst of one second


def test_every_my_domain_has_a_pace_of_its_own():
    governor, _clock = made(logins_per_s=1)
    assert [wait_of(governor, host=f"org{number}.my.salesforce.com") for number in range(50)] == [0.0] * 50


def test_a_user_never_logs_in_more_often_than_the_share_in_any_hour():
    governor, clock = made(logins_per_s=100)
    times = []
    while clock.at_s < 1000.0 + 3 * 3600:
        if wait_of(governor) == 0.0:
            times.append(clock.at_s)
        clock.at_s += 1.0
    busiest = max(sum(start <= at < start + 3600 for at in times) for start in times[::50])
    assert busiest <= 900
    assert len(times) > 1500


def test_whoever_comes_back_at_its_slot_is_admitted():
    governor, clock = made(logins_per_s=1)
    waits = [wait_of(governor, user=f"u{number}") for number in range(6)]
    assert waits == pytest.approx([0, 1, 2, 3, 4, 5])
    for number in (1, 2, 3, 4, 5):
        clock.at_s = 1000.0 + number
        assert wait_of(governor, user=f"u{number}") == 0.0
    assert (governor.admitted, governor.held) == (6, 5)


def test_a_slot_is_kept_and_not_moved_by_asking_early():
    governor, clock = made(logins_per_s=1)
    wait_of(governor, user="first")
    assert wait_of(governor, user="second") == pytest.approx(1.0)
    clock.at_s += 0.4
    assert wait_of(governor, user="second") == pytest.approx(0.6)


def test_a_simulator_that_runs_faster_is_asked_faster():
    governor, _clock = made(logins_per_s=1, speed=10)
    wait_of(governor, user="first")
    assert wait_of(governor, user="second") == pytest.approx(0.1)


def test_threads_share_one_budget():
    governor, _clock = made(logins_per_s=10)
    waits: list[float] = []

    def ask(name):
        waits.extend(wait_of(governor, user=f"{name}-{number}") for number in range(20))

    threads = [threading.Thread(target=ask, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waits.count(0.0) == 10
    assert max(waits) == pytest.approx(7.0)
