"""The journal on disk: one schema, SQLite or PostgreSQL, through SQLAlchemy Core.

Nothing heavy is imported until a journal is opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.ports import Clock
    from orchestrator.store.journal import SqlJournal

__all__ = ["open_journal"]


def open_journal(url_or_path: str | Path, *, clock: Clock, owners: Path | None = None) -> SqlJournal:
    """Open the journal, making or upgrading it where needed.

    Args:
        url_or_path: a file, `sqlite:///FILE`, `:memory:` or `postgresql://…`.
        clock: tells when the journal was made and whether a lease has expired.
        owners: directory of the owners' lock files (see `store.owners`); by default `owners` beside a
            SQLite file, and none for the others.

    Raises:
        StoreError: the database cannot be opened, or is newer than this program.
    """
    from orchestrator.store.engine import open_database  # noqa: PLC0415 - SQLAlchemy takes 0.2 s to import
    from orchestrator.store.journal import SqlJournal  # noqa: PLC0415 - likewise

    database = open_database(url_or_path, clock.now_s())
    return SqlJournal(database, clock, owners or database.owners)
