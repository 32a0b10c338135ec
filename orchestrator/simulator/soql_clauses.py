"""Reads the conditions of a SOQL query: comparisons, lists, inner queries, literals."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from orchestrator.simulator.soql_tokens import Reader
from orchestrator.simulator.soql_tree import (
    FUNCTIONS,
    Compare,
    Condition,
    Field,
    Logic,
    Query,
    RelativeDate,
    Within,
)

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
DAYS = frozenset(
    """TODAY YESTERDAY TOMORROW THIS_WEEK LAST_WEEK THIS_MONTH LAST_MONTH THIS_YEAR LAST_YEAR LAST_90_DAYS
    """.split()  # noqa: SIM905 - a list of words reads better than a list of literals
)
COUNTED_DAYS = frozenset({"LAST_N_DAYS", "NEXT_N_DAYS", "N_DAYS_AGO"})
QueryReader = Callable[[Reader], Query]


def read_path(reader: Reader) -> Field:
    """Read a field path, or a function over one (`COUNT(Id)`, `toLabel(Status)`).

    Raises:
        QueryError: `MALFORMED_QUERY`.
    """
    token = reader.next()
    if token.kind != "word":
        raise reader.untake(token)
    name = token.text.upper()
    if name not in FUNCTIONS or not reader.take_mark("("):
        return Field(tuple(token.text.split(".")), token.at)
    inner = reader.next()
    if inner.kind != "word":
        raise reader.untake(inner)
    reader.expect_mark(")")
    return Field(tuple(inner.text.split(".")), inner.at, function=name)


def read_condition(reader: Reader, read_query: QueryReader) -> Condition:
    """Read the condition of WHERE or HAVING.

    Raises:
        QueryError: `MALFORMED_QUERY`.
    """
    reader.deeper()
    terms = [_term(reader, read_query)]
    word = ""
    while reader.is_word("AND", "OR"):
        joined_by = reader.peek().text.upper()
        if word and joined_by != word:
            raise reader.unexpected()
        word = joined_by
        reader.next()
        terms.append(_term(reader, read_query))
    reader.depth -= 1
    return terms[0] if len(terms) == 1 else Logic(word, tuple(terms))


def _term(reader: Reader, read_query: QueryReader) -> Condition:
    if reader.take_word("NOT"):
        reader.deeper()
        inner = _term(reader, read_query)
        reader.depth -= 1
        return Logic("NOT", (inner,))
    if reader.take_mark("("):
        inner = read_condition(reader, read_query)
        reader.expect_mark(")")
        return inner
    field_ = read_path(reader)
    negated = reader.take_word("NOT")
    if reader.take_word("IN"):
        return _within(reader, read_query, field_, negated=negated)
    if negated:
        raise reader.unexpected()
    if reader.take_word("LIKE"):
        return Compare(field_, "LIKE", _literal(reader))
    operator = reader.peek()
    if operator.kind != "operator":
        raise reader.unexpected()
    reader.next()
    return Compare(field_, "!=" if operator.text == "<>" else operator.text, _literal(reader))


def _within(reader: Reader, read_query: QueryReader, field_: Field, *, negated: bool) -> Within:
    reader.expect_mark("(")
    if reader.is_word("SELECT"):
        query = read_query(reader)
        reader.expect_mark(")")
        return Within(field_, negated, query=query)
    values = [_literal(reader)]
    while reader.take_mark(","):
        values.append(_literal(reader))
    reader.expect_mark(")")
    return Within(field_, negated, tuple(values))


def _literal(reader: Reader) -> object:
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


def _word_literal(reader: Reader, text: str) -> object:
    constants: dict[str, bool | None] = {"TRUE": True, "FALSE": False, "NULL": None}
    name, _, number = text.upper().partition(":")
    if name in constants and not number:
        return constants[name]
    if name in DAYS and not number:
        return RelativeDate(name)
    if name in COUNTED_DAYS and number:
        return RelativeDate(name, int(number))
    raise reader.unexpected()


def _moment(reader: Reader, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise reader.unexpected() from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
