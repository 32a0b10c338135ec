"""Opening the database: which one, where, its pragmas, its schema, and the two ways to use it.

SQLite: one connection writes, one thread at a time (SQLite allows one writer anyway, and waiting on a lock
is cheaper and fairer than its busy timeout); threads that wait share one commit (`group_commit`); readers
have connections of their own and, thanks to WAL, never wait. PostgreSQL: a pool for everything.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa
import sqlalchemy.exc as sa_exc

from orchestrator.errors import Defect, StoreError
from orchestrator.redaction import Secret
from orchestrator.store import schema
from orchestrator.store.faults import UNREACHABLE, from_database, store_error, translated
from orchestrator.store.group_commit import GroupCommit

BUSY_TIMEOUT_S = 15
"""How long another process may hold the write lock before we give up with `journal_locked`; `timeout` in
the URL of a SQLite file overrides it."""

_IDLE_TIMEOUT_S = 2
"""How long a process that stands still in the middle of a transaction may hold its locks on a server."""

OUTAGE_S = 30.0
"""How long a server that was there may be gone (a restart, a failover) before we give up waiting."""

_OUTAGE_PAUSE_S = 0.5
_POOL = {"pool_size": 8, "max_overflow": 56, "pool_timeout": 30}
# A server has 100 connections by default, for every process of every machine; ours are needed for moments.
_SHARED_POOL = {"pool_size": 4, "max_overflow": 8, "pool_timeout": 30}
_UPGRADE_LOCK = 0x6F726368  # any number, the same in every process: PostgreSQL's advisory lock


class Database:
    """An open database: `reading()` and `writing()`.

    Attributes:
        engine: SQLAlchemy's.
        owners: where the lock files of the processes are that share this file, if it is one.
        is_shared: whether processes of several machines may use it.
    """

    def __init__(self, engine: sa.Engine, *, owners: Path | None = None, in_memory: bool = False) -> None:
        self.engine = engine
        self.owners = owners
        self.is_shared = engine.dialect.name == "postgresql"
        self._was_there = False
        self._password = Secret(str(engine.url.password)) if engine.url.password else None
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._one_connection = in_memory
        self._readers = engine if self._is_sqlite else engine.execution_options(isolation_level="AUTOCOMMIT")
        self._group = GroupCommit(engine)
        self._process = os.getpid()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for reading; every statement sees the newest committed rows."""
        self._usable()
        if self._one_connection:
            with translated(), self._group.alone() as connection:
                yield connection
            return
        with translated(), self._connected(self._readers) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction: committed durably at the end of the block, or not at all."""
        self._usable()
        if not self._is_sqlite:
            with translated(), self._connected(self.engine) as connection, connection.begin():
                yield connection
            return
        with translated(), self._group.transaction() as connection:
            yield connection

    def conninfo(self) -> Secret:
        """What leads to a shared database, as libpq reads it, password included; for the queue's own use."""
        from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - the driver of shared databases

        url = self.engine.url
        named = url.translate_connect_args(username="user", database="dbname")
        return Secret(make_conninfo(**named, **{name: str(value) for name, value in url.query.items()}))

    @contextmanager
    def _connected(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        """A connection; a server that was there before and is not now is waited for."""
        give_up_s = time.monotonic() + (OUTAGE_S if self._was_there else 0.0)
        while True:
            try:
                connection = engine.connect()
                break
            except sa_exc.OperationalError as error:
                is_gone = self.is_shared and from_database(error).code == UNREACHABLE
                if not is_gone or time.monotonic() >= give_up_s:
                    raise
            threading.Event().wait(_OUTAGE_PAUSE_S)
        self._was_there = True
        with connection:
            yield connection

    def close(self) -> None:
        """Close every connection; closing twice is no error."""
        if self._closed or os.getpid() != self._process:
            return
        self._closed = True
        with translated():
            self._group.close()
            self.engine.dispose()

    def _usable(self) -> None:
        if self._closed:
            raise Defect("the journal is closed")
        if os.getpid() != self._process:
            raise Defect("a journal must not cross a fork; open it in the child")


_P = ParamSpec("_P")
_R = TypeVar("_R")


def outlasting(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """*method*, once more when the connection to a server broke in the middle of its transaction.

    Whether that transaction was committed is unknown then. So this is only for methods that come to the same
    when they happen twice, or whose second time the fence refuses.
    """

    @wraps(method)
    def repeated(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(*args, **kwargs)
        except StoreError as error:
            if error.code != UNREACHABLE:
                raise
        return method(*args, **kwargs)

    return repeated


def open_database(url_or_path: str | Path, now_s: float) -> Database:
    """Open, make or upgrade the database. Raises StoreError."""
    url = _url(url_or_path)
    with translated():
        database = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
    try:
        _bring_to_schema(database, now_s)
    except BaseException:
        database.close()
        raise
    return database


def _url(url_or_path: str | Path) -> sa.URL:
    text = str(url_or_path)
    if text == ":memory:":
        return sa.URL.create("sqlite")
    if "://" not in text:
        return sa.URL.create("sqlite", database=text)
    try:
        url = sa.make_url(text)
    except (sa_exc.ArgumentError, ValueError):
        raise store_error("journal_url_invalid", "--database is not a URL that can be read") from None
    if url.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise store_error("journal_url_invalid", f"no journal is kept in '{url.drivername}'")
    return url


def _sqlite(url: sa.URL) -> Database:
    name = url.database or ":memory:"
    in_memory = name == ":memory:"
    pool: dict[str, Any] = {"poolclass": sa.pool.StaticPool} if in_memory else _POOL
    owners = None
    if not in_memory:
        owners = _private_file(Path(re.sub(r"^file:", "", name))).parent / "owners"
    engine = sa.create_engine(
        url.set(query={"timeout": str(BUSY_TIMEOUT_S), **url.query}),
        paramstyle="named",
        # The driver must not begin transactions by itself: `writing` says BEGIN IMMEDIATE.
        connect_args={"isolation_level": None, "check_same_thread": False},
        **pool,
    )
    sa.event.listen(engine, "connect", _set_pragmas)
    return Database(engine, owners=owners, in_memory=in_memory)


def _set_pragmas(connection: Any, _record: object) -> None:
    """Durable at every commit, readers beside one writer, and nothing trusted from the file."""
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _private_file(path: Path) -> Path:
    """Make the file readable by its owner alone before SQLite does; WAL files inherit its mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        status = path.stat()
        if status.st_mode & 0o077 and os.name == "posix" and status.st_uid == os.geteuid():
            path.chmod(0o600)
    return path


def _postgresql(url: sa.URL) -> Database:
    defaults = {"connect_timeout": "10", **url.query}
    settings = f"-c lock_timeout={BUSY_TIMEOUT_S}s -c idle_in_transaction_session_timeout={_IDLE_TIMEOUT_S}s"
    # What an effect was announced by must outlive the server, also one that is set to forget quickly.
    settings += " -c synchronous_commit=on"
    defaults["options"] = f"{settings} {url.query.get('options', '')}"
    try:
        engine = sa.create_engine(url.set(query=defaults), pool_pre_ping=True, **_SHARED_POOL)
    except ImportError:
        raise store_error(
            "journal_driver_missing", "a shared database needs the packages of the extra 'postgres'"
        ) from None
    return Database(engine)


def _bring_to_schema(database: Database, now_s: float) -> None:
    """Compare the stored revision with ours; make or upgrade the tables only when they differ."""
    with database.reading() as connection:
        if _revision(connection) == schema.REVISION:
            return
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
        found = _revision(connection)  # again: another process may have been faster
        if found is None:
            _create(connection, now_s)
        elif not re.fullmatch(r"\d{4}", found):
            raise store_error("journal_foreign", f"its schema calls itself '{found[:40]}'")
        elif found > schema.REVISION:
            raise store_error(
                "journal_too_new", f"it has schema {found}; this program knows {schema.REVISION}"
            )
        elif found < schema.REVISION:
            from orchestrator.store.migrations import upgrade  # noqa: PLC0415 - Alembic only when needed

            upgrade(connection, schema.REVISION)


def _revision(connection: sa.Connection) -> str | None:
    """The stored revision; None in a database without a journal."""
    inspector = sa.inspect(connection)
    if not inspector.has_table(schema.meta.name):
        return None
    if "version_num" not in {column["name"] for column in inspector.get_columns(schema.meta.name)}:
        raise store_error("journal_foreign", "its table 'meta' is not ours")
    found = connection.execute(sa.select(schema.meta.c.version_num)).scalars().first()
    return None if found is None else str(found)


def _create(connection: sa.Connection, now_s: float) -> None:
    """All tables and the stamp, in the transaction of the caller."""
    taken = set(sa.inspect(connection).get_table_names()) & set(schema.metadata.tables)
    if taken:
        raise store_error(
            "journal_foreign", f"it has tables of these names already: {', '.join(sorted(taken))}"
        )
    schema.metadata.create_all(connection, checkfirst=False)
    connection.execute(sa.insert(schema.meta).values(version_num=schema.REVISION, created_s=now_s))
