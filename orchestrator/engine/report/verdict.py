"""The first sentence of a report, and what is left to do: never more than the evidence shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.engine.report.words import RESULTS, duration_words, listing, path_words
from orchestrator.ports import AttemptRecord, RunRecord, iso

# Evidence that makes a run one about passwords and certificates; others speak for themselves.
_ABOUT_ACCESS = frozenset({"bootstrap", "jwt_proofs", "lock_plan", "lockdown", "verdicts"})


def principal(record: RunRecord, evidence: Mapping[str, Any]) -> str:
    """Whose password it is about: what the org answered to before what the orgs file says."""
    for key in ("lock_plan", "bootstrap"):
        if username := tree(evidence, key).get("username"):
            return str(username)
    return str(record.org_entry.get("username") or "")


def integration_user(record: RunRecord, evidence: Mapping[str, Any]) -> str:
    """Who the certificate logs in."""
    found = tree(tree(evidence, "preflight"), "integration_user").get("username")
    return str(found or record.org_entry.get("integration_user") or "")


def tree(evidence: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The mapping under *key*; an empty one when there is none, or something else."""
    found = evidence.get(key)
    return found if isinstance(found, Mapping) else {}


def rows(evidence: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The mappings in the list under *key*."""
    found = evidence.get(key)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def verdict(
    record: RunRecord, evidence: Mapping[str, Any], attempts: Sequence[AttemptRecord], result: str
) -> dict[str, Any]:
    """`word` (the result) and `sentence`: who, what, which org, when, what came of it."""
    ended = result in {"succeeded", "failed", "needs_attention", "cancelled"}
    name = tree(evidence, "organization").get("Name")
    org = f"{record.org} ({name})" if name and name != record.org else record.org
    moment = iso(record.updated_s or record.created_s)[:19].replace("T", " at ")
    what = _what(record, evidence, attempts, result) if attempts else "Nothing has been done yet"
    stopped = ""
    if result == "failed" and attempts:
        last = attempts[-1]
        stopped = f"Stopped in {last.state}" + (f" by {last.code}" if last.code else "") + ". "
    took = duration_words((record.updated_s or record.created_s) - record.created_s)
    when = f"ended on {moment} UTC after {took}" if ended else f"last wrote on {moment} UTC"
    return {
        "word": RESULTS[result],
        "sentence": f"{stopped}{what}. Org {org}: playbook {record.playbook} {when}.",
    }


def _what(
    record: RunRecord, evidence: Mapping[str, Any], attempts: Sequence[AttemptRecord], result: str
) -> str:
    """What the run found or left behind, by what it was for."""
    if checks := rows(tree(evidence, "verification"), "checks"):
        return checks_clause(checks)
    taken_back = rows(evidence, "restored")
    if taken_back or "undo_plan" in evidence:
        return _restored_clause(taken_back)
    if result == "succeeded" and not _ABOUT_ACCESS & set(evidence):
        return attempts[-1].detail.rstrip(".") or "Every step was done"
    return f"{_password_clause(record, evidence, attempts)}; {_oauth_clause(record, evidence, result)}"


def checks_clause(checks: Sequence[Mapping[str, Any]]) -> str:
    """What a verification found: what drifted, what holds, what could not be read."""
    by_state: dict[str, list[str]] = {}
    for check in checks:
        by_state.setdefault(str(check.get("state")), []).append(str(check.get("check")))
    said = []
    if drifted := by_state.get("drifted"):
        said.append(f"Not as it was left any more: {listing(drifted)}")
    held = len(by_state.get("holds", []))
    said.append("1 check holds" if held == 1 else f"{held} checks hold")
    if unread := by_state.get("not_readable"):
        said.append(f"not readable: {listing(unread)}")
    return "; ".join(said)


def _restored_clause(taken_back: Sequence[Mapping[str, Any]]) -> str:
    done = [str(one.get("mechanism")) for one in taken_back if one.get("restored")]
    not_done = [str(one.get("mechanism")) for one in taken_back if not one.get("restored")]
    said = [f"Locks taken back: {listing(done)}"] if done else ["No lock has been taken back"]
    if not_done:
        said.append(f"not to be taken back from here: {listing(not_done)}")
    return "; ".join(said)


def _oauth_clause(record: RunRecord, evidence: Mapping[str, Any], result: str) -> str:
    user = integration_user(record, evidence) or "the integration user"
    proofs = rows(evidence, "jwt_proofs")
    if proofs:
        return f"{user} works by certificate"
    if tree(evidence, "credential").get("works"):
        return f"{user} works by the certificate of an earlier run"
    if result == "succeeded":
        return f"no login of {user} by certificate is in this record"
    return f"a login of {user} by certificate is not proven"


def _password_clause(
    record: RunRecord, evidence: Mapping[str, Any], attempts: Sequence[AttemptRecord]
) -> str:
    user = principal(record, evidence)
    subject = f"The password of {user}" if user else "The password"
    judged = {path: str(row.get("state")) for path, row in tree(evidence, "verdicts").items()}
    locks = [str(lock.get("mechanism")) for lock in rows(evidence, "lockdown") if "undone" not in lock]
    earlier = tree(evidence, "provisioned")
    if begun := unconfirmed_locks(evidence, attempts):
        return f"{subject}: lock {listing(sorted(begun))} was begun, and is not confirmed"
    if judged:
        return f"{subject} {_judged(judged, tree(evidence, 'password_probe'))}"
    if locks and earlier.get("run") not in {None, record.run}:
        return f"{subject} was locked by run {earlier['run']} at {earlier.get('at')}; it was not tried again"
    if locks:
        return f"{subject}: {listing(locks)} applied and read back, but it was not tried afterwards"
    why = "what was locked has been undone" if rows(evidence, "lockdown") else "nothing was locked"
    return f"{subject} is as it was before this run: {why}" if user else "No password was touched"


def unconfirmed_locks(
    evidence: Mapping[str, Any], attempts: Sequence[AttemptRecord]
) -> dict[str, Mapping[str, Any]]:
    """Locks that were announced before their call and are in no list of locks: mechanism → value before."""
    known = {lock.get("mechanism") for lock in rows(evidence, "lockdown")}
    return {
        str(attempt.notes["mechanism"]): tree(attempt.notes, "before")
        for attempt in attempts
        if attempt.notes.get("mechanism") and attempt.notes["mechanism"] not in known
    }


def _judged(judged: Mapping[str, str], probe: Mapping[str, Any]) -> str:
    by_state: dict[str, list[str]] = {}
    for path, state in judged.items():
        by_state.setdefault(state, []).append(path_words(path))
    opened, unproven = by_state.get("open", []), by_state.get("closed_unproven", [])
    proven = by_state.get("proven_closed", [])
    if opened:
        works = "STILL WORKS" if probe.get("answer") == "login succeeded" else "may still work"
        return f"{works} at {listing(opened)}"
    if not unproven:
        return "opens nothing any more"
    if proven:
        return (
            f"is closed everywhere, proven at {listing(proven)}, by configuration only at {listing(unproven)}"
        )
    return "is closed by configuration on every path, and on none was it proven from outside"
