"""Queries of the training runs. As in `queries`, each takes a session and never commits."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import LeaseRow, TrainingRunRow


async def run(session: AsyncSession, run_id: int) -> TrainingRunRow | None:
    """The run with that id."""
    return await session.get(TrainingRunRow, run_id)


async def update_run(session: AsyncSession, run_id: int, **values: object) -> None:
    """Set columns of a training run."""
    await session.execute(update(TrainingRunRow).where(TrainingRunRow.id == run_id).values(**values))


async def change_run(session: AsyncSession, run_id: int, states: Collection[str], **values: object) -> bool:
    """Set columns of a training run that is in one of `states`; returns whether it was."""
    changed = await session.execute(
        update(TrainingRunRow).where(TrainingRunRow.id == run_id, TrainingRunRow.state.in_(states)).values(**values)
    )
    assert isinstance(changed, CursorResult)  # noqa: S101 # an UPDATE
    return changed.rowcount > 0


async def runs_in_states(session: AsyncSession, states: Collection[str]) -> Sequence[TrainingRunRow]:
    """The training runs in one of `states`, the last to end first."""
    rows = await session.scalars(
        select(TrainingRunRow)
        .where(TrainingRunRow.state.in_(states))
        .order_by(TrainingRunRow.finished_at.desc().nulls_last(), TrainingRunRow.id.desc())
    )
    return rows.all()


async def unattended_runs(
    session: AsyncSession, states: Collection[str], moment: datetime
) -> Sequence[tuple[TrainingRunRow, datetime | None]]:
    """The runs in one of `states` that no process holds a lease for at `moment`, and when the last one expired.

    None where another lease stands in its place.
    """
    rows = await session.execute(
        select(TrainingRunRow, LeaseRow.expires_at)
        .outerjoin(LeaseRow, LeaseRow.run_id == TrainingRunRow.id)
        .where(TrainingRunRow.state.in_(states), or_(LeaseRow.name.is_(None), LeaseRow.expires_at <= moment))
    )
    return [(row, expired_at) for row, expired_at in rows]


async def untold_runs(session: AsyncSession, states: Collection[str]) -> Sequence[TrainingRunRow]:
    """The runs in one of `states` whose messages do not show it yet."""
    rows = await session.scalars(
        select(TrainingRunRow).where(TrainingRunRow.state.in_(states), TrainingRunRow.told.is_(other=False))
    )
    return rows.all()
