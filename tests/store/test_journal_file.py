"""The journal as a SQLite file: who may read it, how it opens, and what it says when the disk fails it."""

# ruff: noqa: S603, S608 - our own interpreter, and statements that damage the journal on purpose

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from journal_building import DIGEST, OWNER, T0, StillClock, begin, intent, new_run, settlement, standing

from orchestrator.errors import Defect, StoreError
from orchestrator.ports import RunStatus
from orchestrator.store import open_journal, schema
from orchestrator.store.engine import open_database
from orchestrator.store.migrations import SCRIPTS, upgrade
from orchestrator.store.migrations.versions import r0001_first_release

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "journal.db"


def opened(path, **kwargs):
    journal = open_journal(path, clock=StillClock(), **kwargs)
    journal.put_playbook(DIGEST, "states: {}")
    return journal


def code_of(error):
    """The code, having checked that the operator is told what to do and no library's error shows."""
    assert isinstance(error, StoreError)
    assert error.remedy != ""
    assert "sqlalche.me" not in str(error)
    return error.code


def test_the_file_and_its_folder_are_readable_by_their_owner_alone(path):
    journal = opened(path)
    begin(journal)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    files = list(path.parent.iterdir())
    assert {file.suffix for file in files} >= {".db", ".db-wal"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    journal.close()


def test_a_file_that_others_could_read_is_closed_to_them(path):
    opened(path).close()
    path.chmod(0o644)
    opened(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_reopened_journal_holds_what_was_written(path):
    journal = opened(path)
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    before = journal.run(lease.run)
    journal.close()
    journal = opened(path)
    assert journal.run(lease.run) == before
    journal.write(lease, settled=settlement(1))
    journal.close()


def test_every_commit_is_durable(path):
    database = open_database(path, T0)
    with database.writing() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert settings == ["wal", 2, 1]
    database.close()


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "sqlite+pysqlite:///{}"])
def test_the_same_file_can_be_named_as_a_path_or_a_url(path, form):
    journal = opened(form.format(path))
    journal.close()
    assert path.exists()


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/d", "oracle://h", "://hunter2", "sqlite://h:x/hunter2"])
def test_a_url_that_names_no_journal_is_refused_without_repeating_its_password(url):
    with pytest.raises(StoreError) as caught:
        open_journal(url, clock=StillClock())
    assert code_of(caught.value) == "journal_url_invalid"
    assert "hunter2" not in str(caught.value)


def test_a_postgresql_server_that_is_not_there_is_named_unreachable():
    pytest.importorskip("psycopg", reason="psycopg is not installed: PostgreSQL's faults are NOT tested")
    with pytest.raises(StoreError) as caught:
        open_journal("postgresql://u:hunter2@127.0.0.1:1/d", clock=StillClock())
    assert code_of(caught.value) == "journal_unreachable"
    assert "hunter2" not in str(caught.value)


