"""What every journal promises, on every database."""

# ruff: noqa: S608 - the statements damage the journal on purpose

from __future__ import annotations

import threading
from dataclasses import asdict, replace

import pytest
from journal_building import (
    DIGEST,
    OTHER,
    OWNER,
    T0,
    begin,
    intent,
    new_run,
    settlement,
    standing,
)

from orchestrator.errors import Defect, LeaseHeld, LeaseLost, RunUnknown, StoreError
from orchestrator.machine import Position
from orchestrator.ports import AttemptRecord, RunStatus
from orchestrator.redaction import Secret


def test_a_playbook_is_kept_under_its_digest_and_may_be_put_twice(journal):
    journal.put_playbook(DIGEST, "states: {}")
    assert journal.playbook(DIGEST) == "states: {}"


def test_an_unknown_playbook_is_an_error_with_a_code(journal):
    with pytest.raises(StoreError) as caught:
        journal.playbook("00")
    assert caught.value.code == "playbook_unknown"


def test_a_run_reads_back_as_it_was_created(journal):
    run = new_run()
    journal.create_run(run)
    stored = asdict(journal.run(run.run))
    assert {name: stored[name] for name in asdict(run)} == asdict(run)
    assert (stored["seq"], stored["evidence"], stored["updated_s"]) == (0, {}, run.created_s)


def test_a_run_whose_playbook_is_not_kept_is_refused(journal):
    with pytest.raises(Defect):
        journal.create_run(new_run(playbook_digest="00"))


def test_a_second_run_of_the_same_id_is_refused_and_the_first_is_kept(journal):
    journal.create_run(new_run("a-1", org="first"))
    with pytest.raises(StoreError) as caught:
        journal.create_runs([new_run("a-2"), new_run("a-1", org="second")])
    assert caught.value.code == "run_exists"
    assert [(run.run, run.org) for run in journal.runs()] == [("a-1", "first")]


def test_a_run_is_found_by_the_beginning_of_its_id_when_only_one_begins_so(journal):
    journal.create_runs([new_run("abc1"), new_run("abd1"), new_run("abd"), new_run("a%c")])
    assert journal.run("abc").run == "abc1"
    assert journal.run("abd").run == "abd"
    for unclear in ("ab", "", "A", "%", "zz"):
        with pytest.raises(RunUnknown):
            journal.run(unclear)


def test_runs_are_listed_newest_first_and_filters_are_anded(journal):
    finished = RunStatus.FINISHED
    journal.create_runs(
        [
            new_run("r1", org="a", batch="x", created_s=1.0),
            new_run("r2", org="a", batch="y", created_s=3.0, status=finished),
            new_run("r3", org="b", batch="y", created_s=2.0, status=finished),
        ]
    )

    def found(**filters):
        return [run.run for run in journal.runs(**filters)]

    assert found() == ["r2", "r3", "r1"]
    assert found(limit=2) == ["r2", "r3"]
    assert found(org="a") == ["r2", "r1"]
    assert found(batch="y", org="b") == ["r3"]
    assert found(statuses=[finished], org="a") == ["r2"]
    assert found(statuses=[RunStatus.ACTIVE, finished], batch="y") == ["r2", "r3"]
    assert found(statuses=[RunStatus.CANCELLED]) == []


def test_an_attempt_is_in_doubt_until_it_is_settled(journal):
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    assert journal.attempts(lease.run) == [AttemptRecord(1, "login", 1, T0)]
    journal.write(lease, settled=settlement(1, T0 + 1, deploy_id="0Af1"))
    assert journal.attempts(lease.run) == [
        AttemptRecord(1, "login", 1, T0, T0 + 1, "succeeded", "", "it worked", {"deploy_id": "0Af1"})
    ]


def test_one_write_settles_moves_and_intends(journal):
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    until = standing("approve", code="not_yet", detail="soon", until_s=T0 + 9, result="failed")
    journal.write(lease, settled=settlement(1), standing=until, intended=intent(2))
    run = journal.run(lease.run)
    stored = asdict(run)
    assert {name: stored[name] for name in asdict(until)} == asdict(until)
    assert run.seq == 2
    assert [attempt.outcome for attempt in journal.attempts(lease.run)] == ["succeeded", None]


def test_settling_the_same_attempt_twice_is_refused_and_changes_nothing(journal):
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    journal.write(lease, settled=settlement(1, answer="first"), standing=standing("first"))
    with pytest.raises(LeaseLost):
        journal.write(lease, settled=settlement(1, answer="second"), standing=standing("second"))
    assert journal.attempts(lease.run)[0].evidence == {"answer": "first"}
    assert journal.run(lease.run).position.state == "first"


