"""Queries of the lease that keeps processes apart. As in `queries`, each takes a session and never commits.

Each change is one statement that finds out and changes at once, so that of two processes one alone succeeds, on SQLite
as on PostgreSQL.
"""

from datetime import datetime

from sqlalchemy import CursorResult, Update, delete, exists, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import LeaseRow


async def lease(session: AsyncSession, name: str) -> LeaseRow | None:
    """The lease of that name, expired or not."""
    return await session.get(LeaseRow, name, populate_existing=True)


async def take_lease(  # a row's columns, named at the call
    session: AsyncSession, *, name: str, holder: str, user_id: int, run_id: int, since: datetime, expires_at: datetime
) -> bool:
    """Take the lease if nobody has it at `since`; returns whether it was free.

    May raise `IntegrityError` where another process takes it at the same moment.
    """
    values = {"holder": holder, "user_id": user_id, "run_id": run_id, "since": since, "expires_at": expires_at}
    values["stop_requested"] = False
    if await _changes(
        session, update(LeaseRow).where(LeaseRow.name == name, LeaseRow.expires_at <= since).values(values)
    ):
        return True
    row = {"name": name, **values}
    columns = LeaseRow.__table__.columns
    new = select(*(literal(value, columns[column].type) for column, value in row.items())).where(
        ~exists().where(LeaseRow.name == name)
    )
    inserted = await session.execute(insert(LeaseRow).from_select(list(row), new))
    assert isinstance(inserted, CursorResult)  # noqa: S101 # an INSERT
    return inserted.rowcount > 0


async def renew_lease(session: AsyncSession, name: str, holder: str, run_id: int, expires_at: datetime) -> bool:
    """Keep the lease until `expires_at`; returns whether the holder has it still."""
    mine = (LeaseRow.name == name, LeaseRow.holder == holder, LeaseRow.run_id == run_id)
    return await _changes(session, update(LeaseRow).where(*mine).values(expires_at=expires_at))


async def lock_lease(session: AsyncSession, name: str) -> LeaseRow | None:
    """The lease of that name, expired or not, which nobody else can change until the transaction ends."""
    # An UPDATE locks on SQLite as on PostgreSQL.
    await session.execute(update(LeaseRow).where(LeaseRow.name == name).values(name=LeaseRow.name))
    return await lease(session, name)


async def request_stop(session: AsyncSession, name: str, run_id: int) -> bool:
    """Ask whoever holds the lease for that run to stop it; returns whether anybody does."""
    held = (LeaseRow.name == name, LeaseRow.run_id == run_id)
    return await _changes(session, update(LeaseRow).where(*held).values(stop_requested=True))


async def drop_lease(session: AsyncSession, name: str, holder: str, run_id: int) -> None:
    """Give the lease back, if the holder has it still."""
    await session.execute(
        delete(LeaseRow).where(LeaseRow.name == name, LeaseRow.holder == holder, LeaseRow.run_id == run_id)
    )


async def _changes(session: AsyncSession, statement: Update) -> bool:
    result = await session.execute(statement)
    assert isinstance(result, CursorResult)  # noqa: S101 # an UPDATE
    return result.rowcount > 0
