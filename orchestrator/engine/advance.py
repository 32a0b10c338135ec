"""Advance one run: the only loop in the program.

    lease → (look | gate → act) → decide → settle and intend, in one transaction → …

until the run is over, waits for a time or a person, or somebody asks it to stop. A run that waits is a
row in the journal; this function returns and whoever keeps the time calls it again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.actions.base import Action, RunContext
from orchestrator.catalogue import FAULTS
from orchestrator.engine import events
from orchestrator.engine.events import Event, Observer
from orchestrator.errors import Defect, Disposition, LeaseHeld, OrchestratorError, OrgFault, UsageError
from orchestrator.machine import (
    FAILED,
    Again,
    AwaitOperator,
    Decision,
    Done,
    Failed,
    Halt,
    Machine,
    Outcome,
    Perform,
    Position,
    decide,
    expire,
    gate,
)
from orchestrator.playbook.references import render, resolve
from orchestrator.ports import (
    AttemptRecord,
    Clock,
    Intent,
    Journal,
    Lease,
    RunRecord,
    RunStatus,
    Settlement,
    Standing,
)
from orchestrator.redaction import redact, redact_tree

LEASE_TTL_S = 90.0
LOGIN_BUDGET = "login_budget"  # the one refusal that comes from ourselves: nothing was sent
KEPT_TOKENS = 256  # parked runs whose sessions stay in memory; a run beyond them mints a new one
KEPT_TOKENS_S = 900.0  # longer waits outlive the shortest session timeout

ContextFactory = Callable[..., RunContext]


@dataclass(slots=True)
class Engine:
    """Everything needed to advance any run.

    Attributes:
        machine_of: digest -> compiled machine (compiled once, kept).
        open_context: makes the RunContext of one attempt.
        owner: id of this process in leases.
        noise: draws the jitter, a number in [0, 1).
        observer: told of every event.
        stopping: asked between steps; True parks the run where it stands.
    """

    journal: Journal
    clock: Clock
    actions: Mapping[str, Action]
    machine_of: Callable[[str], Machine]
    open_context: ContextFactory
    owner: str
    noise: Callable[[], float]
    observer: Observer = events.ignore
    stopping: Callable[[], bool] = lambda: False
    _tokens: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict, repr=False)
    _keeping: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def advance(self, run: str, *, until: str | None = None) -> RunRecord:
        """Drive *run* as far as it goes now, and return how it stands.

        Args:
            run: its id.
            until: name of a state; the run is parked before it is entered.

        Raises:
            LeaseHeld: another process drives this org.
            LeaseLost: this process was replaced while it worked; nothing more was done.
            StoreError, UsageError: the journal, the vault or a secret reference is unusable;
                the run is kept as it was last settled.
            Defect: our bug; the attempt stays in doubt and the next advance looks first.
        """
        record = self.journal.run(run)
        if record.status not in {RunStatus.ACTIVE, RunStatus.AWAITING_OPERATOR}:
            return record
        if _asks_still(record, self.clock.now_s()):
            return record
        lease = self.journal.acquire(
            record.org, record.run, self.owner, now_s=self.clock.now_s(), ttl_s=LEASE_TTL_S
        )
        try:
            _Driver(self, self.journal.run(record.run), lease, until).drive()
        finally:
            self.journal.release(lease)
        record = self.journal.run(record.run)
        if record.status is not RunStatus.ACTIVE:
            with self._keeping:
                self._tokens.pop(record.run, None)
        return record

    def tokens_of(self, run: str) -> dict[str, Any]:
        """Sessions and parsed keys of *run*, kept in this process over short waits for the latest runs."""
        now_s = self.clock.now_s()
        with self._keeping:
            since_s, tokens = self._tokens.pop(run, (now_s, {}))
            if now_s - since_s > KEPT_TOKENS_S:
                tokens = {}
            self._tokens[run] = (now_s, tokens)
            while len(self._tokens) > KEPT_TOKENS:
                del self._tokens[next(iter(self._tokens))]
        return tokens

    def cancel_if_free(self, run: str) -> RunRecord:
        """Carry a requested cancellation out now, unless another process drives the run or it is in doubt."""
        record = self.journal.run(run)
        if record.status not in {RunStatus.ACTIVE, RunStatus.AWAITING_OPERATOR}:
            return record
        try:
            lease = self.journal.acquire(
                record.org, run, self.owner, now_s=self.clock.now_s(), ttl_s=LEASE_TTL_S
            )
        except LeaseHeld:
            return record
        try:
            _Driver(self, self.journal.run(run), lease, None).cancel()
        finally:
            self.journal.release(lease)
        return self.journal.run(run)

    def reopen(self, run: str) -> RunRecord:
        """Make a run that failed active again, at the state in which it failed; a question is asked again.

        Raises:
            UsageError: the run did not fail.
        """
        record = self.journal.run(run)
        attempts = self.journal.attempts(run)
        if record.result not in {"failed", "needs_attention"} or not attempts:
            raise UsageError(
                f"{run} did not fail", code="run_not_failed", remedy="see `orchestrator runs show`"
            )
        now_s = self.clock.now_s()
        lease = self.journal.acquire(record.org, run, self.owner, now_s=now_s, ttl_s=LEASE_TTL_S)
        position = Position(attempts[-1].state, now_s, visits={attempts[-1].state: 1})
        state = self.machine_of(record.playbook_digest).scaled(record.speed).states[position.state]
        until_s = None if state.operator is None else now_s + state.wait.timeout_s
        standing = Standing(
            status=RunStatus.ACTIVE if until_s is None else RunStatus.AWAITING_OPERATOR,
            position=position,
            not_before_s=now_s if until_s is None else until_s,
            until_s=until_s,
            updated_s=now_s,
            evidence=record.evidence,
            detail="reopened by an operator",
        )
        try:
            self.journal.write(lease, standing=standing)
        finally:
            self.journal.release(lease)
        return self.journal.run(run)


class _Driver:
    """One run under one lease."""

    def __init__(self, engine: Engine, record: RunRecord, lease: Lease, until: str | None) -> None:
        self.engine = engine
        self.record = record
        self.lease = lease
        self.until = until
        self.machine = engine.machine_of(record.playbook_digest).scaled(record.speed)
        attempts = engine.journal.attempts(record.run) if record.seq else []
        self.seq = record.seq
        self.evidence: dict[str, Any] = dict(record.evidence)
        self.notes = _notes_of_visit(attempts, record.position)
        # In doubt: found open, cut off by a crash. Open: intended, by us or by whoever crashed.
        self.in_doubt = bool(attempts) and attempts[-1].settled_s is None
        self.open = self.in_doubt
        # Kept over waits: a token minted before a lock is what undoes the lock when no new one is to be had.
        self.tokens = engine.tokens_of(record.run)

    def drive(self) -> None:
        """Step until the run is parked or over."""
        engine = self.engine
        if self.seq == 0:
            self._emit(events.RUN_STARTED)
            self._emit(events.STATE_ENTERED)
        if self.record.status is RunStatus.AWAITING_OPERATOR and not self._expire_question():
            self._emit_question()
        while self.record.status is RunStatus.ACTIVE:
            if not self.open:
                now_s = engine.clock.now_s()
                if self._should_park(now_s):
                    return
                self._intend(now_s)
            self._step()

    def cancel(self) -> None:
        """End the run as cancelled, unless an attempt is in doubt and must be looked at first."""
        if not self.open and self._cancel_requested():
            self._cancel(self.engine.clock.now_s())

    def _should_park(self, now_s: float) -> bool:
        """Whether to leave the run as a row: cancelled, asked to stop, at --until, or not due."""
        if self._cancel_requested():
            self._cancel(now_s)
            return True
        if self.engine.stopping() or self.record.position.state == self.until:
            return True
        if now_s < self.record.not_before_s:
            self._emit(events.WAITING, not_before_s=self.record.not_before_s, code=self.record.code)
            return True
        return False

    def _cancel_requested(self) -> bool:
        return self.engine.journal.cancel_requested(self.record.run)

    def _intend(self, now_s: float) -> None:
        self.seq += 1
        self.engine.journal.write(self.lease, intended=self._intent(now_s))
        self.open = True
        self._emit_intended()

    def _intent(self, now_s: float) -> Intent:
        at = self.record.position
        return Intent(seq=self.seq, state=at.state, attempt=at.attempt, intended_s=now_s)

    def _step(self) -> None:
        """Look or act, decide, settle; intend the next attempt in the same transaction if it is due."""
        at = self.record.position
        outcome = self._attempt(at)
        now_s = self.engine.clock.now_s()
        decision = decide(self.machine, at, outcome, now_s, noise=self.engine.noise())
        evidence = redact_tree(dict(outcome.evidence))
        self.evidence.update(evidence)
        settled = Settlement(
            seq=self.seq,
            settled_s=now_s,
            outcome=_outcome_name(outcome),
            code="" if isinstance(outcome, Done) else outcome.code,
            detail=" ".join(redact(outcome.detail).split()),
            evidence=evidence,
        )
        standing = self._standing(decision, settled, now_s)
        self._settle(settled, standing, now_s)

    def _settle(self, settled: Settlement, standing: Standing, now_s: float) -> None:
        """Write what came of the attempt and where the run stands now, then tell the observer."""
        before = self.record.position
        self.record = _moved(self.record, standing, self.seq)
        follow_on = (
            standing.status is RunStatus.ACTIVE
            and standing.not_before_s <= now_s
            and standing.position.state != self.until
            and not self.engine.stopping()
            and not self._cancel_requested()
        )
        if follow_on:
            self.seq += 1
        self.engine.journal.write(
            self.lease,
            settled=settled,
            standing=standing,
            intended=self._intent(now_s) if follow_on else None,
        )
        self.in_doubt = False
        self.open = follow_on
        self._announce(before, settled, now_s)

    def _announce(self, before: Position, settled: Settlement, now_s: float) -> None:
        self._emit_settled(before, settled)
        if self.record.status is RunStatus.FINISHED:
            self._emit_finished(now_s)
            return
        if self.record.position.attempt == 1:  # a state was entered, maybe the same one again
            self.notes = {}
            self._emit(events.STATE_ENTERED)
        if self.record.status is RunStatus.AWAITING_OPERATOR:
            self._emit_question()
        if self.open:
            self._emit_intended()

    def _attempt(self, at: Position) -> Outcome:
        """The outcome of one attempt; refusals of an org become outcomes, everything else is raised."""
        state = self.machine.states[at.state]
        if state.action is None:
            raise Defect(f"state '{at.state}' has no action to perform")
        action = self.engine.actions[state.action]
        in_doubt = self.in_doubt
        try:
            ctx = self._context(at, state.parameters, in_doubt=in_doubt)
            look_first = in_doubt or at.attempt > 1
            outcome = action.observe(ctx) if look_first else None
            if outcome is None:
                outcome = gate(self.machine, at, self.engine.clock.now_s())
            if outcome is None:
                self._check_lease()
                outcome = action.apply(ctx)
        except OrgFault as refused:
            return _outcome_of(refused)
        except OrchestratorError:
            raise
        except Exception as error:
            raise Defect(
                f"{type(error).__name__} in action '{state.action}': {redact(str(error))}"
            ) from error
        return outcome

    def _context(self, at: Position, parameters: Mapping[str, Any], *, in_doubt: bool) -> RunContext:
        record = self.record
        return self.engine.open_context(
            run=record.run,
            org=record.org_entry,
            parameters=resolve(parameters, self._scope()),
            evidence=self.evidence,
            notes=self.notes,
            attempt=at.attempt,
            entered_at_s=at.entered_at_s,
            in_doubt=in_doubt,
            speed=record.speed,
            tokens=self.tokens,
            write_note=self._note,
            check_lease=self._check_lease,
        )

    def _scope(self) -> dict[str, Any]:
        """What references in the playbook may name."""
        inputs = {**self.record.inputs, **self.evidence.get("operator", {})}
        return {"org": self.record.org_entry, "inputs": inputs, "evidence": self.evidence}

    def _question(self) -> str:
        """What the person is asked in the state the run stands in."""
        operator = self.machine.states[self.record.position.state].operator
        prompt = "" if operator is None else operator.prompt
        try:
            return redact(render(prompt, self._scope()))
        except UsageError:  # the run waits already; the question as it is written says enough
            return redact(prompt)

    def _note(self, notes: Mapping[str, Any]) -> None:
        clean = redact_tree(dict(notes))
        self.engine.journal.note(self.lease, self.seq, clean)
        self.notes = {**self.notes, **clean}

    def _check_lease(self) -> None:
        self.engine.journal.check(self.lease, now_s=self.engine.clock.now_s())

    def _standing(self, decision: Decision, settled: Settlement, now_s: float) -> Standing:
        common: dict[str, Any] = {
            "position": decision.position,
            "updated_s": now_s,
            "evidence": self.evidence,
            "detail": settled.detail,
            "code": settled.code,
        }
        match decision:
            case Perform(not_before_s=not_before_s):
                return Standing(status=RunStatus.ACTIVE, not_before_s=not_before_s, **common)
            case AwaitOperator(until_s=until_s):
                return Standing(
                    status=RunStatus.AWAITING_OPERATOR, not_before_s=until_s, until_s=until_s, **common
                )
            case Halt(result=result):
                return Standing(status=RunStatus.FINISHED, not_before_s=now_s, result=str(result), **common)

    def _expire_question(self) -> bool:
        """Take the `timed_out` edge when the operator has not answered in time; whether it was taken."""
        now_s = self.engine.clock.now_s()
        if self.record.until_s is None or now_s < self.record.until_s:
            return False
        self.seq += 1
        self.engine.journal.write(self.lease, intended=self._intent(now_s))
        decision = expire(self.machine, self.record.position, now_s)
        settled = Settlement(self.seq, now_s, "timed_out", "timed_out", "the operator did not answer", {})
        self._settle(settled, self._standing(decision, settled, now_s), now_s)
        return True

    def _cancel(self, now_s: float) -> None:
        standing = Standing(
            status=RunStatus.CANCELLED,
            position=self.record.position,
            not_before_s=now_s,
            updated_s=now_s,
            evidence=self.evidence,
            detail="cancelled by an operator",
            code="cancelled",
            result="failed",
        )
        self.engine.journal.write(self.lease, standing=standing)
        self.record = _moved(self.record, standing, self.seq)
        self._emit_finished(now_s)

    def _emit(self, event: str, **fields: Any) -> None:
        self.engine.observer(
            Event(
                ts_s=self.engine.clock.now_s(),
                run=self.record.run,
                org=self.record.org,
                event=event,
                state=self.record.position.state,
                **fields,
            )
        )

    def _emit_question(self) -> None:
        until_s = self.record.until_s
        self._emit(events.WAITING, not_before_s=until_s, code="operator", detail=self._question())

    def _emit_intended(self) -> None:
        self._emit(events.ATTEMPT_INTENDED, attempt=self.record.position.attempt)

    def _emit_settled(self, before: Position, settled: Settlement) -> None:
        self.engine.observer(
            Event(
                ts_s=settled.settled_s,
                run=self.record.run,
                org=self.record.org,
                event=events.ATTEMPT_SETTLED,
                state=before.state,
                attempt=before.attempt,
                outcome=settled.outcome,
                code=settled.code,
                detail=settled.detail,
            )
        )

    def _emit_finished(self, now_s: float) -> None:
        self._emit(
            events.RUN_FINISHED,
            code=self.record.code,
            detail=self.record.detail,
            result=self.record.result,
            duration_s=now_s - self.record.created_s,
        )


def _asks_still(record: RunRecord, now_s: float) -> bool:
    """Whether the run waits for a person and has said so; ten thousand of them must cost next to nothing."""
    waits = record.status is RunStatus.AWAITING_OPERATOR and record.until_s is not None
    return waits and record.seq > 0 and not record.cancel_requested and now_s < (record.until_s or 0.0)


def _outcome_of(refused: OrgFault) -> Outcome:
    """A fault of the catalogue as an outcome: its disposition says whether asking again may help."""
    detail = f"{refused.detail}"
    if refused.kind.disposition in {Disposition.WAIT, Disposition.BACK_OFF}:
        asked = refused.code != LOGIN_BUDGET
        return Again(refused.code, detail, retry_after_s=refused.retry_after_s or 0.0, asked=asked)
    return Failed(refused.code, detail)


def _outcome_name(outcome: Outcome) -> str:
    match outcome:
        case Done(name=name):
            return name
        case Again():
            return "again"
        case Failed():
            return FAILED


def _moved(record: RunRecord, standing: Standing, seq: int) -> RunRecord:
    """*record* as the journal will hold it after *standing* is written."""
    return replace(
        record,
        status=standing.status,
        position=standing.position,
        not_before_s=standing.not_before_s,
        updated_s=standing.updated_s,
        evidence=standing.evidence,
        detail=standing.detail,
        code=standing.code,
        until_s=standing.until_s,
        result=standing.result,
        seq=seq,
    )


def _notes_of_visit(attempts: list[AttemptRecord], at: Position) -> dict[str, Any]:
    """Notes written since the state was entered, the newest winning."""
    if at.attempt == 1 and (not attempts or attempts[-1].settled_s is not None):
        return {}  # entered, nothing tried yet
    visit: list[AttemptRecord] = []
    for attempt in reversed(attempts):
        if attempt.state != at.state:
            break
        visit.append(attempt)
        if attempt.attempt == 1:
            break
    notes: dict[str, Any] = {}
    for attempt in reversed(visit):
        notes.update(attempt.notes)
    return notes


def known_codes() -> frozenset[str]:
    """Every fault code a playbook may name."""
    return frozenset(FAULTS)
