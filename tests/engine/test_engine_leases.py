"""Two engines, one org: only one drives; who was replaced while it worked changes nothing any more."""

from __future__ import annotations

import pytest
from engine_world import Make, Scripted, chain

from orchestrator.engine.advance import LEASE_TTL_S
from orchestrator.errors import LeaseHeld, LeaseLost
from orchestrator.machine import Done
from orchestrator.ports import RunStatus

OTHER = "there.2.bb"


def test_while_one_engine_works_another_is_refused(world, org):
    app = Make(org, "app")
    here = world(chain("app"), [app])
    here.start()
    refused = []

    def intrude(_ctx):
        app.before = lambda _ctx: None
        with pytest.raises(LeaseHeld) as caught:
            here.engine(OTHER).advance(here.run)
        refused.append(caught.value.code)

    app.before = intrude
    assert here.drive().result == "succeeded"
    assert refused == ["org_busy"]
    assert org.made["app"] == 1


def test_two_runs_of_one_org_do_not_work_at_the_same_time(world, org):
    app = Make(org, "app")
    here = world(chain("app"), [app])
    second, first = here.start(org="acme"), here.start(org="acme")
    refused = []

    def intrude(_ctx):
        with pytest.raises(LeaseHeld):
            here.engine(OTHER).advance(second)
        with pytest.raises(LeaseHeld):
            here.engine().advance(second)
        refused.append(True)

    app.before = intrude
    here.engine().advance(first)
    assert refused == [True]
    app.before = lambda _ctx: None
    assert here.engine(OTHER).advance(second).status is RunStatus.FINISHED


def test_the_lease_is_given_back_when_the_run_parks(world, org):
    here = world(chain("one", "two"), [Make(org, "one"), Make(org, "two")])
    here.start()
    here.engine().advance(here.run, until="two")
    assert here.engine(OTHER).advance(here.run).result == "succeeded"


def test_the_lease_is_given_back_when_an_action_fails_with_a_defect(world, org):
    def broken(_ctx):
        raise ZeroDivisionError

    here = world(chain("one"), [Scripted(org, "one", broken, Done())])
    here.start()
    with pytest.raises(Exception, match="ZeroDivisionError"):
        here.engine().advance(here.run)
    assert here.engine(OTHER).advance(here.run).result == "succeeded"


def test_who_was_replaced_before_the_effect_does_not_act(world, org):
    app = Make(org, "app")
    here = world(chain("app"), [app])
    here.start()

    def replaced(_ctx):
        app.before = lambda _ctx: None
        here.clock.at_s += LEASE_TTL_S
        here.engine(OTHER).advance(here.run)

    app.before = replaced
    with pytest.raises(LeaseLost):
        here.engine().advance(here.run)
    assert org.made["app"] == 1
    assert org.log == ["make app", "look app in_doubt=True", "make app"]
    assert here.journal.run(here.run).result == "succeeded"


def test_who_was_replaced_after_the_effect_does_not_settle(world, org):
    app = Make(org, "app")
    here = world(chain("app", "more"), [app, Make(org, "more")])
    here.start()

    def replaced(_ctx):
        here.clock.at_s += LEASE_TTL_S
        here.engine(OTHER).advance(here.run)
        return Done(evidence={"app": "by the one who woke late"})

    app.after = replaced
    with pytest.raises(LeaseLost):
        here.engine().advance(here.run)
    record = here.journal.run(here.run)
    assert record.result == "succeeded"
    assert record.evidence["app"] == "seen"
    assert org.made == {"app": 1, "more": 1}
    assert [attempt.seq for attempt in here.attempts()] == [1, 2]


def test_who_was_replaced_cannot_write_a_note(world, org):
    app = Make(org, "app")
    here = world(chain("app"), [app])
    here.start()

    def replaced(ctx):
        app.before = lambda _ctx: None
        here.clock.at_s += LEASE_TTL_S
        here.engine(OTHER).advance(here.run)
        ctx.note(late=True)

    app.before = replaced
    with pytest.raises(LeaseLost):
        here.engine().advance(here.run)
    assert "late" not in here.attempts()[0].notes


def test_a_lease_that_ran_out_forbids_the_effect_even_if_nobody_took_it(world, org):
    app = Make(org, "app")
    here = world(chain("app"), [app])
    here.start()

    def slow(_ctx):
        here.clock.at_s += LEASE_TTL_S

    app.before = slow
    with pytest.raises(LeaseLost):
        here.engine().advance(here.run)
    assert org.made["app"] == 0
    assert here.attempts()[0].settled_s is None


def test_a_renewed_lease_lets_slow_work_go_on(world, org):
    app = Make(org, "app")
    here = world(chain("app"), [app])
    here.start()

    def slow(_ctx):
        for _ in range(5):
            here.clock.at_s += LEASE_TTL_S / 3
            here.journal.renew("here.1.aa", now_s=here.clock.at_s, ttl_s=LEASE_TTL_S)

    app.before = slow
    assert here.drive().result == "succeeded"
