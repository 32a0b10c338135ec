"""Chapter "Whoever can write the journal": what the chain shows, and what only a report kept elsewhere."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from journal_building import DIGEST, StillClock, begin, intent, settlement

from orchestrator.store import open_journal
from orchestrator.store.rows import CHAINED, link


@pytest.fixture
def journal(tmp_path):
    opened = open_journal(tmp_path / "home" / "journal.db", clock=StillClock())
    opened.put_playbook(DIGEST, "states: {}")
    yield opened
    opened.close()


def written(journal) -> str:
    lease = begin(journal)
    journal.write(lease, intended=intent(1))
    for seq in range(1, 6):
        journal.write(lease, settled=settlement(seq, fact=seq), intended=intent(seq + 1))
    return str(lease.run)


def rows_of(journal, run: str) -> list[dict[str, object]]:
    with journal._database.reading() as connection:
        found = connection.execute(
            sa.text("SELECT * FROM attempt WHERE run = :run AND chain IS NOT NULL ORDER BY seq"), {"run": run}
        )
        return [dict(row._mapping) for row in found]


def change(journal, statement: str, **values: object) -> None:
    with journal._database.writing() as connection:
        connection.execute(sa.text(statement), values)


def test_a_changed_attempt_is_seen_and_named(journal):
    run = written(journal)
    change(journal, "UPDATE attempt SET outcome = 'failed' WHERE run = :run AND seq = 2", run=run)
    assert journal.verify_chain(run) == 2


def test_two_attempts_that_change_places_are_seen(journal):
    run = written(journal)
    for old, new in ((2, 99), (3, 2), (99, 3)):
        change(
            journal,
            "UPDATE attempt SET seq = :new WHERE run = :run AND seq = :old",
            run=run,
            old=old,
            new=new,
        )
    assert journal.verify_chain(run) == 2


def test_a_chain_that_is_computed_anew_holds_and_has_another_head(journal):
    """The chain has no key: only the head in a report kept elsewhere shows this, as SECURITY.md says."""
    run = written(journal)
    before = rows_of(journal, run)[-1]["chain"]
    change(journal, "UPDATE attempt SET outcome = 'failed' WHERE run = :run AND seq = 2", run=run)
    chain = ""
    for row in rows_of(journal, run):
        chain = link(chain, {name: row[name] for name in CHAINED})
        change(
            journal, "UPDATE attempt SET chain = :chain WHERE run = :run AND seq = :seq",
            chain=chain, run=run, seq=row["seq"],
        )  # fmt: skip
    assert journal.verify_chain(run) is None
    assert rows_of(journal, run)[-1]["chain"] != before
