"""Runs queries over the sObject tables, with the refusals of the REST and SOAP APIs.

Comparison is case-insensitive for text, as in Salesforce; ids compare in their 15 or 18 character form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.simulator.org import Org
from orchestrator.simulator.schema import Row, Table
from orchestrator.simulator.sobjects import find_table
from orchestrator.simulator.soql_conditions import matching_rows
from orchestrator.simulator.soql_grammar import parse_query
from orchestrator.simulator.soql_scope import Scope, find_reader, visible_table
from orchestrator.simulator.soql_tree import Field, Query, QueryError
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

PAGE_ROWS = 2000
CURSORS_KEPT = 20


@dataclass
class QueryResult:
    """One page of a result. `query_locator` continues it, when `done` is false."""

    rows: list[Row]
    total: int
    done: bool = True
    query_locator: str = ""
    table: Table | None = None
    query: Query | None = None


def run_query(
    sim: Simulator, org: Org, user: User, text: str, *, api_path: str = "/services/data/v66.0"
) -> QueryResult:
    """Run a query as a user.

    Args:
        sim: the simulation.
        org: the org asked.
        user: the caller, whose rights decide what is visible.
        text: SOQL.
        api_path: prefix of the `url` attribute of each record.

    Raises:
        QueryError: MALFORMED_QUERY, INVALID_TYPE or INVALID_FIELD, worded as the API words it.
    """
    query = parse_query(text)
    scope = Scope(sim, org, user, api_path)
    table = visible_table(scope, query)
    matching = matching_rows(scope, query, table)
    if query.count_only:
        return QueryResult([], len(matching), table=table, query=query)
    if any(each.count for each in query.fields):
        counted = {each.alias: _count(scope, table, each, matching) for each in query.fields if each.count}
        return QueryResult(
            [{"attributes": {"type": "AggregateResult"}, **counted}], 1, table=table, query=query
        )
    shown = _shown_fields(scope, query, table)
    rows = [_project(scope, table, row, shown) for row in matching]
    return _first_page(org, rows, table, query)


def continue_query(org: Org, locator: str) -> QueryResult:
    """Return the page a query locator names (`01g…-2000`).

    Raises:
        QueryError: INVALID_QUERY_LOCATOR.
    """
    cursor_id, _, start_text = locator.rpartition("-")
    rows = org.query_cursors.get(cursor_id[:15])
    if rows is None or not start_text.isdigit():
        raise QueryError("INVALID_QUERY_LOCATOR", "invalid query locator")
    start = int(start_text)
    page = rows[start : start + PAGE_ROWS]
    done = start + PAGE_ROWS >= len(rows)
    return QueryResult(page, len(rows), done, "" if done else f"{cursor_id}-{start + PAGE_ROWS}")


def _first_page(org: Org, rows: list[Row], table: Table, query: Query) -> QueryResult:
    if len(rows) <= PAGE_ROWS:
        return QueryResult(rows, len(rows), table=table, query=query)
    cursor_id = org.next_id("01g")
    org.query_cursors[cursor_id[:15]] = rows
    while len(org.query_cursors) > CURSORS_KEPT:
        del org.query_cursors[next(iter(org.query_cursors))]
    return QueryResult(
        rows[:PAGE_ROWS],
        len(rows),
        done=False,
        query_locator=f"{cursor_id}-{PAGE_ROWS}",
        table=table,
        query=query,
    )


def _count(scope: Scope, table: Table, counted: Field, rows: list[Row]) -> int:
    query = Query("", (), table.name, 0)
    read = find_reader(scope, query, table, counted)[0]
    return sum(read(row) is not None for row in rows)


def _shown_fields(scope: Scope, query: Query, table: Table) -> list[tuple[str, ...]]:
    if query.all_fields:
        return [(name,) for name in table.fields_of(scope.org)]
    shown = []
    for each in query.fields:
        find_reader(scope, query, table, each)
        shown.append(_proper_path(scope, table, each.path))
    return shown


def _proper_path(scope: Scope, table: Table, path: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path in the spelling of the schema, whatever the case of the query."""
    proper: list[str] = []
    current = table
    steps = path[1:] if len(path) > 1 and path[0].lower() == table.name.lower() else path
    for step in steps[:-1]:
        id_field, target = current.find_relationship(step) or ("", "")
        proper.append(current.fields[id_field].relationship)
        following = find_table(scope.org, target)
        assert following is not None  # noqa: S101 - the reader has resolved it before
        current = following
    last = current.find_field(scope.org, steps[-1])
    return (*proper, last.name if last else steps[-1])


def _project(scope: Scope, table: Table, row: Row, paths: list[tuple[str, ...]]) -> Row:
    shown: Row = {
        "attributes": {"type": table.name, "url": f"{scope.api_path}/sobjects/{table.name}/{row['Id']}"}
    }
    nested: dict[str, list[tuple[str, ...]]] = {}
    for path in paths:
        if len(path) == 1:
            shown[path[0]] = row.get(path[0])
        else:
            nested.setdefault(path[0], []).append(path[1:])
            shown.setdefault(path[0], None)
    for name, inner in nested.items():
        id_field, target = table.find_relationship(name) or ("", "")
        related_table = find_table(scope.org, target)
        related = scope.row(related_table, row.get(id_field)) if related_table else None
        if related is not None and related_table is not None:
            shown[name] = _project(scope, related_table, related, inner)
    return shown
