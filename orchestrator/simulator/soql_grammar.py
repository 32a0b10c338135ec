"""A recursive-descent parser for the part of SOQL that setup tools use (SOQL and SOSL Reference).

Grammar::

    query   := SELECT items FROM name [alias] [WHERE condition] [WITH mode]
               [GROUP BY paths [HAVING condition]] [ORDER BY orders] [LIMIT n] [OFFSET n]
               [FOR VIEW|REFERENCE|UPDATE] [ALL ROWS]
    items   := COUNT() | item {, item}
    item    := path [alias] | function(path) [alias] | FIELDS(ALL|STANDARD) | ( query )
    function := COUNT | COUNT_DISTINCT | MAX | MIN | SUM | AVG | toLabel | FORMAT
    condition := term {AND term} | term {OR term} | term      -- AND and OR do not mix without parentheses
    term    := NOT term | ( condition ) | path operator value | path [NOT] IN ( values | query )
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from orchestrator.simulator.soql_clauses import read_condition, read_path
from orchestrator.simulator.soql_tokens import Reader, read_tokens
from orchestrator.simulator.soql_tree import Field, Order, Query, QueryError, located

__all__ = ["QueryError", "parse_query"]

_CLAUSES = ("WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "ALL", "USING")
_MODES = ("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE")


@dataclass
class _Items:
    """What stands between SELECT and FROM."""

    fields: list[Field] = field(default_factory=list)
    children: list[Query] = field(default_factory=list)
    count_only: bool = False
    all_fields: bool = False


def parse_query(text: str) -> Query:
    """Parse a query.

    Raises:
        QueryError: `MALFORMED_QUERY`.
    """
    reader = read_tokens(text)
    query = _query(reader)
    if reader.peek().kind != "end":
        raise reader.unexpected()
    return query


def _query(reader: Reader) -> Query:
    reader.deeper()
    reader.expect_word("SELECT")
    items = _items(reader)
    reader.expect_word("FROM")
    name = reader.peek()
    if name.kind != "word":
        raise reader.unexpected()
    reader.next()
    alias = ""
    if reader.peek().kind == "word" and not reader.is_word(*_CLAUSES):
        alias = reader.next().text
    if reader.take_word("USING"):
        reader.expect_word("SCOPE")
        reader.next()
    where = read_condition(reader, _query) if reader.take_word("WHERE") else None
    if reader.take_word("WITH") and not reader.take_word(*_MODES):
        raise reader.unexpected()
    groups = _groups(reader) if reader.take_word("GROUP") else ()
    having = read_condition(reader, _query) if groups and reader.take_word("HAVING") else None
    orders = _orders(reader) if reader.take_word("ORDER") else ()
    limit = _number(reader) if reader.take_word("LIMIT") else None
    offset = _number(reader) if reader.take_word("OFFSET") else 0
    if reader.take_word("FOR") and not reader.take_word("VIEW", "REFERENCE", "UPDATE"):
        raise reader.unexpected()
    all_rows = reader.take_word("ALL")
    if all_rows:
        reader.expect_word("ROWS")
    reader.depth -= 1
    query = Query(
        text=reader.text,
        fields=tuple(items.fields),
        sobject=name.text,
        sobject_at=name.at,
        alias=alias,
        count_only=items.count_only,
        all_fields=items.all_fields,
        children=tuple(items.children),
        where=where,
        groups=groups,
        having=having,
        orders=orders,
        limit=limit,
        offset=offset,
        all_rows=all_rows,
    )
    _refuse_aliases_outside_aggregates(query)
    return query


def _refuse_aliases_outside_aggregates(query: Query) -> None:
    for each in query.fields:
        if each.alias and not query.is_aggregate and each.function != "FORMAT":
            text = "only aggregate expressions use field aliasing"
            raise QueryError("MALFORMED_QUERY", located(query.text, each.at, text))


def _items(reader: Reader) -> _Items:
    items = _Items()
    while True:
        if reader.is_mark("("):
            items.children.append(_child(reader))
        else:
            _item(reader, items)
        if not reader.take_mark(","):
            return items


def _child(reader: Reader) -> Query:
    """Read an inner query of the SELECT list; one level only, as the API has it for these objects."""
    reader.expect_mark("(")
    child = _query(reader)
    reader.expect_mark(")")
    return child


def _item(reader: Reader, items: _Items) -> None:
    token = reader.peek()
    if token.kind != "word" or token.text.upper() in {"FROM", "SELECT", "WHERE"}:
        raise reader.unexpected()
    following = reader.tokens[reader.place + 1]
    opens = following.kind == "mark" and following.text == "("
    if opens and token.text.upper() == "FIELDS":
        reader.place += 2
        if not reader.take_word("ALL", "STANDARD", "CUSTOM"):
            raise reader.unexpected()
        reader.expect_mark(")")
        items.all_fields = True
        return
    if opens and token.text.upper() == "COUNT":
        closing = reader.tokens[reader.place + 2]
        if closing.kind == "mark" and closing.text == ")":
            reader.place += 3
            items.count_only = True
            return
    path = read_path(reader)
    if reader.is_mark("("):
        raise reader.unexpected()
    if reader.peek().kind == "word" and not reader.is_word("FROM"):
        path = replace(path, alias=reader.next().text)
    items.fields.append(path)


def _groups(reader: Reader) -> tuple[Field, ...]:
    reader.expect_word("BY")
    groups = [read_path(reader)]
    while reader.take_mark(","):
        groups.append(read_path(reader))
    return tuple(groups)


def _orders(reader: Reader) -> tuple[Order, ...]:
    reader.expect_word("BY")
    orders = []
    while True:
        path = read_path(reader)
        descending = reader.take_word("DESC")
        if not descending:
            reader.take_word("ASC")
        nulls_last = False
        if reader.take_word("NULLS"):
            nulls_last = reader.take_word("LAST")
            if not nulls_last:
                reader.expect_word("FIRST")
        orders.append(Order(path, descending, nulls_last))
        if not reader.take_mark(","):
            return tuple(orders)


def _number(reader: Reader) -> int:
    token = reader.peek()
    if token.kind != "number" or not token.text.isdigit():
        raise reader.unexpected()
    reader.next()
    return int(token.text)
