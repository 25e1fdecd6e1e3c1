"""When a poem of the day is due: time alone, nothing is read and nothing is sent.

A day's poem is due at the first moment at which the clock of the zone shows the hour of that day or later. So an hour
that the clock leaps over is the moment after the leap, and one that it shows twice is the first of the two.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every day at an hour."""

    hour: int
    """0 to 23."""
    zone: str
    """IANA's name; `ZoneInfoNotFoundError` is raised by what follows where this machine does not know it."""


def due_day(schedule: Schedule, last: date, now: datetime) -> date | None:
    """The day whose poem is to be given at the aware time `now`, when that of `last` was the last given; None: no day.

    Of several that were missed it is the latest: the others stay missed.
    """
    latest = latest_day(schedule, now)
    return latest if latest > last else None


def next_due(schedule: Schedule, last: date, now: datetime) -> datetime:
    """When the next poem is due, in UTC: before `now` when it is due already."""
    day = due_day(schedule, last, now) or max(last, latest_day(schedule, now)) + _DAY
    while (moment := _moment(schedule, day)) is None:
        day += _DAY
    return moment


def latest_day(schedule: Schedule, now: datetime) -> date:
    """The last day whose poem was due at or before the aware time `now`."""
    # From tomorrow: a clock put back at midnight shows the old date again when the new day's hour has struck.
    day = now.astimezone(ZoneInfo(schedule.zone)).date() + _DAY
    while (moment := _moment(schedule, day)) is None or moment > now:
        day -= _DAY
    return day


def _moment(schedule: Schedule, day: date) -> datetime | None:
    """When the poem of `day` is due, in UTC; None on a day that the zone leaves out, as Samoa did with one in 2011."""
    zone = ZoneInfo(schedule.zone)
    if _first(datetime.combine(day, time()), zone).astimezone(zone).date() != day:
        return None
    return _first(datetime.combine(day, time(schedule.hour)), zone)


def _first(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment, in UTC, at which the clock of `zone` shows `wall` (naive) or later."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # The clock leaps over it, at a whole second between these two (PEP 495 on what `fold` means there).
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            after = middle
        else:
            before = middle
    return after
