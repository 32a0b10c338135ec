"""What a hybrid run that went well finds out, state by state."""

from __future__ import annotations

from typing import Any

ADMIN, ROBOT = "admin@acme.example", "robot@acme.example"
ORG_ID = "00D000000000001AAA"
CONSUMER_KEY = "e87edfa60e4fbdd8108c9d822ec30f6ff823b5286c684523639a80ab7bbe8592"


def proof(number: int) -> dict[str, Any]:
    return {
        "at": f"2027-01-15T08:00:{10 + number}.000Z",
        "instance_url": "https://acme.my.salesforce.com",
        "org_id": ORG_ID,
        "user_id": "005000000000002AAA",
        "data_read": True,
        "metadata_read": True,
    }


def lock(mechanism: str, **changes: Any) -> dict[str, Any]:
    return {
        "mechanism": mechanism,
        "closes": ["soap_login", "password_grant", "ui"],
        "scope": "user",
        "applied_at": "2027-01-15T08:00:30.000Z",
        "read_back": True,
        "how_proven": f"the org shows {mechanism}",
        "canary": "2 JWT logins with a data read after the lock",
        "undo": {"how": f"undo {mechanism}", "before": {"value": f"before-{mechanism}"}},
        **changes,
    }


def verdicts(soap: str, grant: str, page: str) -> dict[str, Any]:
    states = {"soap_login": soap, "password_grant": grant, "ui": page}
    return {
        path: {
            "state": state,
            "mechanisms": [] if state == "open" else ["replace_password"],
            "why": f"why {path}",
        }
        for path, state in states.items()
    }


PLAN = {
    "principal": "handed_over",
    "user_id": "005000000000001AAA",
    "username": ADMIN,
    "jwt_user_id": "005000000000002AAA",
    "steps": [{"mechanism": "replace_password", "reason": "worth nothing", "danger": "mailbox resets"}],
    "left_out": [{"mechanism": "freeze_user", "reason": "the account lives on"}],
    "stays_open": [],
    "caveats": ["whoever controls the mailbox can set a new password"],
    "may_probe_with_password": True,
}
PROBE = {
    "when": "2027-01-15T08:00:40.000Z",
    "path": "SOAP login() v64.0 at acme.my.salesforce.com",
    "answer": "login_invalid",
    "text": "INVALID_LOGIN: Invalid username, password, security token; or user locked out.",
    "login_history": {
        "LoginTime": "2027-01-15T08:00:40.000+0000",
        "Status": "Invalid Password",
        "SourceIp": "192.0.2.7",
    },
    "proves": "replace_password",
    "meaning": "Login History names the password as wrong, and it was right before",
}
# State, outcome and evidence of each attempt of a hybrid run that went well.
HYBRID: list[tuple[str, str, dict[str, Any]]] = [
    (
        "detect",
        "succeeded",
        {"org_id": ORG_ID, "host": {"my_domain": "acme.my.salesforce.com", "kind": "production"}},
    ),
    ("try_credential", "absent", {}),
    ("bootstrap", "succeeded", {"bootstrap": {"username": ADMIN}, "password_attempts": 1}),
    (
        "preflight",
        "succeeded",
        {
            "organization": {
                "Id": ORG_ID,
                "Name": "Acme Inc.",
                "OrganizationType": "Enterprise Edition",
                "InstanceName": "USA482",
            },
            "preflight": {
                "integration_user": {"username": ROBOT},
                "integration_user_lacks": ["ModifyMetadata"],
                "other_admins": ["admin2@acme.example"],
                "egress_ip": "192.0.2.7",
            },
            "snapshot": {
                "taken_at": "2027-01-15T08:00:03.000Z",
                "OauthOidcSettings": {"blockOAuthUnPwFlow": False},
            },
        },
    ),
    (
        "issue_certificate",
        "succeeded",
        {
            "certificate": {
                "sha256": "ab" * 32,
                "not_after": "2028-01-15T08:00:00Z",
                "origin": "made for this org",
            }
        },
    ),
    (
        "assign_permission_set",
        "succeeded",
        {"assignments": {"setup": {"permission_set": "Setup_Set", "assignment_id": "0Pa1"}}},
    ),
    (
        "read_consumer_key",
        "succeeded",
        {
            "app": {
                "kind": "external_client_app",
                "name": "Orchestrator_JWT",
                "consumer_key": CONSUMER_KEY,
                "key_as_sent": True,
            }
        },
    ),
    (
        "prove_oauth",
        "again",
        {"jwt_proofs": [], "propagation": {"attempts": 1, "answers": {"app_not_found": 1}}},
    ),
    (
        "prove_oauth",
        "succeeded",
        {
            "jwt_proofs": [proof(1), proof(2)],
            "propagation": {
                "attempts": 2,
                "answers": {"app_not_found": 1},
                "first_success_s": 7.5,
                "settled_s": 7.5,
            },
        },
    ),
    ("adopt_oauth", "succeeded", {"adopted": {"bootstrap_session": "revoked"}}),
    ("plan_lockdown", "succeeded", {"lock_plan": PLAN}),
    ("lock_password", "succeeded", {"lockdown": [lock("replace_password")]}),
    (
        "verify_lockdown",
        "succeeded",
        {"password_probe": PROBE, "verdicts": verdicts(*["proven_closed"] * 3), "password_attempts": 2},
    ),
    ("withdraw_rights", "succeeded", {"rights_withdrawn": "Setup_Set", "provisioned": {"run": "this"}}),
]
