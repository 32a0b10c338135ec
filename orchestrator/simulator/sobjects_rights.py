"""sObject tables of rights: permission sets, assignments, licences, object and field permissions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.simulator.clock import rest_timestamp
from orchestrator.simulator.components import Tree
from orchestrator.simulator.ids import make_id, to_18
from orchestrator.simulator.object_rights import BUSINESS_OBJECTS
from orchestrator.simulator.org import Org
from orchestrator.simulator.permissions import known_permissions
from orchestrator.simulator.schema import FieldType, Row, Table, described, fields_by_name, reference
from orchestrator.simulator.sobjects_people import permission_fields, row_dates

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_AUDITED = described("CreatedDate LastModifiedDate SystemModstamp", "datetime")
_OBJECT_RIGHTS = {
    "PermissionsRead": "allowRead",
    "PermissionsCreate": "allowCreate",
    "PermissionsEdit": "allowEdit",
    "PermissionsDelete": "allowDelete",
    "PermissionsViewAllRecords": "viewAllRecords",
    "PermissionsModifyAllRecords": "modifyAllRecords",
}


def _permission_sets(_sim: Simulator, org: Org) -> Iterator[Row]:
    known = known_permissions(sso_permission_exists=org.switches.sso_permission_exists)
    license_ids = {found.name.lower(): found.id for found in org.licenses.values()}
    for psl in org.permission_set_licenses.values():
        license_ids[psl.name.lower()] = license_ids[psl.key.lower()] = psl.id
    for profile in org.profiles.values():
        yield {
            "Id": profile.owned_permission_set_id,
            "Name": f"X{profile.owned_permission_set_id[:15]}",
            "Label": profile.owned_permission_set_id,
            "Description": None,
            "IsOwnedByProfile": True,
            "IsCustom": profile.is_custom,
            "ProfileId": profile.id,
            "LicenseId": license_ids.get(profile.license_name.lower()),
            "NamespacePrefix": None,
            "Type": "Profile",
            "HasActivationRequired": False,
            **row_dates(0.0),
            **{f"Permissions{name}": name in profile.user_permissions for name in known},
        }
    for each in org.permission_sets.values():
        yield {
            "Id": each.id,
            "Name": each.name,
            "Label": each.label,
            "Description": each.description or None,
            "IsOwnedByProfile": False,
            "IsCustom": True,
            "ProfileId": None,
            "LicenseId": license_ids.get(each.license.lower()) if each.license else None,
            "NamespacePrefix": org.namespace_prefix,
            "Type": "Regular",
            "HasActivationRequired": each.has_activation_required,
            **row_dates(each.created_wall_s),
            **{f"Permissions{name}": name in each.user_permissions for name in known},
        }


def _assignments(_sim: Simulator, org: Org) -> Iterator[Row]:
    for user in org.users.values():
        owned = org.profiles[user.profile_id].owned_permission_set_id
        yield {
            "Id": to_18(f"0Pa{user.id[3:15]}"),
            "AssigneeId": user.id,
            "PermissionSetId": owned,
            "PermissionSetGroupId": None,
            "ExpirationDate": None,
            "IsActive": True,
            "SystemModstamp": rest_timestamp(user.created_wall_s),
        }
    for each in org.assignments.values():
        yield {
            "Id": each.id,
            "AssigneeId": each.assignee_id,
            "PermissionSetId": each.permission_set_id,
            "PermissionSetGroupId": None,
            "ExpirationDate": None,
            "IsActive": True,
            "SystemModstamp": rest_timestamp(each.created_wall_s),
        }


def _permission_set_licenses(_sim: Simulator, org: Org) -> Iterator[Row]:
    for psl in org.permission_set_licenses.values():
        used = sum(given.permission_set_license_id == psl.id for given in org.license_assignments.values())
        yield {
            "Id": psl.id,
            "DeveloperName": psl.key,
            "MasterLabel": psl.name,
            "PermissionSetLicenseKey": psl.key,
            "TotalLicenses": psl.total,
            "UsedLicenses": used,
            "Status": "Active",
            "Language": "en_US",
            **row_dates(0.0),
        }


def _license_assignments(_sim: Simulator, org: Org) -> Iterator[Row]:
    for given in org.license_assignments.values():
        yield {
            "Id": given.id,
            "AssigneeId": given.assignee_id,
            "PermissionSetLicenseId": given.permission_set_license_id,
            **row_dates(0.0),
        }


def _granted(org: Org, list_name: str) -> Iterator[tuple[str, Tree]]:
    """Yield (permission set id, entry) of what deployed permission sets list beside user permissions."""
    for found in org.permission_sets.values():
        component = org.components.get(("PermissionSet", found.name))
        for entry in component.tree.get(list_name, []) if component is not None else []:
            yield found.id, entry


def _object_permissions(_sim: Simulator, org: Org) -> Iterator[Row]:
    """Derive from deployed permission sets, and for profiles from their "all data" permissions."""
    number = 0
    for profile in org.profiles.values():
        sees, changes = (name in profile.user_permissions for name in ("ViewAllData", "ModifyAllData"))
        for sobject in BUSINESS_OBJECTS if sees or changes else ():
            number += 1
            yield {
                "Id": make_id("110", org.id_tag, number),
                "ParentId": profile.owned_permission_set_id,
                "SobjectType": sobject,
                **dict.fromkeys(_OBJECT_RIGHTS, changes),
                "PermissionsRead": True,
                "PermissionsViewAllRecords": True,
            }
    for parent_id, entry in _granted(org, "objectPermissions"):
        number += 1
        yield {
            "Id": make_id("110", org.id_tag, number),
            "ParentId": parent_id,
            "SobjectType": entry.get("object"),
            **{name: entry.get(word) == "true" for name, word in _OBJECT_RIGHTS.items()},
        }


def _field_permissions(_sim: Simulator, org: Org) -> Iterator[Row]:
    for number, (parent_id, entry) in enumerate(_granted(org, "fieldPermissions"), start=1):
        yield {
            "Id": make_id("01k", org.id_tag, number),
            "ParentId": parent_id,
            "SobjectType": str(entry.get("field") or "").partition(".")[0],
            "Field": entry.get("field"),
            "PermissionsRead": entry.get("readable") == "true",
            "PermissionsEdit": entry.get("editable") == "true",
        }


RIGHT_TABLES = (
    Table(
        "PermissionSet",
        "0PS",
        _permission_sets,
        fields_by_name(
            described("Name Label Description NamespacePrefix", createable=True, updateable=True),
            described("IsOwnedByProfile IsCustom HasActivationRequired", "boolean"),
            described("Type", "picklist"),
            reference("ProfileId", "Profile"),
            reference("LicenseId", "PermissionSetLicense", createable=True),
            _AUDITED,
        ),
        more_fields=permission_fields,
        createable=True,
        updateable=True,
        deletable=True,
        children={
            "Assignments": ("PermissionSetAssignment", "PermissionSetId"),
            "SetupEntityAccessItems": ("SetupEntityAccess", "ParentId"),
            "ObjectPerms": ("ObjectPermissions", "ParentId"),
            "FieldPerms": ("FieldPermissions", "ParentId"),
        },
    ),
    Table(
        "PermissionSetAssignment",
        "0Pa",
        _assignments,
        fields_by_name(
            reference("AssigneeId", "User", createable=True),
            reference("PermissionSetId", "PermissionSet", createable=True),
            FieldType("PermissionSetGroupId", "reference", refers_to="PermissionSetGroup"),
            described("ExpirationDate SystemModstamp", "datetime"),
            described("IsActive", "boolean"),
        ),
        createable=True,
        deletable=True,
    ),
    Table(
        "PermissionSetLicense",
        "0PL",
        _permission_set_licenses,
        fields_by_name(
            described("DeveloperName MasterLabel PermissionSetLicenseKey Status Language"),
            described("TotalLicenses UsedLicenses", "int"),
            _AUDITED,
        ),
    ),
    Table(
        "PermissionSetLicenseAssign",
        "2LA",
        _license_assignments,
        fields_by_name(
            reference("AssigneeId", "User", createable=True),
            reference("PermissionSetLicenseId", "PermissionSetLicense", createable=True),
            _AUDITED,
        ),
        createable=True,
        deletable=True,
    ),
    Table(
        "ObjectPermissions",
        "110",
        _object_permissions,
        fields_by_name(
            reference("ParentId", "PermissionSet", "Parent"),
            described("SobjectType", "picklist"),
            described(" ".join(_OBJECT_RIGHTS), "boolean"),
        ),
    ),
    Table(
        "FieldPermissions",
        "01k",
        _field_permissions,
        fields_by_name(
            reference("ParentId", "PermissionSet", "Parent"),
            described("SobjectType Field", "picklist"),
            described("PermissionsRead PermissionsEdit", "boolean"),
        ),
    ),
)
