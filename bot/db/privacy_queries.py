"""Queries of all that is one person's. As in `queries`, each takes a session and never commits.

A table is about people where it has a column `user_id`: a new one is counted, exported and deleted as soon as it is
there.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, Delete, Update, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import dialects
from bot.db.tables import Base, DailyRow, FavoriteRow, LeaseRow, LinkedLineRow, LinkedPoemRow, PoemRow, TrainingRunRow

PERSONAL = tuple(table for table in Base.metadata.sorted_tables if "user_id" in table.columns)
"""The tables about people, those that others point at first."""

_AT_ONCE = 500
"""Rows between two chances for everybody else: somebody may have asked for a hundred thousand poems."""

_KEPT = exists().where(FavoriteRow.poem_id == PoemRow.id)


async def count_rows(session: AsyncSession, user_id: int) -> dict[str, int]:
    """Rows of the person, by the name of the table."""
    return {
        table.name: await session.scalar(select(func.count()).select_from(table).where(table.c.user_id == user_id)) or 0
        for table in PERSONAL
    }


async def count_shared_poems(session: AsyncSession, user_id: int) -> int:
    """Poems that the person asked for and somebody else keeps."""
    others = _KEPT.where(FavoriteRow.user_id != user_id)
    return await session.scalar(select(func.count(PoemRow.id)).where(PoemRow.user_id == user_id, others)) or 0


async def rows(session: AsyncSession, user_id: int) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Every row of the person: the name of the table, and column → value."""
    for table in PERSONAL:
        statement = select(table).where(table.c.user_id == user_id).order_by(*table.primary_key)
        async for row in _stream(session, statement):
            yield table.name, row


async def kept_poems(session: AsyncSession, user_id: int) -> AsyncIterator[dict[str, Any]]:
    """The poems that the person keeps, column → value, whoever asked for them."""
    poems, favorites = PoemRow.__table__, FavoriteRow.__table__
    statement = select(poems).join(favorites, favorites.c.poem_id == poems.c.id).where(favorites.c.user_id == user_id)
    async for row in _stream(session, statement):
        yield row


async def training_runs(session: AsyncSession, user_id: int) -> Sequence[TrainingRunRow]:
    """The runs that the person started."""
    return (await session.scalars(select(TrainingRunRow).where(TrainingRunRow.user_id == user_id))).all()


async def is_training(session: AsyncSession, user_id: int, moment: datetime) -> bool:
    """Whether a run that the person started, or goes on with, holds a lease at `moment`."""
    theirs = exists().where(TrainingRunRow.id == LeaseRow.run_id, TrainingRunRow.user_id == user_id)
    held = select(LeaseRow.name).where(LeaseRow.expires_at > moment, or_(LeaseRow.user_id == user_id, theirs))
    return await session.scalar(held) is not None


async def be_the_only_writer(session: AsyncSession) -> None:
    """Nobody else writes about people until the end of the transaction, once there was a change."""
    await dialects.be_the_only_writer(session, PERSONAL)


async def delete_favorites(session: AsyncSession, user_id: int) -> int:
    """Delete what the person keeps; returns how many."""
    return await _changed(session, delete(FavoriteRow).where(FavoriteRow.user_id == user_id))


async def disown_kept_poems(session: AsyncSession, user_id: int) -> int:
    """Leave the poems that anybody keeps to them, without the person's id; returns how many.

    The server stays: it is where the poem is shown, and its buttons work nowhere else. A conversation does not: it
    tells who had it. `/top` shows them no more: what the person chose about that goes with the id.
    """
    theirs = update(PoemRow).where(PoemRow.user_id == user_id, _KEPT)
    return await _changed(session, theirs.values(user_id=None, channel_id=None, is_taken_away=True))


async def delete_poems(session: AsyncSession, user_id: int) -> int:
    """Delete the poems that the person asked for; returns how many."""
    return await _changed(session, delete(PoemRow).where(PoemRow.user_id == user_id))


async def disown_runs(session: AsyncSession, user_id: int) -> int:
    """Take what tells of the person from the runs they started, which models hang on; returns how many."""
    theirs = update(TrainingRunRow).where(TrainingRunRow.user_id == user_id)
    return await _changed(
        session, theirs.values(user_id=None, note=None, language=None, channel_id=None, message_id=None)
    )


async def disown_dailies(session: AsyncSession, user_id: int) -> None:
    """Leave the poems of the day that the person set to their servers, without the person's id."""
    await session.execute(update(DailyRow).where(DailyRow.user_id == user_id).values(user_id=None))


async def disown_linked(session: AsyncSession, user_id: int) -> None:
    """Leave the person's part in poems written in turns to the others, without the person's id."""
    for row in (LinkedPoemRow, LinkedLineRow):
        await session.execute(update(row).where(row.user_id == user_id).values(user_id=None))


async def delete_rest(session: AsyncSession, user_id: int) -> None:
    """Delete every row that is still the person's, those that point at others first."""
    for table in reversed(PERSONAL):
        await session.execute(delete(table).where(table.c.user_id == user_id))


async def _stream(session: AsyncSession, statement: Any) -> AsyncIterator[dict[str, Any]]:
    result = await session.stream(statement, execution_options={"yield_per": _AT_ONCE})
    async for part in result.mappings().partitions():
        for row in part:
            yield dict(row)


async def _changed(session: AsyncSession, statement: Delete | Update) -> int:
    result = await session.execute(statement)
    assert isinstance(result, CursorResult)  # noqa: S101 # an UPDATE or a DELETE
    return result.rowcount
