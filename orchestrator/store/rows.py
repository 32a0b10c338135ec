"""Between records and rows: JSON, text a database can keep, and the hash chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from orchestrator.errors import Defect, StoreError
from orchestrator.machine import Position
from orchestrator.ports import AttemptRecord, NewRun, RunRecord, RunStatus, Standing
from orchestrator.store.faults import store_error

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def to_json(tree: Mapping[str, Any], what: str) -> str:
    """Compact JSON. Anything that is not plain JSON is refused, a Secret above all.

    Raises:
        Defect: *tree* holds something that JSON has no form for.
    """
    try:
        return _encode(tree)
    except (TypeError, ValueError, RecursionError) as error:
        raise Defect(f"{what} is not plain JSON: {error}") from None


def from_json(text: str) -> dict[str, Any]:
    """The tree `to_json` wrote. Raises StoreError `journal_corrupt`."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict):
        raise corrupt("a column that should hold a JSON object does not")
    return tree


def corrupt(detail: str) -> StoreError:
    """The journal holds what no version of this program wrote."""
    return store_error("journal_corrupt", detail)


def plain(text: str) -> str:
    """*text* without what a database refuses: NUL (PostgreSQL) and lone surrogates (both)."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def run_row(run: NewRun) -> dict[str, Any]:
    """The parameters that insert *run*."""
    return {
        "run": run.run,
        "org": run.org,
        "batch": run.batch,
        "status": str(run.status),
        "state": run.position.state,
        "priority": run.priority,
        "not_before_s": run.not_before_s,
        # A run that begins with a question is to be woken when the question expires.
        "until_s": run.not_before_s if run.status is RunStatus.AWAITING_OPERATOR else None,
        "seq": 0,
        "cancel_requested": 0,
        "created_s": run.created_s,
        "updated_s": run.created_s,
        "speed": run.speed,
        "result": run.result,
        "code": "",
        "detail": "",
        "playbook": run.playbook,
        "playbook_digest": run.playbook_digest,
        "labels": to_json(run.labels, "labels"),
        "org_entry": to_json(run.org_entry, "org_entry"),
        "inputs": to_json(run.inputs, "inputs"),
        "position": to_json(run.position.as_json(), "position"),
        "evidence": to_json(run.evidence, "evidence"),
    }


def standing_row(standing: Standing) -> dict[str, Any]:
    """The parameters that move a run to *standing*."""
    return {
        "status": str(standing.status),
        "state": standing.position.state,
        "position": to_json(standing.position.as_json(), "position"),
        "not_before_s": standing.not_before_s,
        "until_s": standing.until_s,
        "updated_s": standing.updated_s,
        "evidence": to_json(standing.evidence, "evidence"),
        "detail": plain(standing.detail),
        "code": plain(standing.code),
        "result": standing.result,
    }


def run_record(row: sa.Row[Any]) -> RunRecord:
    """The run a row of table `run` holds. Raises StoreError `journal_corrupt`."""
    try:
        return RunRecord(
            run=row.run,
            org=row.org,
            playbook=row.playbook,
            playbook_digest=row.playbook_digest,
            org_entry=from_json(row.org_entry),
            inputs=from_json(row.inputs),
            position=Position.from_json(from_json(row.position)),
            not_before_s=row.not_before_s,
            status=RunStatus(row.status),
            created_s=row.created_s,
            speed=row.speed,
            batch=row.batch,
            labels=from_json(row.labels),
            priority=row.priority,
            result=row.result,
            seq=row.seq,
            evidence=from_json(row.evidence),
            updated_s=row.updated_s,
            detail=row.detail,
            code=row.code,
            until_s=row.until_s,
            cancel_requested=bool(row.cancel_requested),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # a position of another shape
        raise corrupt(f"run {row.run} cannot be read: {error}") from None


def attempt_record(row: sa.Row[Any]) -> AttemptRecord:
    """The attempt a row of table `attempt` holds."""
    return AttemptRecord(
        seq=row.seq,
        state=row.state,
        attempt=row.attempt,
        intended_s=row.intended_s,
        settled_s=row.settled_s,
        outcome=row.outcome,
        code=row.code,
        detail=row.detail,
        evidence=from_json(row.evidence),
        notes=from_json(row.notes),
    )


def link(previous: str, row: Mapping[Any, Any]) -> str:
    """The hash of a settled attempt: SHA-256 over the hash before it and the row's canonical JSON.

    The chain has no key: it shows that a row was changed, removed or moved by accident or by hand, not
    that somebody rewrote every later row as well.

    Args:
        previous: the chain of the attempt before, empty for the first.
        row: the columns of `CHAINED`, JSON columns as the text that is stored.
    """
    content = _encode([row[name] for name in CHAINED])
    return hashlib.sha256(f"{previous}|{content}".encode()).hexdigest()


CHAINED = (
    "run",
    "seq",
    "state",
    "attempt",
    "intended_s",
    "settled_s",
    "outcome",
    "code",
    "detail",
    "evidence",
    "notes",
)
"""What the hash of an attempt covers, in this order."""
