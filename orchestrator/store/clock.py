"""One clock for all who share a database: the database's."""

from __future__ import annotations

import threading
import time

import sqlalchemy as sa

from orchestrator.errors import StoreError
from orchestrator.store.engine import Database

_ASK_AGAIN_S = 20.0
_QUESTION = sa.text("SELECT extract(epoch FROM clock_timestamp())::float8")


class DatabaseClock:
    """The server's time, asked now and then, and carried on by this machine's own counter in between.

    Args:
        database: an open PostgreSQL database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._ahead_s = 0.0
        self._asked_s: float | None = None

    def now_s(self) -> float:
        """Unix seconds, as the server counts them; while it cannot be asked, as it last did."""
        with self._lock:
            if self._asked_s is None or _elapsed_s() - self._asked_s > _ASK_AGAIN_S:
                self._ask(is_first=self._asked_s is None)
            return _elapsed_s() + self._ahead_s

    def _ask(self, *, is_first: bool) -> None:
        before_s = _elapsed_s()
        try:
            with self._database.reading() as connection:
                server_s = float(connection.execute(_QUESTION).scalar_one())
        except StoreError:
            if is_first:
                raise
            return
        after_s = _elapsed_s()
        self._asked_s = after_s
        self._ahead_s = server_s - (before_s + after_s) / 2


def _elapsed_s() -> float:
    """Seconds that grow, also while the machine is suspended where the system can tell (Linux)."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)
