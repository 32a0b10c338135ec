"""A recursive-descent parser for the part of SOQL that setup tools use (SOQL and SOSL Reference).

Grammar::

    query   := SELECT fields FROM name [alias] [WHERE condition] [ORDER BY orders] [LIMIT n] [OFFSET n]
    fields  := COUNT() | item {, item}          item := path | COUNT(path) [alias] | FIELDS(ALL|STANDARD)
    condition := term {AND term} | term {OR term} | term      -- AND and OR do not mix without parentheses
    term    := NOT term | ( condition ) | path operator value | path [NOT] IN ( values | query )
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from orchestrator.simulator.soql_tree import (
    Compare,
    Condition,
    Field,
    Logic,
    Order,
    Query,
    QueryError,
    RelativeDate,
    Within,
    located,
)

__all__ = ["QueryError", "parse_query"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:[^'\\]|\\.)*')
      | (?P<datetime>\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))?)
      | (?P<number>[+-]?\d+(?:\.\d+)?)
      | (?P<word>[A-Za-z_][\w]*(?:\.[A-Za-z_]\w*)*(?::\d+)?)
      | (?P<operator><=|>=|!=|<>|=|<|>)
      | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_DEPTH_LIMIT = 20


@dataclass
class _Token:
    kind: str
    text: str
    at: int


@dataclass
class _Reader:
    text: str
    tokens: list[_Token] = field(default_factory=list)
    place: int = 0
    depth: int = 0

    def peek(self) -> _Token:
        return self.tokens[self.place]

    def next(self) -> _Token:
        token = self.tokens[self.place]
        if token.kind != "end":
            self.place += 1
        return token

    def is_word(self, *words: str) -> bool:
        token = self.peek()
        return token.kind == "word" and token.text.upper() in words

    def take_word(self, *words: str) -> bool:
        if self.is_word(*words):
            self.place += 1
            return True
        return False

    def is_mark(self, mark: str) -> bool:
        token = self.peek()
        return token.kind == "mark" and token.text == mark

    def take_mark(self, mark: str) -> bool:
        if self.is_mark(mark):
            self.place += 1
            return True
        return False

    def expect_word(self, word: str) -> None:
        if not self.take_word(word):
            raise self.unexpected()

    def expect_mark(self, mark: str) -> None:
        if not self.take_mark(mark):
            raise self.unexpected()

    def unexpected(self) -> QueryError:
        token = self.peek()
        shown = "<EOF>" if token.kind == "end" else f"'{token.text}'"
        return QueryError("MALFORMED_QUERY", located(self.text, token.at, f"unexpected token: {shown}"))


def parse_query(text: str) -> Query:
    """Parse a query.

    Raises:
        QueryError: `MALFORMED_QUERY`.
    """
    reader = _Reader(text)
    _tokenise(reader)
    query = _query(reader)
    if reader.peek().kind != "end":
        raise reader.unexpected()
    return query


def _tokenise(reader: _Reader) -> None:
    text, at = reader.text, 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise QueryError("MALFORMED_QUERY", located(text, at, f"unexpected token: '{text[at]}'"))
        kind = found.lastgroup or ""
        reader.tokens.append(_Token(kind, found[kind], found.start(kind)))
        at = found.end()
    reader.tokens.append(_Token("end", "", len(text)))


def _query(reader: _Reader) -> Query:
    reader.depth += 1
    if reader.depth > _DEPTH_LIMIT:
        raise reader.unexpected()
    reader.expect_word("SELECT")
    fields, count_only, all_fields = _fields(reader)
    reader.expect_word("FROM")
    name = reader.peek()
    if name.kind != "word" or "." in name.text:
        raise reader.unexpected()
    reader.next()
    if reader.peek().kind == "word" and not reader.is_word(
        "WHERE", "ORDER", "LIMIT", "OFFSET", "FOR", "ALL", "WITH"
    ):
        reader.next()
    where = _condition(reader) if reader.take_word("WHERE") else None
    orders = _orders(reader) if reader.take_word("ORDER") else ()
    limit = _number(reader) if reader.take_word("LIMIT") else None
    offset = _number(reader) if reader.take_word("OFFSET") else 0
    if reader.take_word("ALL"):
        reader.expect_word("ROWS")
    reader.depth -= 1
    return Query(
        reader.text, tuple(fields), name.text, name.at, count_only, all_fields, where, orders, limit, offset
    )


def _fields(reader: _Reader) -> tuple[list[Field], bool, bool]:
    fields: list[Field] = []
    count_only = all_fields = False
    while True:
        token = reader.next()
        if token.kind != "word" or token.text.upper() in {"FROM", "SELECT", "WHERE"}:
            reader.place -= token.kind != "end"
            raise reader.unexpected()
        if reader.take_mark("("):
            name = token.text.upper()
            if name == "COUNT" and reader.take_mark(")"):
                count_only = True
            elif name == "FIELDS" and reader.take_word("ALL", "STANDARD", "CUSTOM"):
                reader.expect_mark(")")
                all_fields = True
            elif name == "COUNT" and reader.peek().kind == "word":
                fields.append(_counted(reader))
            else:
                raise reader.unexpected()
        else:
            fields.append(Field(tuple(token.text.split(".")), token.at))
        if not reader.take_mark(","):
            return fields, count_only, all_fields


def _counted(reader: _Reader) -> Field:
    path = reader.next()
    reader.expect_mark(")")
    alias = reader.next().text if reader.peek().kind == "word" and not reader.is_word("FROM") else "expr0"
    return Field(tuple(path.text.split(".")), path.at, count=True, alias=alias)


def _condition(reader: _Reader) -> Condition:
    reader.depth += 1
    if reader.depth > _DEPTH_LIMIT:
        raise reader.unexpected()
    terms = [_term(reader)]
    word = ""
    while reader.is_word("AND", "OR"):
        joined_by = reader.peek().text.upper()
        if word and joined_by != word:
            raise reader.unexpected()
        word = joined_by
        reader.next()
        terms.append(_term(reader))
    reader.depth -= 1
    return terms[0] if len(terms) == 1 else Logic(word, tuple(terms))


def _term(reader: _Reader) -> Condition:
    if reader.take_word("NOT"):
        reader.depth += 1
        if reader.depth > _DEPTH_LIMIT:
            raise reader.unexpected()
        inner = _term(reader)
        reader.depth -= 1
        return Logic("NOT", (inner,))
    if reader.take_mark("("):
        inner = _condition(reader)
        reader.expect_mark(")")
        return inner
    token = reader.next()
    if token.kind != "word":
        reader.place -= token.kind != "end"
        raise reader.unexpected()
    field_ = Field(tuple(token.text.split(".")), token.at)
    negated = reader.take_word("NOT")
    if reader.take_word("IN"):
        return _within(reader, field_, negated=negated)
    if negated:
        raise reader.unexpected()
    if reader.take_word("LIKE"):
        return Compare(field_, "LIKE", _literal(reader))
    operator = reader.peek()
    if operator.kind != "operator":
        raise reader.unexpected()
    reader.next()
    return Compare(field_, "!=" if operator.text == "<>" else operator.text, _literal(reader))


def _within(reader: _Reader, field_: Field, *, negated: bool) -> Within:
    reader.expect_mark("(")
    if reader.is_word("SELECT"):
        query = _query(reader)
        reader.expect_mark(")")
        return Within(field_, negated, query=query)
    values = [_literal(reader)]
    while reader.take_mark(","):
        values.append(_literal(reader))
    reader.expect_mark(")")
    return Within(field_, negated, tuple(values))


def _literal(reader: _Reader) -> object:
    token = reader.peek()
    if token.kind not in {"string", "number", "datetime", "word"}:
        raise reader.unexpected()
    if token.kind == "word":
        value = _word_literal(reader, token.text)
    elif token.kind == "string":
        value = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), token.text[1:-1])
    elif token.kind == "number":
        value = float(token.text)
    else:
        value = _moment(reader, token.text)
    reader.next()
    return value


def _word_literal(reader: _Reader, text: str) -> object:
    constants: dict[str, bool | None] = {"TRUE": True, "FALSE": False, "NULL": None}
    name, _, number = text.upper().partition(":")
    if name in constants and not number:
        return constants[name]
    if name in {"TODAY", "YESTERDAY", "TOMORROW"} and not number:
        return RelativeDate(name)
    if name in {"LAST_N_DAYS", "NEXT_N_DAYS", "N_DAYS_AGO"} and number:
        return RelativeDate(name, int(number))
    raise reader.unexpected()


def _moment(reader: _Reader, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise reader.unexpected() from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _orders(reader: _Reader) -> tuple[Order, ...]:
    reader.expect_word("BY")
    orders = []
    while True:
        token = reader.next()
        if token.kind != "word":
            reader.place -= token.kind != "end"
            raise reader.unexpected()
        descending = reader.take_word("DESC")
        if not descending:
            reader.take_word("ASC")
        nulls_last = False
        if reader.take_word("NULLS"):
            nulls_last = reader.take_word("LAST")
            if not nulls_last:
                reader.expect_word("FIRST")
        orders.append(Order(Field(tuple(token.text.split(".")), token.at), descending, nulls_last))
        if not reader.take_mark(","):
            return tuple(orders)


def _number(reader: _Reader) -> int:
    token = reader.peek()
    if token.kind != "number" or not token.text.isdigit():
        raise reader.unexpected()
    reader.next()
    return int(token.text)
