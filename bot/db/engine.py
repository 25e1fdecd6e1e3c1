"""Opening the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from sqlite3 import Connection

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from bot.db.faults import told_to_host
from bot.db.postgresql import create_server_engine
from bot.place import Place, Server

Sessions = async_sessionmaker[AsyncSession]
"""Makes a session a task; a session is never shared."""

_BUSY_TIMEOUT_MS = 5000


def database_url(path: Path, driver: str = "sqlite+aiosqlite") -> URL:
    """The SQLAlchemy address of the file at `path`."""
    return URL.create(driver, database=str(path))


def create_engine(place: Place) -> AsyncEngine:
    """An engine for a server, or for a file, whose folder is made when it is missing."""
    if isinstance(place, Server):
        return create_server_engine(place)
    path = place
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(database_url(path))
    event.listen(engine.sync_engine, "connect", _prepare)
    return engine


def prepare_file(connection: Connection) -> None:
    """What every connection that writes needs; SQLite forgets it with each (WAL is kept in the file)."""
    cursor = connection.cursor()
    # First: setting WAL may have to wait too.
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL: a commit that was confirmed to a person survives a power cut too.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _prepare(connection: Connection, record: object) -> None:  # noqa: ARG001 # SQLAlchemy's signature
    prepare_file(connection)
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    # What a person deletes is gone from the file, too, not only from the tables.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


@asynccontextmanager
async def open_sessions(place: Place) -> AsyncIterator[Sessions]:
    """Sessions on the database at `place`, closed at the end.

    What nobody inside did about the file, its disk or the server leaves as a `ConfigError`, a sentence for whoever
    hosts the bot.
    """
    engine = create_engine(place)
    try:
        with told_to_host(place):
            yield async_sessionmaker(engine, expire_on_commit=False)
    finally:
        await engine.dispose()
