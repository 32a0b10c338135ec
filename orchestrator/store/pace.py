"""Small facts that every process of one database changes together: the login budget, open circuits."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from orchestrator.store.engine import Database
from orchestrator.store.schema import pace

_R = TypeVar("_R")


class SqlPace:
    """Small JSON objects by name (see `ports.SharedFacts`).

    Args:
        database: open, of the right schema.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert: Callable[[sa.Table], Any] = postgresql.insert if database.is_shared else sqlite.insert

    def change(
        self, names: Sequence[str], now_s: float, changed: Callable[[Mapping[str, dict[str, Any]]], _R]
    ) -> _R:
        """Let *changed* edit the facts of these names in place, alone; what it returns.

        Raises:
            StoreError: the database cannot be used; nothing was changed.
        """
        ordered = sorted(set(names))  # one order everywhere: two transactions cannot wait for each other
        with self._database.writing() as connection:
            new = [{"name": name, "value": "{}", "updated_s": now_s} for name in ordered]
            connection.execute(self._insert(pace).on_conflict_do_nothing(), new)
            query = sa.select(pace.c.name, pace.c.value).where(pace.c.name.in_(ordered)).order_by(pace.c.name)
            rows = connection.execute(query.with_for_update()).all()
            facts = {name: json.loads(value) for name, value in rows}
            result = changed(facts)
            for name, value in rows:
                text = json.dumps(facts[name], separators=(",", ":"))
                if text != value:
                    connection.execute(
                        sa.update(pace).where(pace.c.name == name).values(value=text, updated_s=now_s)
                    )
        return result

    def read(self, prefix: str) -> dict[str, dict[str, Any]]:
        """The facts whose names begin so. Raises StoreError."""
        query = sa.select(pace.c.name, pace.c.value).where(pace.c.name.startswith(prefix, autoescape=True))
        with self._database.reading() as connection:
            return {name: json.loads(value) for name, value in connection.execute(query)}

    def forget_before(self, before_s: float) -> None:
        """Drop what nobody has changed since *before_s* (Unix seconds); a worker lives for months."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(pace).where(pace.c.updated_s < before_s))
