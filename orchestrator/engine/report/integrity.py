"""Whether the record of a run is still what was written: its hash chain, and its row against its attempts.

The chain covers the attempts. The run's own row (result, merged evidence) is covered by no hash, so a report
takes its facts from the attempts and compares the row with what they lead to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import EXIT_REFUSED, Blame, OrchestratorError
from orchestrator.machine import EXHAUSTED, FAILED, TIMED_OUT, Machine
from orchestrator.playbook.model import Playbook
from orchestrator.ports import AttemptRecord, RunRecord, RunStatus
from orchestrator.redaction import redact
from orchestrator.store.rows import link, to_json


class RecordChanged(OrchestratorError):
    """The journal does not hold any more what was written into it."""

    code = "record_changed"
    blame = Blame.OPERATOR
    remedy = "do not rely on this record: compare it with an earlier report or a backup of the journal"
    exit_status = EXIT_REFUSED


@dataclass(frozen=True, slots=True)
class Integrity:
    """What checking the record of one run found.

    Attributes:
        run: its id.
        settled: its settled attempts as they stand in the journal.
        first_changed: number of the first attempt that was changed, moved or removed; None if none was.
        differences: where the run's row says something else than its attempts, one sentence each.
    """

    run: str
    settled: Sequence[AttemptRecord]
    first_changed: int | None = None
    differences: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return self.first_changed is None and not self.differences

    @property
    def head(self) -> str:
        """The chain's newest value, computed again from the attempts; "" before the first."""
        chain = ""
        for attempt in self.settled:
            chain = link(chain, _row(self.run, attempt))
        return chain

    @property
    def sentence(self) -> str:
        """For people: `record intact`, or what is not."""
        found = list(self.differences)
        if self.first_changed is not None:
            found.insert(0, f"attempt {self.first_changed} was changed, moved or removed")
        return "; ".join(found) or "record intact"


def examine(
    record: RunRecord,
    attempts: Sequence[AttemptRecord],
    first_changed: int | None,
    source: str | None,
    playbook: Playbook | None,
) -> Integrity:
    """Compare the run's row and playbook with its attempts.

    Args:
        record: the run's row.
        attempts: all of them, in order.
        first_changed: what the journal's own check of the chain says.
        source: the playbook as stored; None when it is not.
        playbook: compiled; None when this version cannot.
    """
    differences = [
        *_evidence_differs(record, attempts),
        *_result_differs(record, attempts, None if playbook is None else playbook.machine),
        *_playbook_differs(record, source),
    ]
    settled = [attempt for attempt in attempts if attempt.settled_s is not None]
    return Integrity(record.run, settled, first_changed, tuple(redact(text) for text in differences))


def merged_evidence(attempts: Sequence[AttemptRecord]) -> dict[str, Any]:
    """The evidence of a run as its attempts leave it: later keys win, operators' answers add up."""
    merged: dict[str, Any] = {}
    for attempt in attempts:
        found = dict(attempt.evidence)
        if attempt.outcome in {"approved", "rejected"} and isinstance(found.get("operator"), Mapping):
            found["operator"] = {**merged.get("operator", {}), **found["operator"]}
        merged.update(found)
    return merged


def _row(run: str, attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "run": run,
        "seq": attempt.seq,
        "state": attempt.state,
        "attempt": attempt.attempt,
        "intended_s": attempt.intended_s,
        "settled_s": attempt.settled_s,
        "outcome": attempt.outcome,
        "code": attempt.code,
        "detail": attempt.detail,
        "evidence": to_json(attempt.evidence, "evidence"),
        "notes": to_json(attempt.notes, "notes"),
    }


def _evidence_differs(record: RunRecord, attempts: Sequence[AttemptRecord]) -> list[str]:
    """What the row says otherwise, or not at all. What only the row has was given when the run was made."""
    merged = merged_evidence(attempts)
    keys = sorted(key for key, value in merged.items() if record.evidence.get(key) != value)
    return [f"the run's row says something else than its attempts about {', '.join(keys)}"] if keys else []


def _result_differs(
    record: RunRecord, attempts: Sequence[AttemptRecord], machine: Machine | None
) -> list[str]:
    """A finished run must stand in a final state that its last attempt leads to."""
    if record.status is not RunStatus.FINISHED:
        return []
    if not attempts:
        return ["the run's row says that it finished, and there is no attempt"]
    if machine is None or attempts[-1].state not in machine.states:
        return []
    final = machine.states.get(record.position.state)
    led = _leads_to(machine, attempts[-1])
    if final is None or final.name not in led or str(final.final) != record.result:
        stands = f"the run's row says '{record.result}' in state '{record.position.state}'"
        return [f"{stands}, its last attempt leads to {' or '.join(sorted(led)) or 'nowhere'}"]
    return []


def _leads_to(machine: Machine, last: AttemptRecord) -> set[str]:
    """States the last attempt can lead to: its outcome's edge, and on along used-up states."""
    on = machine.states[last.state].on
    failed = on.get(FAILED, "")
    target = {
        "again": on.get(TIMED_OUT, failed),
        FAILED: on.get(last.code, failed),
    }.get(str(last.outcome), on.get(str(last.outcome), ""))
    led: set[str] = set()
    while target in machine.states and target not in led:
        led.add(target)
        target = machine.states[target].on.get(EXHAUSTED, "")
    return led


def _playbook_differs(record: RunRecord, source: str | None) -> list[str]:
    if source is None:
        return ["the playbook is not in the journal"]
    if hashlib.sha256(source.encode()).hexdigest() != record.playbook_digest:
        return ["the stored playbook does not have the digest the run was started with"]
    return []
