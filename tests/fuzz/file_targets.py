"""Targets that are files of ours which somebody may have damaged, and what programs of others print.

For a file with checksums or pages, mutated bytes alone die at the first check. So for journal and vault the
input is a list of edits to a file that was made properly: bits turned, parts cut out, copied or swapped.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import keyring
import keyring.backends.fail

from orchestrator.app import App
from orchestrator.cli.plan_file import read_plan
from orchestrator.configuration import Configuration
from orchestrator.machine import Position
from orchestrator.ports import Intent, NewRun, RunStatus, Settlement, Standing
from orchestrator.redaction import Secret
from orchestrator.salesforce import sf_cli
from orchestrator.store import open_journal
from orchestrator.store.journal import SqlJournal
from orchestrator.vault.file import FileVault
from orchestrator.vault.key import home_mac, load_key

from .law import PLANTED, Target, each_obeys
from .wire_targets import JSON_WORDS

_DIGEST = "ab" * 32
_T0 = 1_800_000_000.0
_MOST_EDITS = 32
_ENVIRON = {"PATH": os.environ.get("PATH", "")}
_SCOPE = "org:acme"


@functools.cache
def _room() -> Path:
    """A folder of this process, in memory where there is one, without the computer's own keyring."""
    keyring.set_keyring(keyring.backends.fail.Keyring())
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    room = Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    return room


class _Clock:
    def now_s(self) -> float:
        return _T0 + 100


def edited(content: bytes, edits: bytes) -> bytes:
    """*content* after *edits*, five bytes each: verb, offset (two, in 65536ths), length and value."""
    out = bytearray(content)
    for at in range(0, min(len(edits) - 4, _MOST_EDITS * 5), 5):
        verb, high, low, length, value = edits[at : at + 5]
        start = (high << 8 | low) * len(out) >> 16
        end = start + length
        match verb % 6:
            case 0:
                out[start:end] = bytes(byte ^ (value or 1) for byte in out[start:end])
            case 1:
                del out[start:end]
            case 2:
                del out[start:]
            case 3:
                out[start:start] = out[start:end]
            case 4:
                out[start:end] = bytes([value]) * len(out[start:end])
            case _:
                out[start:end], out[:length] = out[:length], out[start:end]
    return bytes(out)


@functools.cache
def _journal() -> bytes:
    """A journal with a run and its attempts, as a file without its log."""
    path = _room() / "made.db"
    journal = open_journal(path, clock=_Clock())
    journal.put_playbook(_DIGEST, "playbook: p")
    position = Position("login", _T0)
    entry = {"name": "acme", "url": "https://acme.my.salesforce.com"}
    journal.create_run(
        NewRun(
            run="acme-1", org="acme", playbook="hybrid", playbook_digest=_DIGEST, org_entry=entry, inputs={},
            position=position, not_before_s=_T0, status=RunStatus.ACTIVE, created_s=_T0, batch="b",
        )
    )  # fmt: skip
    lease = journal.acquire("acme", "acme-1", "here.1.ff", now_s=_T0, ttl_s=60.0)
    journal.write(lease, intended=Intent(1, "login", 1, _T0))
    standing = Standing(RunStatus.ACTIVE, Position("deploy", _T0), _T0, _T0, {"org_id": "00D1"})
    journal.write(lease, settled=Settlement(1, _T0, "succeeded", "", "", {}), standing=standing)
    journal.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")
    return path.read_bytes()


def _read_journal(path: Path) -> None:
    journal = open_journal(path, clock=_Clock())
    try:
        _ask(journal)
    finally:
        journal.close()


def _ask(journal: SqlJournal) -> None:
    """Every question; the first refusal comes out at the end."""
    each_obeys(
        (
            lambda: journal.run("acme-1"),
            journal.runs,
            lambda: journal.attempts("acme-1"),
            lambda: journal.verify_chain("acme-1"),
            journal.unfinished,
            journal.standing_counts,
            lambda: journal.due(_T0 + 1, 5),
            journal.next_due_s,
            lambda: journal.finished_evidence("hybrid", 1.0, 5),
            lambda: journal.playbook(_DIGEST),
        )
    )


def _fresh(name: str, content: bytes) -> Path:
    path = _room() / name
    for old in path.parent.glob(f"{name}*"):
        old.unlink()
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def _journal_file(given: bytes) -> None:
    """The first byte says whether the rest is the file or edits to a good one."""
    content = given[1:] if given[:1] == b"F" else edited(_journal(), given[1:])
    _read_journal(_fresh("journal.db", content))