def test_a_journal_of_a_newer_program_is_refused_and_left_alone(path):
    opened(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET version_num = '0900'")
    connection.close()
    with pytest.raises(StoreError) as caught:
        open_journal(path, clock=StillClock())
    assert code_of(caught.value) == "journal_too_new"
    assert "0900" in caught.value.detail


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE run (a)", "CREATE TABLE meta (a)", "CREATE TABLE meta (version_num TEXT, created_s REAL)"],
)
def test_a_database_of_another_program_is_refused(path, statement):
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute(statement)
    if "version_num" in statement:
        connection.execute("INSERT INTO meta VALUES ('abc', 1.0)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError) as caught:
        open_journal(path, clock=StillClock())
    assert code_of(caught.value) == "journal_foreign"


def test_a_file_that_is_no_database_is_called_corrupt(path):
    path.parent.mkdir()
    path.write_bytes(b"not a database at all " * 500)
    with pytest.raises(StoreError) as caught:
        open_journal(path, clock=StillClock())
    assert code_of(caught.value) == "journal_corrupt"


def test_an_overwritten_page_is_called_corrupt(path):
    journal = opened(path)
    journal.create_runs([new_run() for _ in range(200)])
    journal.close()
    content = path.read_bytes()
    for page in range(40, len(content) // 4096):  # the pages before hold the schema
        content = content[: page * 4096] + b"\xa5" * 4096 + content[(page + 1) * 4096 :]
    path.write_bytes(content)
    journal = open_journal(path, clock=StillClock())
    with pytest.raises(StoreError) as caught:
        journal.runs()
    assert code_of(caught.value) == "journal_corrupt"
    journal.close()


@pytest.mark.parametrize(
    "change",
    ["position = '{}'", "position = 'x'", "evidence = '[]'", "labels = '{'", "position = '{\"proofs\": 1}'"],
)
def test_a_row_no_version_of_this_program_wrote_is_called_corrupt(path, change):
    journal = opened(path)
    journal.create_run(new_run())
    with journal._database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE run SET {change}")
    with pytest.raises(StoreError) as caught:
        journal.runs()
    assert code_of(caught.value) == "journal_corrupt"
    journal.close()


def test_a_journal_that_may_only_be_read_can_be_read_and_refuses_writes(path):
    journal = opened(path)
    run = new_run()
    journal.create_run(run)
    journal.close()
    journal = open_journal(f"sqlite:///file:{path}?mode=ro&uri=true", clock=StillClock())
    assert journal.run(run.run).run == run.run
    with pytest.raises(StoreError) as caught:
        journal.request_cancel(run.run, T0)
    assert code_of(caught.value) == "journal_read_only"
    journal.close()


def test_a_folder_that_cannot_be_made_is_called_read_only(tmp_path):
    (tmp_path / "occupied").write_text("a file")
    with pytest.raises(StoreError) as caught:
        open_journal(tmp_path / "occupied" / "journal.db", clock=StillClock())
    assert code_of(caught.value) == "journal_read_only"


def test_a_full_disk_is_named_and_what_was_settled_is_kept(path):
    journal = opened(path)
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    with journal._database.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    journal._database._group._writer.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    journal._database._group._writer.commit()
    with pytest.raises(StoreError) as caught:
        journal.write(lease, settled=settlement(1, big="x" * 100_000))
    assert code_of(caught.value) == "journal_full"
    assert journal.attempts(lease.run)[0].settled_s is None
    journal.write(lease, settled=settlement(1))
    assert journal.verify_chain(lease.run) is None
    journal.close()


def test_a_journal_another_program_keeps_locked_is_named_so_and_works_afterwards(path):
    journal = opened(f"sqlite:///{path}?timeout=0.05")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError) as caught:
        journal.create_run(new_run())
    assert code_of(caught.value) == "journal_locked"
    assert journal.runs() == []
    other.execute("ROLLBACK")
    other.close()
    journal.create_run(new_run())
    assert len(journal.runs()) == 1
    journal.close()


def test_a_short_lock_of_another_program_is_waited_for(path):
    journal = opened(path)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.2, other.execute, ["ROLLBACK"])
    timer.start()
    journal.create_run(new_run())
    timer.join()
    other.close()
    journal.close()


def test_a_journal_is_not_carried_over_a_fork(path):
    journal = opened(path)
    child = os.fork()
    if child == 0:
        try:
            journal.runs()
        except Defect:
            os._exit(3)
        os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert journal.runs() == []
    journal.close()


def _shape(path):
    """What SQLite knows of every table and index, independent of how the statements were written."""
    connection = sqlite3.connect(path)
    names = connection.execute("SELECT type, name FROM sqlite_master ORDER BY name").fetchall()
    shape = {}
    for kind, name in names:
        details = "table_xinfo" if kind == "table" else "index_xinfo"
        rows = connection.execute(f"PRAGMA {details}({name})").fetchall()
        keys = connection.execute(f"PRAGMA foreign_key_list({name})").fetchall()
        shape[kind, name] = (rows, keys)
    flags = connection.execute("PRAGMA table_list").fetchall()
    partial = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'").fetchall()
    checks = {
        (name, check)
        for name, sql in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        for check in re.findall(r"CONSTRAINT (.*?),? *\n", sql)
    }
    connection.close()
    return shape, {(row[1], row[-1]) for row in flags}, set(partial), checks


def test_the_migrations_lead_to_the_schema_a_new_journal_gets(path):
    opened(path).close()
    migrated = path.with_name("migrated.db")
    engine = sa.create_engine(f"sqlite:///{migrated}")
    with engine.begin() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            r0001_first_release.upgrade()
        schema.meta.create(connection)
        connection.execute(sa.insert(schema.meta).values(version_num="0001", created_s=T0))
        upgrade(connection, schema.REVISION)
    engine.dispose()
    assert _shape(migrated) == _shape(path)
    opened(migrated).close()


def test_an_older_journal_is_upgraded_when_it_is_opened(path, tmp_path, monkeypatch):
    journal = opened(path)
    run = new_run()
    journal.create_run(run)
    journal.close()
    scripts = tmp_path / "migrations"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "r0003_later.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        "revision, down_revision = '0003', '0002'\n"
        "def upgrade():\n    op.add_column('run', sa.Column('colour', sa.Text))\n"
    )
    monkeypatch.setattr("orchestrator.store.migrations.SCRIPTS", scripts)
    monkeypatch.setattr(schema, "REVISION", "0003")
    journal = opened(path)
    assert journal.run(run.run).run == run.run
    journal.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version_num FROM meta").fetchall() == [("0003",)]
    assert "colour" in {row[1] for row in connection.execute("PRAGMA table_info(run)")}
    connection.close()


