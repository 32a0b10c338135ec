"""What an org says about its users, permissions and settings: the queries behind preflight and lock-down.

Every function is a read; values that go into SOQL are quoted by the library.
Source: object reference (User, UserLogin, PermissionSet, PermissionSetAssignment, LoginHistory).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.actions.base import org_fault
from orchestrator.actions.credential import Connection
from orchestrator.salesforce.rest import reading


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


@reading()
def user_id(org: Connection, username: str) -> str | None:
    """Id of the user of that username; all a user without administrative rights may find out."""
    rows = org.rest.query("SELECT Id FROM User WHERE Username = {username}", username=username)
    return str(rows[0]["Id"]) if rows else None


@reading()
def user_by_username(org: Connection, username: str) -> UserFacts | None:
    """The user of that username, or None."""
    return users_by_username(org, [username])[0]


@reading()
def users_by_username(org: Connection, usernames: Sequence[str]) -> list[UserFacts | None]:
    """The users of those names in that order, with two queries for all; None for those not there."""
    rows = org.rest.query(
        "SELECT Id, Username, IsActive, UserType, ProfileId, Profile.Name, Profile.UserLicense.Name "
        "FROM User WHERE Username IN {usernames}",
        usernames=list(dict.fromkeys(usernames)),
    )
    if not rows:
        return [None for _ in usernames]
    logins = org.rest.query(
        "SELECT UserId, IsFrozen FROM UserLogin WHERE UserId IN {ids}", ids=[str(row["Id"]) for row in rows]
    )
    frozen = {str(login["UserId"])[:15] for login in logins if login["IsFrozen"]}
    found = {str(row["Username"]).lower(): _user_facts(row, frozen) for row in rows}
    return [found.get(username.lower()) for username in usernames]


def _user_facts(row: Mapping[str, Any], frozen: Collection[str]) -> UserFacts:
    profile = row.get("Profile") or {}
    return UserFacts(
        id=row["Id"],
        username=row["Username"],
        is_active=bool(row["IsActive"]),
        is_frozen=str(row["Id"])[:15] in frozen,
        user_type=str(row.get("UserType") or ""),
        profile_id=str(row.get("ProfileId") or ""),
        profile=str(profile.get("Name") or ""),
        license=str((profile.get("UserLicense") or {}).get("Name") or ""),
    )


@reading()
def existing_permissions(org: Connection) -> frozenset[str]:
    """API names of the user permissions this org knows, from the describe of PermissionSet."""
    fields = org.rest.describe("PermissionSet")["fields"]
    return frozenset(
        field["name"].removeprefix("Permissions")
        for field in fields
        if field["name"].startswith("Permissions")
    )


@reading()
def permissions_of(org: Connection, user_id: str, names: Collection[str]) -> frozenset[str]:
    """Which of *names* the user holds, through the profile or any permission set.

    A profile is a permission set too (IsOwnedByProfile), assigned like the others, so one query of
    the assigned sets is the union that counts.
    """
    held: set[str] = set()
    for row in permission_sets_of(org, user_id, names):
        held.update(name for name in names if row.get(f"Permissions{name}"))
    return frozenset(held)


@reading()
def permission_sets_of(org: Connection, user_id: str, names: Collection[str]) -> list[dict[str, Any]]:
    """The permission sets assigned to the user, with the *names* as `Permissions…` booleans."""
    fields = "".join(f", Permissions{name}" for name in sorted(names))
    return org.rest.query(
        "SELECT Id, Name, Label, IsOwnedByProfile{fields:literal} FROM PermissionSet WHERE Id IN "
        "(SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = {user})",
        fields=fields,
        user=user_id,
    )


@reading()
def other_admins(org: Connection, exclude: Collection[str]) -> list[dict[str, str]]:
    """Active, unfrozen people who can administer users and are none of *exclude* (user ids).

    API-only users are left out: they cannot open a browser to repair anything.
    """
    rows = org.rest.query(
        "SELECT AssigneeId, Assignee.Username, PermissionSet.PermissionsManageUsers, "
        "PermissionSet.PermissionsModifyAllData, PermissionSet.PermissionsApiUserOnly "
        "FROM PermissionSetAssignment WHERE Assignee.IsActive = true AND "
        "((PermissionSet.PermissionsManageUsers = true AND PermissionSet.PermissionsModifyAllData = true) "
        "OR PermissionSet.PermissionsApiUserOnly = true)"
    )
    barred = {user[:15] for user in exclude}
    barred |= {str(row["AssigneeId"])[:15] for row in rows if row["PermissionSet"]["PermissionsApiUserOnly"]}
    people = {
        str(row["AssigneeId"]): str(row["Assignee"]["Username"])
        for row in rows
        if row["PermissionSet"]["PermissionsManageUsers"]
        and row["PermissionSet"]["PermissionsModifyAllData"]
        and str(row["AssigneeId"])[:15] not in barred
    }
    shut_out = _shut_out(org, sorted(people)) if people else set()
    return [
        {"id": user_id, "username": username}
        for user_id, username in sorted(people.items(), key=lambda item: item[1])
        if user_id[:15] not in shut_out
    ]


def _shut_out(org: Connection, users: list[str]) -> set[str]:
    """Those of *users* (15-character ids) who are frozen or locked by password failures."""
    logins = org.rest.query(
        "SELECT UserId, IsFrozen, IsPasswordLocked FROM UserLogin WHERE UserId IN {users}", users=users
    )
    return {str(row["UserId"])[:15] for row in logins if row["IsFrozen"] or row.get("IsPasswordLocked")}


@reading()
def organization(org: Connection) -> dict[str, Any]:
    """The Organization row."""
    rows = org.rest.query(
        "SELECT Id, Name, InstanceName, IsSandbox, OrganizationType, TrialExpirationDate, IsReadOnly, "
        "CreatedDate FROM Organization"
    )
    if not rows:
        raise org_fault("answer_unknown", "the org shows no Organization row")
    return {key: value for key, value in rows[0].items() if key != "attributes"}


@reading()
def permission_set_id(org: Connection, name: str) -> str | None:
    """Id of the permission set of that API name, or None."""
    return permission_set_ids(org, [name]).get(name)


@reading()
def permission_set_ids(org: Connection, names: Sequence[str]) -> dict[str, str]:
    """API name -> id of the permission sets of those names that the org has."""
    rows = org.rest.query(
        "SELECT Id, Name FROM PermissionSet WHERE Name IN {names} AND IsOwnedByProfile = false",
        names=list(names),
    )
    by_name = {str(row["Name"]).lower(): str(row["Id"]) for row in rows}
    return {name: by_name[name.lower()] for name in names if name.lower() in by_name}


@reading()
def assignment_id(org: Connection, user_id: str, set_id: str) -> str | None:
    """Id of the PermissionSetAssignment of that user and set, or None."""
    return assignment_ids(org, user_id, [set_id]).get(set_id)


@reading()
def assignment_ids(org: Connection, user_id: str, set_ids: Sequence[str]) -> dict[str, str]:
    """Id of the permission set -> id of the user's assignment, for those that are assigned."""
    rows = org.rest.query(
        "SELECT Id, PermissionSetId FROM PermissionSetAssignment "
        "WHERE AssigneeId = {user} AND PermissionSetId IN {sets}",
        user=user_id,
        sets=list(set_ids),
    )
    by_set = {str(row["PermissionSetId"])[:15]: str(row["Id"]) for row in rows}
    return {set_id: by_set[set_id[:15]] for set_id in set_ids if set_id[:15] in by_set}


@reading()
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
