"""What the vault and the journal know of a credential: its origin, when it was last proven, its end."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from orchestrator.app import App
from orchestrator.errors import OrchestratorError, UsageError

_BESIDE = ("next", "previous")


def record_of(app: App, scope: str) -> dict[str, Any] | None:
    """The credential record of a vault scope; None when it holds none."""
    stored = app.vault.get(scope, "record")
    return None if stored is None else dict(json.loads(stored.reveal()))


def known_record(app: App, org: str) -> dict[str, Any]:
    """The credential record of *org*. Raises UsageError `credential_unknown`."""
    record = record_of(app, f"org:{org}")
    if record is None:
        raise UsageError(
            f"there is no credential of '{org}'",
            code="credential_unknown",
            remedy="see `orchestrator credentials list`",
        )
    return record


def summary(app: App, record: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the list."""
    return {
        "org": record["org"],
        "org_id": record["org_id"],
        "username": record["username"],
        "app": record["app"]["name"],
        "proven_at": last_proven(app, record),
        "not_after": record["certificate"]["not_after"],
        "days_left": days_left(app, str(record["certificate"]["not_after"])),
        "run": record["run"],
        "playbook": playbook_of(app, str(record["run"])),
    }


def days_left(app: App, not_after: str) -> int:
    """Whole days until *not_after*; negative after it."""
    left = dt.datetime.fromisoformat(not_after).timestamp() - app.clock.now_s()
    return int(left // 86_400)


def playbook_of(app: App, run: str) -> str | None:
    """Name of the playbook of that run; None when the journal does not know the run (any more)."""
    try:
        return app.journal.run(run).playbook
    except OrchestratorError:
        return None


def last_proven(app: App, record: Mapping[str, Any]) -> str:
    """When a login with the credential worked last: its run, or a `verify` since."""
    proven = str(record["proven_at"])
    for run in app.journal.runs(org=str(record["org"])):
        verification = run.evidence.get("verification") or {}
        checks = {check["check"]: check["state"] for check in verification.get("checks", [])}
        if checks.get("jwt_login") == "holds":
            return max(proven, str(verification["at"]))  # both RFC 3339 in UTC; runs are newest first
    return proven


def beside(app: App, org: str) -> dict[str, dict[str, Any]]:
    """Keys that a rotation keeps beside the one in use: app, fingerprint and run of each."""
    found = {}
    for name in _BESIDE:
        stored = app.vault.get(f"org:{org}", name)
        if stored is not None:
            record = json.loads(stored.reveal())["record"]
            found[name] = {
                "app": record["app"]["name"],
                "certificate": record["certificate"],
                "run": record["run"],
            }
    return found


def exports_of(app: App, org: str) -> list[dict[str, Any]]:
    """Where the key was handed over to, oldest first."""
    stored = app.vault.get(f"org:{org}", "exports")
    return [] if stored is None else [dict(row) for row in json.loads(stored.reveal())]
