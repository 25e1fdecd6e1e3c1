"""Queries of what people and servers chose. As in `queries`, each takes a session and never commits."""

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.dialects import put
from bot.db.tables import GuildPreferenceRow, PersonPreferenceRow


async def of_person(session: AsyncSession, user_id: int) -> PersonPreferenceRow | None:
    """What the person chose."""
    return await session.get(PersonPreferenceRow, user_id)


async def of_guild(session: AsyncSession, guild_id: int) -> GuildPreferenceRow | None:
    """What the server's moderators chose."""
    return await session.get(GuildPreferenceRow, guild_id)


async def set_person(session: AsyncSession, user_id: int, **values: str | bool | None) -> None:
    """Set columns of the person's row, which is made where there is none and goes where nothing is chosen any more."""
    await put(session, PersonPreferenceRow, {"user_id": user_id}, **values)
    table = PersonPreferenceRow
    is_empty = table.language.is_(None) & table.script.is_(None) & ~table.is_out_of_top
    await session.execute(delete(table).where(table.user_id == user_id, is_empty))


async def set_guild(session: AsyncSession, guild_id: int, **values: str | bool | None) -> None:
    """Set columns of the server's row, which is made where there is none."""
    await put(session, GuildPreferenceRow, {"guild_id": guild_id}, **values)
