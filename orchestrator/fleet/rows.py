"""What YAML and CSV orgs files have in common: named rows of cells that know their place."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.fleet.org_entry import SECRET_FIELDS
from orchestrator.playbook.diagnostics import Place

TEXT_FIELDS = (
    *("url", "org_id", "username", "integration_user", "break_glass_user", "bootstrap_principal"),
    *("accept_no_other_admin", "consumer_key", "sf_org", "web_client_id", "web_callback"),
)
FIELDS = (*TEXT_FIELDS, *SECRET_FIELDS, "web", "labels")


@dataclass(slots=True)
class Cell:
    """One value.

    Attributes:
        value: text, number, boolean, or None when empty.
        text: as written.
        place: line and column; in CSV files the column counts columns of the table.
    """

    value: str | int | float | bool | None
    text: str
    place: Place


@dataclass(slots=True)
class Row:
    """One org before it is judged.

    Attributes:
        place: of the row.
        name_place: of its name.
        meant: fields that are misspelt or unreadable, so that they are not reported as missing too.
    """

    name: str
    place: Place
    name_place: Place
    cells: dict[str, Cell] = field(default_factory=dict)
    labels: dict[str, Cell] = field(default_factory=dict)
    meant: set[str] = field(default_factory=set)
