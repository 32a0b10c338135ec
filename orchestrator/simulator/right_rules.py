"""Rules for permission sets, their assignments and licences, and app pre-authorisations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.simulator.object_rights import object_entries
from orchestrator.simulator.org import Org
from orchestrator.simulator.permissions import (
    INTEGRATION_LICENSE,
    INTEGRATION_LICENSE_PERMISSIONS,
    INTEGRATION_PERMISSION_SET_LICENSE,
)
from orchestrator.simulator.refusals import (
    RecordRefused,
    bad_reference,
    duplicate,
    insufficient_access,
    not_found,
)
from orchestrator.simulator.sobjects_apps import access_rows
from orchestrator.simulator.users import (
    License,
    PermissionSet,
    PermissionSetAssignment,
    PermissionSetLicenseAssign,
    User,
)

if TYPE_CHECKING:
    from orchestrator.simulator.record_rules import Change

_ASSIGNERS = frozenset({"AssignPermissionSets", "ManageUsers"})
_RIGHTS_ADMIN = "ManageProfilesPermissionsets"
_API_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")


def create_permission_set(change: Change, fields: Mapping[str, Any]) -> str:
    """Create a permission set with the permissions set to true."""
    if _RIGHTS_ADMIN not in change.permissions:
        raise insufficient_access()
    missing = [name for name in ("Name", "Label") if not fields.get(name)]
    if missing:
        raise RecordRefused(
            "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", fields=missing
        )
    name = str(fields["Name"])
    if not _API_NAME.fullmatch(name):
        raise RecordRefused(
            "INVALID_FIELD",
            "The Permission Set API Name can only contain underscores and alphanumeric characters. "
            "It must be unique, "
            "begin with a letter, not include spaces, not end with an underscore, and not contain "
            "two consecutive "
            "underscores.",
            fields=["Name"],
        )
    if change.org.permission_set_by_name(name) is not None:
        raise duplicate()
    made = PermissionSet(
        id=change.org.next_id("0PS"),
        name=name,
        label=str(fields["Label"]),
        description=str(fields.get("Description") or ""),
        user_permissions=_chosen_permissions(set(), fields),
        created_wall_s=change.sim.wall_s(change.org),
    )
    change.org.permission_sets[made.id] = made
    return made.id


def update_permission_set(change: Change, permission_set_id: str, fields: Mapping[str, Any]) -> None:
    """Change label or permissions of a permission set."""
    if _RIGHTS_ADMIN not in change.permissions:
        raise insufficient_access()
    found = _permission_set(change.org, permission_set_id)
    if found is None:
        raise not_found()
    found.user_permissions = _chosen_permissions(found.user_permissions, fields)
    found.label = str(fields.get("Label", found.label))
    found.description = str(fields.get("Description") or found.description)


def delete_permission_set(change: Change, permission_set_id: str) -> None:
    """Delete a permission set that nobody has."""
    if _RIGHTS_ADMIN not in change.permissions:
        raise insufficient_access()
    found = _permission_set(change.org, permission_set_id)
    if found is None:
        raise not_found()
    if any(each.permission_set_id == found.id for each in change.org.assignments.values()):
        raise RecordRefused(
            "DELETE_FAILED",
            f"You can't delete the permission set {found.label} because it's assigned to users.",
        )
    del change.org.permission_sets[found.id]


def create_assignment(change: Change, fields: Mapping[str, Any]) -> str:
    """Give a permission set to a user."""
    org = change.org
    if not _ASSIGNERS & change.permissions:
        raise insufficient_access()
    user = _assignee(org, fields)
    found = _permission_set(org, str(fields.get("PermissionSetId", "")))
    if found is None:
        raise bad_reference("PermissionSetId")
    if any(
        each.assignee_id == user.id and each.permission_set_id == found.id
        for each in org.assignments.values()
    ):
        raise duplicate()
    check_license(org, user, found)
    made = PermissionSetAssignment(org.next_id("0Pa"), user.id, found.id, change.sim.wall_s(org))
    org.assignments[made.id] = made
    _audit(
        change,
        "PermSetAssign",
        f"Permission set {found.label}: assigned to user {user.name} (UserID: {user.id})",
    )
    return made.id


def delete_assignment(change: Change, assignment_id: str) -> None:
    """Take a permission set from a user."""
    org = change.org
    if not _ASSIGNERS & change.permissions:
        raise insufficient_access()
    found = next((each for key, each in org.assignments.items() if key[:15] == assignment_id[:15]), None)
    if found is None:
        raise not_found(deleted=True)
    del org.assignments[found.id]
    taken = org.permission_sets.get(found.permission_set_id)
    user = org.users.get(found.assignee_id)
    if taken is not None and user is not None:
        _audit(change, "PermSetUnassign", f"Permission set {taken.label}: unassigned from user {user.name}")


def check_license(org: Org, user: User, permission_set: PermissionSet) -> None:
    """Refuse a permission set the user's licence does not allow.

    Raises:
        RecordRefused: FIELD_INTEGRITY_EXCEPTION.
    """
    license_name = org.profiles[user.profile_id].license_name
    psls = {
        org.permission_set_licenses[given.permission_set_license_id].key
        for given in org.license_assignments.values()
        if given.assignee_id == user.id
    }
    has_integration_psl = INTEGRATION_PERMISSION_SET_LICENSE in psls
    wanted = permission_set.license
    if wanted and wanted != license_name and wanted not in psls:
        psl_names = {found.name for found in org.permission_set_licenses.values() if found.key in psls}
        if wanted not in psl_names:
            raise RecordRefused(
                "FIELD_INTEGRITY_EXCEPTION",
                f"Can't assign permission set {permission_set.label} to user {user.name}. The user "
                "license doesn't "
                "match the permission set license.",
                fields=["PermissionSetId"],
            )
    if license_name == INTEGRATION_LICENSE and not has_integration_psl:
        beyond = sorted(permission_set.user_permissions - INTEGRATION_LICENSE_PERMISSIONS)
        beyond += [f"Read {entry.get('object')}" for entry in object_entries(org, permission_set)]
        if beyond:
            raise RecordRefused(
                "FIELD_INTEGRITY_EXCEPTION",
                f"Can't assign permission set {permission_set.label} to user {user.name}. The user "
                "license doesn't "
                f"allow the permission: {beyond[0]}",
                fields=["PermissionSetId"],
            )


def create_license_assignment(change: Change, fields: Mapping[str, Any]) -> str:
    """Give a permission set licence to a user."""
    org = change.org
    if not _ASSIGNERS & change.permissions:
        raise insufficient_access()
    user = _assignee(org, fields)
    wanted = str(fields.get("PermissionSetLicenseId", ""))
    psl = next((each for key, each in org.permission_set_licenses.items() if key[:15] == wanted[:15]), None)
    if psl is None:
        raise bad_reference("PermissionSetLicenseId")
    given = [each for each in org.license_assignments.values() if each.permission_set_license_id == psl.id]
    if any(each.assignee_id == user.id for each in given):
        raise duplicate()
    if psl.key == INTEGRATION_PERMISSION_SET_LICENSE:
        _check_integration_license(org, user, psl)
    if len(given) >= psl.total:
        raise RecordRefused("LICENSE_LIMIT_EXCEEDED", "License Limit Exceeded")
    made = PermissionSetLicenseAssign(org.next_id("2LA"), user.id, psl.id)
    org.license_assignments[made.id] = made
    return made.id


def _check_integration_license(org: Org, user: User, psl: License) -> None:
    """It is for users of the Salesforce Integration user licence only (help platform.integration_user)."""
    if org.profiles[user.profile_id].license_name != INTEGRATION_LICENSE:
        raise RecordRefused(
            "FIELD_INTEGRITY_EXCEPTION",
            f"Can't assign permission set license {psl.name} to user {user.name}. The user license doesn't "
            "match the permission set license.",
            fields=["PermissionSetLicenseId"],
        )


def delete_license_assignment(change: Change, assign_id: str) -> None:
    """Take a permission set licence from a user."""
    if not _ASSIGNERS & change.permissions:
        raise insufficient_access()
    found = next((key for key in change.org.license_assignments if key[:15] == assign_id[:15]), None)
    if found is None:
        raise not_found(deleted=True)
    del change.org.license_assignments[found]


def create_entity_access(change: Change, fields: Mapping[str, Any]) -> str:
    """Pre-authorise an app for a permission set or a profile (SetupEntityAccess)."""
    org = change.org
    if not {"ManageProfilesPermissionsets", "ManageUsers", "CustomizeApplication"} & change.permissions:
        raise insufficient_access()
    app = org.app_by_id(str(fields.get("SetupEntityId", "")))
    if app is None:
        raise bad_reference("SetupEntityId")
    parent_id = str(fields.get("ParentId", ""))
    if any(parent[:15] == parent_id[:15] and each is app for _, parent, each in access_rows(org)):
        raise duplicate()
    permission_set = _permission_set(org, parent_id)
    profile = next(
        (each for each in org.profiles.values() if each.owned_permission_set_id[:15] == parent_id[:15]), None
    )
    if permission_set is not None:
        app.permission_set_names |= {permission_set.name}
    elif profile is not None:
        app.profile_names |= {profile.name}
    else:
        raise bad_reference("ParentId")
    app.modified_wall_s = change.sim.wall_s(org)
    org.app_changed(app, change.sim.now_s())
    return next(
        row_id for row_id, parent, each in access_rows(org) if parent[:15] == parent_id[:15] and each is app
    )


def delete_entity_access(change: Change, access_id: str) -> None:
    """Withdraw a pre-authorisation."""
    org = change.org
    if not {"ManageProfilesPermissionsets", "ManageUsers", "CustomizeApplication"} & change.permissions:
        raise insufficient_access()
    for row_id, parent_id, app in list(access_rows(org)):
        if row_id[:15] != access_id[:15]:
            continue
        permission_set = org.permission_sets.get(parent_id)
        if permission_set is not None:
            app.permission_set_names = frozenset(
                name for name in app.permission_set_names if name.lower() != permission_set.name.lower()
            )
        else:
            owners = {
                each.name for each in org.profiles.values() if each.owned_permission_set_id == parent_id
            }
            app.profile_names = frozenset(
                name
                for name in app.profile_names
                if (found := org.profile_by_name(name)) and found.name not in owners
            )
        del app.access_ids[parent_id]
        org.app_changed(app, change.sim.now_s())
        return
    raise not_found(deleted=True)


def _chosen_permissions(present: set[str], fields: Mapping[str, Any]) -> set[str]:
    chosen = set(present)
    for name, value in fields.items():
        if name.startswith("Permissions"):
            permission = name.removeprefix("Permissions")
            if value:
                chosen.add(permission)
            else:
                chosen.discard(permission)
    return chosen


def _permission_set(org: Org, permission_set_id: str) -> PermissionSet | None:
    return next(
        (each for key, each in org.permission_sets.items() if key[:15] == permission_set_id[:15]), None
    )


def _assignee(org: Org, fields: Mapping[str, Any]) -> User:
    wanted = str(fields.get("AssigneeId", ""))
    found = next((each for key, each in org.users.items() if key[:15] == wanted[:15]), None)
    if found is None:
        raise bad_reference("AssigneeId")
    return found


def _audit(change: Change, action: str, display: str) -> None:
    change.org.audit(action, "Manage Users", display, change.sim.wall_s(change.org), change.actor)