def test_intending_an_attempt_that_exists_is_refused_and_changes_nothing(journal):
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    journal.write(lease, settled=settlement(1), intended=intent(2))
    with pytest.raises(LeaseLost):
        journal.write(lease, settled=settlement(2), standing=standing("elsewhere"), intended=intent(2))
    assert journal.attempts(lease.run)[1].settled_s is None
    assert journal.run(lease.run).position.state == "login"


@pytest.mark.parametrize("seq", [2, 3])
def test_a_second_open_attempt_and_a_gap_are_our_defects(journal, seq):
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    with pytest.raises(Defect):
        journal.write(lease, intended=intent(seq))
    assert journal.run(lease.run).seq == 1


def test_the_lease_of_a_living_owner_is_refused_to_others_by_name(journal):
    lease = begin(journal, new_run(org="acme"))
    with pytest.raises(LeaseHeld) as caught:
        journal.acquire("acme", "other-run", OTHER, now_s=T0 + 59, ttl_s=60)
    assert lease.run in caught.value.detail
    assert "process 4711 on here" in caught.value.detail


def test_an_owner_may_take_its_lease_again_but_not_for_another_run(journal):
    lease = begin(journal, new_run(org="acme"))
    again = journal.acquire("acme", lease.run, OWNER, now_s=T0 + 1, ttl_s=60)
    assert again.token == lease.token + 1
    with pytest.raises(LeaseHeld):
        journal.acquire("acme", "other-run", OWNER, now_s=T0 + 1, ttl_s=60)


def test_whoever_held_an_expired_lease_that_was_taken_over_can_do_nothing_any_more(journal):
    old = begin(journal)
    journal.write(old, intended=intent(1))
    new = journal.acquire(old.org, old.run, OTHER, now_s=T0 + 60, ttl_s=60)
    assert new.token == old.token + 1
    for effect in (
        lambda: journal.write(old, settled=settlement(1)),
        lambda: journal.write(old),
        lambda: journal.note(old, 1, {"id": "1"}),
        lambda: journal.check(old, now_s=T0),
    ):
        with pytest.raises(LeaseLost):
            effect()
    journal.release(old)
    journal.check(new, now_s=T0 + 119)
    journal.write(new, settled=settlement(1, T0 + 61))


def test_an_expired_lease_is_lost_even_when_nobody_took_it(journal, clock):
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    with pytest.raises(LeaseLost):
        journal.write(lease, settled=settlement(1, T0 + 60))
    with pytest.raises(LeaseLost):
        journal.check(lease, now_s=T0 + 60)
    clock.at_s = T0 + 60
    with pytest.raises(LeaseLost):
        journal.note(lease, 1, {})
    assert journal.attempts(lease.run)[0].settled_s is None


def test_renewing_extends_every_lease_of_the_owner_and_no_other(journal):
    mine = [begin(journal), begin(journal)]
    theirs = begin(journal, owner=OTHER)
    assert journal.renew(OWNER, now_s=T0 + 50, ttl_s=60) == 2
    for lease in mine:
        journal.check(lease, now_s=T0 + 109)
    with pytest.raises(LeaseLost):
        journal.check(theirs, now_s=T0 + 109)


def test_a_released_org_is_free_and_its_token_still_grows(journal):
    lease = begin(journal)
    journal.release(lease)
    journal.release(lease)
    with pytest.raises(LeaseLost):
        journal.check(lease, now_s=T0)
    assert journal.acquire(lease.org, "next", OTHER, now_s=T0, ttl_s=60).token == lease.token + 1


def test_notes_are_merged_into_the_open_attempt_only(journal):
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    journal.note(lease, 1, {"consumer_key": "a", "kept": True})
    journal.note(lease, 1, {"consumer_key": "b"})
    assert journal.attempts(lease.run)[0].notes == {"consumer_key": "b", "kept": True}
    journal.write(lease, settled=settlement(1))
    for seq in (1, 2):
        with pytest.raises(LeaseLost):
            journal.note(lease, seq, {"late": True})


