"""Look around before anything is changed: rights, licences, other admins, limits, a snapshot for undo."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection, bootstrap_connection, jwt_username
from orchestrator.actions.facts import UserFacts
from orchestrator.actions.integration_user import EMAIL, planned_user
from orchestrator.actions.snapshot import settings_snapshot
from orchestrator.errors import OrgFault
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.ports import iso
from orchestrator.salesforce.permission_sets import SETUP_PERMISSIONS, with_dependencies
from orchestrator.salesforce.service_rights import read_rights

# Any one of each group lets the bootstrap user do its part (Metadata API guide "deploy()",
# PermissionSetAssignment in the object reference).
BOOTSTRAP_NEEDS: tuple[tuple[str, ...], ...] = (
    ("ModifyMetadata", "ModifyAllData"),
    ("CustomizeApplication",),
    ("ManageUsers", "AssignPermissionSets"),
    ("ApiEnabled",),
)
# A run takes fewer than 100 calls; stop early rather than half-way.
CALLS_NEEDED = 200


PERMISSIONS = Parameter(
    "list", default=(), description="what the service may do, such as Account:read+edit or ViewSetup"
)
ACCEPT_NO_OTHER_ADMIN = Parameter(
    "string", default="", description="why to go on although no other administrator can log in"
)


class Preflight:
    """Everything that would stop the run later is found here, where nothing has happened yet."""

    spec = ActionSpec(
        name="preflight",
        summary="Check rights, users, licences, IP ranges, other admins and limits; keep a snapshot.",
        faults=frozenset(
            {
                "permission_missing",
                "integration_user_missing",
                "license_missing",
                "permission_invalid",
                "user_inactive",
                "no_other_admin",
                "read_only",
                "request_limit",
                "ip_range_excludes_us",
                "org_id_mismatch",
            }
        ),
        parameters={
            "accept_no_other_admin": ACCEPT_NO_OTHER_ADMIN,
            "email": EMAIL,
            "permissions": PERMISSIONS,
            "lock": Parameter("boolean", default=True, description="a password is to be locked later"),
        },
        waits=True,
        evidence=frozenset({"organization", "preflight", "snapshot", "override"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Reading is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `organization`, `preflight` (users, rights, admins, limits), `snapshot`."""
        org = bootstrap_connection(ctx)
        organization = facts.organization(org)
        if str(organization["Id"])[:15] != str(ctx.found("org_id"))[:15]:
            return Failed("org_id_mismatch", f"the session is of org {organization['Id']}")
        if organization.get("IsReadOnly"):
            raise org_fault("read_only", "Organization.IsReadOnly is true")
        known = facts.existing_permissions(org)
        bootstrap_id = str(ctx.found("bootstrap")["user_id"])
        missing = _missing_of_bootstrap(org, bootstrap_id, known)
        if missing:
            user = ctx.found("bootstrap")["username"]
            return Failed("permission_missing", f"{user} lacks {', '.join(missing)}")
        _check_service_rights(ctx, org, known)
        integration = integration_user(ctx, org)
        admins = facts.other_admins(org, {bootstrap_id, integration.id})
        refusal = _break_glass_refusal(ctx, admins) if ctx.parameters["lock"] else None
        if refusal is not None:
            return refusal
        _enough_calls(org)
        egress = _egress_ip(org, bootstrap_id, ctx)
        ranges = _login_ip_ranges(org, integration)
        if egress is not None and ranges and not in_ranges(egress, ranges):
            shown = ", ".join(f"{first}-{last}" for first, last in ranges)
            return Failed(
                "ip_range_excludes_us",
                f"profile {integration.profile} allows {shown}; the org sees us come from {egress}",
            )
        wanted = set(with_dependencies(SETUP_PERMISSIONS)) & known
        lacking = sorted(
            wanted - (facts.permissions_of(org, integration.id, wanted) if integration.id else set())
        )
        evidence = {
            "organization": organization,
            "org_id": organization["Id"],
            "preflight": {
                "at": iso(ctx.now_s()),
                "integration_user": integration.as_json(),
                "integration_user_lacks": lacking,
                "known_setup_permissions": sorted(wanted),
                "other_admins": [admin["username"] for admin in admins],
                "egress_ip": egress,
                "login_ip_ranges": ranges,
                "sso_permission_exists": "IsSsoEnabled" in known,
                "any_api_auth_exists": "UseAnyApiAuth" in known,
            },
            "snapshot": settings_snapshot(org, iso(ctx.now_s())),
        }
        detail = f"{organization['OrganizationType']}; {len(admins)} other admin(s) can still log in"
        if override := no_admin_override(ctx, admins):
            evidence["override"] = override
            detail += f"; accepted: {override['reason']}"
        return Done(evidence=evidence, detail=detail)


