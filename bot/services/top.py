"""What a server keeps most.

It names nobody. Poems of whoever is out of it do not appear, their hearts are not counted, and what was taken away with
its message does not come back here.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.db import preference_queries, top_queries
from bot.db.engine import Sessions
from bot.db.tables import now
from bot.errors import BotError
from bot.services.poems import ShownPoem

TOP_PAGE_SIZE = 5

MOST = 100
"""Poems that are ranked."""


class Period(StrEnum):
    """Since when hearts count."""

    WEEK = "week"
    MONTH = "month"
    EVER = "ever"

    @property
    def time(self) -> timedelta | None:
        """How long it is; None: for ever."""
        return {"week": timedelta(days=7), "month": timedelta(days=30)}.get(self)


@dataclass(frozen=True, slots=True)
class TopPoem:
    """A poem and its rank."""

    poem: ShownPoem
    rank: int
    """From 1."""
    hearts: int
    """How many people kept it in the time in question."""


@dataclass(frozen=True, slots=True)
class TopPage:
    """Some of the poems that a server keeps most."""

    period: Period
    poems: tuple[TopPoem, ...]
    number: int
    """From 1."""
    pages: int
    """At least 1."""


class Top:
    """Which poems a server keeps most."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def require_on(self, guild_id: int) -> None:
        """`BotError` where the server's moderators want no `/top`."""
        async with self._sessions() as session:
            chosen = await preference_queries.of_guild(session, guild_id)
        if chosen is not None and chosen.is_out_of_top:
            raise BotError("top.off")

    async def page(self, guild_id: int, period: Period, number: int = 1) -> TopPage:
        """The page `number`, or the nearest there is; `BotError` where the server has no `/top`."""
        await self.require_on(guild_id)
        since = now() - period.time if period.time else None
        async with self._sessions() as session:
            ranked = await top_queries.most_kept(session, guild_id, since, MOST)
            pages = max(1, -(-len(ranked) // TOP_PAGE_SIZE))
            number = min(max(number, 1), pages)
            first = (number - 1) * TOP_PAGE_SIZE
            wanted = dict(ranked[first : first + TOP_PAGE_SIZE])
            rows = await top_queries.poems(session, list(wanted))
        poems = (
            TopPoem(ShownPoem.from_row(row), rank, wanted[row.id]) for rank, row in enumerate(rows, start=first + 1)
        )
        return TopPage(period, tuple(poems), number, pages)

    async def open(self, guild_id: int, poem_id: int) -> ShownPoem:
        """A poem of the server's; `BotError` where it is none, or may not be shown any more."""
        await self.require_on(guild_id)
        async with self._sessions() as session:
            row = await top_queries.shown_poem(session, guild_id, poem_id)
        if row is None:
            raise BotError("top.gone")
        return ShownPoem.from_row(row)
