"""Migrations from the first released schema on, run by the program itself, inside one transaction."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

SCRIPTS = Path(__file__).parent


def upgrade(connection: sa.Connection, revision: str, scripts: Path | None = None) -> None:
    """Lead the tables up to *revision*, in the caller's transaction.

    Args:
        connection: in a transaction that the caller commits.
        revision: the target.
        scripts: the folder with `env.py` and `versions/`; by default ours.
    """
    config = Config()
    config.set_main_option("script_location", str(scripts or SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
