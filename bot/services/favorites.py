"""The poems people keep."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError

from bot.db import favorites_queries, queries
from bot.db.engine import Sessions
from bot.db.favorites_queries import Wanted
from bot.db.tables import FavoriteRow, now
from bot.errors import BotError
from bot.observer import Observer
from bot.services.favorites_search import EVERYTHING, Selection
from bot.services.poems import ShownPoem

PAGE_SIZE = 5

REGRET = timedelta(days=1)
"""How long what was removed can be taken back."""


@dataclass(frozen=True, slots=True)
class Favorite:
    """A poem somebody keeps."""

    poem: ShownPoem
    kept_at: datetime

    @classmethod
    def from_row(cls, row: FavoriteRow) -> "Favorite":
        """The favorite of a row of the database."""
        return cls(ShownPoem.from_row(row.poem), row.created_at)


@dataclass(frozen=True, slots=True)
class FavoritesPage:
    """Some of a person's favorites."""

    favorites: tuple[Favorite, ...]
    number: int
    """From 1."""
    pages: int
    """At least 1."""
    total: int
    """Of those that were selected."""
    kept: int
    """Of all."""
    selection: Selection = EVERYTHING


class Favorites:
    """Who keeps which poem."""

    def __init__(self, sessions: Sessions, observer: Observer | None = None) -> None:
        self._sessions = sessions
        self._observer = observer or Observer()

    async def add(self, user_id: int, poem_id: int) -> bool:
        """Keep a poem; it is on disk when this returns. False when the person kept it already.

        Raises `BotError` when there is no such poem.
        """
        return await self._add(FavoriteRow(user_id=user_id, poem_id=poem_id))

    async def remove(self, user_id: int, poem_id: int) -> ShownPoem | None:
        """Keep a poem no longer, and return it; None when it was not kept."""
        moment = now()
        async with self._sessions.begin() as session:
            # A change first: from here on nobody else writes.
            kept_at = await favorites_queries.remove_favorite(session, user_id, poem_id)
            row = await queries.poem(session, poem_id)
            if kept_at is None or row is None:
                return None
            await favorites_queries.forget_removed(session, moment - REGRET)
            await favorites_queries.remember_removed(
                session, user_id=user_id, poem_id=poem_id, kept_at=kept_at, moment=moment
            )
        self._observer.removed()
        return ShownPoem.from_row(row)

    async def restore(self, user_id: int, poem_id: int) -> None:
        """Keep the poem that the person removed last as if it had never been removed.

        Raises `BotError` when they removed another since then, or this one too long ago.
        """
        async with self._sessions.begin() as session:
            kept_at = await favorites_queries.take_removed(session, user_id, poem_id, now() - REGRET)
        if kept_at is not None:
            await self._add(FavoriteRow(user_id=user_id, poem_id=poem_id, created_at=kept_at))
        elif not await self.keeps(user_id, poem_id):
            raise BotError("favorites.undone_too_late")

    async def keeps(self, user_id: int, poem_id: int) -> bool:
        """Whether the person keeps the poem."""
        async with self._sessions() as session:
            return await favorites_queries.is_favorite(session, user_id, poem_id)

    async def get(self, user_id: int, poem_id: int) -> Favorite:
        """The poem as the person keeps it; `BotError` when they do not."""
        async with self._sessions() as session:
            row = await favorites_queries.favorite(session, user_id, poem_id)
        if row is None:
            raise BotError("favorites.not_kept")
        return Favorite.from_row(row)

    async def page(self, user_id: int, number: int = 1, selection: Selection = EVERYTHING) -> FavoritesPage:
        """The page `number` of the person's favorites that are selected, or the nearest there is."""
        wanted = await asyncio.to_thread(selection.wanted)
        async with self._sessions() as session:
            # A search reads every poem: once, and not to count and again to find.
            found = await favorites_queries.favorite_ids(session, user_id, wanted) if wanted.patterns else None
            count = favorites_queries.count_favorites
            total = await count(session, user_id, wanted) if found is None else len(found)
            kept = total if selection.is_everything else await count(session, user_id, Wanted())
            pages = max(1, -(-total // PAGE_SIZE))
            number = min(max(number, 1), pages)
            first = (number - 1) * PAGE_SIZE
            if found is None:
                ids = await favorites_queries.favorite_ids(session, user_id, wanted, first, PAGE_SIZE)
            else:
                ids = found[first : first + PAGE_SIZE]
            rows = await favorites_queries.favorites(session, ids)
        return FavoritesPage(tuple(map(Favorite.from_row, rows)), number, pages, total, kept, selection)

    async def all(self, user_id: int, selection: Selection = EVERYTHING) -> AsyncIterator[Sequence[Favorite]]:
        """The person's favorites that are selected, in their order, some at a time."""
        wanted = await asyncio.to_thread(selection.wanted)
        async with self._sessions() as session:
            async for rows in favorites_queries.all_favorites(session, user_id, wanted):
                yield [Favorite.from_row(row) for row in rows]

    async def _add(self, row: FavoriteRow) -> bool:
        user_id, poem_id = row.user_id, row.poem_id
        try:
            async with self._sessions.begin() as session:
                session.add(row)
        except IntegrityError:
            if await self.keeps(user_id, poem_id):
                return False
            raise BotError("poem.unknown") from None
        self._observer.kept()
        return True
