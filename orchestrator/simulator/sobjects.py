"""The sObject types of an org. Rows are derived from its facts at every query; nothing is stored twice."""

from __future__ import annotations

from orchestrator.simulator.org import Org
from orchestrator.simulator.schema import FieldType, Table
from orchestrator.simulator.sobjects_apps import APP_TABLES
from orchestrator.simulator.sobjects_people import PEOPLE_TABLES
from orchestrator.simulator.sobjects_tooling import TOOLING_TABLES
from orchestrator.simulator.sobjects_trails import TRAIL_TABLES

TABLES: dict[str, Table] = {table.name: table for table in (*PEOPLE_TABLES, *APP_TABLES, *TRAIL_TABLES)}
_BY_LOWER_NAME = {table.name.lower(): table for table in (*TABLES.values(), *TOOLING_TABLES)}

_DEV_HUB_TABLE = Table("ScratchOrgInfo", "2SR", lambda _sim, _org: (), {"Id": FieldType("Id", "id")})


def find_table(org: Org, name: str) -> Table | None:
    """Find an sObject type by name in any case; ScratchOrgInfo exists in Dev Hubs only."""
    if name.lower() == "scratchorginfo" and org.switches.is_dev_hub:
        return _DEV_HUB_TABLE
    return _BY_LOWER_NAME.get(name.lower())


def tables_of(org: Org) -> list[Table]:
    """Return every sObject type of an org, by name."""
    found = sorted(TABLES.values(), key=lambda table: table.name)
    return [*found, _DEV_HUB_TABLE] if org.switches.is_dev_hub else found
