"""Orgs for the wording of lock plans; `lock_plans.yaml` holds the whole plan for each.

Run as a program, this file writes `lock_plans.yaml` anew. Read the difference: it is what users will read.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from orchestrator.salesforce.lockdown import AnyApiAuthGrant, OrgFacts, choose

WORDINGS = Path(__file__).with_name("lock_plans.yaml")
DEDICATED = AnyApiAuthGrant("Api_Auth", is_dedicated=True)
SHARED = AnyApiAuthGrant("Everything", is_dedicated=False)
PROFILE = AnyApiAuthGrant("System Administrator", is_dedicated=True, is_profile=True)
FULL = OrgFacts(
    has_sso_permission=True,
    has_delegated_gateway="no",
    any_api_auth_field_exists=True,
    any_api_auth_holders=(DEDICATED,),
    other_admins=2,
)

# name -> (what is different from FULL, principal, single sign-on asked for)
CASES: dict[str, tuple[dict[str, Any], str, bool]] = {
    "a handed-over password": ({}, "handed_over", False),
    "a handed-over password, single sign-on asked for": ({}, "handed_over", True),
    "single sign-on where a gateway is not known": (
        {"has_delegated_gateway": "unknown"},
        "handed_over",
        True,
    ),
    "single sign-on where there is a gateway": ({"has_delegated_gateway": "yes"}, "handed_over", True),
    "a gateway nobody asks about": ({"has_delegated_gateway": "unknown"}, "handed_over", False),
    "single sign-on that the org does not have": ({"has_sso_permission": False}, "handed_over", True),
    "a person's own account": ({}, "human_admin", False),
    "a person's own account, flow blocked already": ({"ropc_already_blocked": True}, "human_admin", True),
    "a dedicated account": ({}, "dedicated", False),
    "a dedicated account, flow blocked already": ({"ropc_already_blocked": True}, "dedicated", False),
    "a dedicated account in a read-only org": ({"is_read_only": True}, "dedicated", False),
    "a dedicated account and one administrator more": ({"other_admins": 1}, "dedicated", False),
    "a dedicated account and nobody else": ({"other_admins": 0}, "dedicated", False),
    "a dedicated account and a named way in": (
        {"other_admins": 0, "break_glass_ok": True},
        "dedicated",
        False,
    ),
    "an integration user": ({}, "integration_user", False),
    "an integration user that is API Only": ({"user_is_api_only": True}, "integration_user", False),
    "an integration user that is the only one": ({"other_admins": 0}, "integration_user", False),
    "one user for both": ({"bootstrap_user_is_integration_user": True}, "handed_over", True),
    "no password was handed over": ({"password_was_given": False}, "handed_over", False),
    "an org without Use Any API Auth": ({"any_api_auth_field_exists": False}, "handed_over", False),
    "a user without Use Any API Auth": ({"any_api_auth_holders": ()}, "handed_over", False),
    "Use Any API Auth through shared grants": (
        {"any_api_auth_holders": (SHARED, PROFILE)},
        "handed_over",
        False,
    ),
    "Use Any API Auth through all kinds of grants": (
        {"any_api_auth_holders": (DEDICATED, SHARED, PROFILE)},
        "handed_over",
        False,
    ),
    "a person's own account with shared grants": ({"any_api_auth_holders": (SHARED,)}, "human_admin", False),
    "a person's own account without SOAP login": ({"soap_login_enabled": False}, "human_admin", False),
    "a person's own account that is API Only": ({"user_is_api_only": True}, "human_admin", False),
    "nothing known": (
        {
            "has_sso_permission": False,
            "has_delegated_gateway": "unknown",
            "any_api_auth_field_exists": False,
            "any_api_auth_holders": (),
            "other_admins": 0,
        },
        "handed_over",
        False,
    ),
}


def plan_of(name: str) -> dict[str, Any]:
    """The whole plan of a case as plain values."""
    changed, principal, sso_asked_for = CASES[name]
    plan = choose(dataclasses.replace(FULL, **changed), principal, sso_asked_for=sso_asked_for)
    return {
        "principal": plan.principal,
        "steps": [f"{step.mechanism.id}: {step.reason}" for step in plan.steps],
        "left_out": [f"{name}: {reason}" for name, reason in plan.left_out],
        "stays_open": [f"{one.path}: {one.why}; {one.manual_step}" for one in plan.stays_open],
        "caveats": list(plan.caveats),
        "may_probe_with_password": plan.may_probe_with_password,
    }


if __name__ == "__main__":
    WORDINGS.write_text(
        "# The lock plan of each org; written by lock_plan_cases.py.\n"
        + yaml.safe_dump({name: plan_of(name) for name in CASES}, width=1000, sort_keys=False),
        encoding="utf-8",
    )
