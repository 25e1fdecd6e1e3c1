"""Queries. Each takes a session and never commits: the service that opened the session does."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import FavoriteRow, ModelVersionRow, PoemRow, TrainingRunRow, now


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


async def runs_in_states(session: AsyncSession, states: Collection[str]) -> Sequence[TrainingRunRow]:
    """The training runs in one of `states`."""
    rows = await session.scalars(select(TrainingRunRow).where(TrainingRunRow.state.in_(states)))
    return rows.all()


async def update_run(session: AsyncSession, run_id: int, **values: object) -> None:
    """Set columns of a training run."""
    await session.execute(update(TrainingRunRow).where(TrainingRunRow.id == run_id).values(**values))


async def versions(session: AsyncSession) -> Sequence[ModelVersionRow]:
    """The accepted models, the last activated first."""
    rows = await session.scalars(
        select(ModelVersionRow).order_by(ModelVersionRow.activated_at.desc(), ModelVersionRow.id.desc())
    )
    return rows.all()


async def activate(session: AsyncSession, version: str, folder: str, run_id: int) -> None:
    """Make a version the last activated one."""
    row = await session.scalar(select(ModelVersionRow).where(ModelVersionRow.version == version))
    if row is None:
        session.add(ModelVersionRow(version=version, folder=folder, run_id=run_id))
    else:
        row.folder, row.run_id, row.activated_at = folder, run_id, now()
