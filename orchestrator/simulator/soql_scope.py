"""What evaluating a query needs: the org, the tables a user may see, and readers of field paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.simulator.object_rights import may_read
from orchestrator.simulator.org import Org
from orchestrator.simulator.schema import FieldType, Row, Table
from orchestrator.simulator.sobjects import find_table
from orchestrator.simulator.soql_tree import Field, Query, QueryError, located
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

LOOK_UP = "Please reference your WSDL or the describe call for the appropriate names."


@dataclass
class Scope:
    """What evaluation needs: the org, and per table an index of rows by id, built when first needed."""

    sim: Simulator
    org: Org
    user: User
    api_path: str
    indexes: dict[str, dict[str, Row]] = field(default_factory=dict)

    @property
    def is_tooling(self) -> bool:
        """Whether the Tooling API is asked, which knows other objects."""
        return self.api_path.endswith("/tooling")

    def row(self, table: Table, record_id: object) -> Row | None:
        """Return a row by id, or None."""
        if not isinstance(record_id, str) or not record_id:
            return None
        if table.name not in self.indexes:
            self.indexes[table.name] = {str(row["Id"])[:15]: row for row in table.rows(self.sim, self.org)}
        return self.indexes[table.name].get(record_id[:15])


def visible_table(scope: Scope, query: Query) -> Table:
    """Return the sObject type a query names, if the caller may see it.

    Raises:
        QueryError: INVALID_TYPE.
    """
    table = find_table(scope.org, query.sobject)
    allowed = table is not None and (not table.needs or table.needs & scope.org.permissions_of(scope.user))
    allowed = allowed and table is not None and may_read(scope.org, scope.user, table.name)
    if table is None or not allowed or not table.is_on(tooling=scope.is_tooling):
        raise QueryError(
            "INVALID_TYPE",
            located(
                query.text,
                query.sobject_at,
                f"sObject type '{query.sobject}' is not supported. If you are attempting to use a custom "
                f"object, be sure to append the '__c' after the entity name. {LOOK_UP}",
            ),
        )
    return table


def find_reader(
    scope: Scope, query: Query, table: Table, wanted: Field
) -> tuple[Callable[[Row], Any], FieldType]:
    """Return a function that reads a path from a row, and the type of its last field."""
    path = own_path(query, table, wanted)
    current = table
    hops: list[tuple[str, Table]] = []
    for step in path[:-1]:
        found = current.find_relationship(step)
        following = find_table(scope.org, found[1]) if found else None
        if found is None or following is None:
            raise _no_relationship(query, wanted, step)
        hops.append((found[0], following))
        current = following
    field_type = current.find_field(scope.org, path[-1])
    if field_type is None:
        raise _no_column(query, wanted, path[-1], current)
    name = field_type.name

    def read(row: Row) -> Any:
        reached: Row | None = row
        for id_field, target in hops:
            reached = scope.row(target, reached.get(id_field)) if reached else None
        return reached.get(name) if reached else None

    return read, field_type


def own_path(query: Query, table: Table, wanted: Field) -> tuple[str, ...]:
    """Return a path without the name or alias of the queried object before it."""
    path = wanted.path
    if len(path) == 1:
        return path
    named = {query.alias.lower(), table.name.lower()} - {""}
    is_own = path[0].lower() in named and table.find_relationship(path[0]) is None
    return path[1:] if is_own else path


def _no_column(query: Query, wanted: Field, name: str, table: Table) -> QueryError:
    return QueryError(
        "INVALID_FIELD",
        located(
            query.text,
            wanted.at,
            f"No such column '{name}' on entity '{table.name}'. If you are attempting to use a custom field, "
            f"be sure to append the '__c' after the custom field name. {LOOK_UP}",
        ),
    )


def _no_relationship(query: Query, wanted: Field, step: str) -> QueryError:
    return QueryError(
        "INVALID_FIELD",
        located(
            query.text,
            wanted.at,
            f"Didn't understand relationship '{step}' in field path. If you are attempting to use a custom "
            "relationship, be sure to append the '__r' after the custom relationship name. " + LOOK_UP,
        ),
    )
