"""Queries. Each takes a session and never commits: the service that opened the session does."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import FavoriteRow, PoemRow


async def poem(session: AsyncSession, poem_id: int) -> PoemRow | None:
    """The poem with that id."""
    return await session.get(PoemRow, poem_id)


async def is_favorite(session: AsyncSession, user_id: int, poem_id: int) -> bool:
    """Whether the person keeps the poem."""
    found = await session.scalar(
        select(FavoriteRow.id).where(FavoriteRow.user_id == user_id, FavoriteRow.poem_id == poem_id)
    )
    return found is not None


async def count_favorites(session: AsyncSession, user_id: int) -> int:
    """How many poems the person keeps."""
    return await session.scalar(select(func.count(FavoriteRow.id)).where(FavoriteRow.user_id == user_id)) or 0


async def favorites(session: AsyncSession, user_id: int, offset: int, limit: int) -> Sequence[FavoriteRow]:
    """The person's favorites with their poems, newest first."""
    rows = await session.scalars(
        select(FavoriteRow)
        .where(FavoriteRow.user_id == user_id)
        .order_by(FavoriteRow.created_at.desc(), FavoriteRow.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return rows.all()


async def remove_favorite(session: AsyncSession, user_id: int, poem_id: int) -> None:
    """Forget that the person keeps the poem."""
    await session.execute(delete(FavoriteRow).where(FavoriteRow.user_id == user_id, FavoriteRow.poem_id == poem_id))
