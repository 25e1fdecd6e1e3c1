"""Queries of the poems of the day. As in `queries`, each takes a session and never commits.

Each change finds out and changes in one statement, so that of two processes one alone succeeds.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, CursorResult, Update, case, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import DailyRow

_IS_ON = DailyRow.stop.is_(None)


async def daily(session: AsyncSession, guild_id: int) -> DailyRow | None:
    """The server's."""
    return await session.get(DailyRow, guild_id, populate_existing=True)


async def put_daily(
    session: AsyncSession, *, guild_id: int, channel_id: int, hour: int, zone: str, day: date, user_id: int
) -> None:
    """Set the server's and switch it on; the poem of `day`, and of any later day that had one, is not given again.

    May raise `IntegrityError` where another process sets the server's first at the same moment.
    """
    values = {"channel_id": channel_id, "hour": hour, "zone": zone, "user_id": user_id}
    last = case((DailyRow.last_date > day, DailyRow.last_date), else_=day)
    theirs = update(DailyRow).where(DailyRow.guild_id == guild_id)
    if not await _changes(session, theirs.values(**values, last_date=last, stop=None)):
        session.add(DailyRow(guild_id=guild_id, last_date=day, **values))


async def schedules(session: AsyncSession) -> Sequence[tuple[int, str]]:
    """The hours and zones of all that are on, each pair once."""
    rows = await session.execute(select(DailyRow.hour, DailyRow.zone).where(_IS_ON).distinct())
    return [(hour, zone) for hour, zone in rows]


async def waiting(session: AsyncSession, hour: int, zone: str, day: date) -> Sequence[DailyRow]:
    """Those of an hour and a zone that are on and have not given the poem of `day`."""
    at_that_hour = (_IS_ON, DailyRow.hour == hour, DailyRow.zone == zone, DailyRow.last_date < day)
    rows = await session.scalars(select(DailyRow).where(*at_that_hour).order_by(DailyRow.guild_id))
    return rows.all()


async def claim(session: AsyncSession, row: DailyRow, day: date) -> bool:
    """Take it on to give the poem of `day`; False when another did, or when it was changed since `row` was read."""
    return await _changes(session, _as_read(row, row.last_date).values(last_date=day))


async def release(session: AsyncSession, row: DailyRow, day: date, stop: str | None = None) -> bool:
    """The poem of `day` that was claimed was not given; with `stop`, none will be.

    False, and nothing is changed, when somebody set it anew meanwhile.
    """
    return await _changes(session, _as_read(row, day).values(last_date=row.last_date, stop=stop))


async def stop_daily(session: AsyncSession, guild_id: int, stop: str) -> bool:
    """Switch the server's off; returns whether it was on."""
    return await _changes(session, update(DailyRow).where(DailyRow.guild_id == guild_id, _IS_ON).values(stop=stop))


def _as_read(row: DailyRow, last_date: date) -> Update:
    unchanged: list[ColumnElement[bool]] = [
        DailyRow.guild_id == row.guild_id,
        DailyRow.channel_id == row.channel_id,
        DailyRow.hour == row.hour,
        DailyRow.zone == row.zone,
        DailyRow.last_date == last_date,
    ]
    return update(DailyRow).where(_IS_ON, *unchanged)


async def _changes(session: AsyncSession, statement: Update) -> bool:
    result = await session.execute(statement)
    assert isinstance(result, CursorResult)  # noqa: S101 # an UPDATE
    return result.rowcount > 0
