from __future__ import annotations

import sqlite3
import threading

import pytest
import sqlalchemy as sa

from orchestrator.store.group_commit import GroupCommit


@pytest.fixture
def shared(tmp_path):
    """A database file, its writer, and what another connection sees in it."""
    path = tmp_path / "shared.db"
    engine = sa.create_engine(
        f"sqlite:///{path}", connect_args={"isolation_level": None, "check_same_thread": False}
    )
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        connection.exec_driver_sql("CREATE TABLE line (n INTEGER PRIMARY KEY)")
    group = GroupCommit(engine)

    def seen():
        other = sqlite3.connect(path)
        try:
            return [row[0] for row in other.execute("SELECT n FROM line ORDER BY n")]
        finally:
            other.close()

    yield group, seen
    group.close()
    engine.dispose()


def write(group, number):
    with group.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO line VALUES (?)", (number,))


def together(group, bodies):
    """Run *bodies* in threads that all queue behind a transaction held open until they do."""
    threads = [threading.Thread(target=body) for body in bodies]
    with group.transaction():
        for thread in threads:
            thread.start()
        pause = threading.Event()
        while group._queued < len(bodies):
            pause.wait(0.001)
    for thread in threads:
        thread.join()


def test_nobody_returns_before_its_rows_are_committed(shared):
    group, seen = shared
    missing = []

    def body(number):
        write(group, number)
        if number not in seen():
            missing.append(number)

    together(group, [lambda number=number: body(number) for number in range(20)])
    assert missing == []
    assert seen() == list(range(20))


def test_threads_that_wait_share_one_commit(shared):
    group, seen = shared
    commits = []
    engine = group._engine
    sa.event.listen(engine, "commit", lambda _connection: commits.append(1))
    together(group, [lambda number=number: write(group, number) for number in range(20)])
    assert seen() == list(range(20))
    assert len(commits) < 10


def test_a_member_that_fails_takes_back_only_its_own_rows(shared):
    group, seen = shared
    refused = []

    def fails():
        try:
            with group.transaction() as connection:
                connection.exec_driver_sql("INSERT INTO line VALUES (100)")
                connection.exec_driver_sql("INSERT INTO line VALUES (100)")
        except sa.exc.IntegrityError:
            refused.append(True)

    together(group, [*[lambda number=number: write(group, number) for number in range(6)], fails])
    assert refused == [True]
    assert seen() == list(range(6))


def test_a_commit_that_fails_is_told_to_every_member(shared):
    group, seen = shared
    engine = group._engine
    failures = []

    @sa.event.listens_for(engine, "commit")
    def _full(_connection):
        raise OSError("no space left")

    def body(number):
        try:
            write(group, number)
        except OSError:
            failures.append(number)

    threads = [threading.Thread(target=body, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sa.event.remove(engine, "commit", _full)
    assert sorted(failures) == list(range(8))
    assert seen() == []
    write(group, 9)
    assert seen() == [9]


def test_a_single_writer_that_fails_leaves_the_connection_usable(shared):
    group, seen = shared
    write(group, 1)
    with pytest.raises(sa.exc.IntegrityError):
        write(group, 1)
    write(group, 2)
    assert seen() == [1, 2]
