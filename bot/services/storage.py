"""The database as a whole: whether it answers, and how long it takes."""

import asyncio
import time
from typing import Any

from sqlalchemy import Connection, ExceptionContext, event, text
from sqlalchemy.exc import IntegrityError

from bot.db.engine import Sessions
from bot.db.faults import StorageError, fault_of
from bot.observer import Observer

_PATIENCE = 3.0
"""Seconds for an answer."""

_BEGAN = "shiren_began"
_COMMITTING = "shiren_committing"


class Storage:
    """The database."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def answers(self) -> bool:
        """Whether it can be read just now."""
        try:
            async with asyncio.timeout(_PATIENCE), self._sessions() as session:
                # A table: that 1 is 1, SQLite knows without its file.
                await session.execute(text("SELECT 1 FROM alembic_version"))
        except (*StorageError, OSError, TimeoutError):
            return False
        return True

    def report_to(self, observer: Observer) -> None:
        """Let `observer` know of each statement and commit, and of what fails."""
        engine = self._sessions.kw["bind"].sync_engine

        def begin(connection: Connection, *_: object) -> None:
            connection.info[_BEGAN] = time.perf_counter()

        def end(connection: Connection, *_: object) -> None:
            observer.asked_database("statement", time.perf_counter() - connection.info[_BEGAN])

        def commit(connection: Connection) -> None:
            connection.info[_COMMITTING] = time.perf_counter()

        # SQLAlchemy tells when a commit begins; it is over when the connection goes back to the pool.
        def check_in(_: object, record: Any) -> None:
            began = record.info.pop(_COMMITTING, None)
            if began is not None:
                observer.asked_database("commit", time.perf_counter() - began)

        def fail(context: ExceptionContext) -> None:
            error = context.sqlalchemy_exception
            # One that keeps a poem twice breaks a constraint; that is what it is there for.
            if error is not None and not isinstance(error, IntegrityError):
                observer.database_failed(fault_of(error) or "other")

        event.listen(engine, "before_cursor_execute", begin)
        event.listen(engine, "after_cursor_execute", end)
        event.listen(engine, "commit", commit)
        event.listen(engine.pool, "checkin", check_in)
        event.listen(engine, "handle_error", fail)