def _journal_rows(given: bytes) -> None:
    """A journal in good order with rows that say something else: `column=value`, a line each."""
    journal, connection, before = _open_rows()
    try:
        for line in given.decode("utf-8", "replace").split("\n"):
            column, _, value = line.partition("=")
            table = "attempt" if column in {"notes", "settled_s", "outcome", "chain", "seq"} else "run"
            if column in _COLUMNS:
                try:
                    connection.execute(f"UPDATE {table} SET {column} = ?", (value,))  # noqa: S608 - of the list
                except sqlite3.Error:
                    continue
        _ask(journal)
    finally:
        for table, row in before.items():
            connection.execute(f"UPDATE {table} SET " + ", ".join(f"{name} = :{name}" for name in row), row)  # noqa: S608


@functools.cache
def _open_rows() -> tuple[SqlJournal, sqlite3.Connection, dict[str, dict[str, Any]]]:
    """One journal for all inputs, a second connection that checks nothing, and the rows as they were."""
    path = _fresh("rows.db", _journal())
    journal = open_journal(path, clock=_Clock())
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("PRAGMA foreign_keys = OFF")
    rows = {table: connection.execute(f"SELECT * FROM {table}").fetchone() for table in ("run", "attempt")}  # noqa: S608
    return journal, connection, {table: dict(row) for table, row in rows.items()}


_COLUMNS = frozenset(
    {"position", "evidence", "labels", "org_entry", "inputs", "status", "not_before_s", "created_s", "speed"}
    | {"notes", "settled_s", "outcome", "chain", "seq", "result", "state", "priority", "until_s"}
)


@functools.cache
def _home() -> Path:
    """A home with a key file and a vault of two scopes."""
    home = _room() / "home"
    home.mkdir(mode=0o700)
    vault = FileVault(home / "vault", lambda: load_key(home, _ENVIRON))
    vault.put_all(_SCOPE, {"private_key": Secret(PLANTED), "record": Secret('{"a": 1}')})
    vault.put("run:1", "bootstrap_session", Secret(PLANTED))
    return home


def _vault_file(given: bytes) -> None:
    """The first byte chooses a file of the vault, the second whether the rest is it or edits to it."""
    home, copy = _home(), _room() / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(home, copy)
    files = [
        copy / "key-source",
        copy / "vault.key",
        copy / "vault" / "keys",
        *sorted(copy.glob("vault/*.sealed")),
    ]
    chosen = files[(given[:1] or b"\0")[0] % len(files)]
    before = chosen.read_bytes()
    match given[1:2]:
        case b"F":
            chosen.write_bytes(given[2:])
        case b"S":  # one sealed file in the place of another
            files[-1].replace(files[-2])
        case _:
            chosen.write_bytes(edited(before, given[2:]))
    vault = FileVault(copy / "vault", lambda: load_key(copy, _ENVIRON))
    vault.scopes()
    vault.names(_SCOPE)
    vault.get(_SCOPE, "private_key")
    home_mac(copy, _ENVIRON, b"plan", "plan file 1")
    vault.put(_SCOPE, "private_key", Secret(PLANTED))


@functools.cache
def _app() -> App:
    return App(Configuration(home=_home()), environ=_ENVIRON)


def _plan_file(given: bytes) -> None:
    read_plan(_app(), str(_fresh("plan.json", given)))


def _sf_output(given: bytes) -> None:
    """What the Salesforce CLI prints: the program here prints the input."""
    folder = _room() / "bin"
    if not folder.is_dir():
        folder.mkdir()
        program = folder / "sf"
        program.write_text(f'#!/bin/sh\nexec /bin/cat "{_room()}/sf.json"\n')
        program.chmod(0o700)
    _fresh("sf.json", given)
    environ = {"PATH": str(folder)}
    each_obeys((lambda: sf_cli.known_orgs(environ), lambda: sf_cli.stored_session("acme", environ)))


_PLACES = tuple(
    json.dumps(tree).encode() for tree in ({"state": "login"}, {"visits": []}, {"proofs": {"a": 1}})
)

TARGETS = (
    Target("journal_file", _journal_file, (b"SQLite format 3\x00", b"CREATE TABLE", b"0002")),
    Target(
        "journal_rows",
        _journal_rows,
        (*JSON_WORDS, *_PLACES, *(f"\n{one}=".encode() for one in sorted(_COLUMNS))),
    ),
    Target(
        "vault_file",
        _vault_file,
        (b"orchestrator vault 1\n", b'"format"', b'"kind"', b'"salt"', b"null"),
        told="given",
    ),
    Target("plan_file", _plan_file, (b'"mac"', b'"format"', b"1", *JSON_WORDS)),
    Target(
        "sf_output", _sf_output, (b'"status"', b'"result"', b'"accessToken"', b'"sandboxes"', *JSON_WORDS)
    ),
)
