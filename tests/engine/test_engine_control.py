"""What people do to a run: answer it, cancel it, open it again."""

from __future__ import annotations

import pytest
from engine_world import T0, Died, Make, Scripted, chain, question

from orchestrator.engine.operator import answer_run
from orchestrator.errors import StoreError, UsageError
from orchestrator.machine import Done, Failed
from orchestrator.ports import RunStatus

OTHER = "there.2.bb"


def asking(world, org, **inputs):
    """A run that waits for an answer between `one` and `two`."""
    two = Scripted(org, "two", Done())
    machine = chain("one", "two", ask=question("two", inputs))
    machine.states["one"].on["succeeded"] = "ask"
    here = world(machine, [Make(org, "one"), two])
    here.start()
    return here, two


def answered(here, *, approved=True, **inputs):
    record = here.journal.run(here.run)
    return answer_run(
        here.journal, here.machine, record, approved=approved, inputs=inputs, now_s=here.clock.now_s()
    )


def test_a_run_waits_for_an_operator_without_holding_the_org(world, org):
    here, two = asking(world, org)
    record = here.engine().advance(here.run)
    assert (record.status, record.position.state, record.until_s) == (
        RunStatus.AWAITING_OPERATOR,
        "ask",
        T0 + 600,
    )
    assert here.events[-1].as_json()["event"] == "waiting"
    assert here.engine(OTHER).advance(here.run).status is RunStatus.AWAITING_OPERATOR
    assert two.contexts == []


def test_a_yes_leads_on_and_its_inputs_are_evidence(world, org):
    here, two = asking(world, org, reason="string", count="integer")
    here.engine().advance(here.run)
    record = answered(here, reason="told so", count="3")
    assert (record.status, record.position.state) == (RunStatus.ACTIVE, "two")
    assert here.drive().result == "succeeded"
    assert two.contexts[0].evidence["operator"] == {"reason": "told so", "count": 3}
    assert [attempt.outcome for attempt in here.attempts()] == ["succeeded", "approved", "succeeded"]


def test_a_no_leads_elsewhere(world, org):
    here, two = asking(world, org)
    here.engine().advance(here.run)
    assert answered(here, approved=False).result == "failed"
    assert two.contexts == []


def test_no_answer_in_time_is_a_timeout_and_an_attempt_in_the_record(world, org):
    here, _two = asking(world, org)
    here.engine().advance(here.run)
    here.clock.at_s += 599
    assert here.engine().advance(here.run).status is RunStatus.AWAITING_OPERATOR
    here.clock.at_s += 1
    record = here.engine().advance(here.run)
    assert record.result == "needs_attention"
    assert here.attempts()[-1].outcome == "timed_out"


def test_a_run_that_begins_with_a_question_asks_it_and_does_not_wait_for_ever(world, org):
    here = world(chain("ask", ask=question("done")), [Make(org, "ask")])
    here.start()
    assert here.engine().advance(here.run).status is RunStatus.AWAITING_OPERATOR
    assert here.happened() == ["run_started", "state_entered", "waiting"]
    assert (here.events[-1].detail, here.events[-1].not_before_s) == ("go?", T0 + 600)
    here.clock.at_s += 600
    assert here.engine().advance(here.run).result == "needs_attention"


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({}, "input_missing"),
        ({"count": "1", "other": "x"}, "input_unknown"),
        ({"count": "many"}, "input_invalid"),
    ],
)
def test_a_wrong_answer_is_refused_and_the_question_stays(world, org, inputs, code):
    here, _two = asking(world, org, count="integer")
    here.engine().advance(here.run)
    with pytest.raises(UsageError) as caught:
        answered(here, **inputs)
    assert caught.value.code == code
    assert here.journal.run(here.run).status is RunStatus.AWAITING_OPERATOR


def test_a_question_is_answered_once(world, org):
    here, _two = asking(world, org)
    here.engine().advance(here.run)
    stale = here.journal.run(here.run)
    answered(here)
    with pytest.raises(UsageError, match="does not wait"):
        answered(here)
    with pytest.raises(StoreError) as caught:
        answer_run(here.journal, here.machine, stale, approved=False, inputs={}, now_s=T0)
    assert caught.value.code == "not_awaiting"
    assert here.journal.run(here.run).position.state == "two"


def test_a_cancelled_run_stops_at_its_next_step(world, org):
    one = Make(org, "one")
    here = world(chain("one", "two"), [one, Make(org, "two")])
    here.start()
    one.after = lambda _ctx: here.journal.request_cancel(here.run, here.clock.now_s())
    record = here.engine().advance(here.run)
    assert (record.status, record.code) == (RunStatus.CANCELLED, "cancelled")
    assert org.made == {"one": 1}
    assert [attempt.settled_s for attempt in here.attempts()] == [T0]
    assert here.happened()[-1] == "run_finished"


