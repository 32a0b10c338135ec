"""The parsed form of a SOQL query, and the error of one that is refused."""

from __future__ import annotations

from dataclasses import dataclass

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "MAX", "MIN", "SUM", "AVG"})
FUNCTIONS = AGGREGATES | {"TOLABEL", "FORMAT"}


class QueryError(Exception):
    """A query that is refused; `code` and the message are what the API answers."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class RelativeDate:
    """A date literal such as `TODAY` or `LAST_N_DAYS:3`."""

    name: str
    number: int = 0


@dataclass(frozen=True)
class Field:
    """A field or relationship path, with its place in the query for error messages.

    `function` is empty or one of `FUNCTIONS`; `alias` is what an aggregate query calls it.
    """

    path: tuple[str, ...]
    at: int
    function: str = ""
    alias: str = ""

    @property
    def is_aggregate(self) -> bool:
        """Whether it is computed over the rows of a group."""
        return self.function in AGGREGATES

    @property
    def text(self) -> str:
        """The path as written."""
        return ".".join(self.path)


@dataclass(frozen=True)
class Compare:
    """`path operator value`."""

    field: Field
    operator: str
    value: object


@dataclass(frozen=True)
class Within:
    """`path [NOT] IN (...)` with literal values or an inner query."""

    field: Field
    negated: bool
    values: tuple[object, ...] = ()
    query: Query | None = None


@dataclass(frozen=True)
class Logic:
    """`AND`, `OR` or `NOT` over conditions."""

    word: str
    terms: tuple[Condition, ...]


@dataclass(frozen=True)
class Order:
    """One `ORDER BY` term."""

    field: Field
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True)
class Query:
    """A parsed query."""

    text: str
    fields: tuple[Field, ...]
    sobject: str
    sobject_at: int
    alias: str = ""
    count_only: bool = False
    all_fields: bool = False
    children: tuple[Query, ...] = ()
    where: Condition | None = None
    groups: tuple[Field, ...] = ()
    having: Condition | None = None
    orders: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    all_rows: bool = False

    @property
    def is_aggregate(self) -> bool:
        """Whether its result is groups of rows instead of rows."""
        return bool(self.groups) or any(each.is_aggregate for each in self.fields)


Condition = Compare | Within | Logic


def located(text: str, at: int, message: str) -> str:
    """Return a message under the line of the query with a caret, as the API words it."""
    row = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    return f"\n{text[:200]}\n{' ' * (column - 1)}^\nERROR at Row:{row}:Column:{column}\n{message}"
