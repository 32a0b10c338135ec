"""`run --add-to`: orgs that join a fleet; those that are in it already are left as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.app import App
from orchestrator.cli.choosing import batch_of
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.fleet.org_entry import OrgEntry


@dataclass(frozen=True, slots=True)
class Joined:
    """Where new runs belong.

    Attributes:
        batch: id of the fleet, a new one or the one that is joined.
        entries: the orgs that are to get a run.
        waves: waves the fleet has already; the new ones come after them.
    """

    batch: str
    entries: list[OrgEntry]
    waves: int


def joined(app: App, playbook: str, entries: Sequence[OrgEntry], add_to: str | None) -> Joined:
    """The fleet for *entries*: a new one, or the one whose id begins with *add_to*.

    Raises:
        UsageError: `batch_unknown`, or `batch_playbook_differs`.
    """
    if add_to is None:
        return Joined(app.new_batch(playbook), list(entries), 0)
    batch = batch_of(app, add_to)
    members = app.journal.standings(batch=batch)
    others = {record.playbook for record in members} - {playbook}
    if others:
        raise UsageError(
            f"{batch} is a fleet of {', '.join(sorted(others))}, not of {playbook}",
            code="batch_playbook_differs",
            remedy="add to a fleet of the same playbook, or run it as a fleet of its own",
        )
    taken = {record.org for record in members}
    waves = max(record.priority for record in members) + 1
    return Joined(batch, [entry for entry in entries if entry.name not in taken], waves)
