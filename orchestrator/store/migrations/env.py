"""What Alembic runs: it migrates on the connection, and in the transaction, it is given."""

from __future__ import annotations

from alembic import context

from orchestrator.store import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=schema.meta.name,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