def test_a_waiting_run_is_cancelled_at_once(world, org):
    here, _two = asking(world, org)
    here.engine().advance(here.run)
    here.journal.request_cancel(here.run, T0)
    assert here.engine(OTHER).cancel_if_free(here.run).status is RunStatus.CANCELLED


def test_a_run_that_somebody_drives_is_left_to_him(world, org):
    one = Make(org, "one")
    here = world(chain("one", "two"), [one, Make(org, "two")])
    here.start()
    stood = []

    def asked(_ctx):
        here.journal.request_cancel(here.run, T0)
        stood.append(here.engine(OTHER).cancel_if_free(here.run).status)

    one.before = asked
    assert here.engine().advance(here.run).status is RunStatus.CANCELLED
    assert stood == [RunStatus.ACTIVE]
    assert org.made == {"one": 1}


def test_a_run_in_doubt_is_looked_at_before_it_is_cancelled(world, org):
    one = Make(org, "one")

    def die(_ctx):
        raise Died

    one.after = die
    here = world(chain("one", "two"), [one, Make(org, "two")])
    here.start()
    with pytest.raises(Died):
        here.engine().advance(here.run)
    here.journal.request_cancel(here.run, T0)
    assert here.engine().cancel_if_free(here.run).status is RunStatus.ACTIVE
    record = here.engine().advance(here.run)
    assert record.status is RunStatus.CANCELLED
    assert record.evidence["one"] == "seen"
    assert org.made == {"one": 1}


def test_cancelling_nothing_asked_for_changes_nothing(world, org):
    here = world(chain("one"), [Make(org, "one")])
    here.start()
    assert here.engine().cancel_if_free(here.run).status is RunStatus.ACTIVE
    finished = here.drive()
    here.journal.request_cancel(here.run, T0)
    assert here.engine().cancel_if_free(here.run).status is finished.status


def test_a_failed_run_is_opened_again_where_it_failed(world, org):
    two = Scripted(org, "two", Failed("login_invalid", "no"), Done())
    here = world(chain("one", "two"), [Make(org, "one"), two])
    here.start()
    assert here.drive().result == "failed"
    here.clock.at_s += 10_000
    record = here.engine().reopen(here.run)
    assert (record.status, record.result, record.position.state) == (RunStatus.ACTIVE, None, "two")
    assert record.position.entered_at_s == here.clock.at_s
    assert here.drive().result == "succeeded"
    assert org.made == {"one": 1}
    assert [attempt.state for attempt in here.attempts()] == ["one", "two", "two"]


def test_a_request_to_stop_that_came_too_late_does_not_stop_the_run_that_is_opened_again(world, org):
    def asked_to_stop(_ctx):
        here.journal.request_cancel(here.run, T0)
        return Failed("login_invalid", "no")

    here = world(chain("one"), [Scripted(org, "one", asked_to_stop, Done())])
    here.start()
    assert here.drive().result == "failed"
    assert here.journal.run(here.run).cancel_requested
    assert not here.engine().reopen(here.run).cancel_requested
    assert here.drive().result == "succeeded"


def test_a_question_is_let_go_without_driving_the_run_on(world, org):
    here, two = asking(world, org)
    here.machine.states["ask"].on["timed_out"] = "two"
    here.engine().advance(here.run)
    assert here.engine().expire_if_free(here.run).position.state == "ask"
    here.clock.at_s += 601
    with pytest.raises(UsageError) as late:
        answered(here)
    assert late.value.code == "question_expired"
    record = here.engine().expire_if_free(here.run)
    assert (record.status, record.position.state) == (RunStatus.ACTIVE, "two")
    assert two.contexts == []
    assert here.attempts()[-1].outcome == "timed_out"


def test_a_rejected_run_that_is_opened_again_asks_again(world, org):
    here, _two = asking(world, org)
    here.engine().advance(here.run)
    answered(here, approved=False)
    record = here.engine().reopen(here.run)
    assert (record.status, record.position.state) == (RunStatus.AWAITING_OPERATOR, "ask")
    assert record.until_s == T0 + 600
    answered(here)
    assert here.drive().result == "succeeded"


@pytest.mark.parametrize("drive", [True, False])
def test_a_run_that_did_not_fail_is_not_opened_again(world, org, drive):
    here = world(chain("one"), [Make(org, "one")])
    here.start()
    if drive:
        here.drive()
    with pytest.raises(UsageError) as caught:
        here.engine().reopen(here.run)
    assert caught.value.code == "run_not_failed"
