"""Opening the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from sqlite3 import Connection

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

Sessions = async_sessionmaker[AsyncSession]
"""Makes a session a task; a session is never shared."""

_BUSY_TIMEOUT_MS = 5000


def database_url(path: Path, driver: str = "sqlite+aiosqlite") -> URL:
    """The SQLAlchemy address of the file at `path`."""
    return URL.create(driver, database=str(path))


def create_engine(path: Path) -> AsyncEngine:
    """An engine for the file at `path`, whose folder is made when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(database_url(path))
    event.listen(engine.sync_engine, "connect", _prepare)
    return engine


def _prepare(connection: Connection, record: object) -> None:  # noqa: ARG001 # SQLAlchemy's signature
    """SQLite forgets these settings with each connection (WAL is kept in the file)."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL: a commit that was confirmed to a person survives a power cut too.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.close()


@asynccontextmanager
async def open_sessions(path: Path) -> AsyncIterator[Sessions]:
    """Sessions on the file at `path`, closed at the end."""
    engine = create_engine(path)
    try:
        yield async_sessionmaker(engine, expire_on_commit=False)
    finally:
        await engine.dispose()
