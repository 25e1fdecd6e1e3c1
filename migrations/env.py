"""Alembic's entry: how migrations reach the database."""

from contextlib import nullcontext

from alembic import context
from sqlalchemy import Connection

from bot.db.migrate import migrating_engine
from bot.db.tables import Base


def _run(given: Connection | None) -> None:
    """In the transaction that is given, or in one of our own, on SQLite: all migrations or none."""
    with nullcontext(given) if given else migrating_engine(context.config.attributes["url"]).begin() as connection:
        # A transaction that is open already is left open: SQLite's would otherwise be one for each migration.
        context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
        context.run_migrations()


_run(context.config.attributes.get("connection"))