def test_due_runs_come_by_priority_then_by_time(journal):
    journal.create_runs(
        [
            new_run("late", priority=0, not_before_s=T0 - 1),
            new_run("early", priority=0, not_before_s=T0 - 2),
            new_run("exactly", priority=-1, not_before_s=T0),
            new_run("less", priority=7, not_before_s=T0 - 9),
            new_run("parked", priority=0, not_before_s=T0 + 0.001),
            new_run("over", priority=0, not_before_s=T0 - 9, status=RunStatus.FINISHED),
            new_run("asking", priority=0, not_before_s=T0 - 9, status=RunStatus.AWAITING_OPERATOR),
            new_run("elsewhere", priority=0, not_before_s=T0 - 3, batch="batch-2"),
        ]
    )
    assert journal.due(T0, 10) == ["exactly", "elsewhere", "early", "late", "less"]
    assert journal.due(T0, 10, batch="batch-1") == ["exactly", "early", "late", "less"]
    assert journal.due(T0, 3, batch="batch-1") == ["exactly", "early", "late"]
    assert journal.due(T0, 0) == []
    assert journal.due(T0, 10, batch="none") == []


def test_the_next_due_time_is_the_earliest_of_all_active_runs(journal):
    assert journal.next_due_s() is None
    journal.create_runs(
        [
            new_run(priority=0, not_before_s=T0 + 50),
            new_run(priority=9, not_before_s=T0 + 5),
            new_run(priority=0, not_before_s=T0 + 1, status=RunStatus.CANCELLED),
            new_run(priority=4, not_before_s=T0 + 2, batch="batch-2"),
        ]
    )
    assert journal.next_due_s() == T0 + 2
    assert journal.next_due_s(batch="batch-1") == T0 + 5
    assert journal.next_due_s(batch="none") is None


def test_runs_are_counted_by_status_and_state(journal):
    done = Position("done", T0)
    journal.create_runs(
        [new_run(), new_run(), new_run(batch="other"), new_run(status=RunStatus.FINISHED, position=done)]
    )
    assert journal.standing_counts("batch-1") == {
        (RunStatus.ACTIVE, "login"): 2,
        (RunStatus.FINISHED, "done"): 1,
    }
    assert journal.standing_counts()[RunStatus.ACTIVE, "login"] == 3


def _asked(journal):
    """A run that waits for an operator after one attempt."""
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    question = standing("approve", status=RunStatus.AWAITING_OPERATOR, until_s=T0 + 100)
    journal.write(lease, settled=settlement(1), standing=question)
    return lease


ANSWER = AttemptRecord(2, "approve", 1, T0, T0 + 2, "approved", evidence={"by": "ada"})


def test_an_operators_answer_is_kept_and_moves_the_run(journal):
    run = _asked(journal).run
    journal.answer_operator(run, standing("lock"), ANSWER)
    assert journal.attempts(run)[-1] == ANSWER
    assert (journal.run(run).position.state, journal.run(run).seq) == ("lock", 2)
    assert journal.verify_chain(run) is None


def test_only_one_answer_counts_and_only_while_the_run_waits(journal):
    run = _asked(journal).run
    journal.answer_operator(run, standing("lock"), ANSWER)
    active = begin(journal).run
    for where, seq in ((run, 2), (run, 3), (active, 1), ("none", 1)):
        with pytest.raises(StoreError) as caught:
            journal.answer_operator(where, standing("undo"), replace(ANSWER, seq=seq))
        assert caught.value.code == "not_awaiting"
    assert journal.run(run).position.state == "lock"


def test_questions_nobody_answered_in_time_are_found_oldest_first(journal):
    for run, until_s in (("b", T0 + 2), ("a", T0 + 1), ("c", T0 + 9)):
        lease = begin(journal, new_run(run))
        question = standing("approve", status=RunStatus.AWAITING_OPERATOR, until_s=until_s)
        journal.write(lease, standing=question)
    assert journal.expired_questions(T0 + 2, 10) == ["a", "b"]
    assert journal.expired_questions(T0 + 2, 1, batch="batch-1") == ["a"]
    assert journal.expired_questions(T0 + 2, 10, batch="batch-2") == []


def test_a_run_asked_to_stop_is_due_at_once_and_stays_so_wherever_it_parks(journal):
    lease = begin(journal, new_run(not_before_s=T0 + 1000))
    journal.request_cancel(lease.run, T0 + 1)
    assert journal.run(lease.run).cancel_requested
    assert journal.due(T0 + 1, 5) == [lease.run]
    journal.write(lease, standing=standing(at_s=T0 + 2, not_before_s=T0 + 1000))
    assert journal.run(lease.run).cancel_requested
    assert journal.due(T0 + 2, 5) == [lease.run]


def test_asking_a_finished_run_to_stop_changes_nothing_and_an_unknown_one_is_an_error(journal):
    run = new_run(status=RunStatus.FINISHED)
    journal.create_run(run)
    before = journal.run(run.run)
    journal.request_cancel(run.run, T0 + 99)
    assert journal.run(run.run) == before
    with pytest.raises(RunUnknown):
        journal.request_cancel("none", T0)


