"""Why a run did not succeed, where that leaves the org, and how to go on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.catalogue import FAULTS
from orchestrator.engine.report.verdict import checks_clause, rows, tree, unconfirmed_locks
from orchestrator.engine.report.words import listing, path_words
from orchestrator.errors import UsageError
from orchestrator.machine import State
from orchestrator.playbook.references import render
from orchestrator.ports import AttemptRecord, RunRecord, iso
from orchestrator.redaction import redact_tree

_STOPPED = frozenset({"again", "failed", "timed_out", "rejected"})


def problem(
    record: RunRecord,
    evidence: Mapping[str, Any],
    attempts: Sequence[AttemptRecord],
    result: str,
    state: State | None,
) -> dict[str, Any] | None:
    """Why a run did not succeed, whose move it is, what to do, how to go on; None when it succeeded.

    Keys: `code`, `blame`, `cause`, `detail`, `remedy`, `stands`, `go_on`.
    """
    if result == "succeeded":
        return None
    code, detail = _why(record, attempts[-1] if attempts else None)
    cause, remedy, blame = _meaning(record, evidence, result, code, state)
    if not code and result == "needs_attention" and _opened(evidence):
        code = "password_path_open"
    return {
        "code": code or None,
        "blame": blame or None,
        "cause": cause or detail or "the journal names no cause",
        "detail": detail or None,
        "remedy": remedy or "see the last attempts in the record",
        "stands": _stands(record, evidence, attempts),
        "go_on": _go_on(record, result),
    }


def _meaning(
    record: RunRecord, evidence: Mapping[str, Any], result: str, code: str, state: State | None
) -> tuple[str, str, str]:
    """Cause, remedy and blame; each empty where nothing is known."""
    drifted = [
        check for check in rows(tree(evidence, "verification"), "checks") if check.get("state") == "drifted"
    ]
    if code in FAULTS:
        row = FAULTS[code].for_release(evidence.get("api_version"))
        return row.meaning, row.remedy, str(row.blame)
    if drifted:
        remedies = dict.fromkeys(str(check.get("remedy")) for check in drifted if check.get("remedy"))
        return checks_clause(drifted[:]).split(";")[0], "; ".join(remedies), "operator"
    if result == "needs_attention" and (opened := _opened(evidence)):
        cause = f"the password was left open at {listing([path_words(path) for path in opened])}"
        return cause, "take the manual steps named in the record, or accept what stays open", "operator"
    if result == "waiting":
        return _question(record, evidence, state), "answer the question", "operator"
    if result == "interrupted":
        return "the run is on its way, or was stopped before its end", "let it go on", "operator"
    return "", "", ""


def _opened(evidence: Mapping[str, Any]) -> list[str]:
    judged = tree(evidence, "verdicts")
    return [path for path in judged if tree(judged, path).get("state") == "open"]


def _question(record: RunRecord, evidence: Mapping[str, Any], state: State | None) -> str:
    """What the person is asked, with what the references in it stand for."""
    if state is None or state.operator is None:
        return "a person is asked"
    inputs = {**redact_tree(dict(record.inputs)), **tree(evidence, "operator")}
    try:
        return render(
            state.operator.prompt, {"org": record.org_entry, "inputs": inputs, "evidence": evidence}
        )
    except UsageError:
        return state.operator.prompt


def _why(record: RunRecord, last: AttemptRecord | None) -> tuple[str, str]:
    """Code and detail of what stopped the run: the last attempt's own words before the row's."""
    if last is not None and last.outcome in _STOPPED and last.code:
        return last.code, last.detail
    return record.code, record.detail if record.code else ""


def _stands(record: RunRecord, evidence: Mapping[str, Any], attempts: Sequence[AttemptRecord]) -> list[str]:
    """What is in the org now because of this run, and what is in doubt."""
    last = attempts[-1] if attempts else None
    said = [f"The run stands in state {record.position.state}."]
    if last is not None and last.settled_s is None:
        said.append(
            f"Attempt {last.seq} ({last.state}) was begun at {iso(last.intended_s)} and never settled: "
            "whether its effect happened is in doubt. Going on looks first."
        )
    if app := tree(evidence, "app") or tree(evidence, "client_app"):
        said.append(f"The client app {app.get('name')} is in the org.")
    setup = tree(tree(evidence, "assignments"), "setup")
    if setup and "rights_withdrawn" not in evidence:
        said.append(
            f"Temporary rights are still lent: permission set {setup.get('permission_set')}, "
            f"assignment {setup.get('assignment_id')}."
        )
    locks = rows(evidence, "lockdown")
    held = [str(lock.get("mechanism")) for lock in locks if "undone" not in lock]
    undone = [str(lock.get("mechanism")) for lock in locks if "undone" in lock]
    said.append(f"Locks in force: {', '.join(held)}." if held else "No lock of this run is in force.")
    said += [
        f"Lock {name} was begun and is not confirmed; before it stood {json.dumps(before, sort_keys=True)}."
        for name, before in sorted(unconfirmed_locks(evidence, attempts).items())
    ]
    if undone:
        said.append(f"Locks undone: {', '.join(undone)}.")
    return said


def _go_on(record: RunRecord, result: str) -> str:
    again = f"orchestrator run {record.playbook} --orgs FILE --org {record.org}"
    return {
        "waiting": f"orchestrator runs approve {record.run} && orchestrator resume {record.run}",
        "interrupted": f"orchestrator resume {record.run}",
        "failed": f"{again}    # after the remedy; or: orchestrator resume --failed",
        "needs_attention": f"{again}    # after the remedy; needs no password where the certificate works",
    }.get(result, again)
