"""sObject tables of people: Organization, User, UserLogin, Profile, UserLicense."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from orchestrator.simulator.clock import rest_timestamp
from orchestrator.simulator.login import is_locked
from orchestrator.simulator.org import Org
from orchestrator.simulator.permissions import known_permissions
from orchestrator.simulator.schema import FieldType, Row, Table, described, fields_by_name, reference

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

_AUDITED = described("CreatedDate LastModifiedDate SystemModstamp", "datetime")


def _organization(_sim: Simulator, org: Org) -> Iterator[Row]:
    yield {
        "Id": org.id,
        "Name": org.name,
        "InstanceName": org.instance_name,
        "IsSandbox": org.is_sandbox,
        "OrganizationType": org.organization_type,
        "TrialExpirationDate": org.trial_expiration,
        "NamespacePrefix": org.namespace_prefix,
        "IsReadOnly": org.is_read_only,
        "CreatedDate": org.created_date,
        "LastModifiedDate": org.created_date,
        "SystemModstamp": org.created_date,
        "PrimaryContact": "Ada Admin",
        "LanguageLocaleKey": "en_US",
        "DefaultLocaleSidKey": "en_US",
        "TimeZoneSidKey": "America/Los_Angeles",
        "Country": "US",
    }


def _users(_sim: Simulator, org: Org) -> Iterator[Row]:
    successes: dict[str, float] = {}
    for login_row in org.login_history:
        if login_row.status == "Success":
            successes[login_row.user_id] = login_row.login_wall_s
    for user in org.users.values():
        last = successes.get(user.id)
        yield {
            **user.extra_fields,
            "Id": user.id,
            "Username": user.username,
            "Email": user.email,
            "FirstName": user.first_name,
            "LastName": user.last_name,
            "Name": user.name,
            "Alias": user.alias,
            "CommunityNickname": user.alias,
            "IsActive": user.is_active,
            "ProfileId": user.profile_id,
            "UserRoleId": None,
            "UserType": user.user_type,
            "FederationIdentifier": user.extra_fields.get("FederationIdentifier"),
            "LastLoginDate": rest_timestamp(last) if last is not None else None,
            "LastPasswordChangeDate": (
                rest_timestamp(user.last_password_change_wall_s) if user.last_password_change_wall_s else None
            ),
            "NumberOfFailedLogins": user.failed_attempts,
            "TimeZoneSidKey": "America/Los_Angeles",
            "LocaleSidKey": "en_US",
            "EmailEncodingKey": "UTF-8",
            "LanguageLocaleKey": "en_US",
            **row_dates(user.created_wall_s),
        }


def _user_logins(sim: Simulator, org: Org) -> Iterator[Row]:
    for user in org.users.values():
        yield {
            "Id": user.user_login_id,
            "UserId": user.id,
            "IsFrozen": user.is_frozen,
            "IsPasswordLocked": is_locked(sim, user),
            "LastModifiedDate": rest_timestamp(user.created_wall_s),
            "LastModifiedById": user.id,
        }


def _profiles(_sim: Simulator, org: Org) -> Iterator[Row]:
    licenses = {found.name: found.id for found in org.licenses.values()}
    known = known_permissions(sso_permission_exists=org.switches.sso_permission_exists)
    for profile in org.profiles.values():
        yield {
            "Id": profile.id,
            "Name": profile.name,
            "UserLicenseId": licenses.get(profile.license_name),
            "UserType": "Standard",
            "Description": None,
            **row_dates(0.0),
            **{f"Permissions{name}": name in profile.user_permissions for name in known},
        }


def _user_licenses(_sim: Simulator, org: Org) -> Iterator[Row]:
    for found in org.licenses.values():
        used = sum(
            user.is_active and org.profiles[user.profile_id].license_name == found.name
            for user in org.users.values()
        )
        yield {
            "Id": found.id,
            "Name": found.name,
            "LicenseDefinitionKey": found.key,
            "MasterLabel": found.name,
            "TotalLicenses": found.total,
            "UsedLicenses": used,
            "UsedLicensesLastUpdated": None,
            "Status": "Active",
            **row_dates(0.0),
        }


def permission_fields(org: Org) -> Mapping[str, FieldType]:
    """Return the `Permissions…` fields of this org."""
    known = known_permissions(sso_permission_exists=org.switches.sso_permission_exists)
    return {
        f"Permissions{name}": FieldType(f"Permissions{name}", "boolean", createable=True, updateable=True)
        for name in sorted(known)
    }


def row_dates(created_wall_s: float) -> Row:
    """Return the audit dates every row carries."""
    moment = rest_timestamp(created_wall_s if math.isfinite(created_wall_s) else 0.0)
    return {"CreatedDate": moment, "LastModifiedDate": moment, "SystemModstamp": moment}


PEOPLE_TABLES = (
    Table(
        "Organization",
        "00D",
        _organization,
        fields_by_name(
            described("Name InstanceName OrganizationType NamespacePrefix PrimaryContact Country"),
            described("LanguageLocaleKey DefaultLocaleSidKey TimeZoneSidKey", "picklist"),
            described("IsSandbox IsReadOnly", "boolean"),
            described("TrialExpirationDate", "datetime"),
            _AUDITED,
        ),
    ),
    Table(
        "User",
        "005",
        _users,
        fields_by_name(
            described("Username LastName Email Alias", createable=True, updateable=True),
            described("FirstName CommunityNickname FederationIdentifier", createable=True, updateable=True),
            described("Title Department CompanyName", createable=True, updateable=True),
            described(
                "TimeZoneSidKey LocaleSidKey EmailEncodingKey LanguageLocaleKey", "picklist", createable=True
            ),
            described("Name UserType"),
            described("IsActive", "boolean", createable=True, updateable=True),
            described("NumberOfFailedLogins", "int"),
            described("LastLoginDate LastPasswordChangeDate", "datetime"),
            reference("ProfileId", "Profile", createable=True, updateable=True),
            FieldType("UserRoleId", "reference", createable=True, updateable=True, refers_to="UserRole"),
            _AUDITED,
        ),
        createable=True,
        updateable=True,
        children={
            "PermissionSetAssignments": ("PermissionSetAssignment", "AssigneeId"),
            "PermissionSetLicenseAssignments": ("PermissionSetLicenseAssign", "AssigneeId"),
        },
    ),
    Table(
        "UserLogin",
        "0Yw",
        _user_logins,
        fields_by_name(
            FieldType("UserId", "reference", refers_to="User"),
            described("IsFrozen IsPasswordLocked", "boolean", updateable=True),
            described("LastModifiedDate", "datetime"),
            FieldType("LastModifiedById", "reference", refers_to="User"),
        ),
        needs=frozenset({"ManageUsers", "FreezeUsers"}),
        updateable=True,
    ),
    Table(
        "Profile",
        "00e",
        _profiles,
        fields_by_name(
            described("Name UserType Description"), reference("UserLicenseId", "UserLicense"), _AUDITED
        ),
        more_fields=permission_fields,
    ),
    Table(
        "UserLicense",
        "100",
        _user_licenses,
        fields_by_name(
            described("Name LicenseDefinitionKey MasterLabel Status"),
            described("TotalLicenses UsedLicenses", "int"),
            described("UsedLicensesLastUpdated", "datetime"),
            _AUDITED,
        ),
    ),
)
