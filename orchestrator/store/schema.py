"""The tables of schema `0002`: journal, waves, vault and pace, on SQLite and PostgreSQL alike.

JSON is kept as TEXT in both, so that a row reads back byte for byte and its hash stays true. The
database defends what it can by itself: an attempt has an outcome exactly when it is settled, a run has
at most one unsettled attempt, and every run's playbook is kept. Small columns come first, so that
counting and scheduling need not read the long ones.
"""

from __future__ import annotations

import sqlalchemy as sa

REVISION = "0002"
"""The schema this program reads and writes; migrations lead older journals here."""

metadata = sa.MetaData()

# Unix seconds need 64 bits: REAL has them on SQLite (and STRICT knows no DOUBLE), not on PostgreSQL.
_Seconds: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")

ACTIVE: sa.ColumnElement[str] = sa.literal_column("'active'")
"""Literal, not bound: a partial index is only used when the query repeats its condition."""
AWAITING: sa.ColumnElement[str] = sa.literal_column("'awaiting_operator'")

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("version_num", sa.Text, primary_key=True),  # the name Alembic gives it
    sa.Column("created_s", _Seconds, nullable=False),
    sqlite_strict=True,
)

playbook = sa.Table(
    "playbook",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sqlite_strict=True,
)

run = sa.Table(
    "run",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("org", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("not_before_s", _Seconds, nullable=False),
    sa.Column("until_s", _Seconds),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("cancel_requested", sa.Integer, nullable=False),
    sa.Column("created_s", _Seconds, nullable=False),
    sa.Column("updated_s", _Seconds, nullable=False),
    sa.Column("speed", _Seconds, nullable=False),
    sa.Column("result", sa.Text),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("playbook", sa.Text, nullable=False),
    sa.Column("playbook_digest", sa.Text, sa.ForeignKey("playbook.digest"), nullable=False),
    sa.Column("labels", sa.Text, nullable=False),
    sa.Column("org_entry", sa.Text, nullable=False),
    sa.Column("inputs", sa.Text, nullable=False),
    sa.Column("position", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.CheckConstraint(
        "status IN ('active', 'awaiting_operator', 'finished', 'cancelled')", name="run_status_known"
    ),
    sa.CheckConstraint("seq >= 0", name="run_seq_counts"),
    sa.CheckConstraint("cancel_requested IN (0, 1)", name="run_cancel_is_a_flag"),
    sqlite_strict=True,
)

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("run", sa.Text, sa.ForeignKey("run.run"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("intended_s", _Seconds, nullable=False),
    sa.Column("settled_s", _Seconds),
    sa.Column("outcome", sa.Text),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("chain", sa.Text),
    sa.Column("notes", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.CheckConstraint("seq >= 1", name="attempt_seq_counts"),
    sa.CheckConstraint("(settled_s IS NULL) = (outcome IS NULL)", name="attempt_settled_has_outcome"),
    sa.CheckConstraint("(settled_s IS NULL) = (chain IS NULL)", name="attempt_settled_has_chain"),
    sqlite_strict=True,
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("org", sa.Text, primary_key=True),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),  # empty: released, the token is kept
    sa.Column("token", sa.Integer, nullable=False),
    sa.Column("expires_s", _Seconds, nullable=False),
    sqlite_strict=True,
)

fleet = sa.Table(
    "fleet",
    metadata,
    sa.Column("batch", sa.Text, primary_key=True),
    sa.Column("open_wave", sa.Integer, nullable=False),  # a run's wave is its priority
    sa.Column("last_wave", sa.Integer, nullable=False),
    sa.Column("max_failures", sa.Text, nullable=False),  # as written, "" for no limit
    sa.Column("held", sa.Integer, nullable=False),  # 1: too many failed, nothing further is begun
    sqlite_strict=True,
)

gate = sa.Table(
    "gate",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),  # no foreign key: the gate is there before its run
    sa.Column("held", sa.Integer, nullable=False),  # 1: nobody wakes the run until somebody opens the gate
    sa.Column("until_state", sa.Text, nullable=False),  # parked before it enters this state; "" for none
    sqlite_strict=True,
)

vault_entry = sa.Table(
    "vault_entry",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # hash of the scope
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sqlite_strict=True,
)

vault_key = sa.Table(
    "vault_key",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("record", sa.LargeBinary, nullable=False),  # tells a wrong key; never the key
    sqlite_strict=True,
)

pace = sa.Table(
    "pace",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # a login host, a user at one, a circuit
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("updated_s", _Seconds, nullable=False),
    sqlite_strict=True,
)

UNFINISHED = run.c.status != sa.literal_column("'finished'")
_in_doubt = attempt.c.settled_s.is_(None)
_is_active = run.c.status == ACTIVE
_is_awaiting = run.c.status == AWAITING

sa.Index("attempt_in_doubt", attempt.c.run, unique=True, sqlite_where=_in_doubt, postgresql_where=_in_doubt)
sa.Index("run_due", run.c.priority, run.c.not_before_s, sqlite_where=_is_active, postgresql_where=_is_active)
sa.Index(
    "run_due_in_batch",
    run.c.batch,
    run.c.priority,
    run.c.not_before_s,
    sqlite_where=_is_active,
    postgresql_where=_is_active,
)
sa.Index("run_question", run.c.until_s, sqlite_where=_is_awaiting, postgresql_where=_is_awaiting)
sa.Index("run_standing", run.c.batch, run.c.status, run.c.state)
# Partial also so that SQLite does not take it for the questions `run_due` is there for.
sa.Index(
    "run_unfinished", run.c.status, run.c.created_s, sqlite_where=UNFINISHED, postgresql_where=UNFINISHED
)
sa.Index("run_by_org", run.c.org, run.c.created_s)
sa.Index("run_by_time", run.c.created_s)
sa.Index("pace_by_time", pace.c.updated_s)