def test_an_upgrade_that_fails_leaves_the_journal_as_it_was(path, tmp_path):
    opened(path).close()
    before = _shape(path)
    scripts = tmp_path / "migrations"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "r0003_broken.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        "revision, down_revision = '0003', '0002'\n"
        "def upgrade():\n    op.add_column('run', sa.Column('colour', sa.Text))\n    op.drop_table('none')\n"
    )
    database = open_database(path, T0)
    with pytest.raises(StoreError), database.writing() as connection:
        upgrade(connection, "0003", scripts)
    database.close()
    assert _shape(path) == before


def _modules_after(code):
    script = f"import sys\n{code}\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(done.stdout.split())


def test_nothing_heavy_is_imported_before_a_journal_is_opened():
    assert not _modules_after("import orchestrator.store") & {"sqlalchemy", "alembic"}


def test_alembic_is_imported_only_to_upgrade(path):
    opened_by = "from orchestrator.store import open_journal; from orchestrator.ports import SystemClock; "
    loaded = _modules_after(f"{opened_by}open_journal({str(path)!r}, clock=SystemClock()).close()")
    assert "sqlalchemy" in loaded
    assert "alembic" not in loaded


@pytest.mark.slow
def test_processes_that_open_a_new_journal_at_once_all_succeed(path):
    code = (
        "from orchestrator.store import open_journal; from orchestrator.ports import SystemClock; "
        f"j = open_journal({str(path)!r}, clock=SystemClock()); j.put_playbook('d', 's'); j.close()"
    )
    many = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE) for _ in range(6)
    ]
    assert [(process.communicate()[1], process.returncode) for process in many] == [(b"", 0)] * 6


def _plan(journal, statement, **parameters):
    with journal._database.reading() as connection:
        rows = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement.sql}", {**statement._constants, **parameters}
        )
        return " ".join(row.detail for row in rows)


@pytest.mark.parametrize(("name", "index"), [("due", "run_due"), ("due_in_batch", "run_due_in_batch")])
def test_finding_due_runs_walks_the_index_of_active_runs_only(path, name, index):
    journal = opened(path)
    found = getattr(journal._sql, name)
    at = {"at_batch": "b", "at_priority": 0, "now_s": 1.0, "size": 5}
    for statement in (found.first_priority, found.next_priority, found.runs, found.soonest):
        plan = _plan(journal, statement, **{key: at[key] for key in at if f":{key}" in statement.sql})
        assert index in plan.split()
        assert plan.startswith("SEARCH") or statement is found.first_priority
        assert "TEMP B-TREE" not in plan
    journal.close()


@pytest.mark.slow
def test_twenty_thousand_finished_runs_do_not_slow_the_questions_asked_all_the_time(path):
    """Counted in steps of SQLite's machine, which do not depend on what else the computer does."""
    journal = opened(path)
    journal.create_runs([new_run(batch="now") for _ in range(20)])
    begin(journal)
    few = _steps(journal)
    journal.create_runs([new_run(status=RunStatus.FINISHED, batch="past") for _ in range(20_000)])
    many = _steps(journal)
    assert many <= few * 1.2
    journal.close()


def _steps(journal):
    """SQLite's virtual-machine steps for a round of the questions and one write, in units of 20."""
    count = 0

    def step():
        nonlocal count
        count += 1
        return 0

    with journal._database.reading() as connection:
        driver = connection.connection.driver_connection
    driver.set_progress_handler(step, 20)
    journal.due(T0, 10)
    journal.due(T0, 10, batch="now")
    journal.next_due_s()
    journal.expired_questions(T0, 10)
    journal.runs(statuses=[RunStatus.ACTIVE])
    journal.runs(batch="now")
    journal.standing_counts("now")
    driver.set_progress_handler(None, 0)
    assert count > 0
    return count


@pytest.mark.slow
def test_a_fleets_writes_cost_little(path):
    """A generous bound on CPU seconds, against accidents; `make bench` measures."""
    journal = opened(path)
    leases = [begin(journal) for _ in range(100)]
    began_s = time.process_time()
    for lease in leases:
        journal.write(lease, intended=intent(1))
        for seq in range(1, 16):
            journal.write(lease, settled=settlement(seq), standing=standing(), intended=intent(seq + 1))
    assert time.process_time() - began_s < 4.0
    assert journal.run(leases[0].run).seq == 16
    assert leases[0].owner == OWNER
    journal.close()
