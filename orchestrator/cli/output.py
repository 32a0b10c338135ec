"""Tables, recaps and JSON of finished or standing runs."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.cli.options import Console
from orchestrator.cli.terminal import rich_on
from orchestrator.errors import OrchestratorError
from orchestrator.fleet.local import Drive
from orchestrator.ports import AttemptRecord, RunRecord, iso, result_of
from orchestrator.redaction import redact, redact_tree

_COLORS = {"succeeded": "green", "failed": "red", "cancelled": "red", "interrupted": "yellow"}


def print_json(tree: Any) -> None:
    """One JSON document, indented for people who look at it."""
    sys.stdout.write(json.dumps(redact_tree(tree), indent=2, ensure_ascii=False, default=str) + "\n")


def rich_console(console: Console, *, stderr: bool = False) -> Any:
    """A rich console that obeys --no-color and pipes."""
    return rich_on(sys.stderr if stderr else sys.stdout, color=console.color)


def print_recap(console: Console, outcome: Drive) -> None:
    """How every run ended; details only for those that did not succeed, counts when there are many."""
    rich = rich_console(console)
    records = list(outcome.standing.values())
    counts = Counter(result_of(record) for record in records)
    for record in records:
        result = result_of(record)
        if result == "succeeded":
            continue
        color = _COLORS.get(result, "yellow")
        rich.print(f"[{color}]{result}[/] {record.org} in state {record.position.state}", markup=True)
        if record.code or record.detail:
            said = ": ".join(part for part in (record.code, redact(record.detail)) if part)
            rich.print(f"  {said}", markup=False)
        remedy = _remedy(record)
        if remedy:
            rich.print(f"  remedy: {remedy}", markup=False)
    summary = ", ".join(f"{number} {result}" for result, number in sorted(counts.items()))
    held = f", {len(outcome.held_back)} held back" if outcome.held_back else ""
    rich.print(f"[bold]{len(records)} run(s)[/]: {summary or 'none'}{held}", markup=True)
    if len(records) == 1:
        rich.print(f"the record: orchestrator runs show {records[0].run}", markup=False)


def _remedy(record: RunRecord) -> str:
    from orchestrator.catalogue import FAULTS  # noqa: PLC0415 - only when something went wrong

    if result_of(record) == "interrupted":
        return f"continue with `orchestrator resume {record.run}`"
    if result_of(record) == "waiting":
        return f"answer with `orchestrator runs approve {record.run}`"
    if record.code not in FAULTS:
        return ""
    return FAULTS[record.code].for_release(record.evidence.get("api_version")).remedy


def print_errors(errors: Mapping[str, OrchestratorError], *, as_json: bool) -> None:
    """What stopped us on our side, once per distinct message, on standard error."""
    seen: Counter[str] = Counter()
    for run, error in errors.items():
        seen[str(error)] += 1
        if seen[str(error)] > 1:
            continue
        if as_json:
            sys.stderr.write(redact(json.dumps(error.as_json())) + "\n")
        else:
            text = f"error: {run}: {error}\n  blame:  {error.blame}\n  remedy: {error.remedy}\n"
            sys.stderr.write(redact(text))


def run_json(record: RunRecord, attempts: Sequence[AttemptRecord]) -> dict[str, Any]:
    """The shape of `runs show --json` in the contract."""
    return {
        "run": record.run,
        "org": record.org,
        "playbook": record.playbook,
        "playbook_digest": record.playbook_digest,
        "status": str(record.status),
        "result": result_of(record),
        "state": record.position.state,
        "code": record.code or None,
        "detail": record.detail or None,
        "not_before": iso(record.not_before_s),
        "started": iso(record.created_s),
        "updated": iso(record.updated_s or record.created_s),
        "speed": record.speed,
        "attempts": [attempt_json(attempt) for attempt in attempts],
        "evidence": dict(record.evidence),
    }


def attempt_json(attempt: AttemptRecord) -> dict[str, Any]:
    """One attempt of `runs show --json`."""
    return {
        "seq": attempt.seq,
        "state": attempt.state,
        "attempt": attempt.attempt,
        "intended": iso(attempt.intended_s),
        "settled": None if attempt.settled_s is None else iso(attempt.settled_s),
        "outcome": attempt.outcome,
        "code": attempt.code or None,
        "detail": attempt.detail or None,
        "evidence": dict(attempt.evidence),
        "notes": dict(attempt.notes),
    }
