"""What an org says about its users, permissions and settings: the queries behind preflight and lock-down.

Every function is a read; values that go into SOQL are quoted by the library.
Source: object reference (User, UserLogin, PermissionSet, PermissionSetAssignment, LoginHistory).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from orchestrator.actions.credential import Connection


@dataclass(frozen=True, slots=True)
class UserFacts:
    """One user as far as logging in is concerned."""

    id: str
    username: str
    is_active: bool
    is_frozen: bool
    user_type: str
    profile_id: str
    profile: str
    license: str

    def as_json(self) -> dict[str, Any]:
        """Evidence form."""
        return {
            "id": self.id,
            "username": self.username,
            "is_active": self.is_active,
            "is_frozen": self.is_frozen,
            "profile": self.profile,
            "license": self.license,
        }


def user_id(org: Connection, username: str) -> str | None:
    """Id of the user of that username; all a user without administrative rights may find out."""
    rows = org.rest.query("SELECT Id FROM User WHERE Username = {username}", username=username)
    return str(rows[0]["Id"]) if rows else None


def user_by_username(org: Connection, username: str) -> UserFacts | None:
    """The user of that username, or None."""
    rows = org.rest.query(
        "SELECT Id, Username, IsActive, UserType, ProfileId, Profile.Name, Profile.UserLicense.Name "
        "FROM User WHERE Username = {username}",
        username=username,
    )
    if not rows:
        return None
    row = rows[0]
    logins = org.rest.query("SELECT Id, IsFrozen FROM UserLogin WHERE UserId = {id}", id=row["Id"])
    profile = row.get("Profile") or {}
    return UserFacts(
        id=row["Id"],
        username=row["Username"],
        is_active=bool(row["IsActive"]),
        is_frozen=any(login["IsFrozen"] for login in logins),
        user_type=str(row.get("UserType") or ""),
        profile_id=str(row.get("ProfileId") or ""),
        profile=str(profile.get("Name") or ""),
        license=str((profile.get("UserLicense") or {}).get("Name") or ""),
    )


def existing_permissions(org: Connection) -> frozenset[str]:
    """API names of the user permissions this org knows, from the describe of PermissionSet."""
    fields = org.rest.describe("PermissionSet")["fields"]
    return frozenset(
        field["name"].removeprefix("Permissions")
        for field in fields
        if field["name"].startswith("Permissions")
    )


def permissions_of(org: Connection, user_id: str, names: Collection[str]) -> frozenset[str]:
    """Which of *names* the user holds, through the profile or any permission set.

    A profile is a permission set too (IsOwnedByProfile), assigned like the others, so one query of
    the assigned sets is the union that counts.
    """
    held: set[str] = set()
    for row in permission_sets_of(org, user_id, names):
        held.update(name for name in names if row.get(f"Permissions{name}"))
    return frozenset(held)


def permission_sets_of(org: Connection, user_id: str, names: Collection[str]) -> list[dict[str, Any]]:
    """The permission sets assigned to the user, with the *names* as `Permissions…` booleans."""
    fields = "".join(f", Permissions{name}" for name in sorted(names))
    return org.rest.query(
        "SELECT Id, Name, Label, IsOwnedByProfile{fields:literal} FROM PermissionSet WHERE Id IN "
        "(SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = {user})",
        fields=fields,
        user=user_id,
    )


def other_admins(org: Connection, exclude: Collection[str]) -> list[dict[str, str]]:
    """Active, unfrozen people who can administer users and are none of *exclude* (user ids).

    API-only users are left out: they cannot open a browser to repair anything.
    """
    rows = org.rest.query(
        "SELECT AssigneeId, Assignee.Username FROM PermissionSetAssignment WHERE "
        "PermissionSet.PermissionsManageUsers = true AND PermissionSet.PermissionsModifyAllData = true "
        "AND Assignee.IsActive = true"
    )
    people = {row["AssigneeId"]: row["Assignee"]["Username"] for row in rows}
    excluded = {user[:15] for user in exclude}
    found = []
    for user_id, username in sorted(people.items(), key=lambda item: item[1]):
        if user_id[:15] in excluded or _is_shut_out(org, user_id):
            continue
        found.append({"id": user_id, "username": username})
    return found


def _is_shut_out(org: Connection, user_id: str) -> bool:
    """Frozen, locked by password failures, or API-only."""
    logins = org.rest.query(
        "SELECT IsFrozen, IsPasswordLocked FROM UserLogin WHERE UserId = {user}", user=user_id
    )
    if any(login["IsFrozen"] or login.get("IsPasswordLocked") for login in logins):
        return True
    return bool(permissions_of(org, user_id, {"ApiUserOnly"}))


def organization(org: Connection) -> dict[str, Any]:
    """The Organization row."""
    rows = org.rest.query(
        "SELECT Id, Name, InstanceName, IsSandbox, OrganizationType, TrialExpirationDate, IsReadOnly, "
        "CreatedDate FROM Organization"
    )
    row = rows[0]
    return {key: row.get(key) for key in row if key != "attributes"}


def permission_set_id(org: Connection, name: str) -> str | None:
    """Id of the permission set of that API name, or None."""
    rows = org.rest.query(
        "SELECT Id FROM PermissionSet WHERE Name = {name} AND IsOwnedByProfile = false", name=name
    )
    return str(rows[0]["Id"]) if rows else None


def assignment_id(org: Connection, user_id: str, set_id: str) -> str | None:
    """Id of the PermissionSetAssignment of that user and set, or None."""
    rows = org.rest.query(
        "SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = {user} AND PermissionSetId = {set}",
        user=user_id,
        set=set_id,
    )
    return str(rows[0]["Id"]) if rows else None


def login_rows(org: Connection, user_id: str, since: str) -> list[dict[str, Any]]:
    """LoginHistory of the user from *since* (RFC 3339) on, newest first.

    Status is not filterable (object reference), so rows are told apart by the reader.
    """
    return org.rest.query(
        "SELECT Id, LoginTime, LoginType, Status, Application, SourceIp, ApiType, ApiVersion, LoginUrl "
        "FROM LoginHistory WHERE UserId = {user} AND LoginTime >= {since:literal} "
        "ORDER BY LoginTime DESC LIMIT 50",
        user=user_id,
        since=since,
    )
