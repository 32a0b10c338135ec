"""The user a service works as: found by its username or made, with the licences an integration needs.

Source: Salesforce help platform.integration_user; object reference User, UserLicense, PermissionSetLicense,
PermissionSetLicenseAssign. Enterprise, Unlimited and Performance orgs come with five free integration
licences, Developer Edition with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection, bootstrap_connection, jwt_username
from orchestrator.actions.deploying import MARKER
from orchestrator.actions.facts import UserFacts
from orchestrator.errors import OrgFault
from orchestrator.machine import Again, Done, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.salesforce.hosts import parse_org_url

USER_LICENSE = "Salesforce Integration"
PERMISSION_SET_LICENSE = "SalesforceAPIIntegrationPsl"
# The profile of new orgs first; older orgs have it under its first name.
_PROFILES = ("Minimum Access - API Only Integrations", "Salesforce API Only System Integrations")
_LIKE_THE_ADMIN = ("TimeZoneSidKey", "LocaleSidKey", "LanguageLocaleKey", "EmailEncodingKey")

EMAIL = Parameter(
    "string", default="", description="of the integration user, if it is to be made where there is none"
)


@dataclass(frozen=True, slots=True)
class Seat:
    """What a new integration user gets: profile and permission set licence, by id."""

    profile_id: str
    profile: str
    license_id: str


def free_seat(org: Connection) -> Seat:
    """The profile and both licences of a new integration user.

    Raises:
        OrgFault: `license_missing`, the org lacks one of them or has none free; nothing was changed.
    """
    rows = org.rest.query(
        "SELECT Id, Name FROM Profile WHERE Name IN {names} AND UserLicense.Name = {license}",
        names=list(_PROFILES),
        license=USER_LICENSE,
    )
    profiles = {str(row["Name"]): str(row["Id"]) for row in rows}
    profile = next((name for name in _PROFILES if name in profiles), None)
    users = org.rest.query(
        "SELECT TotalLicenses, UsedLicenses FROM UserLicense WHERE Name = {name}", name=USER_LICENSE
    )
    if profile is None or not users:
        raise org_fault("license_missing", f"the org has no {USER_LICENSE} licence, or no profile for it")
    if not _is_free(users[0]):
        raise org_fault("license_missing", f"none of {_count(users[0])} {USER_LICENSE} licences is free")
    return Seat(profiles[profile], profile, _free_permission_set_license(org))


def planned_user(ctx: RunContext, org: Connection) -> UserFacts:
    """The user that will be made; its id is still empty. Raises OrgFault `license_missing`."""
    seat = free_seat(org)
    return UserFacts(
        id="",
        username=jwt_username(ctx),
        is_active=True,
        is_frozen=False,
        user_type="Standard",
        profile_id=seat.profile_id,
        profile=seat.profile,
        license=USER_LICENSE,
    )


def is_made_by_us(org: Connection, user_id: str) -> bool:
    """Whether the user carries the mark of this tool: its title."""
    return bool(org.rest.get("User", user_id, ("Title",)).get("Title") == MARKER)


class ProvideIntegrationUser:
    """Take the user the orgs file names, or make it; then see that it holds the licence for API work.

    A user cannot be deleted, so none is made before both licences are seen to be free. The mark that a user
    is ours is its title; it is set in the call that makes the user, so a lost answer loses nothing.
    """

    spec = ActionSpec(
        name="provide_integration_user",
        summary="Find the integration user or make it: integration licence, API-only profile.",
        faults=frozenset(
            {
                "integration_user_missing",
                "license_missing",
                "username_taken",
                "email_invalid",
                "permission_missing",
            }
        ),
        parameters={"email": EMAIL},
        waits=True,
        evidence=frozenset({"integration_user", "preflight"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Done when the user is there and holds its licence."""
        org = bootstrap_connection(ctx)
        user = facts.user_by_username(org, _username(ctx))
        return None if user is None else self._seen(ctx, org, user)

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `integration_user` (who, licences, whether made by us), `preflight` with its id."""
        org = bootstrap_connection(ctx)
        user = facts.user_by_username(org, _username(ctx)) or self._make(ctx, org)
        if user is None:
            return Again("record_missing", f"the org took {_username(ctx)} and does not show it yet")
        if _needs_license(user) and _assignment(org, user) is None:
            license_id = _free_permission_set_license(org)
            ctx.note(assigning=PERMISSION_SET_LICENSE)
            ctx.effect()
            org.rest.create(
                "PermissionSetLicenseAssign", {"AssigneeId": user.id, "PermissionSetLicenseId": license_id}
            )
        seen = self._seen(ctx, org, user)
        return seen or Again("permission_assignment_missing", f"{PERMISSION_SET_LICENSE} is not visible yet")

    def _make(self, ctx: RunContext, org: Connection) -> UserFacts | None:
        username = _username(ctx)
        seat = free_seat(org)
        like = org.rest.get("User", str(ctx.found("bootstrap")["user_id"]), _LIKE_THE_ADMIN)
        values = {
            "Username": username,
            "Email": str(ctx.parameters["email"]),
            "LastName": "Integration",
            "Alias": "integr",
            "Title": MARKER,
            "ProfileId": seat.profile_id,
            **{name: like[name] for name in _LIKE_THE_ADMIN},
        }
        ctx.note(making=username)
        ctx.effect()
        try:
            org.rest.create("User", values)
        except OrgFault as refused:
            if refused.code != "username_taken":
                raise
            # By our own call whose answer got lost, it is here; else somebody in another org has the name.
            if (user := facts.user_by_username(org, username)) is not None:
                return user
            raise org_fault("username_taken", f"{username}; try {_another(ctx, username)}") from None
        return facts.user_by_username(org, username)

    def _seen(self, ctx: RunContext, org: Connection, user: UserFacts) -> Outcome | None:
        """Done with what the org shows; None while the licence is not there."""
        if not user.is_active or user.is_frozen:
            state = "frozen" if user.is_active else "inactive"
            raise org_fault("user_inactive", f"{user.username} is {state}")
        assignment = _assignment(org, user) if _needs_license(user) else None
        if _needs_license(user) and assignment is None:
            return None
        made = is_made_by_us(org, user.id)
        known = ctx.found("preflight")
        wanted = set(known["known_setup_permissions"])
        lacks = sorted(wanted - facts.permissions_of(org, user.id, wanted)) if wanted else []
        evidence = {
            "integration_user": {**user.as_json(), "made": made, "license_assignment_id": assignment},
            "preflight": {
                **known,
                "integration_user": user.as_json(),
                "integration_user_lacks": lacks,
            },
        }
        origin = "made by this tool" if made else "found in the org"
        return Done(evidence=evidence, detail=f"{user.username}, {origin}; {user.license}, {user.profile}")


def _username(ctx: RunContext) -> str:
    """Of the integration user; the administrator does not become it by being the only one who is named."""
    if not ctx.org.get("integration_user"):
        raise org_fault("integration_user_missing", "the orgs file names no `integration_user:`")
    return jwt_username(ctx)


def _needs_license(user: UserFacts) -> bool:
    """Other licences bring API rights of their own."""
    return user.license == USER_LICENSE


def _assignment(org: Connection, user: UserFacts) -> str | None:
    """Id of the user's assignment of the permission set licence."""
    rows = org.rest.query(
        "SELECT Id FROM PermissionSetLicenseAssign WHERE AssigneeId = {user} "
        "AND PermissionSetLicense.DeveloperName = {name}",
        user=user.id,
        name=PERMISSION_SET_LICENSE,
    )
    return str(rows[0]["Id"]) if rows else None


def _free_permission_set_license(org: Connection) -> str:
    """Its id. Raises OrgFault `license_missing`."""
    rows = org.rest.query(
        "SELECT Id, TotalLicenses, UsedLicenses FROM PermissionSetLicense WHERE DeveloperName = {name}",
        name=PERMISSION_SET_LICENSE,
    )
    if not rows:
        raise org_fault("license_missing", f"the org has no permission set licence {PERMISSION_SET_LICENSE}")
    if not _is_free(rows[0]):
        what = f"none of {_count(rows[0])} permission set licences {PERMISSION_SET_LICENSE} is free"
        raise org_fault("license_missing", what)
    return str(rows[0]["Id"])


def _is_free(row: Mapping[str, Any]) -> bool:
    return int(row["UsedLicenses"]) < int(row["TotalLicenses"])


def _count(row: Mapping[str, Any]) -> int:
    return int(row["TotalLicenses"])


def _another(ctx: RunContext, username: str) -> str:
    """A username that says which org it is of; usernames are unique across all of Salesforce."""
    local, _, domain = username.partition("@")
    return f"{local}.{parse_org_url(str(ctx.org['url'])).my_domain.partition('.')[0]}@{domain}"
