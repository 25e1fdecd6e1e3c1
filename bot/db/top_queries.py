"""Queries of what a server keeps most. As in `queries`, each takes a session and never commits."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import FavoriteRow, LinkedLineRow, LinkedPoemRow, PersonPreferenceRow, PoemRow


async def most_kept(
    session: AsyncSession, guild_id: int, since: datetime | None, limit: int
) -> Sequence[tuple[int, int]]:
    """The ids of the server's poems that were kept most `since` then, with by how many; the older first among equals.

    Whoever is out of `/top` does not count, nor do their poems.
    """
    ranked = (
        select(PoemRow.id, func.count().label("hearts"))
        .join(FavoriteRow, FavoriteRow.poem_id == PoemRow.id)
        .where(*_of_guild(guild_id), FavoriteRow.user_id.not_in(_out()))
        .group_by(PoemRow.id)
        .order_by(func.count().desc(), PoemRow.id)
        .limit(limit)
    )
    if since is not None:
        ranked = ranked.where(FavoriteRow.created_at >= since)
    return [(poem_id, hearts) for poem_id, hearts in await session.execute(ranked)]


async def shown_poem(session: AsyncSession, guild_id: int, poem_id: int) -> PoemRow | None:
    """The poem with that id, where it may be shown to the server."""
    return (await session.scalars(select(PoemRow).where(PoemRow.id == poem_id, *_of_guild(guild_id)))).first()


async def poems(session: AsyncSession, ids: Sequence[int]) -> Sequence[PoemRow]:
    """The poems of a few ids, in the order of the ids."""
    rows = {row.id: row for row in await session.scalars(select(PoemRow).where(PoemRow.id.in_(ids)))}
    return [rows[poem_id] for poem_id in ids if poem_id in rows]


def _out() -> Select[int]:
    """Who is out of `/top`."""
    return select(PersonPreferenceRow.user_id).where(PersonPreferenceRow.is_out_of_top)


def _of_guild(guild_id: int) -> tuple[ColumnElement[bool], ...]:
    """Poems that may be shown to the server: asked for there, not taken away, by nobody who is out of `/top`."""
    with_others = (
        select(LinkedPoemRow.poem_id)
        .join(LinkedLineRow, LinkedLineRow.linked_id == LinkedPoemRow.id)
        .where(LinkedLineRow.user_id.in_(_out()), LinkedPoemRow.poem_id.is_not(None))
    )
    return (
        PoemRow.guild_id == guild_id,
        ~PoemRow.is_taken_away,
        or_(PoemRow.user_id.is_(None), PoemRow.user_id.not_in(_out())),
        PoemRow.id.not_in(with_others),
    )
