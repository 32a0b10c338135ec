"""Conditions and order of a query, turned into functions over rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from orchestrator.simulator.schema import FieldType, Row, Table
from orchestrator.simulator.soql_scope import Scope, find_reader, visible_table
from orchestrator.simulator.soql_tree import (
    Compare,
    Condition,
    Field,
    Logic,
    Query,
    QueryError,
    RelativeDate,
    Within,
    located,
)

_ID_KINDS = frozenset({"id", "reference"})
T = TypeVar("T")
ReaderOf = Callable[[Field], tuple[Callable[[Any], Any], FieldType]]


def matching_rows(scope: Scope, query: Query, table: Table) -> list[Row]:
    """Return the rows a query selects, in its order, within its limit and offset.

    Raises:
        QueryError: INVALID_FIELD or INVALID_TYPE.
    """
    return arranged(filtered_rows(scope, query, table), query, _row_readers(scope, query, table))


def filtered_rows(scope: Scope, query: Query, table: Table) -> list[Row]:
    """Return the rows that the WHERE clause accepts; deleted ones only with ALL ROWS.

    Raises:
        QueryError: INVALID_FIELD or INVALID_TYPE.
    """
    find = _row_readers(scope, query, table)
    accepts = predicate(scope, query, query.where, find) if query.where else None
    rows: Iterable[Row] = table.rows(scope.sim, scope.org)
    if not query.all_rows:
        rows = (row for row in rows if not row.get("IsDeleted"))
    return [row for row in rows if accepts is None or accepts(row)]


def _row_readers(scope: Scope, query: Query, table: Table) -> ReaderOf:
    def find(wanted: Field) -> tuple[Callable[[Any], Any], FieldType]:
        if wanted.is_aggregate:
            text = f"aggregate function {wanted.function} is not allowed here"
            raise QueryError("MALFORMED_QUERY", located(query.text, wanted.at, text))
        return find_reader(scope, query, table, wanted)

    return find


def arranged(items: list[T], query: Query, find: ReaderOf) -> list[T]:
    """Return rows or groups in the order of a query, within its limit and offset."""
    found = items
    for order in reversed(query.orders):
        read = find(order.field)[0]
        present = [row for row in found if read(row) is not None]
        absent = [row for row in found if read(row) is None]
        present.sort(key=lambda row, read=read: sortable(read(row)), reverse=order.descending)  # type: ignore[misc]
        found = present + absent if order.nulls_last or order.descending else absent + present
    end = None if query.limit is None else query.offset + query.limit
    return found[query.offset : end]


def sortable(value: Any) -> Any:
    """Return a value in the form in which values sort and differ: case does not count."""
    return value.lower() if isinstance(value, str) else value


def predicate(scope: Scope, query: Query, condition: Condition, find: ReaderOf) -> Callable[[Any], bool]:
    """Turn a condition into a function over rows or groups.

    Raises:
        QueryError: INVALID_FIELD or INVALID_TYPE.
    """
    if isinstance(condition, Logic):
        terms = [predicate(scope, query, term, find) for term in condition.terms]
        if condition.word == "NOT":
            return lambda row: not terms[0](row)
        combine = all if condition.word == "AND" else any
        return lambda row: combine(term(row) for term in terms)
    read, field_type = find(condition.field)
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
    scope: Scope, condition: Within, read: Callable[[Row], Any], field_type: FieldType
) -> Callable[[Row], bool]:
    if condition.query is not None:
        inner_table = visible_table(scope, condition.query)
        inner_read = find_reader(scope, condition.query, inner_table, condition.query.fields[0])[0]
        values = {
            _key(inner_read(row), field_type) for row in matching_rows(scope, condition.query, inner_table)
        }
    else:
        values = {_key(_value_of(scope, value), field_type) for value in condition.values}
    return lambda row: (_key(read(row), field_type) in values) != condition.negated


def _comparison(
    scope: Scope, query: Query, condition: Compare, read: Callable[[Row], Any], field_type: FieldType
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


def _value_of(scope: Scope, value: object) -> object:
    return _day_bounds(scope, value)[0] if isinstance(value, RelativeDate) else value


def _key(value: object, field_type: FieldType) -> Any:  # noqa: PLR0911 - one return per kind of value
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
    scope: Scope, operator: str, wanted: RelativeDate, read: Callable[[Row], Any]
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


def _day_bounds(scope: Scope, wanted: RelativeDate) -> tuple[datetime, datetime]:
    today = datetime.fromtimestamp(scope.sim.wall_s(scope.org), UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    day = timedelta(days=1)
    sunday = today - timedelta(days=(today.weekday() + 1) % 7)  # en_US weeks begin on Sunday
    month = today.replace(day=1)
    next_month = (month + 31 * day).replace(day=1)
    year = today.replace(month=1, day=1)
    bounds = {
        "THIS_WEEK": (sunday, sunday + 7 * day),
        "LAST_WEEK": (sunday - 7 * day, sunday),
        "THIS_MONTH": (month, next_month),
        "LAST_MONTH": ((month - day).replace(day=1), month),
        "THIS_YEAR": (year, year.replace(year=year.year + 1)),
        "LAST_YEAR": (year.replace(year=year.year - 1), year),
        "LAST_90_DAYS": (today - 90 * day, today + day),
        "TODAY": (today, today + day),
        "YESTERDAY": (today - day, today),
        "TOMORROW": (today + day, today + 2 * day),
        "LAST_N_DAYS": (today - wanted.number * day, today + day),
        "NEXT_N_DAYS": (today + day, today + (wanted.number + 1) * day),
        "N_DAYS_AGO": (today - wanted.number * day, today - (wanted.number - 1) * day),
    }
    return bounds[wanted.name]
