"""Alembic's entry: it works on the one connection that store.py holds the write lock of."""

from alembic import context

from services.executor.adapters.schema import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=False)
context.run_migrations()
