"""Runs queries over the sObject tables, with the refusals of the REST and SOAP APIs.

Comparison is case-insensitive for text, as in Salesforce; ids compare in their 15 or 18 character form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestrator.simulator.org import Org
from orchestrator.simulator.schema import FieldType, Row, Table
from orchestrator.simulator.sobjects import find_table
from orchestrator.simulator.soql_grammar import (
    Compare,
    Condition,
    Field,
    Logic,
    Query,
    QueryError,
    RelativeDate,
    Within,
    located,
    parse_query,
)
from orchestrator.simulator.users import User

if TYPE_CHECKING:
    from orchestrator.simulator.simulation import Simulator

PAGE_ROWS = 2000
CURSORS_KEPT = 20
_ID_KINDS = frozenset({"id", "reference"})


@dataclass
class QueryResult:
    """One page of a result. `query_locator` continues it, when `done` is false."""

    rows: list[Row]
    total: int
    done: bool = True
    query_locator: str = ""
    table: Table | None = None
    query: Query | None = None


@dataclass
class _Scope:
    """What evaluation needs: the org, and per table an index of rows by id, built when first needed."""

    sim: Simulator
    org: Org
    user: User
    api_path: str
    indexes: dict[str, dict[str, Row]] = field(default_factory=dict)

    def row(self, table: Table, record_id: object) -> Row | None:
        if not isinstance(record_id, str) or not record_id:
            return None
        if table.name not in self.indexes:
            self.indexes[table.name] = {str(row["Id"])[:15]: row for row in table.rows(self.sim, self.org)}
        return self.indexes[table.name].get(record_id[:15])


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
    scope = _Scope(sim, org, user, api_path)
    table = _table(scope, query)
    matching = _matching(scope, query, table)
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


def _table(scope: _Scope, query: Query) -> Table:
    table = find_table(scope.org, query.sobject)
    allowed = table is not None and (not table.needs or table.needs & scope.org.permissions_of(scope.user))
    if table is None or not allowed:
        raise QueryError(
            "INVALID_TYPE",
            located(
                query.text,
                query.sobject_at,
                f"sObject type '{query.sobject}' is not supported. If you are attempting to use a "
                "custom object, be "
                "sure to append the '__c' after the entity name. Please reference your WSDL or the "
                "describe call for "
                "the appropriate names.",
            ),
        )
    return table


def _matching(scope: _Scope, query: Query, table: Table) -> list[Row]:
    accepts = _predicate(scope, query, table, query.where) if query.where else None
    rows: Iterable[Row] = table.rows(scope.sim, scope.org)
    found = [row for row in rows if accepts is None or accepts(row)]
    for order in reversed(query.orders):
        read = _reader(scope, query, table, order.field)[0]
        present = [row for row in found if read(row) is not None]
        absent = [row for row in found if read(row) is None]
        present.sort(key=lambda row, read=read: _sortable(read(row)), reverse=order.descending)  # type: ignore[misc]
        found = present + absent if order.nulls_last or order.descending else absent + present
    end = None if query.limit is None else query.offset + query.limit
    return found[query.offset : end]


def _sortable(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _count(scope: _Scope, table: Table, counted: Field, rows: list[Row]) -> int:
    query = Query("", (), table.name, 0)
    read = _reader(scope, query, table, counted)[0]
    return sum(read(row) is not None for row in rows)


def _shown_fields(scope: _Scope, query: Query, table: Table) -> list[tuple[str, ...]]:
    if query.all_fields:
        return [(name,) for name in table.fields_of(scope.org)]
    shown = []
    for each in query.fields:
        _reader(scope, query, table, each)
        shown.append(_proper_path(scope, table, each.path))
    return shown


def _proper_path(scope: _Scope, table: Table, path: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path in the spelling of the schema, whatever the case of the query."""
    proper: list[str] = []
    current = table
    steps = path[1:] if len(path) > 1 and path[0].lower() == table.name.lower() else path
    for step in steps[:-1]:
        id_field, target = _relationship(current, step) or ("", "")
        proper.append(current.fields[id_field].relationship)
        following = find_table(scope.org, target)
        assert following is not None  # noqa: S101 - the reader has resolved it before
        current = following
    last = current.find_field(scope.org, steps[-1])
    return (*proper, last.name if last else steps[-1])


def _project(scope: _Scope, table: Table, row: Row, paths: list[tuple[str, ...]]) -> Row:
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
        id_field, target = _relationship(table, name) or ("", "")
        related_table = find_table(scope.org, target)
        related = scope.row(related_table, row.get(id_field)) if related_table else None
        if related is not None and related_table is not None:
            shown[name] = _project(scope, related_table, related, inner)
    return shown


def _relationship(table: Table, name: str) -> tuple[str, str] | None:
    return table.find_relationship(name)


def _reader(
    scope: _Scope, query: Query, table: Table, wanted: Field
) -> tuple[Callable[[Row], Any], FieldType]:
    """Return a function that reads a path from a row, and the type of its last field."""
    path = wanted.path
    if len(path) > 1 and path[0].lower() == table.name.lower() and _relationship(table, path[0]) is None:
        path = path[1:]
    current = table
    hops: list[tuple[str, Table]] = []
    for step in path[:-1]:
        found = _relationship(current, step)
        following = find_table(scope.org, found[1]) if found else None
        if found is None or following is None:
            raise _no_relationship(query, wanted, step, current)
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


