from __future__ import annotations

import pytest
from engine_world import T0, Died, Make, Scripted, chain, looping, one_way

from orchestrator.actions.base import org_fault
from orchestrator.errors import Defect, UsageError
from orchestrator.machine import Again, Done
from orchestrator.ports import RunStatus


def test_an_attempt_is_in_the_journal_before_its_effect_and_settled_after(world, org):
    app = Make(org, "app")
    seen = []
    here = world(chain("app"), [app])
    app.before = lambda _ctx: seen.extend(here.attempts())
    here.start()
    assert here.drive().result == "succeeded"
    assert [(each.state, each.settled_s, each.notes) for each in seen] == [
        ("app", None, {"announced": "app"})
    ]
    assert here.attempts()[0].settled_s == T0
    assert here.attempts()[0].outcome == "succeeded"


def test_the_first_try_acts_and_every_later_one_looks_first(world, org):
    poll = Scripted(org, "poll", Again("busy"), Again("busy"), Done())
    here = world(chain("poll"), [poll])
    here.start()
    here.drive()
    assert org.log == ["do poll", "look poll", "do poll", "look poll", "do poll"]
    assert [attempt.attempt for attempt in here.attempts()] == [1, 2, 3]


def test_what_the_look_finds_makes_another_effect_needless(world, org):
    app = Make(org, "app")
    app.after = lambda _ctx: Again("answer_lost")
    here = world(chain("app"), [app])
    here.start()
    assert here.drive().evidence["app"] == "seen"
    assert org.made["app"] == 1


def test_a_new_process_looks_after_a_crash_behind_the_effect(world, org):
    app = Make(org, "app")

    def die(_ctx):
        raise Died

    app.after = die
    here = world(chain("app"), [app])
    here.start()
    with pytest.raises(Died):
        here.drive()
    assert here.drive(here.engine()).result == "succeeded"
    assert org.made["app"] == 1
    assert org.log == ["make app", "look app in_doubt=True"]
    assert [attempt.seq for attempt in here.attempts()] == [1]


def test_a_new_process_acts_after_a_crash_before_the_effect(world, org):
    app = Make(org, "app")

    def die(_ctx):
        app.before = lambda _ctx: None
        raise Died

    app.before = die
    here = world(chain("app"), [app])
    here.start()
    with pytest.raises(Died):
        here.drive()
    assert here.drive(here.engine()).result == "succeeded"
    assert org.made["app"] == 1
    assert org.log == ["make app", "look app in_doubt=True", "make app"]


def test_notes_reach_the_later_tries_of_a_visit_and_no_other_visit(world, org):
    seen = []

    def first(ctx):
        ctx.note(id="0Af1", kind="app")
        assert ctx.notes == {"id": "0Af1", "kind": "app"}
        return Again("busy")

    def second(ctx):
        seen.append(dict(ctx.notes))
        ctx.note(id="0Af2")
        return Done("more")

    def third(ctx):
        seen.append(dict(ctx.notes))
        return Done()

    step = Scripted(org, "step", first, second, third)
    here = world(chain("step", step=looping("step", "done", visits=5)), [step])
    here.start()
    assert here.drive().result == "succeeded"
    assert seen == [{"id": "0Af1", "kind": "app"}, {}]
    assert [dict(attempt.notes) for attempt in here.attempts()] == [
        {"id": "0Af1", "kind": "app"},
        {"id": "0Af2"},
        {},
    ]


def test_notes_reach_a_new_process_too(world, org):
    def die(ctx):
        ctx.note(id="0Af1")
        raise Died

    step = Scripted(org, "step", die, Done())
    found = []
    step.look = lambda ctx: found.append((dict(ctx.notes), ctx.in_doubt))
    here = world(chain("step"), [step])
    here.start()
    with pytest.raises(Died):
        here.drive()
    here.drive(here.engine())
    assert found == [({"id": "0Af1"}, True)]


def test_doubt_ends_with_the_first_settled_attempt(world, org):
    def die(_ctx):
        raise Died

    step = Scripted(org, "step", die, Again("busy"), Done())
    doubts = []
    step.look = lambda ctx: doubts.append(ctx.in_doubt)
    here = world(chain("step"), [step])
    here.start()
    with pytest.raises(Died):
        here.drive()
    here.drive(here.engine())
    assert doubts == [True, False]
    assert [ctx.in_doubt for ctx in step.contexts] == [False, True, False]


def test_evidence_of_all_states_is_merged_the_newest_winning(world, org):
    one = Scripted(org, "one", Again("busy", evidence={"tries": 1, "a": 1}), Done(evidence={"a": 2}))
    two = Scripted(org, "two", lambda ctx: Done(evidence={"b": [ctx.evidence["a"]]}))
    here = world(chain("one", "two"), [one, two])
    here.start()
    record = here.drive()
    assert record.evidence == {"tries": 1, "a": 2, "b": [2]}
    assert [dict(attempt.evidence) for attempt in here.attempts()] == [
        {"tries": 1, "a": 1},
        {"a": 2},
        {"b": [2]},
    ]


