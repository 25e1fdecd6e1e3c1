"""Rows that come at about the same time are inserted together: however many there are, the disk is waited for once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.db.engine import Sessions
from bot.db.faults import StorageError, fault_of
from bot.db.tables import Base


@dataclass(eq=False, slots=True)
class _Entry:
    row: Base
    is_stored: bool = False
    error: Exception | None = None


class Inserts:
    """Inserts rows; what comes while a transaction is under way goes together into the next. A lone row never waits."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._turn = asyncio.Lock()
        self._waiting: list[_Entry] = []

    async def insert(self, row: Base) -> None:
        """Return when `row` is in the database and has its id.

        Raises what the session raises; where the fault is another row's, nothing. When it is cancelled while it waits,
        nothing is inserted.
        """
        entry = _Entry(row)
        self._waiting.append(entry)
        try:
            async with self._turn:
                if entry in self._waiting:
                    together, self._waiting = self._waiting, []
                    await self._store(together)
                if not entry.is_stored and entry.error is None:
                    # It went with another that the database refused, or whose transaction was cancelled.
                    await self._store([entry])
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
        if entry.error is not None:
            raise entry.error

    async def _store(self, entries: Sequence[_Entry]) -> None:
        """All or nothing; whose fault it is that there is nothing, where it is one row's, is left open."""
        try:
            async with self._sessions.begin() as session:
                session.add_all(entry.row for entry in entries)
        except StorageError as error:
            if len(entries) > 1 and fault_of(error) is None:
                return
            for entry in entries:
                entry.error = error
        else:
            for entry in entries:
                entry.is_stored = True
