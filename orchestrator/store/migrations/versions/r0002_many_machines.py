"""Work shared by many machines: waves and gates of fleets, the shared vault, the shared pace of logins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; no row of `0001` is touched."""
    op.create_table(
        "fleet",
        _text("batch", key=True),
        _integer("open_wave"),
        _integer("last_wave"),
        _text("max_failures"),
        _integer("held"),
        sqlite_strict=True,
    )
    op.create_table(
        "gate",
        _text("run", key=True),
        _integer("held"),
        _text("until_state"),
        sqlite_strict=True,
    )
    for name, column in (("vault_entry", "sealed"), ("vault_key", "record")):
        sealed = sa.Column(column, sa.LargeBinary, nullable=False)
        op.create_table(name, _text("name", key=True), sealed, sqlite_strict=True)
    seconds: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
    op.create_table(
        "pace",
        _text("name", key=True),
        _text("value"),
        sa.Column("updated_s", seconds, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("pace_by_time", "pace", ["updated_s"])


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, primary_key=key)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)
