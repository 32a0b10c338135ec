from __future__ import annotations

import pytest
from report_evidence import lock, verdicts

from orchestrator.catalogue import FAULTS
from orchestrator.engine.report.words import days_left, duration_words
from orchestrator.ports import RunStatus

AGAIN = "orchestrator run hybrid --orgs FILE --org acme"
PASSWORD = "The password of admin@acme.example"
ONLY = "by configuration only at OAuth username-password flow"
WORKS = "robot@acme.example works by certificate"


def said(report):
    (run,) = report["runs"]
    return run["verdict"]["sentence"]


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        (("proven_closed",) * 3, "The password of admin@acme.example opens nothing any more"),
        (
            ("proven_closed", "closed_unproven", "closed_unproven"),
            f"{PASSWORD} is closed everywhere, proven at SOAP login(), {ONLY} and login page",
        ),
        (
            ("closed_unproven",) * 3,
            f"{PASSWORD} is closed by configuration on every path, and on none was it proven from outside",
        ),
        (
            ("open", "proven_closed", "open"),
            "The password of admin@acme.example may still work at SOAP login() and login page",
        ),
    ],
)
def test_the_sentence_says_no_more_than_the_verdicts(room, report_of, judged, expected):
    story = room.story()
    end = story.left_open if "open" in judged else story.succeeded
    end(verify_lockdown={"verdicts": verdicts(*judged)})
    assert said(report_of(story)).startswith(
        f"{expected}; {WORKS}. Org acme (Acme Inc.): playbook hybrid ended on "
    )


def test_a_password_that_opened_the_org_is_said_to_work(room, report_of):
    found = {
        "verdicts": verdicts("open", "closed_unproven", "open"),
        "password_probe": {
            "when": "2027-01-15T08:00:40Z",
            "answer": "login succeeded",
            "text": "login succeeded",
        },
    }
    story = room.story().left_open(verify_lockdown=found)
    assert "STILL WORKS at SOAP login() and login page" in said(report_of(story))


def test_locks_that_were_not_tried_are_not_called_closed(room, report_of):
    story = room.story().failed("verify_lockdown", "login_history_missing")
    assert "replace_password applied and read back, but it was not tried afterwards" in said(report_of(story))


def test_a_lock_that_was_begun_and_not_confirmed_is_said(room, report_of):
    story = room.story().hybrid(until="lock_password")
    story.begin("lock_password", mechanism="replace_password", before={"last_password_change": "2025"})
    run = report_of(story)["runs"][0]
    assert "lock replace_password was begun, and is not confirmed" in run["verdict"]["sentence"]
    stands = " ".join(run["problem"]["stands"])
    assert 'before it stood {"last_password_change": "2025"}' in stands
    assert "whether its effect happened is in doubt. Going on looks first." in stands


def test_a_lock_that_was_undone_is_not_counted(room, report_of):
    undone = lock("replace_password", undone="the old value is back", canary="failed: app_blocked")
    story = room.story().hybrid(until="lock_password").begin("lock_password", mechanism="replace_password")
    story.settle("failed", {"lockdown": [undone]}, code="lock_canary_failed", detail="JWT was refused")
    story.stand("attention", result="needs_attention", code="lock_canary_failed")
    run = report_of(story)["runs"][0]
    assert "is as it was before this run: what was locked has been undone" in run["verdict"]["sentence"]
    assert {"No lock of this run is in force.", "Locks undone: replace_password."} <= set(
        run["problem"]["stands"]
    )


def test_a_lock_whose_undoing_failed_is_in_force(room, report_of):
    stuck = lock("replace_password", undo_failed="the lock is still in force")
    story = room.story().hybrid(until="lock_password").begin("lock_password", mechanism="replace_password")
    story.settle("failed", {"lockdown": [stuck]}, code="lock_canary_failed")
    story.stand("attention", result="needs_attention", code="lock_canary_failed")
    assert "Locks in force: replace_password." in report_of(story)["runs"][0]["problem"]["stands"]


def test_a_lock_of_an_earlier_run_is_said_to_be_that(room, report_of):
    earlier = {"run": "acme-0", "at": "2026-12-01T00:00:00.000Z", "lockdown": [lock("replace_password")]}
    story = (
        room.story().begin("try_credential").settle("succeeded", {"provisioned": earlier, "bootstrap": {}})
    )
    story.begin("plan_lockdown").settle("already_locked", {"lockdown": earlier["lockdown"]})
    story.stand("done", result="succeeded")
    assert "was locked by run acme-0 at 2026-12-01T00:00:00.000Z; it was not tried again" in said(
        report_of(story)
    )


