"""Runs queries over the sObject tables, with the refusals of the REST and SOAP APIs.

Comparison is case-insensitive for text, as in Salesforce; ids compare in their 15 or 18 character form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orchestrator.simulator.org import Org
from orchestrator.simulator.schema import Row, Table
from orchestrator.simulator.sobjects import find_table
from orchestrator.simulator.soql_conditions import matching_rows
from orchestrator.simulator.soql_grammar import parse_query
from orchestrator.simulator.soql_groups import aggregated
from orchestrator.simulator.soql_scope import LOOK_UP, Scope, find_reader, own_path, visible_table
from orchestrator.simulator.soql_tree import Query, QueryError, located
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

PAGE_ROWS = 2000
LEAST_PAGE_ROWS = 200
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


@dataclass(frozen=True)
class Cursor:
    """Rows of a result that did not fit on one page."""

    rows: list[Row]
    page_rows: int


def run_query(
    sim: Simulator,
    org: Org,
    user: User,
    text: str,
    *,
    api_path: str = "/services/data/v66.0",
    page_rows: int = PAGE_ROWS,
    all_rows: bool = False,
) -> QueryResult:
    """Run a query as a user.

    Args:
        sim: the simulation.
        org: the org asked.
        user: the caller, whose rights decide what is visible.
        text: SOQL.
        api_path: prefix of the `url` attribute of each record.
        page_rows: rows a page may hold (`Sforce-Query-Options: batchSize=`), 200 to 2,000.
        all_rows: whether deleted rows count too (queryAll).

    Raises:
        QueryError: MALFORMED_QUERY, INVALID_TYPE or INVALID_FIELD, worded as the API words it.
    """
    query = parse_query(text)
    if all_rows:
        query = replace(query, all_rows=True)
    scope = Scope(sim, org, user, api_path)
    table = visible_table(scope, query)
    if query.is_aggregate:
        rows = aggregated(scope, query, table)
        return QueryResult(rows, len(rows), table=table, query=query)
    matching = matching_rows(scope, query, table)
    if query.count_only:
        return QueryResult([], len(matching), table=table, query=query)
    shown = _shown_fields(scope, query, table)
    children = [_child_reader(scope, query, table, child) for child in query.children]
    rows = []
    for row in matching:
        record = _project(scope, table, row, shown)
        for name, read in children:
            record[name] = read(row)
        rows.append(record)
    return _first_page(org, rows, table, query, min(max(page_rows, LEAST_PAGE_ROWS), PAGE_ROWS))


def continue_query(org: Org, locator: str) -> QueryResult:
    """Return the page a query locator names (`01g…-2000`).

    Raises:
        QueryError: INVALID_QUERY_LOCATOR.
    """
    cursor_id, _, start_text = locator.rpartition("-")
    cursor = org.query_cursors.get(cursor_id[:15])
    if not isinstance(cursor, Cursor) or not (start_text.isascii() and start_text.isdigit()):
        raise QueryError("INVALID_QUERY_LOCATOR", "invalid query locator")
    start = int(start_text)
    end = start + cursor.page_rows
    done = end >= len(cursor.rows)
    return QueryResult(cursor.rows[start:end], len(cursor.rows), done, "" if done else f"{cursor_id}-{end}")


def _first_page(org: Org, rows: list[Row], table: Table, query: Query, page_rows: int) -> QueryResult:
    if len(rows) <= page_rows:
        return QueryResult(rows, len(rows), table=table, query=query)
    cursor_id = org.next_id("01g")
    org.query_cursors[cursor_id[:15]] = Cursor(rows, page_rows)
    while len(org.query_cursors) > CURSORS_KEPT:
        del org.query_cursors[next(iter(org.query_cursors))]
    locator = f"{cursor_id}-{page_rows}"
    return QueryResult(
        rows[:page_rows], len(rows), done=False, query_locator=locator, table=table, query=query
    )


def _child_reader(
    scope: Scope, query: Query, table: Table, child: Query
) -> tuple[str, Callable[[Row], dict[str, Any] | None]]:
    """Return the name of a child relationship and a function that reads the children of a row."""
    found = table.find_child(child.sobject)
    if found is None:
        text = (
            f"Didn't understand relationship '{child.sobject}' in FROM part of query call. If you are "
            "attempting to use a custom relationship, be sure to append the '__r' after the custom "
            f"relationship name. {LOOK_UP}"
        )
        raise QueryError("INVALID_TYPE", located(query.text, child.sobject_at, text))
    if child.is_aggregate or child.children:
        raise QueryError("MALFORMED_QUERY", located(query.text, child.sobject_at, "unexpected inner query"))
    child_name = next(name for name in table.children if name.lower() == child.sobject.lower())
    sobject, parent_field = found
    inner = replace(child, sobject=sobject, limit=None, offset=0)
    child_table = visible_table(scope, inner)
    rows = matching_rows(scope, inner, child_table)
    shown = _shown_fields(scope, inner, child_table)
    by_parent: dict[str, list[Row]] = {}
    for row in rows:
        by_parent.setdefault(str(row.get(parent_field))[:15], []).append(row)

    def read(row: Row) -> dict[str, Any] | None:
        own = by_parent.get(str(row["Id"])[:15], [])
        if child.limit is not None:
            own = own[child.offset : child.offset + child.limit]
        if not own:
            return None
        records = [_project(scope, child_table, each, shown) for each in own]
        return {"totalSize": len(records), "done": True, "records": records}

    return child_name, read


def _shown_fields(scope: Scope, query: Query, table: Table) -> list[tuple[str, ...]]:
    if query.all_fields:
        return [(name,) for name in table.fields_of(scope.org)]
    shown = []
    for each in query.fields:
        find_reader(scope, query, table, each)
        shown.append(_proper_path(scope, table, own_path(query, table, each)))
    return shown


def _proper_path(scope: Scope, table: Table, path: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path in the spelling of the schema, whatever the case of the query."""
    proper: list[str] = []
    current = table
    for step in path[:-1]:
        id_field, target = current.find_relationship(step) or ("", "")
        proper.append(current.fields[id_field].relationship)
        following = find_table(scope.org, target)
        assert following is not None  # noqa: S101 - the reader has resolved it before
        current = following
    last = current.find_field(scope.org, path[-1])
    return (*proper, last.name if last else path[-1])


def _project(scope: Scope, table: Table, row: Row, paths: list[tuple[str, ...]]) -> Row:
    shown: Row = {
        "attributes": {"type": table.name, "url": f"{scope.api_path}/sobjects/{table.name}/{row['Id']}"}
    }
    nested: dict[str, list[tuple[str, ...]]] = {}
    for path in paths:
        if len(path) == 1:
            found = table.fields.get(path[0])
            is_secret = found is not None and found.kind == "encryptedstring"
            shown[path[0]] = None if is_secret else row.get(path[0])
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
