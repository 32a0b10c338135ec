"""One connection that writes for many threads, and one commit for all who wait at the same moment.

A commit that survives a power cut waits for the disk. With sixteen threads that settle attempts, each
waiting for its own commit, the disk decides how fast a fleet goes. So whoever finds others queued behind it
leaves its statements in the open transaction, and the last in the queue commits for all. Nobody returns
before the commit that holds its statements is on disk; if that commit fails, everybody in it is told.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
import sqlalchemy.exc as sa_exc

# Bounds how long the first of a group waits for the last.
_LARGEST_GROUP = 64
_PATIENCE_S = 1.0


class _Group:
    """The threads whose statements are in the open transaction."""

    def __init__(self) -> None:
        self.members = 0
        self.over = threading.Event()
        self.failure: BaseException | None = None


class GroupCommit:
    """The writing side of a SQLite database.

    Args:
        engine: gives the one connection that writes.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._queued = 0
        self._group: _Group | None = None
        self._writer: sa.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Statements that happen wholly or not at all, and are on disk when the block is left."""
        self._queue()
        try:
            group = self._group or self._begun()
            try:
                yield from self._joined(group)
            finally:
                if self._group is group and not (self._queued and group.members < _LARGEST_GROUP):
                    self._finish(group)
        finally:
            self._lock.release()
        # Whoever is queued behind us takes the lock next, joins the group or finishes it; unless it was
        # interrupted while it queued.
        while not group.over.wait(_PATIENCE_S):
            with self._lock:
                if self._group is group:
                    self._finish(group)
        if group.failure is not None:
            raise group.failure

    @contextmanager
    def alone(self) -> Iterator[sa.Connection]:
        """The writing connection, for reading what was written; of databases that have only one."""
        with self._lock:
            yield self._connection()

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _joined(self, group: _Group) -> Iterator[sa.Connection]:
        """Let the caller write; take back only its own statements when it fails."""
        connection = self._connection()
        first = group.members == 0
        if not first:
            connection.exec_driver_sql("SAVEPOINT member")
        try:
            yield connection
            if not first:
                connection.exec_driver_sql("RELEASE member")
            group.members += 1
        except BaseException:
            self._take_back(group, connection, first=first)
            raise

    def _take_back(self, group: _Group, connection: sa.Connection, *, first: bool) -> None:
        """Undo the statements of one member; if not even that works, the whole group has failed."""
        if not first:
            try:
                connection.exec_driver_sql("ROLLBACK TO member")
                connection.exec_driver_sql("RELEASE member")
            except sa_exc.SQLAlchemyError as broken:  # a full disk ends the transaction by itself
                group.failure = broken
            else:
                return
        self._roll_back(connection)
        self._end(group)

    def _begun(self) -> _Group:
        """Take SQLite's write lock at once: upgrading a reader could fail halfway."""
        connection = self._connection()
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except BaseException:
            self._roll_back(connection)
            raise
        self._group = _Group()
        return self._group

    def _finish(self, group: _Group) -> None:
        """Commit for all, or tell all that it failed."""
        connection = self._connection()
        try:
            connection.commit()
        except BaseException as failure:  # noqa: BLE001 - raised in every thread of the group
            group.failure = failure
            self._roll_back(connection)
        self._end(group)

    def _end(self, group: _Group) -> None:
        self._group = None
        group.over.set()

    def _queue(self) -> None:
        """Take the lock, and let whoever holds it know that somebody waits."""
        with self._counting:
            self._queued += 1
        try:
            self._lock.acquire()
        finally:
            with self._counting:
                self._queued -= 1

    def _connection(self) -> sa.Connection:
        if self._writer is None:
            self._writer = self._engine.connect()
        return self._writer

    def _roll_back(self, connection: sa.Connection) -> None:
        """Undo; a connection that cannot even do that is thrown away (its transaction goes with it)."""
        try:
            connection.rollback()
            # After a commit that failed SQLAlchemy takes the transaction for over; the database may not.
            connection.connection.rollback()
        except (sa_exc.SQLAlchemyError, sqlite3.Error):
            connection.invalidate()
            connection.close()
            self._writer = None
