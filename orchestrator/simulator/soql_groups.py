"""Aggregate queries: groups of rows, functions over them, HAVING."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.simulator.schema import FieldType, Row, Table
from orchestrator.simulator.soql_conditions import arranged, filtered_rows, predicate, sortable
from orchestrator.simulator.soql_scope import Scope, find_reader
from orchestrator.simulator.soql_tree import Field, Query, QueryError, located

Group = list[Row]
MAX_GROUPS = 2000


def aggregated(scope: Scope, query: Query, table: Table) -> list[Row]:
    """Return the AggregateResult rows of a query.

    Raises:
        QueryError: MALFORMED_QUERY (a field neither grouped nor aggregated), INVALID_FIELD.
    """
    rows = filtered_rows(scope, query, table)
    readers = [find_reader(scope, query, table, each)[0] for each in query.groups]
    groups: dict[tuple[Any, ...], Group] = {}
    for row in rows:
        groups.setdefault(tuple(read(row) for read in readers), []).append(row)
    found = list(groups.values()) if query.groups else [rows]
    find = _group_readers(scope, query, table)
    if query.having is not None:
        accepts = predicate(scope, query, query.having, find)
        found = [group for group in found if accepts(group)]
    columns = list(_columns(query, find))
    shown = arranged(found, query, find)[:MAX_GROUPS]
    return [
        {"attributes": {"type": "AggregateResult"}, **{name: read(group) for name, read in columns}}
        for group in shown
    ]


def _columns(
    query: Query, find: Callable[[Field], tuple[Callable[[Any], Any], FieldType]]
) -> list[tuple[str, Callable[[Group], Any]]]:
    columns: list[tuple[str, Callable[[Group], Any]]] = []
    unnamed = 0
    for each in query.fields:
        name = each.alias
        if not name and each.is_aggregate:
            name, unnamed = f"expr{unnamed}", unnamed + 1
        columns.append((name or each.path[-1], find(each)[0]))
    return columns


def _group_readers(
    scope: Scope, query: Query, table: Table
) -> Callable[[Field], tuple[Callable[[Any], Any], FieldType]]:
    grouped = {each.text.lower() for each in query.groups}
    aliases = {each.alias.lower(): each for each in query.fields if each.alias}

    def find(wanted: Field) -> tuple[Callable[[Any], Any], FieldType]:
        named = aliases.get(wanted.text.lower(), wanted) if not wanted.function else wanted
        read, field_type = find_reader(scope, query, table, named)
        if named.is_aggregate:
            counts = named.function.startswith("COUNT")
            kind = FieldType(field_type.name, "int") if counts else field_type
            return (lambda group: _compute(named.function, [read(row) for row in group])), kind
        if named.text.lower() not in grouped:
            text = f"Field must be grouped or aggregated: {named.path[-1]}"
            raise QueryError("MALFORMED_QUERY", located(query.text, named.at, text))
        return (lambda group: read(group[0]) if group else None), field_type

    return find


def _compute(function: str, values: list[Any]) -> Any:
    present = [value for value in values if value is not None]
    if function == "COUNT":
        return len(present)
    if function == "COUNT_DISTINCT":
        return len({sortable(value) for value in present})
    if not present:
        return None
    if function in {"MAX", "MIN"}:
        return (max if function == "MAX" else min)(present, key=sortable)
    numbers = [float(value) for value in present if isinstance(value, int | float)]
    if not numbers:
        return None
    return sum(numbers) if function == "SUM" else sum(numbers) / len(numbers)
