"""Does the integration user hold what the work ahead needs? Its temporary rights were withdrawn long ago."""

from __future__ import annotations

from typing import Any

from orchestrator.actions import facts
from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import (
    Connection,
    jwt_connection,
    jwt_username,
    org_host,
    sets_named_after,
)
from orchestrator.actions.restoring import RIGHTS_NEEDED
from orchestrator.errors import OrgFault
from orchestrator.machine import Done, Failed, Outcome
from orchestrator.playbook.model import ActionSpec, Parameter
from orchestrator.salesforce.permission_sets import setup_set
from orchestrator.salesforce.setup_links import permission_set_link, setup_link

Groups = tuple[tuple[str, ...], ...]

# Deleting the app and its sets: settings and metadata, users' assignments, External Client Apps.
_TO_DECOMMISSION: Groups = (
    ("CustomizeApplication",),
    ("ModifyMetadata", "ModifyAllData"),
    ("ManageUsers",),
    ("ExternalClientAppDeveloper",),
)

# Replacing a certificate: settings and metadata, External Client Apps with their policies; a second app too.
_TO_ROTATE: Groups = (*_TO_DECOMMISSION[:2], ("ExternalClientAppDeveloper",), ("ExternalClientAppAdmin",))

SETUP_DESCRIPTION = str(setup_set("x", "x").fields["description"])

# Nobody can delete the permission set that his right to delete it comes from.
_TIDIER = {"restore": "", "rotate": "", "decommission": ", and then nothing of ours stays behind"}


class CheckRights:
    """Compare what is needed with what the user holds; name set, user and page when something lacks."""

    spec = ActionSpec(
        name="check_rights",
        summary="Check that the integration user holds the rights the work needs; say how to give them.",
        faults=frozenset({"rights_withdrawn", "integration_user_missing"}),
        parameters={
            "purpose": Parameter("string", default="restore", choices=("restore", "decommission", "rotate")),
        },
        waits=True,
        evidence=frozenset({"rights"}),
    )

    def observe(self, ctx: RunContext) -> Outcome | None:
        """Looking is repeated, not remembered."""
        return None

    def apply(self, ctx: RunContext) -> Outcome:
        """Evidence: `rights` (user, set, what lacks, how to give it, whether it is the temporary set's)."""
        org = jwt_connection(ctx, fresh=True)
        user_id = facts.user_id(org, jwt_username(ctx))
        if user_id is None:
            raise org_fault("integration_user_missing", f"the org has no user {jwt_username(ctx)}")
        groups = self._groups(ctx)
        held = _held(org, user_id, {name for group in groups for name in group})
        missing = [" or ".join(group) for group in groups if not held & set(group)]
        name, set_id = setup_set_of(ctx, org)
        rights: dict[str, Any] = {
            "user_id": user_id,
            "username": jwt_username(ctx),
            "permission_set": name,
            "permission_set_id": set_id,
            "missing": missing,
        }
        if not missing:
            return Done(evidence={"rights": rights}, detail=f"{jwt_username(ctx)} holds what is needed")
        host, purpose = org_host(ctx), str(ctx.parameters["purpose"])
        link = permission_set_link(host, set_id) if set_id else setup_link(host, "permission_sets")
        how = (
            f"Assign permission set {name} to {jwt_username(ctx)}: {link} (Manage Assignments). "
            f"It lacks {', '.join(missing)}; any other set with these rights does as well{_TIDIER[purpose]}."
        )
        if set_id is None:  # nothing was ever lent to this user
            how = f"Give {jwt_username(ctx)} a permission set with {', '.join(missing)}: {link}."
        return Failed("rights_withdrawn", how, {"rights": {**rights, "link": link, "how": how}})

    def _groups(self, ctx: RunContext) -> Groups:
        if ctx.parameters["purpose"] != "restore":
            return {"decommission": _TO_DECOMMISSION, "rotate": _TO_ROTATE}[ctx.parameters["purpose"]]
        steps = ctx.found("undo_plan")["steps"]
        needed = [group for step in steps for group in RIGHTS_NEEDED.get(step["mechanism"], ())]
        return tuple(dict.fromkeys(needed))


def setup_set_of(ctx: RunContext, org: Connection) -> tuple[str, str | None]:
    """Name and id of the temporary set; the id may be known only from the run that made it."""
    made = dict((ctx.evidence.get("undoes") or {}).get("setup_set") or {})
    name = str(made.get("permission_set") or f"{sets_named_after(ctx.found('app'))}_Setup")
    try:
        rows = org.rest.query("SELECT Id, Description FROM PermissionSet WHERE Name = {name}", name=name)
    except OrgFault:  # without rights the user may not even see permission sets
        rows = []
    if rows:  # somebody else's set of that name is none of our business
        return name, str(rows[0]["Id"]) if rows[0]["Description"] == SETUP_DESCRIPTION else None
    known = made.get("permission_set_id")
    return name, str(known) if known else None


def _held(org: Connection, user_id: str, names: set[str]) -> frozenset[str]:
    """Which of *names* the user holds; none when it may not look, and one the org does not know counts.

    Raises:
        OrgFault: anything but a missing permission.
    """
    if not names:
        return frozenset()
    try:
        known = facts.existing_permissions(org)
        return facts.permissions_of(org, user_id, names & known) | (names - known)
    except OrgFault as refused:
        if refused.code not in {"permission_missing", "record_missing"}:
            raise
        return frozenset()
