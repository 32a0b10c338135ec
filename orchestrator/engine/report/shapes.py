"""The parts of the evidence that a report reads by name, brought into the shape it reads them in.

A journal may be of another version, or changed by hand. What does not have the expected shape is left aside
here, so that every later step may rely on the shape; as it stands it is still in the report's `evidence`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

ANY, TEXT, NUMBER = "any", "text", "number"
EACH = "*"

EVIDENCE: Mapping[str, Any] = {
    "org_id": TEXT,
    "api_version": TEXT,
    "instance_url": TEXT,
    "audience": TEXT,
    "password_attempts": NUMBER,
    "rights_withdrawn": TEXT,
    "host": {"my_domain": TEXT, "kind": TEXT},
    "organization": {"Name": TEXT, "OrganizationType": TEXT, "InstanceName": TEXT, "IsSandbox": ANY},
    "bootstrap": {"username": TEXT},
    "preflight": {
        "integration_user": {"username": TEXT},
        "integration_user_lacks": [TEXT],
        "other_admins": [TEXT],
        "egress_ip": TEXT,
    },
    "snapshot": {"taken_at": TEXT},
    "certificate": {"sha256": TEXT, "not_after": TEXT, "origin": TEXT},
    "assignments": {"setup": {"permission_set": TEXT, "assignment_id": TEXT}},
    "client_app": {"kind": TEXT, "name": TEXT},
    "app": {
        "kind": TEXT,
        "name": TEXT,
        "consumer_key": TEXT,
        "key_as_sent": ANY,
        "certificate_read_back": ANY,
    },
    "jwt_proofs": [
        {"at": TEXT, "instance_url": TEXT, "user_id": TEXT, "data_read": ANY, "metadata_read": ANY}
    ],
    "propagation": {
        "attempts": NUMBER,
        "first_success_s": NUMBER,
        "settled_s": NUMBER,
        "refused_s": NUMBER,
        "answers": {EACH: NUMBER},
    },
    "adopted": {"bootstrap_session": TEXT},
    "lock_plan": {
        "principal": TEXT,
        "user_id": TEXT,
        "username": TEXT,
        "steps": [{"mechanism": TEXT, "reason": TEXT, "danger": TEXT}],
        "left_out": [{"mechanism": TEXT, "reason": TEXT}],
        "stays_open": [{"path": TEXT, "why": TEXT, "manual_step": TEXT}],
        "caveats": [TEXT],
    },
    "lockdown": [
        {
            "mechanism": TEXT,
            "closes": [TEXT],
            "scope": TEXT,
            "applied_at": TEXT,
            "read_back": ANY,
            "how_proven": TEXT,
            "canary": TEXT,
            "undone": TEXT,
            "undo_failed": TEXT,
            "undo": {"how": TEXT, "before": ANY},
        }
    ],
    "password_probe": {
        "when": TEXT,
        "path": TEXT,
        "answer": TEXT,
        "text": TEXT,
        "login_history": {EACH: TEXT},
        "proves": TEXT,
        "meaning": TEXT,
    },
    "verdicts": {EACH: {"state": TEXT, "mechanisms": [TEXT], "why": TEXT}},
    "provisioned": {"run": TEXT, "at": TEXT},
    "verification": {
        "org_id": TEXT,
        "checks": [{"check": TEXT, "state": TEXT, "expected": TEXT, "seen": TEXT, "remedy": TEXT}],
    },
    "restored": [{"mechanism": TEXT, "at": TEXT, "restored": ANY, "note": TEXT, "person": TEXT}],
    "credential": {"works": ANY},
    "operator": {EACH: ANY},
}
"""Key of the evidence → its shape: a mapping of keys, a list of one shape, `EACH` for any key, or a kind."""


def fit(shape: Any, value: Any) -> Any:
    """*value* as far as it has *shape*; None where it has not. Keys that the shape does not name are kept."""
    if isinstance(shape, list):
        fitted = [fit(shape[0], item) for item in value] if isinstance(value, list) else []
        return [item for item in fitted if item is not None]
    if isinstance(shape, Mapping):
        return _fit_mapping(shape, value) if isinstance(value, Mapping) else None
    if shape == NUMBER:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return value if is_number else None
    if shape == TEXT:
        return str(value) if isinstance(value, str | int | float) else None
    return value


def _fit_mapping(shape: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    if EACH in shape:
        fitted = {key: fit(shape[EACH], item) for key, item in value.items()}
    else:
        fitted = {key: fit(shape[key], item) if key in shape else item for key, item in value.items()}
    return {key: item for key, item in fitted.items() if item is not None}
