"""The sObject types of an org. Rows are derived from its facts at every query; nothing is stored twice."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.simulator.org import Org
from orchestrator.simulator.schema import FieldType, Table
from orchestrator.simulator.sobjects_apps import APP_TABLES
from orchestrator.simulator.sobjects_packages import PACKAGE_TABLES
from orchestrator.simulator.sobjects_people import PEOPLE_TABLES
from orchestrator.simulator.sobjects_rights import RIGHT_TABLES
from orchestrator.simulator.sobjects_tooling import TOOLING_TABLES
from orchestrator.simulator.sobjects_trails import TRAIL_TABLES

_DEV_HUB_TABLE = Table(
    "ScratchOrgInfo",
    "2SR",
    lambda _sim, _org: (),
    {"Id": FieldType("Id", "id")},
    exists_in=lambda org: org.switches.is_dev_hub,
)
_ALL = (
    *PEOPLE_TABLES,
    *RIGHT_TABLES,
    *APP_TABLES,
    *TRAIL_TABLES,
    *PACKAGE_TABLES,
    *TOOLING_TABLES,
    _DEV_HUB_TABLE,
)
_BY_LOWER_NAME = {table.name.lower(): table for table in _ALL}


def find_table(org: Org, name: str) -> Table | None:
    """Find an sObject type by name in any case; some exist in Dev Hubs or scratch orgs only."""
    found = _BY_LOWER_NAME.get(name.lower())
    return found if found is not None and _exists(found, org) else None


def tables_of(org: Org) -> list[Table]:
    """Return every sObject type the data APIs of an org know, by name."""
    return _sorted(table for table in _ALL if table.is_on(tooling=False) and _exists(table, org))


def tooling_tables_of(org: Org) -> list[Table]:
    """Return every sObject type the Tooling API of an org knows, by name."""
    return _sorted(table for table in _ALL if table.is_on(tooling=True) and _exists(table, org))


def _exists(table: Table, org: Org) -> bool:
    return table.exists_in is None or table.exists_in(org)


def _sorted(tables: Iterable[Table]) -> list[Table]:
    return sorted(tables, key=lambda table: table.name)
