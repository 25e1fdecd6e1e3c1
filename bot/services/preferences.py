"""What people and servers chose, at hand for every answer."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.db import preference_queries
from bot.db.engine import Sessions
from bot.i18n import Language
from poetry_model.script import Script

_log = logging.getLogger(__name__)

_FRESH = 60.0
"""Seconds in which what was read is taken for true: another process may have written since."""

_BROKEN = 5.0
"""Seconds after which a database that failed is asked again."""

_PATIENCE = 0.5
"""Seconds that an answer waits for what its person chose: Discord takes no first answer after three."""

_CAPACITY = 10_000
"""Of how many people, and of how many servers, something is kept in memory."""


@dataclass(frozen=True, slots=True)
class PersonPreferences:
    """What a person chose; None: nothing."""

    language: Language | None = None
    script: Script | None = None
    is_out_of_top: bool = False
    """Whether `/top` leaves them out."""


@dataclass(frozen=True, slots=True)
class GuildPreferences:
    """What a server's moderators chose for it; None: nothing."""

    language: Language | None = None
    is_out_of_top: bool = False
    """Whether it has no `/top`."""


def script_of(language: Language | None) -> Script:
    """The script of poems for those who read `language`."""
    return Script.TRADITIONAL if language is Language.TRADITIONAL else Script.SIMPLIFIED


_Choice = TypeVar("_Choice")


class _Cache(Generic[_Choice]):
    """What was read lately, the last used at the end."""

    def __init__(self, read: Callable[[int], Awaitable[_Choice]], nothing: _Choice) -> None:
        self._read = read
        self._nothing = nothing
        self._kept: OrderedDict[int, tuple[_Choice, float]] = OrderedDict()
        """What was chosen, and until when that is taken for true."""
        self._reading: dict[int, asyncio.Task[_Choice]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, key: int) -> _Choice:
        """What was chosen; what was read last, or nothing, where the database is slow or fails."""
        known, until = self._kept.get(key, (self._nothing, float("-inf")))
        if time.monotonic() < until:
            self._kept.move_to_end(key)
            return known
        task = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.create_task(self._refresh(key, known))
        # A reading that is too slow goes on: the next answer has what it finds.
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE)
        return task.result() if done else known

    def forget(self, key: int) -> None:
        """Read it anew the next time."""
        self._kept.pop(key, None)
        # What is being read may be older.
        self._reading.pop(key, None)

    async def close(self) -> None:
        """End when nothing is read any more."""
        if self._reading:
            await asyncio.wait(set(self._reading.values()))

    async def _refresh(self, key: int, known: _Choice) -> _Choice:
        try:
            choice, fresh = await self._read(key), _FRESH
        except Exception as error:  # noqa: BLE001 # a choice that cannot be read must not cost anybody their answer
            # Without the statement, whose values are people's.
            _log.warning("What was chosen in /settings cannot be read: %s", getattr(error, "orig", error))
            choice, fresh = known, _BROKEN
        if self._reading.get(key) is asyncio.current_task():
            del self._reading[key]
            self._kept[key] = choice, time.monotonic() + fresh
            self._kept.move_to_end(key)
            if len(self._kept) > _CAPACITY:
                self._kept.popitem(last=False)
        return choice


class Preferences:
    """Who wants what.

    Reading never fails and never keeps an answer waiting; what another process writes is seen within a minute.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._people = _Cache(self._read_person, PersonPreferences())
        self._guilds = _Cache(self._read_guild, GuildPreferences())

    async def of_person(self, user_id: int) -> PersonPreferences:
        """What the person chose."""
        return await self._people.get(user_id)

    async def of_guild(self, guild_id: int) -> GuildPreferences:
        """What was chosen for the server."""
        return await self._guilds.get(guild_id)

    async def script_of_guild(self, guild_id: int) -> Script:
        """The script of poems for a whole server: its language's."""
        return script_of((await self.of_guild(guild_id)).language)

    async def set_person_language(self, user_id: int, language: Language | None) -> None:
        """The person reads in `language`; it is on disk when this returns."""
        await self._set_person(user_id, language=language)

    async def set_script(self, user_id: int, script: Script | None) -> None:
        """The person reads poems in `script`; it is on disk when this returns."""
        await self._set_person(user_id, script=script)

    async def set_out_of_top(self, user_id: int, *, is_out: bool) -> None:
        """`/top` leaves the person out, or does not; it is on disk when this returns."""
        await self._set_person(user_id, is_out_of_top=is_out)

    async def set_guild_language(self, guild_id: int, language: Language | None) -> None:
        """Those whose own language is none of ours are answered in `language` there; on disk when this returns."""
        await self._set_guild(guild_id, language=language)

    async def set_guild_out_of_top(self, guild_id: int, *, is_out: bool) -> None:
        """The server has no `/top`, or has one; it is on disk when this returns."""
        await self._set_guild(guild_id, is_out_of_top=is_out)

    def forget_person(self, user_id: int) -> None:
        """Read anew what the person chose: it was changed, or deleted."""
        self._people.forget(user_id)

    async def close(self) -> None:
        """Stop, before the database does."""
        await asyncio.gather(self._people.close(), self._guilds.close())

    async def _set_person(self, user_id: int, **values: str | bool | None) -> None:
        async with self._sessions.begin() as session:
            await preference_queries.set_person(session, user_id, **values)
        self.forget_person(user_id)

    async def _set_guild(self, guild_id: int, **values: str | bool | None) -> None:
        async with self._sessions.begin() as session:
            await preference_queries.set_guild(session, guild_id, **values)
        self._guilds.forget(guild_id)

    async def _read_person(self, user_id: int) -> PersonPreferences:
        async with self._sessions() as session:
            row = await preference_queries.of_person(session, user_id)
        if row is None:
            return PersonPreferences()
        return PersonPreferences(
            language=Language(row.language) if row.language else None,
            script=Script(row.script) if row.script else None,
            is_out_of_top=row.is_out_of_top,
        )

    async def _read_guild(self, guild_id: int) -> GuildPreferences:
        async with self._sessions() as session:
            row = await preference_queries.of_guild(session, guild_id)
        if row is None:
            return GuildPreferences()
        return GuildPreferences(Language(row.language) if row.language else None, row.is_out_of_top)