@pytest.mark.parametrize("bad", [Secret("hunter2hunter2"), float("nan"), {1, 2}, b"bytes"])
def test_evidence_that_is_not_plain_json_is_refused_whole(journal, bad):
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    with pytest.raises(Defect) as caught:
        journal.write(lease, settled=settlement(1), standing=standing(evidence={"bad": bad}))
    assert "hunter2" not in str(caught.value)
    assert journal.attempts(lease.run)[0].settled_s is None


def test_text_a_database_would_refuse_is_kept_readable(journal):
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    odd = replace(settlement(1, text="\x00\ud800 ß \U0001f512"), detail="nul\x00 \ud800 ß \U0001f512")
    journal.write(lease, settled=odd)
    [attempt] = journal.attempts(lease.run)
    assert attempt.detail == "nul\ufffd ? ß \U0001f512"
    assert attempt.evidence == {"text": "\x00\ud800 ß \U0001f512"}
    assert journal.verify_chain(lease.run) is None


def _long_run(journal):
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    for seq in range(1, 6):
        journal.note(lease, seq, {"note": seq})
        journal.write(lease, settled=settlement(seq, fact=seq), intended=intent(seq + 1))
    return lease.run


def _change(journal, statement):
    with journal._database.writing() as connection:
        connection.exec_driver_sql(statement)


def test_the_chain_of_an_untouched_run_holds(journal):
    assert journal.verify_chain(_long_run(journal)) is None
    assert journal.verify_chain("none") is None


@pytest.mark.parametrize(
    "change",
    [
        "state = 'other'",
        "attempt = 99",
        "intended_s = 1.5",
        "settled_s = 1.5",
        "outcome = 'failed'",
        "code = 'x'",
        "detail = 'x'",
        "notes = '{}'",
        "evidence = '{\"fact\":4}'",
        "chain = '00'",
        "settled_s = NULL, outcome = NULL, chain = NULL",
    ],
)
def test_changing_any_part_of_a_settled_attempt_breaks_the_chain_there(journal, change):
    run = _long_run(journal)
    _change(journal, f"DELETE FROM attempt WHERE run = '{run}' AND seq = 6")
    _change(journal, f"UPDATE attempt SET {change} WHERE run = '{run}' AND seq = 3")
    assert journal.verify_chain(run) == 3


@pytest.mark.parametrize("seq", [1, 4, 6])
def test_removing_an_attempt_breaks_the_chain_there(journal, seq):
    run = _long_run(journal)
    _change(journal, f"DELETE FROM attempt WHERE run = '{run}' AND seq = {seq}")
    assert journal.verify_chain(run) == seq


def test_of_many_threads_that_intend_the_same_attempt_exactly_one_may_act(journal):
    lease = begin(journal)
    gate = threading.Barrier(8)
    acted = []

    def try_it(number):
        gate.wait()
        try:
            journal.write(lease, intended=intent(1))
        except LeaseLost:
            return
        acted.append(number)

    _run_threads(try_it, 8)
    assert len(acted) == 1
    assert len(journal.attempts(lease.run)) == 1


def test_of_many_owners_that_want_an_org_exactly_one_gets_it(journal):
    journal.create_run(new_run("r", org="acme"))
    gate = threading.Barrier(8)
    got = []

    def try_it(number):
        gate.wait()
        try:
            got.append(journal.acquire("acme", "r", f"host.{number}.ff", now_s=T0, ttl_s=60))
        except LeaseHeld:
            return

    _run_threads(try_it, 8)
    assert [lease.token for lease in got] == [1]


def test_thirty_two_threads_drive_their_runs_side_by_side(journal):
    leases = [begin(journal) for _ in range(32)]

    def drive(number):
        lease = leases[number]
        journal.write(lease, intended=intent(1))
        for seq in range(1, 8):
            journal.write(lease, settled=settlement(seq), standing=standing(), intended=intent(seq + 1))
            journal.due(T0, 4)

    _run_threads(drive, 32)
    assert [journal.run(lease.run).seq for lease in leases] == [8] * 32
    assert all(journal.verify_chain(lease.run) is None for lease in leases)


def _run_threads(work, count):
    failures = []

    def guarded(number):
        try:
            work(number)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test must see it
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_closed_journal_refuses_work_and_closes_twice(journal):
    journal.close()
    journal.close()
    with pytest.raises(Defect):
        journal.runs()
    with pytest.raises(Defect):
        journal.put_playbook("00", "")
