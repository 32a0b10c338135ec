"""Create, update and delete of records, with the refusals of the API; shared by REST and SOAP.

Rules that guard an org are real: the last administrator stays, nobody freezes himself, licences bind
permission sets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.simulator import right_rules, user_rules
from orchestrator.simulator.org import Org
from orchestrator.simulator.refusals import RecordRefused, insufficient_access, not_found, refuse_in_read_only
from orchestrator.simulator.schema import FieldType, Table
from orchestrator.simulator.sobjects import find_table
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """Who changes what: everything a rule needs."""

    sim: Simulator
    org: Org
    actor: User
    table: Table

    @property
    def permissions(self) -> set[str]:
        """The actor's effective permissions."""
        return self.org.permissions_of(self.actor)


_CREATORS: dict[str, Callable[[Any, Fields], str]] = {
    "User": user_rules.create_user,
    "PermissionSet": right_rules.create_permission_set,
    "PermissionSetAssignment": right_rules.create_assignment,
    "PermissionSetLicenseAssign": right_rules.create_license_assignment,
    "SetupEntityAccess": right_rules.create_entity_access,
}
_UPDATERS: dict[str, Callable[[Any, str, Fields], None]] = {
    "User": user_rules.update_user,
    "UserLogin": user_rules.update_user_login,
    "PermissionSet": right_rules.update_permission_set,
}
_DELETERS: dict[str, Callable[[Any, str], None]] = {
    "PermissionSet": right_rules.delete_permission_set,
    "PermissionSetAssignment": right_rules.delete_assignment,
    "PermissionSetLicenseAssign": right_rules.delete_license_assignment,
    "SetupEntityAccess": right_rules.delete_entity_access,
    "AuthSession": user_rules.delete_auth_session,
    "OauthToken": user_rules.delete_oauth_token,
}
_REQUIRED = {"Account": ("Name",), "Contact": ("LastName",)}


def create(sim: Simulator, org: Org, actor: User, sobject: str, fields: Fields) -> str:
    """Create a record and return its id.

    Raises:
        RecordRefused: with the code, message and HTTP status of the API.
    """
    change = _change(sim, org, actor, sobject)
    if not change.table.createable:
        raise RecordRefused(
            "METHOD_NOT_ALLOWED", "HTTP Method 'POST' not allowed. Allowed are HEAD,GET", status=405
        )
    proper = _checked_fields(change, fields, writes=lambda each: each.createable)
    creator = _CREATORS.get(change.table.name)
    if creator is not None:
        return creator(change, proper)
    missing = [name for name in _REQUIRED.get(change.table.name, ()) if not proper.get(name)]
    if missing:
        raise RecordRefused(
            "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", fields=missing
        )
    record_id = org.next_id(change.table.key_prefix)
    rows = org.generic_records.setdefault(change.table.name, {})
    rows[record_id] = {"Id": record_id, "__created_wall_s": sim.wall_s(org), **proper}
    return record_id


def update(  # noqa: PLR0917 - who changes what
    sim: Simulator, org: Org, actor: User, sobject: str, record_id: str, fields: Fields
) -> None:
    """Change fields of a record.

    Raises:
        RecordRefused: with the code, message and HTTP status of the API.
    """
    change = _change(sim, org, actor, sobject)
    if not change.table.updateable:
        raise RecordRefused(
            "METHOD_NOT_ALLOWED", "HTTP Method 'PATCH' not allowed. Allowed are HEAD,GET", status=405
        )
    proper = _checked_fields(change, fields, writes=lambda each: each.updateable)
    updater = _UPDATERS.get(change.table.name)
    if updater is not None:
        updater(change, record_id, proper)
        return
    _generic_record(change, record_id).update(proper)


def delete(sim: Simulator, org: Org, actor: User, sobject: str, record_id: str) -> None:
    """Delete a record.

    Raises:
        RecordRefused: with the code, message and HTTP status of the API.
    """
    change = _change(sim, org, actor, sobject)
    if not change.table.deletable:
        raise RecordRefused(
            "METHOD_NOT_ALLOWED", "HTTP Method 'DELETE' not allowed. Allowed are HEAD,GET", status=405
        )
    deleter = _DELETERS.get(change.table.name)
    if deleter is not None:
        deleter(change, record_id)
        return
    _generic_record(change, record_id)["__deleted"] = True  # to the recycle bin: queryAll still sees it


def _change(sim: Simulator, org: Org, actor: User, sobject: str) -> Change:
    table = find_table(org, sobject)
    if table is None or not table.is_on(tooling=False):
        raise not_found()
    if table.needs and not table.needs & org.permissions_of(actor):
        raise insufficient_access()
    refuse_in_read_only(org)
    return Change(sim, org, actor, table)


def _checked_fields(change: Change, fields: Fields, *, writes: Callable[[FieldType], bool]) -> dict[str, Any]:
    proper: dict[str, Any] = {}
    locked = []
    for name, value in fields.items():
        if name == "attributes":
            continue
        found = change.table.find_field(change.org, name)
        if found is None:
            raise RecordRefused(
                "INVALID_FIELD", f"No such column '{name}' on sobject of type {change.table.name}"
            )
        if not writes(found):
            locked.append(found.name)
        proper[found.name] = value
    if locked:
        raise RecordRefused(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            f"Unable to create/update fields: {', '.join(locked)}. Please check the security settings "
            "of this field "
            "and verify that it is read/write for your profile or permission set.",
            fields=locked,
        )
    return proper


def _generic_record(change: Change, record_id: str) -> dict[str, Any]:
    rows = change.org.generic_records.get(change.table.name, {})
    found = next((row for key, row in rows.items() if key[:15] == record_id[:15]), None)
    if found is None or found.get("__deleted"):
        raise not_found(deleted=True)
    return found
