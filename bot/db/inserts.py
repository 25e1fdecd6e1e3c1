"""Poems that are done at about the same time are inserted together, so that the disk is waited for once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import inspect

from bot.db.engine import Sessions
from bot.db.faults import StorageError, fault_of
from bot.db.tables import PoemRow


@dataclass(eq=False, slots=True)
class _Entry:
    row: PoemRow
    number: int
    """Its id before the first transaction that it was in: none, as a rule."""
    error: Exception | None = None


class Inserts:
    """Inserts poems; what comes during a transaction goes into the next together. A lone one never waits."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._turn = asyncio.Lock()
        self._waiting: list[_Entry] = []

    async def insert(self, row: PoemRow) -> None:
        """Return when `row` is in the database and has its id.

        Raises what the session raises; where the fault is another row's, nothing. When it is cancelled while it waits,
        nothing is inserted.
        """
        entry = _Entry(row, row.id)
        self._waiting.append(entry)
        try:
            async with self._turn:
                if entry in self._waiting:
                    together, self._waiting = self._waiting, []
                    await self._store(together)
                if entry.error is None and not inspect(row).has_identity:
                    # It went with another that the database refused, or whose transaction was cancelled. The number it
                    # had there may be a third one's by now.
                    row.id = entry.number
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
