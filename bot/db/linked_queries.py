"""Queries of poems that people and the bot write in turn. As in `queries`, each takes a session and never commits."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import LinkedLineRow, LinkedPoemRow


async def linked_poem(session: AsyncSession, linked_id: int) -> LinkedPoemRow | None:
    """The one with that id."""
    return await session.get(LinkedPoemRow, linked_id)


async def linked_lines(session: AsyncSession, linked_id: int) -> Sequence[LinkedLineRow]:
    """Its lines, in order."""
    found = select(LinkedLineRow).where(LinkedLineRow.linked_id == linked_id).order_by(LinkedLineRow.number)
    return (await session.scalars(found)).all()


async def advance(session: AsyncSession, linked_id: int, seen: int, written: int, moment: datetime) -> bool:
    """Let it have `written` lines; False when it is finished, or has not the `seen` ones any more."""
    open_as_seen = (
        LinkedPoemRow.id == linked_id,
        LinkedPoemRow.written == seen,
        LinkedPoemRow.poem_id.is_(None),
    )
    changed = await session.execute(
        update(LinkedPoemRow).where(*open_as_seen).values(written=written, touched_at=moment)
    )
    assert isinstance(changed, CursorResult)  # noqa: S101 # an UPDATE
    return changed.rowcount == 1


async def set_poem(session: AsyncSession, linked_id: int, poem_id: int) -> None:
    """Note what became of it."""
    await session.execute(update(LinkedPoemRow).where(LinkedPoemRow.id == linked_id).values(poem_id=poem_id))


async def remove(session: AsyncSession, linked_id: int) -> None:
    """Forget one, and its lines."""
    await session.execute(delete(LinkedPoemRow).where(LinkedPoemRow.id == linked_id))


async def remove_abandoned(session: AsyncSession, before: datetime) -> None:
    """Forget those that nobody has gone on with since."""
    await session.execute(
        delete(LinkedPoemRow).where(LinkedPoemRow.poem_id.is_(None), LinkedPoemRow.touched_at < before)
    )
