"""Connections to a PostgreSQL server, through asyncpg."""

import importlib.util
from typing import TYPE_CHECKING, Any

from sqlalchemy import NullPool, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.errors import ConfigError
from bot.place import Server

if TYPE_CHECKING:
    import asyncpg

_CONNECTING = 5.0
"""Seconds."""

_ANSWERING = 30.0
"""Seconds after which a server that says nothing any more is given up."""

_WAITING_FOR_A_CONNECTION = 10.0
"""Seconds."""

_SESSION = {
    "application_name": "shiren",
    # As long as SQLite waits for another writer.
    "lock_timeout": "5s",
    # Statements here are small: compiling them takes longer than running them.
    "jit": "off",
}


def create_server_engine(server: Server, *, is_for_upkeep: bool = False) -> AsyncEngine:
    """An engine for the database of a server; `ConfigError` where asyncpg is not installed.

    `is_for_upkeep`: one connection at a time, whose statements may take as long as they like.
    """
    if importlib.util.find_spec("asyncpg") is None:
        raise ConfigError('PostgreSQL needs another package: pip install "shiren[postgresql]"')

    async def connect() -> Any:
        return await _connect(server, None if is_for_upkeep else _ANSWERING)

    # The password is in no URL of SQLAlchemy's.
    address = "postgresql+asyncpg://"
    if is_for_upkeep:
        engine = create_async_engine(address, async_creator=connect, poolclass=NullPool)
    else:
        engine = create_async_engine(
            address,
            async_creator=connect,
            # A server that was started anew costs nobody an error.
            pool_pre_ping=True,
            pool_size=5,
            max_overflow=10,
            pool_timeout=_WAITING_FOR_A_CONNECTION,
        )
    event.listen(engine.sync_engine, "handle_error", _name_lost_line)
    return engine


async def _connect(server: Server, patience: float | None) -> "asyncpg.Connection[Any]":
    import asyncpg  # noqa: PLC0415 # an extra that may not be installed

    class Connection(asyncpg.Connection):  # type: ignore[misc] # it has no types
        async def execute(self, *args: Any, **options: Any) -> str:
            # BEGIN above all, which SQLAlchemy looks with whether a connection lives.
            try:
                return str(await super().execute(*args, **options))
            except OSError as error:
                raise asyncpg.InterfaceError(_reason(error)) from error

    try:
        return await asyncpg.connect(
            server.dsn.get_secret_value(),
            connection_class=Connection,
            timeout=_CONNECTING,
            command_timeout=patience,
            server_settings=_SESSION,
        )
    except (asyncpg.PostgresError, OSError, ValueError) as error:
        reason = _reason(error)
    # SQLAlchemy knows the driver's own errors alone. Not from inside: what cannot be read of a URL may be quoted.
    raise asyncpg.InterfaceError(reason)


def _name_lost_line(context: ExceptionContext) -> OperationalError | None:
    """A line that breaks is the operating system's error, which nobody takes for the database's."""
    error = context.original_exception
    if not isinstance(error, OSError):
        return None
    context.is_disconnect = True
    return OperationalError(None, None, error)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return str(getattr(error, "strerror", None) or error).split("\n", 1)[0] or type(error).__name__
