"""The first released schema. Frozen: later changes are later revisions.

The table `meta`, which holds the revision, is made by whoever stamps the database.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and their indexes."""
    _make_playbook_and_lease()
    _make_run()
    _make_attempt()


def _text(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable, primary_key=key)


def _seconds(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=nullable)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _make_playbook_and_lease() -> None:
    op.create_table("playbook", _text("digest", key=True), _text("source"), sqlite_strict=True)
    op.create_table(
        "lease",
        _text("org", key=True),
        _text("run"),
        _text("owner"),
        _integer("token"),
        _seconds("expires_s"),
        sqlite_strict=True,
    )


def _make_run() -> None:
    op.create_table(
        "run",
        _text("run", key=True),
        _text("org"),
        _text("batch"),
        _text("status"),
        _text("state"),
        _integer("priority"),
        _seconds("not_before_s"),
        _seconds("until_s", nullable=True),
        _integer("seq"),
        _integer("cancel_requested"),
        _seconds("created_s"),
        _seconds("updated_s"),
        _seconds("speed"),
        _text("result", nullable=True),
        _text("code"),
        _text("detail"),
        _text("playbook"),
        sa.Column("playbook_digest", sa.Text, sa.ForeignKey("playbook.digest"), nullable=False),
        _text("labels"),
        _text("org_entry"),
        _text("inputs"),
        _text("position"),
        _text("evidence"),
        sa.CheckConstraint(
            "status IN ('active', 'awaiting_operator', 'finished', 'cancelled')", name="run_status_known"
        ),
        sa.CheckConstraint("seq >= 0", name="run_seq_counts"),
        sa.CheckConstraint("cancel_requested IN (0, 1)", name="run_cancel_is_a_flag"),
        sqlite_strict=True,
    )
    active = sa.text("status = 'active'")
    unfinished = sa.text("status != 'finished'")
    waiting = sa.text("status = 'awaiting_operator'")
    op.create_index(
        "run_due", "run", ["priority", "not_before_s"], sqlite_where=active, postgresql_where=active
    )
    op.create_index(
        "run_due_in_batch",
        "run",
        ["batch", "priority", "not_before_s"],
        sqlite_where=active,
        postgresql_where=active,
    )
    op.create_index("run_question", "run", ["until_s"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("run_standing", "run", ["batch", "status", "state"])
    op.create_index(
        "run_unfinished",
        "run",
        ["status", "created_s"],
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    op.create_index("run_by_org", "run", ["org", "created_s"])
    op.create_index("run_by_time", "run", ["created_s"])


def _make_attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("run", sa.Text, sa.ForeignKey("run.run"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        _text("state"),
        _integer("attempt"),
        _seconds("intended_s"),
        _seconds("settled_s", nullable=True),
        _text("outcome", nullable=True),
        _text("code"),
        _text("detail"),
        _text("chain", nullable=True),
        _text("notes"),
        _text("evidence"),
        sa.CheckConstraint("seq >= 1", name="attempt_seq_counts"),
        sa.CheckConstraint("(settled_s IS NULL) = (outcome IS NULL)", name="attempt_settled_has_outcome"),
        sa.CheckConstraint("(settled_s IS NULL) = (chain IS NULL)", name="attempt_settled_has_chain"),
        sqlite_strict=True,
    )
    in_doubt = sa.text("settled_s IS NULL")
    op.create_index(
        "attempt_in_doubt",
        "attempt",
        ["run"],
        unique=True,
        sqlite_where=in_doubt,
        postgresql_where=in_doubt,
    )
