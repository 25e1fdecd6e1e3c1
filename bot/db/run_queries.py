"""Queries of the training runs. As in `queries`, each takes a session and never commits."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import LeaseRow, TrainingRunRow


async def run(session: AsyncSession, run_id: int) -> TrainingRunRow | None:
    """The run with that id."""
    return await session.get(TrainingRunRow, run_id)


async def update_run(session: AsyncSession, run_id: int, **values: object) -> None:
    """Set columns of a training run."""
    await session.execute(update(TrainingRunRow).where(TrainingRunRow.id == run_id).values(**values))


async def runs_in_states(session: AsyncSession, states: Collection[str]) -> Sequence[TrainingRunRow]:
    """The training runs in one of `states`, the last to end first."""
    rows = await session.scalars(
        select(TrainingRunRow)
        .where(TrainingRunRow.state.in_(states))
        .order_by(TrainingRunRow.finished_at.desc().nulls_last(), TrainingRunRow.id.desc())
    )
    return rows.all()


async def unattended_runs(session: AsyncSession, states: Collection[str], moment: datetime) -> Sequence[TrainingRunRow]:
    """The runs in one of `states` that no process holds a lease for at `moment`; another process waits to change them.

    SQLite's one writer needs no such lock, and has none.
    """
    attended = exists().where(LeaseRow.run_id == TrainingRunRow.id, LeaseRow.expires_at > moment)
    found = select(TrainingRunRow).where(TrainingRunRow.state.in_(states), ~attended)
    rows = await session.scalars(found.with_for_update())
    return rows.all()


async def untold_runs(session: AsyncSession, states: Collection[str]) -> Sequence[TrainingRunRow]:
    """The runs in one of `states` whose messages do not show it yet."""
    rows = await session.scalars(
        select(TrainingRunRow).where(TrainingRunRow.state.in_(states), TrainingRunRow.told.is_(other=False))
    )
    return rows.all()
