"""Policies a subscriber sets for the External Client App of a vendor's package. Pure.

Key, certificate and scopes of a packaged app are its vendor's; who may use it, and whether it is on, is the
subscriber's. A deploy is declarative, so everything that stood in a policy before is sent again, and only
what lets our user in is changed. Source: metadata guide, ExtlClntAppOauthConfigurablePolicies and
ExtlClntAppConfigurablePolicies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.salesforce.client_app_plan import default_members
from orchestrator.salesforce.package import Component

ADMIN_APPROVED = "AdminApprovedPreAuthorized"
SELF_AUTHORIZED = "AllSelfAuthorized"
OAUTH_POLICY = "ExtlClntAppOauthConfigurablePolicies"
APP_POLICY = "ExtlClntAppConfigurablePolicies"
POLICY_TYPES = (OAUTH_POLICY, APP_POLICY)


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy component as the org has it.

    Attributes:
        type_name: one of `POLICY_TYPES`.
        member: its developer name; the org's own names cannot be foretold.
        fields: its elements; empty when the app has no such component.
    """

    type_name: str
    member: str
    fields: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Evidence form."""
        return {"type": self.type_name, "member": self.member, "fields": dict(self.fields)}

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Policy:
        """The policy that `as_json` wrote."""
        return cls(str(tree["type"]), str(tree["member"]), dict(tree["fields"]))


def plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """The elements of a component as readMetadata gave it, ready to be deployed again."""
    empty: tuple[object, ...] = (None, "", [])
    return {name: given for name, given in record.items() if name != "fullName" and given not in empty}


def absent_policy(type_name: str, app: str) -> Policy:
    """A policy the app does not have yet, under the name Setup would give it."""
    names = default_members(app)
    return Policy(type_name, names.oauth_policy if type_name == OAUTH_POLICY else names.policy, {})


def wanted_policy(before: Policy, app: str, permission_set: str) -> Component:
    """*before* with what lets holders of *permission_set* in.

    Args:
        before: as the org has it.
        app: full name of the app, `namespace__name`.
        permission_set: API name of the pre-authorisation set.
    """
    fields: dict[str, Any] = {"label": before.member, **before.fields, "externalClientApplication": app}
    if before.type_name == OAUTH_POLICY:
        sets = dict.fromkeys([*permission_sets(before), permission_set])
        fields |= {
            "permittedUsersPolicyType": ADMIN_APPROVED,
            "commaSeparatedPermissionSet": ", ".join(sets),
        }
        fields.setdefault("ipRelaxationPolicyType", "Enforce")
    else:
        fields |= {"isEnabled": True, "isOauthPluginEnabled": True}
    return Component(before.type_name, before.member, fields)


def former_policy(now: Policy, before: Policy, app: str, permission_set: str) -> Component:
    """*now* without what we changed: our set leaves the list, the switches are as in *before*.

    What other people changed since stays. A switch of a policy that was not there before goes back to the
    org's default: nobody admin-approved, the app on.
    """
    fields: dict[str, Any] = {**now.fields, "externalClientApplication": app}
    if now.type_name == OAUTH_POLICY:
        others = [name for name in permission_sets(now) if name != permission_set]
        fields["commaSeparatedPermissionSet"] = ", ".join(others) or None
        fields["permittedUsersPolicyType"] = before.fields.get("permittedUsersPolicyType") or SELF_AUTHORIZED
    else:
        fields |= {name: before.fields.get(name, True) for name in ("isEnabled", "isOauthPluginEnabled")}
    return Component(now.type_name, now.member, fields)


def lets_in(policy: Policy, permission_set: str) -> bool:
    """Whether the policy is already as we want it."""
    fields = policy.fields
    if policy.type_name == OAUTH_POLICY:
        admin_approved = fields.get("permittedUsersPolicyType") == ADMIN_APPROVED
        return admin_approved and permission_set in permission_sets(policy)
    return _is_on(fields.get("isEnabled")) and _is_on(fields.get("isOauthPluginEnabled"))


def permission_sets(policy: Policy) -> list[str]:
    """API names of the sets an OAuth policy pre-authorises."""
    listed = str(policy.fields.get("commaSeparatedPermissionSet") or "")
    return [name.strip() for name in listed.split(",") if name.strip()]


def _is_on(value: object) -> bool:
    return str(value).lower() == "true"
