"""The evidence report as data: what the journal knows of runs, checked, redacted and arranged to be read.

Everything comes from the journal, so the same journal gives the same report; the only thing passed in is the
time at which it is written, from which the days left of a certificate are counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.engine.report.fleet import fleet
from orchestrator.engine.report.problem import problem
from orchestrator.engine.report.reading import RecordReader, RunFacts
from orchestrator.engine.report.shapes import EVIDENCE, fit
from orchestrator.engine.report.timeline import spans_of, states_of
from orchestrator.engine.report.verdict import integration_user, principal, rows, tree, verdict
from orchestrator.engine.report.words import days_left
from orchestrator.ports import AttemptRecord, RunRecord, RunStatus, iso, result_of
from orchestrator.store.owners import describe

FORMAT = 1
"""Version of the JSON keys; grows when a key changes its meaning, not when one is added."""

_LOOPBACK = ("127.", "::1")


def report(reader: RecordReader, records: Iterable[RunRecord], written_s: float) -> dict[str, Any]:
    """The whole report: `{"format", "written", "runs", "fleet", "chain"}`.

    Args:
        reader: of the journal.
        records: runs to report on, in the order in which they are to appear.
        written_s: when the report is written, Unix seconds.
    """
    return assemble([run_tree(reader.read(record), reader, written_s) for record in records], written_s)


def assemble(runs: list[dict[str, Any]], written_s: float) -> dict[str, Any]:
    """The report of runs that are trees already (`run_tree` or `summary_tree`)."""
    broken = [
        {"run": run["run"], "first_changed": run["chain"]["first_changed"], "found": run["chain"]["sentence"]}
        for run in runs
        if not run["chain"]["intact"]
    ]
    return {
        "format": FORMAT,
        "written": iso(written_s),
        "runs": runs,
        "fleet": fleet(runs),
        "chain": {"intact": not broken, "runs": len(runs), "broken": broken},
    }


def summary_tree(facts: RunFacts, written_s: float) -> dict[str, Any]:
    """One row of the fleet's page; a part of `run_tree`."""
    record, evidence = facts.record, fit(EVIDENCE, facts.evidence)
    result = result_of(record)
    ended_s = record.updated_s or record.created_s
    certificate = tree(evidence, "certificate")
    not_after = str(certificate.get("not_after") or "")
    machine = None if facts.playbook is None else facts.playbook.machine
    return {
        "run": record.run,
        "org": record.org,
        "org_id": evidence.get("org_id"),
        "org_name": tree(evidence, "organization").get("Name"),
        "playbook": record.playbook,
        "status": str(record.status),
        "result": result,
        "state": record.position.state,
        "started": iso(record.created_s),
        "updated": iso(ended_s),
        "duration_s": round(ended_s - record.created_s, 3),
        "verdict": verdict(record, evidence, facts.attempts, result),
        "problem": problem(
            record,
            evidence,
            facts.attempts,
            result,
            machine.states.get(record.position.state) if machine else None,
        ),
        "verdicts": dict(tree(evidence, "verdicts")),
        "propagation": evidence.get("propagation"),
        "certificate": {**certificate, "days_left": days_left(not_after, written_s)} if certificate else None,
        "notices": _notices(record, evidence),
        "chain": {
            "intact": facts.integrity.intact,
            "sentence": facts.integrity.sentence,
            "links": len(facts.integrity.settled),
            "first_changed": facts.integrity.first_changed,
            "differences": list(facts.integrity.differences),
        },
    }


