"""Queries of the models. As in `queries`, each takes a session and never commits."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import ModelVersionRow


async def version(session: AsyncSession, name: str) -> ModelVersionRow | None:
    """The version of that name."""
    return await session.scalar(select(ModelVersionRow).where(ModelVersionRow.version == name))


async def versions(session: AsyncSession) -> Sequence[ModelVersionRow]:
    """All versions, the newest first."""
    return (await session.scalars(select(ModelVersionRow).order_by(ModelVersionRow.id.desc()))).all()


async def activated(session: AsyncSession, state: str) -> Sequence[ModelVersionRow]:
    """The versions in `state`, the last activated first, those that never were at the end."""
    rows = await session.scalars(
        select(ModelVersionRow)
        .where(ModelVersionRow.state == state)
        .order_by(ModelVersionRow.activated_at.desc().nulls_last(), ModelVersionRow.id.desc())
    )
    return rows.all()


async def last_activated(session: AsyncSession, state: str) -> str | None:
    """The name of the first of `activated`; None where there is none."""
    return await session.scalar(
        select(ModelVersionRow.version)
        .where(ModelVersionRow.state == state)
        .order_by(ModelVersionRow.activated_at.desc().nulls_last(), ModelVersionRow.id.desc())
        .limit(1)
    )


async def last_activation(session: AsyncSession) -> datetime | None:
    """When any version was activated last; None where none ever was."""
    return await session.scalar(select(func.max(ModelVersionRow.activated_at)))


async def of_run(session: AsyncSession, run_id: int) -> ModelVersionRow | None:
    """The version that a run made."""
    return await session.scalar(select(ModelVersionRow).where(ModelVersionRow.run_id == run_id))
