"""The journal on disk: one schema, SQLite or PostgreSQL, through SQLAlchemy Core.

Nothing heavy is imported until a journal is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.ports import Clock
    from orchestrator.store.batches import Batches
    from orchestrator.store.journal import SqlJournal
    from orchestrator.store.pace import SqlPace
    from orchestrator.store.sealed import SealedEntries
    from orchestrator.store.wake_ups import WakeUps

__all__ = ["Store", "open_journal", "open_store"]


@dataclass(frozen=True, slots=True)
class Store:
    """One database and what is kept in it.

    Attributes:
        clock: the time that counts: the database's where it is shared, else the one given.
        journal: the truth about every run.
        batches: waves, limits and gates of fleets that many machines drive.
        sealed: ciphertext of the shared vault.
        pace: the login budget of all who use the database.
        wake_ups: the queue's jobs; only where the database is shared.
    """

    clock: Clock
    journal: SqlJournal
    batches: Batches
    sealed: SealedEntries
    pace: SqlPace
    wake_ups: WakeUps | None


def is_shared(url_or_path: str | Path | None) -> bool:
    """Whether that database is a server's, and so one for many machines."""
    return str(url_or_path or "").partition(":")[0].partition("+")[0] in {"postgresql", "postgres"}


def open_store(url_or_path: str | Path, *, clock: Clock, owners: Path | None = None) -> Store:
    """Open the database, making or upgrading it where needed.

    Args:
        url_or_path: a file, `sqlite:///FILE`, `:memory:` or `postgresql://…`.
        clock: tells the time where the database has none of its own.
        owners: directory of the owners' lock files (see `store.owners`); by default `owners` beside a
            SQLite file. On a shared database only expiry frees the lease of a process that died.

    Raises:
        StoreError: the database cannot be opened, or is newer than this program.
    """
    from orchestrator.store.batches import Batches  # noqa: PLC0415 - SQLAlchemy takes 0.2 s to import
    from orchestrator.store.clock import DatabaseClock  # noqa: PLC0415 - likewise
    from orchestrator.store.engine import open_database  # noqa: PLC0415 - likewise
    from orchestrator.store.journal import SqlJournal  # noqa: PLC0415 - likewise
    from orchestrator.store.pace import SqlPace  # noqa: PLC0415 - likewise
    from orchestrator.store.sealed import SealedEntries  # noqa: PLC0415 - likewise
    from orchestrator.store.wake_ups import WakeUps  # noqa: PLC0415 - likewise

    database = open_database(url_or_path, clock.now_s())
    shared = database.is_shared
    clock = DatabaseClock(database) if shared else clock
    return Store(
        clock=clock,
        journal=SqlJournal(database, clock, None if shared else owners or database.owners),
        batches=Batches(database),
        sealed=SealedEntries(database),
        pace=SqlPace(database),
        wake_ups=WakeUps(database) if shared else None,
    )


def open_journal(url_or_path: str | Path, *, clock: Clock, owners: Path | None = None) -> SqlJournal:
    """Open only the journal, by the clock that is given; arguments and errors as of `open_store`."""
    from orchestrator.store.engine import open_database  # noqa: PLC0415 - SQLAlchemy takes 0.2 s to import
    from orchestrator.store.journal import SqlJournal  # noqa: PLC0415 - likewise

    database = open_database(url_or_path, clock.now_s())
    return SqlJournal(database, clock, owners or database.owners)
