"""What a database's complaint means to the operator: one StoreError with a stable code for each."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy.exc as sa_exc

from orchestrator.errors import Defect, StoreError
from orchestrator.redaction import redact

UNREACHABLE = "journal_unreachable"

REMEDIES = {
    "journal_full": "free space where the journal is (see --home and --database), then resume",
    "journal_read_only": "give this user write permission to the journal and its folder, or use other ones",
    "journal_locked": "close the program that locks the journal (a backup, a database browser), then resume",
    "journal_corrupt": "restore the journal from a backup, or move the file away to begin a new one",
    "journal_unreachable": "check that the server of --database runs and can be reached, then resume",
    "journal_refused": "check the user, the password and the database name in --database",
    "journal_io_failed": "check the disk the journal is on; its system reports read or write errors",
    "journal_too_new": "use the version of the orchestrator that wrote the journal, or a newer one",
    "journal_foreign": "point --database at a database of the orchestrator; this is another program's",
    "journal_url_invalid": "write --database as a file name, sqlite:///FILE or postgresql://USER@HOST/NAME",
    "journal_driver_missing": "pip install 'salesforce-orchestrator[postgres]'",
    "run_exists": "use another run id",
    "playbook_unknown": "run the playbook again; its source is not in this journal",
    "not_awaiting": "see `orchestrator runs show`; the run is not waiting for an answer (any more)",
    "store_unusable": StoreError.remedy,
}

# Primary result codes (the low byte), https://www.sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_FULL: "journal_full",
    sqlite3.SQLITE_READONLY: "journal_read_only",
    sqlite3.SQLITE_PERM: "journal_read_only",
    sqlite3.SQLITE_AUTH: "journal_read_only",
    sqlite3.SQLITE_CANTOPEN: "journal_read_only",
    sqlite3.SQLITE_BUSY: "journal_locked",
    sqlite3.SQLITE_LOCKED: "journal_locked",
    sqlite3.SQLITE_PROTOCOL: "journal_locked",
    sqlite3.SQLITE_CORRUPT: "journal_corrupt",
    sqlite3.SQLITE_NOTADB: "journal_corrupt",
    sqlite3.SQLITE_IOERR: "journal_io_failed",
}
_PRIMARY = 0xFF

# SQLSTATE, longest prefix first, https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "53100": "journal_full",
    "25006": "journal_read_only",
    "25P03": "journal_unreachable",  # this process stood still in a transaction, and was cut off
    "42501": "journal_read_only",
    "55P03": "journal_locked",
    "40P01": "journal_locked",
    "40001": "journal_locked",
    "57014": "journal_locked",
    "XX001": "journal_corrupt",
    "XX002": "journal_corrupt",
    "58030": "journal_io_failed",
    "3D000": "journal_refused",
    "28": "journal_refused",
    "08": "journal_unreachable",
    "53": "journal_unreachable",
    "57": "journal_unreachable",
}

_ERRNO = {
    errno.ENOSPC: "journal_full",
    errno.EDQUOT: "journal_full",
    errno.EROFS: "journal_read_only",
    errno.EACCES: "journal_read_only",
    errno.EPERM: "journal_read_only",
    errno.ENOTDIR: "journal_read_only",
    errno.EISDIR: "journal_read_only",
    errno.EEXIST: "journal_read_only",  # a file where the folder should be
}


def store_error(code: str, detail: str) -> StoreError:
    """The StoreError of that code with its remedy."""
    return StoreError(redact(detail), code=code, remedy=REMEDIES[code])


def from_database(error: sa_exc.DBAPIError) -> StoreError:
    """What a driver's exception means; its text is filtered, the statement is left out."""
    cause = error.orig
    code = "store_unusable"
    if isinstance(cause, sqlite3.Error):
        code = _SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & _PRIMARY, code)
    else:
        state = getattr(cause, "sqlstate", None) or ""
        known = [prefix for prefix in _POSTGRESQL if state.startswith(prefix)]
        if known:
            code = _POSTGRESQL[known[0]]
        elif error.connection_invalidated or isinstance(error, sa_exc.OperationalError):
            # psycopg reports a refused connection or password without a SQLSTATE.
            refused = "authentication failed" in str(cause) or "does not exist" in str(cause)
            code = "journal_refused" if refused else "journal_unreachable"
    return store_error(code, f"{type(cause).__name__}: {' '.join(str(cause).split())}")


def from_system(error: OSError) -> StoreError:
    """What a failed file operation on the journal's folder means."""
    code = _ERRNO.get(error.errno or 0, "store_unusable")
    return store_error(code, f"{error.strerror} ({error.filename})")


@contextmanager
def translated() -> Iterator[None]:
    """Let no exception of SQLAlchemy, a driver or the file system out."""
    try:
        yield
    except sa_exc.IntegrityError as error:
        # Expected conflicts are caught where they can happen; this one says the caller broke a rule.
        raise Defect(f"the journal refused a row: {' '.join(str(error.orig).split())}") from None
    except sa_exc.DBAPIError as error:
        raise from_database(error) from error.orig
    except sa_exc.TimeoutError as error:
        raise store_error("journal_locked", f"no free connection to the journal: {error}") from None
    except OSError as error:
        raise from_system(error) from error