def run_tree(facts: RunFacts, reader: RecordReader, written_s: float) -> dict[str, Any]:
    """Everything about one run; the keys are documented in `docs/evidence.md`."""
    record, evidence, playbook = facts.record, fit(EVIDENCE, facts.evidence), facts.playbook
    machine = None if playbook is None else playbook.machine
    setup = tree(tree(evidence, "assignments"), "setup")
    found = {
        "playbook_version": playbook and playbook.version,
        "playbook_digest": record.playbook_digest,
        "code": record.code or None,
        "detail": record.detail or None,
        "not_before": iso(record.not_before_s) if record.status is RunStatus.ACTIVE else None,
        "until": iso(record.until_s)
        if record.status is RunStatus.AWAITING_OPERATOR and record.until_s
        else None,
        "speed": record.speed,
        "batch": record.batch or None,
        "started_by": describe(record.batch) if record.batch else None,
        "labels": dict(record.labels),
        "principal": principal(record, evidence) or None,
        "integration_user": integration_user(record, evidence) or None,
        "break_glass_user": record.org_entry.get("break_glass_user"),
        "organization": _organization(record, evidence),
        "rights": {
            "lent": setup.get("permission_set"),
            "assignment_id": setup.get("assignment_id"),
            "withdrawn": evidence.get("rights_withdrawn"),
            "lacked": list(tree(evidence, "preflight").get("integration_user_lacks") or []),
        },
        "snapshot": _snapshot(evidence),
        "states": states_of(record, facts.attempts, machine, reader.purpose_of),
        "spans": spans_of(record, facts.attempts, machine),
        "attempts": [_attempt(attempt) for attempt in facts.attempts],
        "evidence": dict(facts.evidence),
        "given": dict(facts.given),
    }
    for key in ("app", "client_app", "lock_plan", "password_probe", "preflight", "adopted"):
        found[key] = dict(tree(evidence, key)) or None
    for key in ("jwt_proofs", "lockdown", "restored"):
        found[key] = rows(evidence, key)
    found["checks"] = rows(tree(evidence, "verification"), "checks")
    found["password_attempts"] = evidence.get("password_attempts")
    found["stays_open"] = rows(tree(evidence, "lock_plan"), "stays_open")
    found["caveats"] = list(tree(evidence, "lock_plan").get("caveats") or [])
    summary = summary_tree(facts, written_s)
    summary["chain"]["head"] = facts.integrity.head or None
    return {**summary, **found}


def _organization(record: RunRecord, evidence: Mapping[str, Any]) -> dict[str, Any]:
    organization, host = tree(evidence, "organization"), tree(evidence, "host")
    return {
        "url": record.org_entry.get("url"),
        "id": evidence.get("org_id") or tree(evidence, "verification").get("org_id"),
        "pinned_id": record.org_entry.get("org_id"),
        "name": organization.get("Name"),
        "edition": organization.get("OrganizationType"),
        "instance": organization.get("InstanceName"),
        "is_sandbox": organization.get("IsSandbox"),
        "kind": host.get("kind"),
        "host": host.get("my_domain"),
        "instance_url": evidence.get("instance_url"),
        "api_version": evidence.get("api_version"),
    }


def _snapshot(evidence: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings before anything was touched, each with the SHA-256 of its canonical JSON."""
    snapshot = tree(evidence, "snapshot")
    if not snapshot:
        return None
    settings = {
        name: {"sha256": _digest(values), "values": values}
        for name, values in snapshot.items()
        if isinstance(values, Mapping)
    }
    return {"taken_at": snapshot.get("taken_at"), "settings": settings}


def _digest(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _notices(record: RunRecord, evidence: Mapping[str, Any]) -> list[str]:
    """What a reader must know before believing: that the org was no real one."""
    said = []
    if record.speed != 1.0:
        said.append(
            f"Simulated org: waits were divided by {record.speed:g}, which is allowed on loopback only. "
            "This is no evidence about a real org."
        )
    else:
        history = tree(tree(evidence, "password_probe"), "login_history")
        seen = (tree(evidence, "preflight").get("egress_ip"), history.get("SourceIp"))
        if any(str(address).startswith(_LOOPBACK) for address in seen if address):
            said.append(
                "Simulated org: it saw our logins come from a loopback address. "
                "This is no evidence about a real org."
            )
    return said


def _attempt(attempt: AttemptRecord) -> dict[str, Any]:
    settled_s = attempt.settled_s
    return {
        "seq": attempt.seq,
        "state": attempt.state,
        "attempt": attempt.attempt,
        "intended": iso(attempt.intended_s),
        "settled": None if settled_s is None else iso(settled_s),
        "duration_s": None if settled_s is None else round(settled_s - attempt.intended_s, 3),
        "outcome": attempt.outcome,
        "code": attempt.code or None,
        "detail": attempt.detail or None,
        "evidence": dict(attempt.evidence),
        "notes": dict(attempt.notes),
    }
