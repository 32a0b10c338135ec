"""What must be found nowhere: the secrets of the simulated orgs of a test, and whatever looks like one.

Simulators that tests make in this process are remembered as they are made; those in processes of their own
lie in the folder of their orgs file. Sessions, tokens, assertions and private keys are known by their shape,
whoever made them. `search` looks through files and texts for all of it, in any encoding it travels in.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import sqlalchemy as sa

from orchestrator.simulator.simulation import Simulator

MOST_ORGS = 40  # of a fleet; each costs a search of everything
_SHAPES = {
    "a session id": re.compile(rb"00D[A-Za-z0-9]{12,15}(?:!|%21)[A-Za-z0-9._\-]{16,}"),
    "a JWT": re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    "a private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:\\n|\s)+[A-Za-z0-9+/]{32}"),
    "an SFDX URL": re.compile(rb"force://[^\s\"'<>]+:[A-Za-z0-9._]{16,}@"),
    "a refresh token": re.compile(rb"5Aep[A-Za-z0-9._]{40,}"),
}
# What the operator of a test keeps beside home: programs of others with their answers, keys of their own.
_OPERATORS = re.compile(r"(?!home/)(?:bin/.*|[^/]*\.key)$")
_of_this_test: list[Simulator] = []


def remember_simulators() -> None:
    """From now on every simulator made in this process is remembered until `planted` is read."""
    make = Simulator.__init__

    def made(self: Simulator, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        _of_this_test.append(self)

    Simulator.__init__ = made  # type: ignore[method-assign]


def forms(secret: str) -> set[bytes]:
    """The secret as it is, and as XML, forms, JSON and base64 write it."""
    return {
        secret.encode(),
        escape(secret).encode(),
        escape(secret, {"'": "&apos;", '"': "&quot;"}).encode(),
        quote(secret, safe="").encode(),
        quote_plus(secret).encode(),
        json.dumps(secret)[1:-1].encode(),
        base64.b64encode(secret.encode())[:-4],
    }


@dataclass
class Trace:
    """What one test planted, and what its commands said.

    Attributes:
        planted: what it is → the secret.
        said: where → text.
        is_hunted: whether the product was at work at all.
    """

    planted: dict[str, str] = field(default_factory=dict)
    said: list[tuple[str, str]] = field(default_factory=list)
    is_hunted: bool = False

    def plant_folder(self, orgs_file: Path) -> None:
        """The passwords and tokens that a simulator of another process keeps beside its orgs file."""
        self.is_hunted = True
        for path in islice(sorted((orgs_file.parent / "secrets").glob("*")), MOST_ORGS):
            self.planted[path.name] = path.read_text("utf-8").strip()

    def hear(self, where: str, text: str) -> None:
        """Keep what a command said."""
        self.is_hunted = True
        self.said.append((where, text))

    def collect(self) -> None:
        """Add what the simulators of this process know; they are forgotten."""
        for simulator in _of_this_test:
            self.is_hunted = True
            for org in islice(simulator.touched_orgs(), MOST_ORGS):
                self.planted |= secrets_of(simulator, org)
        _of_this_test.clear()

    def found(self, folder: Path | None, *, files: bool = True, output: bool = True) -> list[str]:
        """Every place where a secret stands; in the folder `home` of the test's it is looked for always."""
        needles = {name: forms(secret) for name, secret in self.planted.items() if len(secret) >= 8}
        found: list[str] = []
        if output:
            for where, text in self.said:
                found += search(where, text.encode("utf-8", "surrogatepass"), needles)
        if folder is not None:
            for path in sorted((folder if files else folder / "home").rglob("*")):
                where = str(path.relative_to(folder))
                if path.is_file() and not path.is_symlink() and not _OPERATORS.match(where):
                    found += search(where, b"\n".join(contents(path)), needles)
        return found


def secrets_of(simulator: Simulator, org: Any) -> dict[str, str]:
    """What opens an org, except sessions and tokens, which are known by their shape."""
    seed = simulator.seed_of(org)
    users = {f"security token of {user.username}": user.security_token for user in org.users.values()}
    apps = {f"consumer secret of {app.name}": app.consumer_secret or "" for app in org.apps.values()}
    return {f"password of {seed.name}": seed.password, **users, **apps}


def search(where: str, text: bytes, needles: Mapping[str, set[bytes]]) -> list[str]:
    """What stands in *text*: planted secrets, and what has the shape of one."""
    found = [f"{name} in {where}" for name, each in needles.items() if any(form in text for form in each)]
    return found + [f"{name} in {where}" for name, shape in _SHAPES.items() if shape.search(text)]


def contents(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and of a database also its texts, which pages may have cut in two."""
    content = path.read_bytes()
    yield content
    if content.startswith(b"SQLite format 3\0"):
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            database.text_factory = bytes
            with contextlib.suppress(sqlite3.DatabaseError):  # a test may have broken it on purpose
                for (table,) in database.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table'"
                ).fetchall():
                    yield from _texts(database.execute(f'SELECT * FROM "{table.decode()}"'))  # noqa: S608 - its own


def _texts(rows: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    for row in rows:
        yield from (value for value in row if isinstance(value, bytes))


def dump(url: str) -> str:
    """Every row of a PostgreSQL database as text, tables of the queue as well."""
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    try:
        with engine.connect() as connection:
            tables = connection.exec_driver_sql(
                "SELECT table_name FROM information_schema.tables"
                " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            ).scalars()
            return "\n".join(
                str(row)
                for table in tables.all()
                for row in connection.exec_driver_sql(f'SELECT t::text FROM "{table}" AS t').scalars()  # noqa: S608
            )
    finally:
        engine.dispose()
