"""What a plan says of its locks, and what must still hold when it is run. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from orchestrator.salesforce.lockdown_mechanisms import MECHANISMS

_OF_THE_ORGS_FILE = (
    *("username", "integration_user", "break_glass_user", "bootstrap_principal"),
    "accept_no_other_admin",
)
_SHOWN_CHARACTERS = 120


def before_and_after(mechanism: str, before: Mapping[str, Any]) -> tuple[str, str]:
    """What a lock finds and what it leaves, in words.

    Args:
        mechanism: id.
        before: what the lock took down before the change.
    """
    match mechanism:
        case "block_password_grant":
            was = str(before["settings"].get("blockOAuthUnPwFlow", "not set")).lower()
            found, left = f"OauthOidcSettings.blockOAuthUnPwFlow = {was}", "true"
        case "withdraw_any_api_auth":
            names = ", ".join(before["permission_sets"])
            found, left = f"Use Any API Auth through {names}", "not assigned"
        case "api_only" | "require_sso":
            found = "held" if before["held_before"] else "not held"
            left = f"held through permission set {before['permission_set']}"
        case "replace_password":
            found, left = (
                f"the password of {before['last_password_change']}",
                "a random one that nobody keeps",
            )
        case "end_sessions":
            found, left = "sessions of the user", "none"
        case "freeze_user":
            found, left = f"IsFrozen = {str(before['was_frozen']).lower()}", "true"
        case "deactivate_user":
            found, left = f"IsActive = {str(before['was_active']).lower()}", "false"
        case _:
            found, left = "", MECHANISMS[mechanism].applied
    return found, left


def persons_part(plan: Mapping[str, Any]) -> list[str]:
    """What only a person can do, one sentence each."""
    steps = [f"{path['path']}: {path['manual_step']}" for path in plan["stays_open"] if path["manual_step"]]
    by_hand = {name for name, mechanism in MECHANISMS.items() if mechanism.by_hand}
    return steps + [
        f"{row['mechanism']}: {MECHANISMS[row['mechanism']].applied} ({row['reason']})"
        for row in plan["left_out"]
        if row["mechanism"] in by_hand
    ]


def facts_of(plan: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a run of the plan relies on; every key is named when it differs.

    Args:
        plan: as surveyed.
        entry: of the orgs file.
    """
    return {
        "org_id": plan["about"]["org_id"],
        "host": plan["about"]["host"],
        "orgs_file": {key: entry.get(key) for key in _OF_THE_ORGS_FILE},
        "looked_by": plan["looked_as"]["how"],
        "client_app": dict(plan["client_app"]),
        "permission_sets": {row["name"]: row["state"] for row in plan["permission_sets"]},
        "assignments": {row["permission_set"]: row["is_there"] for row in plan["assignments"]},
        "rights_lent": sorted(plan["rights_lent"]),
        "integration_user": dict(plan["integration_user"]),
        "settings": dict(plan["settings"]),
        "other_admins": sorted(plan["other_admins"]),
        "locks": [lock["mechanism"] for lock in plan["locks"]],
        "left_out": sorted({row["mechanism"] for row in plan["left_out"]}),
        "stays_open": sorted(row["path"] for row in plan["stays_open"]),
    }


def digest(tree: Any) -> str:
    """SHA-256 (hex) of a JSON tree, whatever the order of its keys."""
    return hashlib.sha256(canonical(tree)).hexdigest()


def canonical(tree: Any) -> bytes:
    """The one spelling of a JSON tree that is signed and compared."""
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def differences(was: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> list[str]:
    """One line per value that differs, by its path: `client_app.state: was absent, is ours`."""
    said: list[str] = []
    for key in sorted({*was, *now}):
        old, new, name = was.get(key), now.get(key), f"{path}{key}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            said += differences(old, new, f"{name}.")
        elif old != new:
            said.append(f"{name}: was {_shown(old)}, is {_shown(new)}")
    return said


def _shown(value: Any) -> str:
    text = ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