def test_a_failure_is_told_with_cause_blame_and_remedy_of_the_catalogue(room, report_of):
    story = room.story().failed("bootstrap", "soap_login_disabled", "login() is off")
    problem = report_of(story)["runs"][0]["problem"]
    row = FAULTS["soap_login_disabled"]
    assert problem == {
        "code": row.code,
        "blame": str(row.blame),
        "cause": row.meaning,
        "detail": "login() is off",
        "remedy": row.remedy,
        "stands": ["The run stands in state abandoned.", "No lock of this run is in force."],
        "go_on": f"{AGAIN}    # after the remedy; or: orchestrator resume --failed",
    }
    assert said(report_of(story)).startswith(
        f"Stopped in bootstrap by soap_login_disabled. {PASSWORD} is as it was before this run: nothing was "
        "locked; a login of robot@acme.example by certificate is not proven. Org acme: playbook hybrid ended "
    )


@pytest.mark.parametrize(
    ("end", "result", "go_on"),
    [
        (lambda s: s.stand("preflight", RunStatus.ACTIVE), "interrupted", "orchestrator resume {run}"),
        (
            lambda s: s.stand("preflight", RunStatus.AWAITING_OPERATOR, until_s=s.now_s + 60),
            "waiting",
            "orchestrator runs approve {run} && orchestrator resume {run}",
        ),
        (
            lambda s: s.stand("preflight", RunStatus.CANCELLED, code="cancelled", result="failed"),
            "cancelled",
            AGAIN,
        ),
    ],
)
def test_a_run_that_is_not_over_says_how_it_goes_on(room, report_of, end, result, go_on):
    story = end(room.story().hybrid(until="preflight"))
    run = report_of(story)["runs"][0]
    assert run["result"] == result
    assert run["problem"]["go_on"] == go_on.format(run=story.run)
    assert "last wrote on" in run["verdict"]["sentence"] or result == "cancelled"


def test_a_verification_speaks_of_its_checks(room, report_of):
    checks = [
        {"check": "jwt_login", "state": "holds", "expected": "a token", "seen": "a token", "remedy": ""},
        {
            "check": "lock:freeze_user",
            "state": "drifted",
            "expected": "frozen",
            "seen": "not",
            "remedy": "freeze it",
        },
        {
            "check": "password_logins",
            "state": "not_readable",
            "expected": "none",
            "seen": "hidden",
            "remedy": "",
        },
    ]
    story = (
        room.story(playbook="verify").begin("verify").settle("drifted", {"verification": {"checks": checks}})
    )
    run = report_of(story.stand("drifted", result="failed"))["runs"][0]
    assert run["verdict"]["sentence"].startswith(
        "Stopped in verify. Not as it was left any more: lock:freeze_user; 1 check holds; "
        "not readable: password_logins."
    )
    assert (run["problem"]["cause"], run["problem"]["remedy"]) == (
        "Not as it was left any more: lock:freeze_user",
        "freeze it",
    )


def test_locks_taken_back_are_told_apart_from_those_that_stay(room, report_of):
    restored = [
        {"mechanism": "freeze_user", "restored": True, "note": "unfrozen"},
        {"mechanism": "replace_password", "restored": False, "note": "gone", "person": "set a new one"},
    ]
    story = room.story(playbook="restore-password-access").begin("restore_access")
    story.settle("succeeded", {"restored": restored})
    assert said(report_of(story)).startswith(
        "Locks taken back: freeze_user; not to be taken back from here: replace_password."
    )


def test_a_run_that_took_nothing_back_yet_says_nothing_about_the_password(room, report_of):
    story = room.story(playbook="restore-password-access").begin("try_credential")
    story.settle("succeeded", {"credential": {"works": True}, "bootstrap": {}})
    assert "robot@acme.example works by the certificate of an earlier run" in said(report_of(story))
    story.begin("recall_lockdown").settle("succeeded", {"undo_plan": {"steps": []}})
    assert said(report_of(story)).startswith("No lock has been taken back. Org acme")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "-"),
        (0.0, "0 ms"),
        (0.0124, "12 ms"),
        (4.04, "4 s"),
        (4.15, "4.2 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_are_written_for_people(seconds, words):
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("not_after", "left"),
    [
        ("2027-01-02T00:00:00Z", 1),
        ("2027-01-01T23:59:59Z", 0),
        ("2026-12-31T12:00:00", -1),
        ("next year", None),
    ],
)
def test_days_are_counted_whole(not_after, left):
    assert days_left(not_after, 1_798_761_600.0) == left
