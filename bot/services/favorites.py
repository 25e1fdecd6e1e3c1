"""The poems people keep."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from bot.db import queries
from bot.db.engine import Sessions
from bot.db.tables import FavoriteRow
from bot.errors import BotError
from bot.services.poems import ShownPoem

PAGE_SIZE = 5


@dataclass(frozen=True, slots=True)
class Favorite:
    """A poem somebody keeps."""

    poem: ShownPoem
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class FavoritesPage:
    """Some of a person's favorites, newest first."""

    favorites: tuple[Favorite, ...]
    number: int
    """From 1."""
    pages: int
    """At least 1."""
    total: int


class Favorites:
    """Who keeps which poem."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def add(self, user_id: int, poem_id: int) -> bool:
        """Keep a poem; it is on disk when this returns. False when the person kept it already.

        Raises `BotError` when there is no such poem.
        """
        try:
            async with self._sessions.begin() as session:
                session.add(FavoriteRow(user_id=user_id, poem_id=poem_id))
        except IntegrityError:
            async with self._sessions() as session:
                if await queries.is_favorite(session, user_id, poem_id):
                    return False
            raise BotError("poem.unknown") from None
        return True

    async def remove(self, user_id: int, poem_id: int) -> None:
        """Keep a poem no longer; nothing happens when it was not kept."""
        async with self._sessions.begin() as session:
            await queries.remove_favorite(session, user_id, poem_id)

    async def page(self, user_id: int, number: int = 1) -> FavoritesPage:
        """The page `number` of the person's favorites, or the nearest there is."""
        async with self._sessions() as session:
            total = await queries.count_favorites(session, user_id)
            pages = max(1, -(-total // PAGE_SIZE))
            number = min(max(number, 1), pages)
            rows = await queries.favorites(session, user_id, (number - 1) * PAGE_SIZE, PAGE_SIZE)
        favorites = tuple(Favorite(ShownPoem.from_row(row.poem), row.created_at) for row in rows)
        return FavoritesPage(favorites, number, pages, total)