def test_a_state_that_leads_to_itself_stops_at_its_last_visit(world, org):
    step = Scripted(org, "step", Done("more"))
    here = world(chain("step", step=looping("step", "done", visits=3)), [step])
    here.start()
    assert here.drive().result == "needs_attention"
    assert org.log == ["do step"] * 3


def test_a_one_way_effect_waits_for_a_fresh_proof(world, org):
    prove = Scripted(org, "prove", Done())
    lock = Make(org, "lock")
    here = world(chain("prove", "lock", lock=one_way("lock", "prove")), [prove, lock])
    here.start()
    here.engine().advance(here.run, until="lock")
    here.clock.at_s += 61
    assert here.drive().result == "succeeded"
    assert org.log == ["do prove", "do prove", "make lock"]
    assert [attempt.code for attempt in here.attempts()] == ["", "proof_stale", "", ""]


def test_until_parks_before_the_state_and_a_resume_goes_on(world, org):
    one, two = Make(org, "one"), Make(org, "two")
    here = world(chain("one", "two"), [one, two])
    here.start()
    parked = here.engine().advance(here.run, until="two")
    assert (parked.status, parked.position.state, parked.seq) == (RunStatus.ACTIVE, "two", 1)
    assert here.engine().advance(here.run, until="two").seq == 1
    assert here.drive().result == "succeeded"
    assert org.made == {"one": 1, "two": 1}


def test_until_the_first_state_does_nothing_at_all(world, org):
    here = world(chain("one"), [Make(org, "one")])
    here.start()
    assert here.engine().advance(here.run, until="one").seq == 0
    assert org.log == []


def test_who_is_asked_to_stop_finishes_the_attempt_and_begins_no_other(world, org):
    stop = []
    one, two = Make(org, "one"), Make(org, "two")
    one.after = lambda _ctx: stop.append(True)
    here = world(chain("one", "two"), [one, two])
    here.start()
    record = here.engine(stopping=lambda: bool(stop)).advance(here.run)
    assert (record.status, record.position.state) == (RunStatus.ACTIVE, "two")
    assert [attempt.settled_s for attempt in here.attempts()] == [T0]
    assert org.made == {"one": 1}


def test_a_run_that_is_not_due_is_left_alone(world, org):
    poll = Scripted(org, "poll", Again("busy"), Done())
    here = world(chain("poll"), [poll])
    here.start()
    engine = here.engine()
    record = engine.advance(here.run)
    assert record.not_before_s == T0 + 10
    here.clock.at_s += 9.9
    assert engine.advance(here.run).seq == 1
    here.clock.at_s += 0.1
    assert engine.advance(here.run).result == "succeeded"


@pytest.mark.parametrize(("speed", "due_s"), [(1.0, 10.0), (20.0, 0.5)])
def test_waits_are_divided_by_the_speed_of_the_run(world, org, speed, due_s):
    poll = Scripted(org, "poll", Again("busy"), Done())
    here = world(chain("poll"), [poll])
    here.start(speed=speed)
    assert here.engine().advance(here.run).not_before_s == pytest.approx(T0 + due_s)
    assert poll.contexts[0].speed == speed


@pytest.mark.parametrize(
    ("code", "outcome", "result"),
    [
        ("app_not_found", "again", None),  # wait
        ("network_unreachable", "again", None),  # back_off
        ("login_invalid", "failed", "failed"),  # stop
    ],
)
def test_a_refusal_of_the_org_becomes_the_outcome_its_disposition_says(world, org, code, outcome, result):
    def refuse(_ctx):
        raise org_fault(code, "the org said no")

    step = Scripted(org, "step", refuse)
    here = world(chain("step"), [step])
    here.start()
    record = here.engine().advance(here.run)
    assert (here.attempts()[0].outcome, record.result, record.code) == (outcome, result, code)


def test_what_the_server_asks_for_is_waited(world, org):
    def refuse(_ctx):
        raise org_fault("network_unreachable", "busy", retry_after_s=42.0)

    here = world(chain("step"), [Scripted(org, "step", refuse, Done())])
    here.start()
    assert here.engine().advance(here.run).not_before_s == T0 + 42


def test_a_defect_is_raised_and_leaves_the_attempt_in_doubt(world, org):
    def broken(_ctx):
        raise KeyError("oops")

    step = Scripted(org, "step", broken, Done())
    here = world(chain("step"), [step])
    here.start()
    with pytest.raises(Defect, match="KeyError in action 'step'"):
        here.engine().advance(here.run)
    assert [attempt.settled_s for attempt in here.attempts()] == [None]
    assert here.drive(here.engine()).result == "succeeded"
    assert org.log == ["do step", "look step", "do step"]


def test_our_own_trouble_is_raised_and_the_attempt_is_looked_at_next_time(world, org):
    def no_secret(_ctx):
        raise UsageError("env ACME is not set")

    step = Scripted(org, "step", no_secret, Done())
    here = world(chain("step"), [step])
    here.start()
    with pytest.raises(UsageError):
        here.engine().advance(here.run)
    assert here.journal.run(here.run).status is RunStatus.ACTIVE
    assert here.drive(here.engine()).result == "succeeded"
    assert org.log == ["do step", "look step", "do step"]
