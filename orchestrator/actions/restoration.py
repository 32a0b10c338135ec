"""What it means to take a lock back later, when other people may have worked in the org since.

`locks.py` takes a lock back at once, when its canary fails. Here weeks may lie between: the present is
looked at first, only what the lock itself changed is written, and a value that somebody else has changed
since is drift. Each restoration may be repeated: what is as it was before is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from orchestrator.actions.base import RunContext, org_fault
from orchestrator.actions.credential import Connection


class Found(StrEnum):
    """How a lock stands now.

    LOCKED: as we left it, so it can be taken back.
    RESTORED: as it was before the lock.
    DRIFTED: neither; somebody changed it since.
    FINAL: no machine can bring the old state back.
    """

    LOCKED = "locked"
    RESTORED = "restored"
    DRIFTED = "drifted"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found.

    Attributes:
        found: how the lock stands.
        text: one sentence about the org.
        person: what a person has to do, "" for nothing.
    """

    found: Found
    text: str
    person: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """A lock as the journal or the credential record has it.

    Attributes:
        mechanism: its name.
        before: what was there before, as the lock wrote it down.
        user_id: whose password it was about.
        applied_at: RFC 3339, "" when it was cut off before it was finished.
    """

    mechanism: str
    before: Mapping[str, Any]
    user_id: str
    applied_at: str = ""


class Restoration(Protocol):
    """Taking one lock back."""

    def look(self, org: Connection, lock: Applied) -> Seen:
        """How the lock stands, from the org."""
        ...

    def restore(self, ctx: RunContext, org: Connection, lock: Applied) -> str:
        """Bring the old state back and say what was done; also over drift, where that is possible."""
        ...


def holders(org: Connection, set_id: str) -> list[dict[str, Any]]:
    """Assignments of a permission set: Id and AssigneeId."""
    return org.rest.query(
        "SELECT Id, AssigneeId FROM PermissionSetAssignment WHERE PermissionSetId = {set}", set=set_id
    )


def the_row(org: Connection, soql: str, lock: Applied) -> Mapping[str, Any]:
    """The only row of a query about the locked user. Raises OrgFault `record_missing`."""
    rows = org.rest.query(soql, user=lock.user_id)
    if len(rows) != 1:
        raise org_fault("record_missing", f"{len(rows)} rows for user {lock.user_id}: {soql}")
    return rows[0]
