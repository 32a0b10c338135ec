"""Ciphertext of the shared vault, byte for byte; what is in it and which key opens it is not known here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from orchestrator.store.engine import Database, outlasting
from orchestrator.store.schema import vault_entry, vault_key

_KEY = "key"


class SealedEntries:
    """Sealed entries by name, and one record about their key.

    Args:
        database: open, of the right schema.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert: Callable[[sa.Table], Any] = postgresql.insert if database.is_shared else sqlite.insert

    def read(self, name: str) -> bytes | None:
        """The entry of that name; None if there is none. Raises StoreError."""
        query = sa.select(vault_entry.c.sealed).where(vault_entry.c.name == name)
        with self._database.reading() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else bytes(found)

    def entries(self) -> Iterator[tuple[str, bytes]]:
        """All entries. Raises StoreError."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(vault_entry.c.name, vault_entry.c.sealed)).all()
        for name, sealed in rows:
            yield name, bytes(sealed)

    @outlasting
    def change(self, name: str, changed: Callable[[bytes | None], bytes | None]) -> None:
        """Replace the entry by what *changed* makes of it (None: no entry), alone and durably.

        Raises:
            StoreError: the database cannot be used; what *changed* raises passes through.
        """
        at_name = vault_entry.c.name == name
        with self._alone(name) as connection:
            before = connection.execute(sa.select(vault_entry.c.sealed).where(at_name)).scalar()
            after = changed(None if before is None else bytes(before))
            if after is None:
                connection.execute(sa.delete(vault_entry).where(at_name))
                return
            kept = self._insert(vault_entry).values(name=name, sealed=after)
            connection.execute(
                kept.on_conflict_do_update(index_elements=["name"], set_={"sealed": kept.excluded.sealed})
            )

    @outlasting
    def key_record(self, new: Callable[[], bytes] | None) -> bytes | None:
        """The record about the key; if there is none, it is made with *new*, once. Raises StoreError."""
        query = sa.select(vault_key.c.record).where(vault_key.c.name == _KEY)
        with self._database.reading() as connection:
            found = connection.execute(query).scalar()
        if found is None and new is not None:
            statement = self._insert(vault_key).values(name=_KEY, record=new()).on_conflict_do_nothing()
            with self._database.writing() as connection:
                connection.execute(statement)
                found = connection.execute(query).scalar_one()
        return None if found is None else bytes(found)

    @contextmanager
    def _alone(self, name: str) -> Iterator[sa.Connection]:
        """A transaction beside which nobody changes the entry of that name, be it there yet or not."""
        with self._database.writing() as connection:
            if self._database.is_shared:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(name))))
            yield connection
