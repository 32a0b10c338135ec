"""The words of a SOQL query and a reader over them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from orchestrator.simulator.soql_tree import QueryError, located

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
DEPTH_LIMIT = 20


@dataclass
class Token:
    """One word, literal, operator or mark, and where it stands."""

    kind: str
    text: str
    at: int


@dataclass
class Reader:
    """The tokens of a query, taken one after the other."""

    text: str
    tokens: list[Token] = field(default_factory=list)
    place: int = 0
    depth: int = 0

    def peek(self) -> Token:
        """Return the next token without taking it."""
        return self.tokens[self.place]

    def next(self) -> Token:
        """Take the next token; the end is never passed."""
        token = self.tokens[self.place]
        if token.kind != "end":
            self.place += 1
        return token

    def is_word(self, *words: str) -> bool:
        """Whether the next token is one of these words."""
        token = self.peek()
        return token.kind == "word" and token.text.upper() in words

    def take_word(self, *words: str) -> bool:
        """Take the next token if it is one of these words."""
        if self.is_word(*words):
            self.place += 1
            return True
        return False

    def is_mark(self, mark: str) -> bool:
        """Whether the next token is this mark."""
        token = self.peek()
        return token.kind == "mark" and token.text == mark

    def take_mark(self, mark: str) -> bool:
        """Take the next token if it is this mark."""
        if self.is_mark(mark):
            self.place += 1
            return True
        return False

    def expect_word(self, word: str) -> None:
        """Take this word or refuse the query."""
        if not self.take_word(word):
            raise self.unexpected()

    def expect_mark(self, mark: str) -> None:
        """Take this mark or refuse the query."""
        if not self.take_mark(mark):
            raise self.unexpected()

    def deeper(self) -> None:
        """Count one level of nesting; a query nested without end is refused."""
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise self.unexpected()

    def untake(self, token: Token) -> QueryError:
        """Return the refusal of a token that was taken already."""
        self.place -= token.kind != "end"
        return self.unexpected()

    def unexpected(self) -> QueryError:
        """Return the refusal of the next token."""
        token = self.peek()
        shown = "<EOF>" if token.kind == "end" else f"'{token.text}'"
        return QueryError("MALFORMED_QUERY", located(self.text, token.at, f"unexpected token: {shown}"))


def read_tokens(text: str) -> Reader:
    """Split a query into tokens.

    Raises:
        QueryError: `MALFORMED_QUERY`.
    """
    reader = Reader(text)
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise QueryError("MALFORMED_QUERY", located(text, at, f"unexpected token: '{text[at]}'"))
        kind = found.lastgroup or ""
        reader.tokens.append(Token(kind, found[kind], found.start(kind)))
        at = found.end()
    reader.tokens.append(Token("end", "", len(text)))
    return reader
