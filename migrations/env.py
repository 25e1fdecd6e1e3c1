"""Alembic's entry: how migrations reach the database."""

from alembic import context
from sqlalchemy import create_engine, event

from bot.db.tables import Base


def _run() -> None:
    engine = create_engine(context.config.attributes["url"])
    # SQLite's driver commits before DDL by itself; BEGIN by hand makes a migration one transaction.
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


_run()
