"""Bringing a PostgreSQL server's database to the shape of the tables: in one transaction, one process at a time."""

import asyncio
from collections.abc import Callable

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from bot.db.faults import fault_of, told_to_host
from bot.db.migrate import (
    SELECT_REVISION,
    alembic_config,
    first_line,
    require_known,
    require_ours,
    target_revision,
)
from bot.db.postgresql import create_server_engine
from bot.errors import ConfigError
from bot.place import Server

_LOCK = 0x73686972656E
"""Of all advisory locks of a database, ours: "shiren"."""

_TABLES = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"


def upgrade_server(server: Server, revision: str = "head") -> None:
    """Run the migrations up to `revision`, all of them or none; blocks, in a thread without an event loop.

    Of processes that start together one migrates, and the others wait for it. Raises `ConfigError` as `upgrade` does.
    """
    config = alembic_config(server)
    with told_to_host(server):
        asyncio.run(in_transaction(server, lambda connection: _migrate(connection, server, config, revision)))


async def in_transaction(server: Server, work: Callable[[Connection], None]) -> None:
    """Do blocking `work` on a connection in a transaction."""
    engine = create_server_engine(server, is_for_upkeep=True)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(work)
    finally:
        await engine.dispose()


def revision_of_server(connection: Connection, server: Server, config: Config) -> str | None:
    """The revision of a server's database; None when it is empty. Raises `ConfigError` as `current_revision` does."""
    tables = set(connection.execute(text(_TABLES)).scalars())
    if not require_ours(server, tables):
        return None
    return require_known(server, config, connection.execute(text(SELECT_REVISION)).first())


def _migrate(connection: Connection, server: Server, config: Config, revision: str) -> None:
    target = target_revision(config, revision)
    if revision_of_server(connection, server, config) == target:
        return
    _require_unicode(connection, server)
    # A migration may take its time.
    connection.execute(text("SET LOCAL lock_timeout = '10min'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    connection.execute(text("SET LOCAL lock_timeout = '10s'"))
    if revision_of_server(connection, server, config) == target:  # another process was faster
        return
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except Exception as error:
        if fault_of(error) is not None:
            raise
        raise ConfigError(
            f"The database {server} could not be migrated ({first_line(error)}), and is as it was before; go back to"
            " the version that made it, or report this."
        ) from error


def _require_unicode(connection: Connection, server: Server) -> None:
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise ConfigError(
            f"The database {server} holds {encoding}, which has no Chinese characters; make one with"
            " createdb --encoding UTF8 --template template0, and name that in database.url."
        )