def _no_column(query: Query, wanted: Field, name: str, table: Table) -> QueryError:
    return QueryError(
        "INVALID_FIELD",
        located(
            query.text,
            wanted.at,
            f"No such column '{name}' on entity '{table.name}'. If you are attempting to use a custom "
            "field, be sure "
            "to append the '__c' after the custom field name. Please reference your WSDL or the "
            "describe call for the "
            "appropriate names.",
        ),
    )


def _no_relationship(query: Query, wanted: Field, step: str, table: Table) -> QueryError:
    return QueryError(
        "INVALID_FIELD",
        located(
            query.text,
            wanted.at,
            f"Didn't understand relationship '{step}' in field path. If you are attempting to use a custom "
            "relationship, be sure to append the '__r' after the custom relationship name "
            f"({table.name}). Please "
            "reference your WSDL or the describe call for the appropriate names.",
        ),
    )


# --- conditions


def _predicate(scope: _Scope, query: Query, table: Table, condition: Condition) -> Callable[[Row], bool]:
    if isinstance(condition, Logic):
        terms = [_predicate(scope, query, table, term) for term in condition.terms]
        if condition.word == "NOT":
            return lambda row: not terms[0](row)
        combine = all if condition.word == "AND" else any
        return lambda row: combine(term(row) for term in terms)
    read, field_type = _reader(scope, query, table, condition.field)
    if not field_type.filterable:
        raise QueryError(
            "INVALID_FIELD",
            located(
                query.text,
                condition.field.at,
                f"field '{field_type.name}' can not be filtered in a query call",
            ),
        )
    if isinstance(condition, Within):
        return _membership(scope, condition, read, field_type)
    return _comparison(scope, query, condition, read, field_type)


def _membership(
    scope: _Scope, condition: Within, read: Callable[[Row], Any], field_type: FieldType
) -> Callable[[Row], bool]:
    if condition.query is not None:
        inner_table = _table(scope, condition.query)
        inner_read = _reader(scope, condition.query, inner_table, condition.query.fields[0])[0]
        values = {_key(inner_read(row), field_type) for row in _matching(scope, condition.query, inner_table)}
    else:
        values = {_key(_value_of(scope, value), field_type) for value in condition.values}
    return lambda row: (_key(read(row), field_type) in values) != condition.negated


def _comparison(
    scope: _Scope, query: Query, condition: Compare, read: Callable[[Row], Any], field_type: FieldType
) -> Callable[[Row], bool]:
    wanted = condition.value
    if isinstance(wanted, str) and field_type.kind in {"boolean", "datetime", "int"}:
        raise QueryError(
            "INVALID_FIELD",
            located(
                query.text,
                condition.field.at,
                f"value of filter criterion for field '{field_type.name}' must be of type "
                f"{field_type.kind} and should "
                "not be enclosed in quotes",
            ),
        )
    if condition.operator == "LIKE":
        pattern = _like(str(wanted))
        return lambda row: (value := read(row)) is not None and pattern.fullmatch(str(value)) is not None
    if isinstance(wanted, RelativeDate):
        return _relative(scope, condition.operator, wanted, read)
    key = _key(wanted, field_type)
    if condition.operator == "=":
        return lambda row: _key(read(row), field_type) == key
    if condition.operator == "!=":
        return lambda row: _key(read(row), field_type) != key
    return lambda row: _ordered(condition.operator, _key(read(row), field_type), key)


def _ordered(operator: str, left: Any, right: Any) -> bool:
    if left is None or right is None or isinstance(left, str) != isinstance(right, str):
        return False
    outcomes: dict[str, bool] = {
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }
    return outcomes[operator]


def _value_of(scope: _Scope, value: object) -> object:
    return _day_bounds(scope, value)[0] if isinstance(value, RelativeDate) else value


def _key(value: object, field_type: FieldType) -> Any:
    """Bring a stored or written value into the form in which values of this field compare."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    if field_type.kind in _ID_KINDS and isinstance(value, str):
        return value[:15]
    if field_type.kind == "datetime":
        return _seconds(value)
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, datetime):
        return value.timestamp()
    return value


def _seconds(value: object) -> float | None:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.replace("+0000", "+00:00")).timestamp()
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) else None


def _like(pattern: str) -> re.Pattern[str]:
    expression = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.compile(expression, re.IGNORECASE | re.DOTALL)


def _relative(
    scope: _Scope, operator: str, wanted: RelativeDate, read: Callable[[Row], Any]
) -> Callable[[Row], bool]:
    start, end = (moment.timestamp() for moment in _day_bounds(scope, wanted))
    tests: dict[str, Callable[[float], bool]] = {
        "=": lambda at: start <= at < end,
        "!=": lambda at: not start <= at < end,
        "<": lambda at: at < start,
        "<=": lambda at: at < end,
        ">": lambda at: at >= end,
        ">=": lambda at: at >= start,
    }
    test = tests[operator]
    return lambda row: (at := _seconds(read(row))) is not None and test(at)


def _day_bounds(scope: _Scope, wanted: RelativeDate) -> tuple[datetime, datetime]:
    today = datetime.fromtimestamp(scope.sim.wall_s(scope.org), UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    day = timedelta(days=1)
    bounds = {
        "TODAY": (today, today + day),
        "YESTERDAY": (today - day, today),
        "TOMORROW": (today + day, today + 2 * day),
        "LAST_N_DAYS": (today - wanted.number * day, today + day),
        "NEXT_N_DAYS": (today + day, today + (wanted.number + 1) * day),
        "N_DAYS_AGO": (today - wanted.number * day, today - (wanted.number - 1) * day),
    }
    return bounds[wanted.name]
