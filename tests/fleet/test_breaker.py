from __future__ import annotations

from orchestrator.fleet.breaker import Breaker
from orchestrator.ports import SystemClock
from orchestrator.store import open_store


class Clock:
    at_s = 1000.0

    def __call__(self):
        return self.at_s


def entry(name):
    return {"url": f"https://{name}.my.salesforce.com"}


def made():
    clock = Clock()
    return Breaker(clock), clock


def test_a_host_in_trouble_is_held_and_the_others_are_not():
    breaker, _clock = made()
    for _ in range(5):
        breaker.settled(entry("acme"), "org_in_maintenance")
    assert breaker.is_open
    assert breaker.hold_s(entry("acme")) == 30.0
    assert breaker.hold_s(entry("other")) == 0.0
    assert list(breaker.open_circuits()) == ["acme.my.salesforce.com"]


def test_troubles_of_several_hosts_in_a_row_hold_all_behind_their_login_host():
    breaker, _clock = made()
    for number in range(8):
        breaker.settled(entry(f"org{number}"), "host_unknown")
    assert breaker.hold_s(entry("never-asked")) == 30.0
    assert breaker.hold_s({"url": "https://acme--dev.sandbox.my.salesforce.com"}) == 0.0


def test_refusals_of_orgs_and_single_troubles_open_nothing():
    breaker, _clock = made()
    for number in range(40):
        breaker.settled(entry(f"org{number}"), "login_invalid" if number % 4 else "server_trouble")
    assert not breaker.is_open


def test_one_probe_goes_and_the_rest_wait_for_what_comes_of_it():
    breaker, clock = made()
    for _ in range(5):
        breaker.settled(entry("acme"), "api_down")
    clock.at_s += 30
    assert breaker.hold_s(entry("acme")) == 0.0
    assert breaker.hold_s(entry("acme")) == 30.0
    breaker.settled(entry("acme"), "api_down")
    assert breaker.hold_s(entry("acme")) == 60.0
    clock.at_s += 60
    assert breaker.hold_s(entry("acme")) == 0.0
    breaker.settled(entry("acme"), "")
    assert not breaker.is_open
    assert breaker.hold_s(entry("acme")) == 0.0


def test_the_pause_has_an_end():
    breaker, clock = made()
    for _ in range(5):
        breaker.settled(entry("acme"), "api_down")
    for _ in range(10):
        clock.at_s += 300
        assert breaker.hold_s(entry("acme")) == 0.0
        breaker.settled(entry("acme"), "api_down")
    assert breaker.hold_s(entry("acme")) == 300.0


def test_processes_of_one_database_share_the_circuits_and_one_of_them_sends_the_probe(shared_database):
    clock = Clock()
    stores = [open_store(shared_database, clock=SystemClock()) for _ in range(2)]
    first, second = (Breaker(clock, facts=store.pace) for store in stores)
    for number in range(6):
        (first, second)[number % 2].settled(entry("acme"), "api_down")
    clock.at_s += 3  # each looks at the database again after a while
    assert 0 < first.hold_s(entry("acme")) <= 30.0
    assert list(second.open_circuits()) == ["acme.my.salesforce.com"]
    clock.at_s += 30
    assert sorted(breaker.hold_s(entry("acme")) for breaker in (first, second)) == [0.0, 30.0]
    first.settled(entry("acme"), "")
    clock.at_s += 3
    assert not second.is_open
    for store in stores:
        store.journal.close()
