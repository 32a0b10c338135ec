"""One shot: a fault meets a state of a run. What came of it, and the laws that must hold whatever came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from matrix_faults import READING, Column
from matrix_routes import Recording, Visit, effects_of
from matrix_stage import Stage

from orchestrator.catalogue import FAULTS
from orchestrator.cli.exits import exit_code
from orchestrator.errors import Blame, OrchestratorError
from orchestrator.ports import RunRecord, result_of

A_MINUTE_S = 60.0
ONCE, MINUTE, EVER = "once", "for a minute", "for ever"
REQUESTS_HIT = 2  # kinds of requests of a state that are spoiled once, those that change something first
AGREED_S = 7200.0  # until every front end agrees
UNKNOWN = "answer_unknown"
# Every login was good and every session dead soon after: the budget of logins ends the run, no refusal does.
LOGINS_USED_UP = ("managed-package", "session over")
SAID_IN_EVIDENCE = frozenset({"drifted"})  # `verify` names a code per check
OUR_RULES = frozenset({"proof_stale"})  # the org was busy until the proof was too old; no blame of ours


@dataclass(frozen=True)
class Shot:
    """A fault, when it comes and how long it lasts.

    Attributes:
        operation: the request it meets; `*` for every one.
    """

    column: Column
    lasts: str
    operation: str = "*"

    def __str__(self) -> str:
        return f"{self.column.name} {self.lasts}" + (f" at {self.operation}" if self.operation != "*" else "")


@dataclass
class Outcome:
    """What came of a shot.

    Attributes:
        is_as_clean: whether the run ended where it ends without a fault.
        goes_on: whether it did after the fault had ended and `resume` was called; None where not asked.
        broken: laws that were broken.
    """

    shot: Shot
    result: str
    state: str
    code: str
    detail: str
    exit: int
    is_as_clean: bool
    goes_on: bool | None = None
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if self.is_as_clean:
            return f"{self.shot}: as without it"
        later = {None: "", True: ", resume gets on", False: ", resume does not get on"}[self.goes_on]
        ending = f"{self.result} in {self.state} ({self.code}, exit {self.exit}){later}"
        return f"{self.shot}: {ending} | {self.detail}"


def shots(column: Column, operations: frozenset[str]) -> Iterator[Shot]:
    """Every way this fault can meet a state that sends these requests."""
    if not operations:
        return
    if column.off is None:
        hit = sorted(column.hits(operations), key=lambda name: (name in READING, name))
        for operation in hit[:REQUESTS_HIT]:
            yield Shot(column, ONCE, operation)
        if not hit:
            return
    if not column.lasting:
        yield Shot(column, MINUTE)
    yield Shot(column, EVER)


def fire(shot: Shot, recording: Recording, visit: Visit, folder: Path) -> Outcome:
    """Drive the run on from before the state, with the fault; then without it, if it did not end well.

    A run that survived a fault that has passed is left where it enters the next state.
    """
    stage = visit.stage.copy(folder)
    over = [False]
    ends_s = stage.clock.now_s() + A_MINUTE_S if shot.lasts == MINUTE else None

    def meanwhile() -> None:
        if ends_s is not None and not over[0] and stage.clock.now_s() >= ends_s:
            over[0] = True
            shot.column.end(stage)

    def wire(_request: requests.PreparedRequest, send: Any) -> requests.Response:
        meanwhile()
        answered: requests.Response = send()
        return answered

    stage.meanwhile = meanwhile
    _begin(shot, stage, visit.operations)
    until = None if shot.lasts == EVER else recording.after(visit.state)
    with stage.process(wire) as app:
        record, error = stage.drive(app, until=until)
    shot.column.end(stage)
    outcome = _outcome(shot, record, error, recording, until)
    outcome.broken = [*_doubled(outcome, stage, recording, until), *_broken(outcome, error, recording)]
    if outcome.is_as_clean and until:
        return outcome
    outcome.broken += _locked_out(stage, recording, visit, "")
    if not outcome.is_as_clean and not error:
        outcome.goes_on = _go_on(stage, recording, visit)
        outcome.broken += _locked_out(stage, recording, visit, " after resume")
    return outcome


def _begin(shot: Shot, stage: Stage, operations: frozenset[str]) -> None:
    if shot.column.off is not None or shot.lasts == ONCE:
        shot.column.script(stage, shot.operation, times=1)
        return
    hit = shot.column.hits(operations)
    if hit == operations:
        shot.column.script(stage)
    else:
        for operation in sorted(hit):
            shot.column.script(stage, operation)


def _outcome(
    shot: Shot,
    record: RunRecord,
    error: OrchestratorError | None,
    recording: Recording,
    until: str | None,
) -> Outcome:
    return Outcome(
        shot,
        result_of(record),
        record.position.state,
        record.code if error is None else error.code,
        record.detail if error is None else str(error),
        exit_code([record], [error] if error else []),
        is_as_clean=error is None and _is_clean(record, recording, until),
    )


def _is_clean(record: RunRecord, recording: Recording, until: str | None) -> bool:
    if until is not None and record.position.state == until:
        return True
    return _ended_clean(record, recording) and record.code == recording.record.code


def _ended_clean(record: RunRecord, recording: Recording) -> bool:
    clean = recording.record
    return (record.result, record.position.state) == (clean.result, clean.position.state)


def _broken(outcome: Outcome, error: OrchestratorError | None, recording: Recording) -> Iterator[str]:
    """The laws about how a run ends."""
    if error is not None:
        yield f"raised {type(error).__name__}: {error}"
    if outcome.is_as_clean:
        return
    if outcome.result == "interrupted":
        yield "never ends"
    if outcome.exit == 0:
        yield "exit code 0 for a run that did not reach its end"
    expected = outcome.shot.column.undocumented
    is_lost = recording.route.loses_sessions and outcome.shot.column.kind == "expire_session"
    if outcome.shot.lasts != EVER and not expected and not is_lost:
        yield "a passing fault stopped the run"
    if outcome.code not in FAULTS:
        used_up = (recording.route.name, outcome.shot.column.name) == LOGINS_USED_UP
        if outcome.result != "waiting" and outcome.state not in SAID_IN_EVIDENCE and not used_up:
            yield f"code {outcome.code!r} is not in the catalogue"
        return
    if outcome.code == UNKNOWN and not expected:
        yield "an answer Salesforce documents is unknown"
    is_ours = FAULTS[outcome.code].blame is Blame.ORCHESTRATOR and outcome.code not in OUR_RULES
    if is_ours and not expected:
        yield f"we take the blame: {outcome.code}"


def _doubled(outcome: Outcome, stage: Stage, recording: Recording, until: str | None) -> Iterator[str]:
    """The law about changes of the org."""
    due = recording.effects if until is None else effects_of(recording.visits[until].stage)
    # A new session begins with what is declared, and declaring the same again changes nothing; a run that
    # gives up may take back what it declared; what is deleted twice is as gone.
    may_repeat = (
        not outcome.is_as_clean
        or recording.route.closes_access
        or outcome.shot.column.kind == "expire_session"
        or any(
            deploy.status in {"Failed", "Canceled", "FinalizingDeployFailed"}
            for deploy in stage.org.deploys.values()
        )
    )
    for name, count in effects_of(stage).items():
        if count > due[name] and not (name == "deploys" and may_repeat):
            yield f"{name}: {count} instead of {due[name]}"


def _locked_out(stage: Stage, recording: Recording, visit: Visit, when: str) -> Iterator[str]:
    """The law about ways in."""
    if not recording.route.closes_access and _a_way_in(visit.stage) and not _a_way_in(stage):
        yield f"neither password nor JWT works{when}"


def _a_way_in(stage: Stage) -> bool:
    truth = stage.truth(AGREED_S)
    return bool(truth["password_works"] or truth["jwt_works"])


def _go_on(stage: Stage, recording: Recording, visit: Visit) -> bool:
    """`resume` once the fault has ended; whether the run gets on as it would have without it."""
    with stage.process() as app:
        record = app.journal.run(stage.world.run)
        until = recording.after(visit.state) if record.position.state == visit.state else None
        if record.result is not None:
            record = app.engine(lambda _event: None).reopen(record.run)
            until = recording.after(visit.state) if record.position.state == visit.state else None
        record, error = stage.drive(app, until=until)
    return error is None and (record.position.state == until or _ended_clean(record, recording))
