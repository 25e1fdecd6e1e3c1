"""Queries of what people keep. As in `queries`, each takes a session and never commits."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.dialects import ByCodePoint, first_character, fits, put
from bot.db.tables import FavoriteRow, PoemRow, RemovedFavoriteRow

_AT_ONCE = 500
"""Rows between two chances for everybody else: somebody may keep a hundred thousand poems."""

_NEWEST = (FavoriteRow.created_at.desc(), FavoriteRow.id.desc())

_ORDERS: Mapping[str, tuple[ColumnElement[Any], ...]] = {
    "newest": _NEWEST,
    "oldest": (FavoriteRow.created_at.asc(), FavoriteRow.id.asc()),
    "start": (ByCodePoint(first_character(PoemRow.traditional)).asc(), *_NEWEST),
    "form": (PoemRow.form.asc(), *_NEWEST),
}

_ORDERS_BY_POEM = frozenset({"start", "form"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a person's favorites, and in what order."""

    form: int | None = None
    patterns: tuple[str, ...] = ()
    """GLOB patterns, all of which fit the lines, which have a newline between them."""
    since: datetime | None = None
    """From then on."""
    until: datetime | None = None
    """Before then."""
    order: str = "newest"


async def is_favorite(session: AsyncSession, user_id: int, poem_id: int) -> bool:
    """Whether the person keeps the poem."""
    return await favorite(session, user_id, poem_id) is not None


async def favorite(session: AsyncSession, user_id: int, poem_id: int) -> FavoriteRow | None:
    """The poem as the person keeps it."""
    found = select(FavoriteRow).where(FavoriteRow.user_id == user_id, FavoriteRow.poem_id == poem_id)
    return (await session.scalars(found)).first()


async def count_favorites(session: AsyncSession, user_id: int, wanted: Wanted) -> int:
    """How many of those that are wanted the person keeps."""
    return await session.scalar(_narrowed(select(func.count()).select_from(FavoriteRow), user_id, wanted)) or 0


async def favorite_ids(
    session: AsyncSession, user_id: int, wanted: Wanted, offset: int = 0, limit: int | None = None
) -> Sequence[int]:
    """The ids of the person's favorites that are wanted, in the order that is wanted."""
    narrowed = _narrowed(select(FavoriteRow.id), user_id, wanted, is_ordered=True)
    return (await session.scalars(narrowed.offset(offset).limit(limit))).all()


async def favorites(session: AsyncSession, ids: Sequence[int]) -> Sequence[FavoriteRow]:
    """The favorites of a few ids with their poems, in the order of the ids."""
    rows = {row.id: row for row in await session.scalars(select(FavoriteRow).where(FavoriteRow.id.in_(ids)))}
    return [rows[row_id] for row_id in ids if row_id in rows]


async def all_favorites(session: AsyncSession, user_id: int, wanted: Wanted) -> AsyncIterator[Sequence[FavoriteRow]]:
    """All of the person's favorites that are wanted, in the order that is wanted, with their poems, some at a time."""
    # Their poems come along: no second join for them.
    narrowed = _narrowed(select(FavoriteRow), user_id, wanted, is_ordered=True)
    rows = await session.stream_scalars(narrowed, execution_options={"yield_per": _AT_ONCE})
    async for part in rows.partitions():
        yield part


async def remove_favorite(session: AsyncSession, user_id: int, poem_id: int) -> datetime | None:
    """Forget that the person keeps the poem; returns since when they did, None where they did not."""
    theirs = delete(FavoriteRow).where(FavoriteRow.user_id == user_id, FavoriteRow.poem_id == poem_id)
    return await session.scalar(theirs.returning(FavoriteRow.created_at))


async def remember_removed(
    session: AsyncSession, *, user_id: int, poem_id: int, kept_at: datetime, moment: datetime
) -> None:
    """Note what the person removed at `moment`, in place of what they removed before."""
    values = {"poem_id": poem_id, "kept_at": kept_at, "removed_at": moment}
    await put(session, RemovedFavoriteRow, {"user_id": user_id}, **values)


async def forget_removed(session: AsyncSession, before: datetime) -> None:
    """Delete the notes of what anybody removed earlier."""
    await session.execute(delete(RemovedFavoriteRow).where(RemovedFavoriteRow.removed_at < before))


async def take_removed(session: AsyncSession, user_id: int, poem_id: int, since: datetime) -> datetime | None:
    """Delete the note that the person removed the poem; returns since when they had kept it.

    None where the poem is not what they removed last, or they did before `since`.
    """
    noted = delete(RemovedFavoriteRow).where(
        RemovedFavoriteRow.user_id == user_id,
        RemovedFavoriteRow.poem_id == poem_id,
        RemovedFavoriteRow.removed_at >= since,
    )
    return await session.scalar(noted.returning(RemovedFavoriteRow.kept_at))


async def latest_favorites(session: AsyncSession, per_person: int) -> Sequence[tuple[int, str]]:
    """Each person's last `per_person` favorites: the person, and the poem's lines with a newline between them."""
    ranked = select(
        FavoriteRow.user_id,
        FavoriteRow.poem_id,
        func.row_number().over(partition_by=FavoriteRow.user_id, order_by=_NEWEST).label("rank"),
    ).subquery()
    rows = await session.execute(
        select(ranked.c.user_id, PoemRow.traditional)
        .join(PoemRow, PoemRow.id == ranked.c.poem_id)
        .where(ranked.c.rank <= per_person)
    )
    return [(user_id, traditional) for user_id, traditional in rows]


def _narrowed(statement: Select[Any], user_id: int, wanted: Wanted, *, is_ordered: bool = False) -> Select[Any]:
    """The statement, about the person's favorites that are wanted."""
    if wanted.form is not None or wanted.patterns or (is_ordered and wanted.order in _ORDERS_BY_POEM):
        statement = statement.join(PoemRow, PoemRow.id == FavoriteRow.poem_id)
    conditions: list[ColumnElement[bool]] = [FavoriteRow.user_id == user_id]
    if wanted.form is not None:
        conditions.append(PoemRow.form == wanted.form)
    conditions += [fits(PoemRow.traditional, pattern) for pattern in wanted.patterns]
    if wanted.since is not None:
        conditions.append(FavoriteRow.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(FavoriteRow.created_at < wanted.until)
    return statement.where(*conditions).order_by(*(_ORDERS[wanted.order] if is_ordered else ()))
