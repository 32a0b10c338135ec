"""One run under one lease, step by step: look or act, decide, settle and intend, tell the observer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orchestrator.actions.base import RunContext
from orchestrator.engine import events
from orchestrator.engine.events import Event
from orchestrator.engine.operator import question
from orchestrator.engine.standing import (
    cause_of,
    moved,
    notes_of_visit,
    outcome_name,
    outcome_of,
    standing_of,
)
from orchestrator.errors import Defect, OrchestratorError, OrgFault
from orchestrator.machine import Decision, Done, Outcome, Position, Result, decide, expire, gate
from orchestrator.pacing import LEARNED
from orchestrator.playbook.references import resolve
from orchestrator.ports import Intent, Lease, RunRecord, RunStatus, Settlement, Standing
from orchestrator.redaction import redact, redact_tree

if TYPE_CHECKING:
    from orchestrator.engine.advance import Engine


class Driver:
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
        self.notes = notes_of_visit(attempts, record.position)
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
        if self.record.status is RunStatus.AWAITING_OPERATOR and not self.expire_question(goes_on=True):
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
        # Last written in the future: the clock was set back, and must not put the run off by as much.
        if self.record.updated_s <= now_s < self.record.not_before_s:
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
        evidence = redact_tree(dict(outcome.evidence))
        self.evidence.update(evidence)
        decision = self._decide(at, outcome, now_s)
        settled = Settlement(
            seq=self.seq,
            settled_s=now_s,
            outcome=outcome_name(outcome),
            code="" if isinstance(outcome, Done) else outcome.code,
            detail=" ".join(redact(outcome.detail).split()),
            evidence=evidence,
        )
        standing = standing_of(decision, self.evidence, now_s, detail=settled.detail, code=settled.code)
        self._settle(settled, self._explained(standing, settled), now_s)

    def _explained(self, standing: Standing, settled: Settlement) -> Standing:
        """A run that ended badly after cleaning up well is told by what went wrong before."""
        expected = {"", *self.machine.states[self.record.position.state].on}
        if standing.result in {None, str(Result.SUCCEEDED)} or settled.code not in expected:
            return standing
        attempts = self.engine.journal.attempts(self.record.run)
        newest = replace(attempts[-1], outcome=settled.outcome, code=settled.code)
        cause = cause_of(self.machine, [*attempts[:-1], newest])
        if cause is None:
            return standing
        said = f"{cause.state} ({cause.code}): {cause.detail}; then {settled.detail}"
        return replace(standing, code=cause.code, detail=said)

    def _decide(self, at: Position, outcome: Outcome, now_s: float) -> Decision:
        """What the machine decides, with what earlier runs tell if the state paces itself by them."""
        paces_itself = self.machine.states[at.state].wait.pace == LEARNED
        history, course = self.engine.history if paces_itself else None, None
        if history is not None:
            written = self.engine.machine_of(self.record.playbook_digest).states[at.state].wait
            course = history.course(self.record, self.evidence, written)
        decision = decide(self.machine, at, outcome, now_s, noise=self.engine.noise(), course=course)
        if history is not None and decision.position.state != at.state:
            history.left(self.record, self.evidence)
        return decision

    def _settle(self, settled: Settlement, standing: Standing, now_s: float, *, goes_on: bool = True) -> None:
        """Write what came of the attempt and where the run stands now, then tell the observer."""
        before = self.record.position
        self.record = moved(self.record, standing, self.seq)
        follow_on = (
            goes_on
            and standing.status is RunStatus.ACTIVE
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
            return outcome_of(refused)
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
            entered_at_s=min(at.entered_at_s, self.engine.clock.now_s()),  # it may have been set back
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

    def _note(self, notes: Mapping[str, Any]) -> None:
        clean = redact_tree(dict(notes))
        self.engine.journal.note(self.lease, self.seq, clean)
        self.notes = {**self.notes, **clean}

    def _check_lease(self) -> None:
        self.engine.journal.check(self.lease, now_s=self.engine.clock.now_s())

    def expire_question(self, *, goes_on: bool = False) -> bool:
        """Take the `timed_out` edge when the operator has not answered in time; whether it was taken.

        Args:
            goes_on: whether what follows is to be driven at once.
        """
        now_s = self.engine.clock.now_s()
        asks = self.record.status is RunStatus.AWAITING_OPERATOR
        if not asks or self.record.until_s is None or now_s < self.record.until_s:
            return False
        self.seq += 1
        self.engine.journal.write(self.lease, intended=self._intent(now_s))
        decision = expire(self.machine, self.record.position, now_s)
        settled = Settlement(self.seq, now_s, "timed_out", "timed_out", "the operator did not answer", {})
        self._settle(
            settled,
            standing_of(decision, self.evidence, now_s, detail=settled.detail, code=settled.code),
            now_s,
            goes_on=goes_on,
        )
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
        self.record = moved(self.record, standing, self.seq)
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
        self._emit(
            events.WAITING,
            not_before_s=until_s,
            code="operator",
            detail=question(self.machine, replace(self.record, evidence=self.evidence)),
        )

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
