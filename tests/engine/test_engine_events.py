"""What an engine tells and writes down: events in order, and never a secret."""

from __future__ import annotations

import pytest
from engine_world import Make, Scripted, chain

from orchestrator.engine.replay import events_of
from orchestrator.errors import Defect
from orchestrator.machine import Again, Done, Failed
from orchestrator.redaction import MASK, Secret


def test_secrets_reach_neither_evidence_nor_notes_nor_details(world, org):
    secret = Secret("correct-horse-battery")
    text = secret.reveal()

    def leaky(ctx):
        ctx.note(tried=f"with {text}", nested={"list": [text, secret]})
        return Failed("login_invalid", f"no login with {text}", {"seen": {"password": text}, "s": secret})

    here = world(chain("step"), [Scripted(org, "step", leaky)])
    here.start()
    record = here.drive()
    everything = repr((record, here.attempts(), here.events))
    assert text not in everything
    assert MASK in record.detail
    assert record.evidence == {"seen": {"password": MASK}, "s": MASK}
    assert here.attempts()[0].notes["nested"] == {"list": [MASK, MASK]}


def test_a_defects_message_holds_no_secret(world, org):
    secret = Secret("correct-horse-battery")

    def broken(_ctx):
        raise RuntimeError(f"login({secret.reveal()})")

    here = world(chain("step"), [Scripted(org, "step", broken)])
    here.start()
    with pytest.raises(Defect) as caught:
        here.engine().advance(here.run)
    assert secret.reveal() not in str(caught.value)


def test_events_come_in_the_order_of_what_happens(world, org):
    one = Scripted(org, "one", Again("busy"), Done())
    here = world(chain("one", "two"), [one, Make(org, "two")])
    here.start()
    here.drive()
    assert here.happened() == [
        "run_started",
        "state_entered",
        "attempt_intended",
        "attempt_settled",
        "waiting",
        "attempt_intended",
        "attempt_settled",
        "state_entered",
        "attempt_intended",
        "attempt_settled",
        "run_finished",
    ]
    last = here.events[-1].as_json()
    assert (last["result"], last["duration_s"], last["state"]) == ("succeeded", 10.0, "done")


def test_the_journal_tells_the_same_story_as_the_live_view(world, org):
    one = Scripted(org, "one", Again("busy", "not yet"), Done(detail="there"))
    here = world(chain("one", "two"), [one, Make(org, "two")])
    here.start()
    record = here.drive()

    def story(events):
        skipped = {"waiting"}
        return [
            (e.event, e.state, e.attempt, e.outcome, e.code or "", e.detail or "", e.result)
            for e in events
            if e.event not in skipped
        ]

    assert story(events_of(record, here.attempts())) == story(here.events)


def test_a_run_that_is_over_stays_as_it_is(world, org):
    here = world(chain("one"), [Make(org, "one")])
    here.start()
    finished = here.drive()
    assert here.engine().advance(here.run) == finished
    assert org.made["one"] == 1
