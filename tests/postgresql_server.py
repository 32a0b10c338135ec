"""A PostgreSQL server for the tests: the one of TEST_DATABASE_URL, or Debian's, started for this session.

Debian's refuses to run as root, so root starts it as `nobody`. It listens on a free loopback port, keeps its
data in a temporary folder and does not wait for the disk.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

_START_WITHIN_S = 30.0
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "32MB",
}


class Server:
    """A server of our own, which a test may stop and start again."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The server's own database; make others beside it."""
        return f"postgresql://tests@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        data = self.folder / "data"
        subprocess.run(  # noqa: S603 - Debian's program
            [
                *_as_nobody(),
                self.programs / "initdb",
                "-D",
                data,
                "-U",
                "tests",
                "-A",
                "trust",
                "-N",
                "-E",
                "UTF8",
            ],
            check=True,
            capture_output=True,
            cwd=self.folder,
        )

    def start(self) -> None:
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [
            *_as_nobody(),
            self.programs / "postgres",
            "-D",
            self.folder / "data",
            "-p",
            str(self.port),
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - Debian's program
                [*command, *settings], stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        self._await()

    def stop(self, number: int = 3) -> None:
        """SIGQUIT: at once, as a crash; SIGINT (2): fast and clean."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_START_WITHIN_S)
            self._process = None

    def _await(self) -> None:
        engine = sa.create_engine(_driver(self.url))
        give_up_s = time.monotonic() + _START_WITHIN_S
        while True:
            try:
                engine.connect().close()
                break
            except sa.exc.OperationalError:
                if time.monotonic() > give_up_s:
                    raise
            threading.Event().wait(0.05)
        engine.dispose()


def _driver(url: str) -> sa.URL:
    return sa.make_url(url).set(drivername="postgresql+psycopg")


def _as_nobody() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def programs() -> Path | None:
    """Where Debian keeps the newest server's programs; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


@contextmanager
def running_server() -> Iterator[Server]:
    """A server of our own for as long as the block lasts; skips loudly where there is no PostgreSQL."""
    where = programs()
    if where is None:
        pytest.skip("NOT tested on PostgreSQL: neither TEST_DATABASE_URL nor Debian's postgresql is there")
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    folder.chmod(0o700)
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    server = Server(where, folder)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """An empty database on that server, as a user would name it; dropped afterwards."""
    name = f"orchestrator_{secrets.token_hex(6)}"
    engine = sa.create_engine(_driver(server_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = sa.make_url(server_url).set(drivername="postgresql", database=name)
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        engine.dispose()