def _missing_of_bootstrap(org: Connection, user_id: str, known: frozenset[str]) -> list[str]:
    """Groups of BOOTSTRAP_NEEDS of which the user holds none; names the org does not know are not asked."""
    names = {name for group in BOOTSTRAP_NEEDS for name in group} & known
    held = facts.permissions_of(org, user_id, names)
    return [" or ".join(group) for group in BOOTSTRAP_NEEDS if set(group) & known and not set(group) & held]


def _check_service_rights(ctx: RunContext, org: Connection, known: frozenset[str]) -> None:
    """Raises OrgFault `permission_invalid` when the org does not know what the service is to be given."""
    rights = read_rights(ctx.parameters["permissions"])
    if strange := sorted(set(rights.permissions) - known):
        raise org_fault("permission_invalid", f"the org has no user permission {', '.join(strange)}")
    for name in rights.objects:
        try:
            org.rest.describe(name)
        except OrgFault as refused:
            if refused.code not in {"record_missing", "functionality_missing"}:
                raise
            raise org_fault("permission_invalid", f"the org has no object {name}") from None


def integration_user(ctx: RunContext, org: Connection) -> UserFacts:
    """The JWT run-as user, or how it will be when the playbook makes it and nobody has its name.

    Raises:
        OrgFault: `integration_user_missing`, `user_inactive`; `license_missing` when it cannot be made.
    """
    username = jwt_username(ctx)
    user = facts.user_by_username(org, username)
    if user is None and ctx.parameters.get("email") and ctx.org.get("integration_user"):
        return planned_user(ctx, org)
    if user is None:
        raise org_fault("integration_user_missing", f"the org has no user {username}")
    if not user.is_active or user.is_frozen:
        state = "frozen" if user.is_active else "inactive"
        raise org_fault("user_inactive", f"{username} is {state}")
    return user


def _break_glass_refusal(ctx: RunContext, admins: list[dict[str, str]]) -> Failed | None:
    """Without another way in nothing is begun: the password is to be locked at the end."""
    named = ctx.org.get("break_glass_user")
    usernames = {admin["username"].lower() for admin in admins}
    if named and str(named).lower() not in usernames:
        return Failed(
            "no_other_admin",
            f"{named} is not an active, unfrozen administrator who can log in by browser",
        )
    if not admins and not accepted_reason(ctx):
        return Failed("no_other_admin", "no administrator but the bootstrap and integration users")
    return None


def accepted_reason(ctx: RunContext) -> str:
    """Why the operator goes on without another administrator; "" when that was not accepted."""
    given = ctx.org.get("accept_no_other_admin") or ctx.parameters.get("accept_no_other_admin")
    return str(given or "").strip()


def no_admin_override(ctx: RunContext, admins: list[dict[str, str]]) -> dict[str, str] | None:
    """The recorded override, when it is given and needed; None otherwise.

    A named `break_glass_user` who cannot log in is not covered: then the orgs file is wrong.
    """
    reason = accepted_reason(ctx)
    if admins or not reason:
        return None
    return {"what": "no_other_admin", "reason": reason, "at": iso(ctx.now_s())}


def _enough_calls(org: Connection) -> None:
    remaining = org.rest.limits().get("DailyApiRequests", {}).get("Remaining")
    if remaining is not None and int(remaining) < CALLS_NEEDED:
        raise org_fault(
            "request_limit", f"{remaining} API requests are left today, {CALLS_NEEDED} are needed"
        )


def _egress_ip(org: Connection, user_id: str, ctx: RunContext) -> str | None:
    """The address the org saw our login come from; None while LoginHistory has no row."""
    since = str(ctx.found("bootstrap")["at"])
    rows: list[Any] = list(facts.login_rows(org, user_id, _a_minute_before(since)))
    return str(rows[0]["SourceIp"]) if rows else None


def _login_ip_ranges(org: Connection, user: UserFacts) -> list[list[str]] | None:
    """Login IP ranges of the profile, which the JWT flow obeys whatever the app says; None if unreadable.

    Source: Salesforce help, connected_app_continuous_ip.
    """
    profile = org.metadata.read("Profile", [user.profile])[0]
    if profile is None:
        return None  # the Metadata API has other names for some standard profiles
    listed = profile.get("loginIpRanges") or []
    rows = listed if isinstance(listed, list) else [listed]
    return [[str(row["startAddress"]), str(row["endAddress"])] for row in rows]


def in_ranges(address: str, ranges: list[list[str]]) -> bool:
    """Whether *address* lies in one of the [first, last] ranges; an address we cannot read is not judged."""
    try:
        number = ipaddress.ip_address(address)
        spans = [(ipaddress.ip_address(first), ipaddress.ip_address(last)) for first, last in ranges]
    except ValueError:
        return True
    return any(
        first.version == number.version and int(first) <= int(number) <= int(last) for first, last in spans
    )


def _a_minute_before(moment: str) -> str:
    """Clocks differ: look a little further back. *moment* as `ports.iso` writes it."""
    at = dt.datetime.fromisoformat(moment) - dt.timedelta(minutes=1)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
