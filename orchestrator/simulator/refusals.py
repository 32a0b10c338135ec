"""Refusals of record changes, in the API's words."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.simulator.org import Org

READ_ONLY = "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"
READ_ONLY_MESSAGE = "Updates can't be made during maintenance: the org is in read-only mode."


class RecordRefused(Exception):
    """A change the API refuses.

    Attributes:
        code: exception code (`INSUFFICIENT_ACCESS_OR_READONLY`, ...).
        message: text of the answer.
        status: HTTP status over REST.
        fields: names of the fields concerned.
    """

    def __init__(self, code: str, message: str, *, status: int = 400, fields: Sequence[str] = ()) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = list(fields)


def insufficient_access() -> RecordRefused:
    """Return the refusal for a missing permission on a record."""
    return RecordRefused("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")


def refuse_in_read_only(org: Org) -> None:
    """Refuse a change of an org that is in read-only mode (help "Read-Only Mode").

    Raises:
        RecordRefused: INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE.
    """
    if org.is_read_only:
        raise RecordRefused(READ_ONLY, READ_ONLY_MESSAGE, status=503)


def not_found(*, deleted: bool = False) -> RecordRefused:
    """Return the refusal for something that does not exist (`deleted`: the id is well formed but gone)."""
    if deleted:
        return RecordRefused("ENTITY_IS_DELETED", "entity is deleted", status=404)
    return RecordRefused("NOT_FOUND", "The requested resource does not exist", status=404)


def bad_reference(field: str) -> RecordRefused:
    """Return the refusal for an id that points nowhere."""
    return RecordRefused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=[field])


def duplicate(record_id: str = "<unknown>") -> RecordRefused:
    """Return the refusal for a row that exists already."""
    return RecordRefused(
        "DUPLICATE_VALUE",
        f"duplicate value found: <unknown> duplicates value on record with id: {record_id}",
    )
