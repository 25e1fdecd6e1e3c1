"""Queries. Each takes a session and never commits: the service that opened the session does."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import PoemRow


async def poem(session: AsyncSession, poem_id: int) -> PoemRow | None:
    """The poem with that id."""
    return await session.get(PoemRow, poem_id)


async def take_away_poem(session: AsyncSession, poem_id: int) -> None:
    """Note that the poem's message was taken away."""
    await session.execute(update(PoemRow).where(PoemRow.id == poem_id).values(is_taken_away=True))
