import random
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services.daily_schedule import Schedule, due_day, latest_day, next_due
from bot.services.zones import matching_zones

DAY = timedelta(days=1)
LEAST = timedelta(microseconds=1)

# Those that ever did something odd with their clocks, and any other.
ZONES = st.one_of(
    st.sampled_from(
        [
            "America/New_York",
            "America/Nuuk",  # leaps from 23:00 into the next day
            "America/St_Johns",  # went back from 00:01 to 23:01 the day before
            "Africa/Cairo",  # leaps over midnight
            "America/Havana",  # shows midnight twice
            "Asia/Pyongyang",  # leapt by half an hour at 23:30
            "Australia/Lord_Howe",  # by half an hour each time
            "Antarctica/Troll",  # by two hours
            "Pacific/Apia",  # left out a day
            "Pacific/Kwajalein",  # likewise
        ]
    ),
    st.sampled_from(matching_zones("a", limit=600)),
)
SCHEDULES = st.builds(Schedule, st.integers(0, 23), ZONES)
MOMENTS = st.datetimes(datetime(1985, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 # as Hypothesis asks for it


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(schedule: Schedule, moment: datetime) -> datetime:
    """What the clock shows."""
    return moment.astimezone(ZoneInfo(schedule.zone)).replace(tzinfo=None)


def shown(schedule: Schedule, day: date) -> datetime:
    """What the clock shows at the earliest when the poem of `day` comes."""
    return datetime(day.year, day.month, day.day, schedule.hour)  # noqa: DTZ001 # a clock on the wall


def comes(schedule: Schedule, day: date) -> datetime:
    """When the poem of `day` comes, or of the next day that there is."""
    return next_due(schedule, day - DAY, utc("1970-01-01"))


@given(SCHEDULES, MOMENTS)
def test_a_poem_comes_at_the_first_moment_at_which_the_clock_shows_its_hour_or_more(
    schedule: Schedule, now: datetime
) -> None:
    day = latest_day(schedule, now)
    moment = comes(schedule, day)
    assert moment <= now
    assert wall(schedule, moment) >= shown(schedule, day)
    # No clock was ever put back by more than a day.
    before = [moment - LEAST, *(moment - timedelta(minutes=15 * number) for number in range(1, 2 * 24 * 4))]
    assert all(wall(schedule, earlier) < shown(schedule, day) for earlier in before)


@given(SCHEDULES, MOMENTS)
def test_a_poem_that_came_is_not_due_and_the_next_one_is_not_before_it_comes(schedule: Schedule, now: datetime) -> None:
    day = latest_day(schedule, now)
    assert due_day(schedule, day, now) is None
    following = next_due(schedule, day, now)
    assert following > now
    assert due_day(schedule, day, following - LEAST) is None
    assert due_day(schedule, day, following) == latest_day(schedule, following) > day
    assert timedelta(hours=20) < following - comes(schedule, day) < timedelta(hours=52)


@given(SCHEDULES, MOMENTS, st.integers(1, 400))
def test_of_the_days_that_were_missed_the_latest_is_due_and_then_none(
    schedule: Schedule, now: datetime, missed: int
) -> None:
    latest = latest_day(schedule, now)
    assert due_day(schedule, latest - missed * DAY, now) == latest
    assert next_due(schedule, latest - missed * DAY, now) <= now
    assert due_day(schedule, latest, now) is None


@given(SCHEDULES, MOMENTS, st.integers(1, 5))
def test_nothing_is_due_before_a_day_that_is_still_to_come(schedule: Schedule, now: datetime, ahead: int) -> None:
    # Where the zone was changed, the last poem may be of a day that has not begun there.
    last = latest_day(schedule, now) + ahead * DAY
    assert due_day(schedule, last, now) is None
    following = next_due(schedule, last, now)
    assert following > now
    assert latest_day(schedule, following) > last


@given(SCHEDULES, MOMENTS, st.integers(0, 10**7))
def test_what_was_due_never_lies_further_back_as_time_goes_on(schedule: Schedule, now: datetime, seconds: int) -> None:
    assert latest_day(schedule, now) <= latest_day(schedule, now + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("zone", "hour", "day", "moment"),
    [
        ("Asia/Shanghai", 9, "2026-01-02", "2026-01-02 01:00"),
        # From 02:00 to 03:00.
        ("America/New_York", 2, "2026-03-08", "2026-03-08 07:00"),
        ("America/New_York", 3, "2026-03-08", "2026-03-08 07:00"),
        # 01:00 comes twice, first in summer time.
        ("America/New_York", 1, "2026-11-01", "2026-11-01 05:00"),
        # From 02:00 to 02:30, and back.
        ("Australia/Lord_Howe", 2, "2026-10-04", "2026-10-03 15:30"),
        ("Australia/Lord_Howe", 1, "2026-04-05", "2026-04-04 14:00"),
        ("Australia/Lord_Howe", 2, "2026-04-05", "2026-04-04 15:30"),
        # From 23:30 to midnight: 23:00 was there.
        ("Asia/Pyongyang", 23, "2018-05-04", "2018-05-04 14:30"),
        ("Asia/Pyongyang", 0, "2018-05-05", "2018-05-04 15:00"),
        # From 23:00 to midnight: the hour is gone, the day's poem is not.
        ("America/Nuuk", 23, "2026-03-28", "2026-03-29 01:00"),
        ("America/Nuuk", 0, "2026-03-29", "2026-03-29 01:00"),
        # From 00:01 to 01:01: the hour after the leap begins with it.
        ("America/St_Johns", 1, "2010-03-14", "2010-03-14 03:31"),
        # Midnight is not there, and there twice.
        ("Africa/Cairo", 0, "2026-04-24", "2026-04-23 22:00"),
        ("America/Havana", 0, "2026-11-01", "2026-11-01 04:00"),
        # Midnight had struck when the clock went back to the day before.
        ("America/St_Johns", 0, "2010-11-07", "2010-11-07 02:30"),
        ("America/St_Johns", 23, "2010-11-06", "2010-11-07 01:30"),
        # The 30th was left out: what comes is the poem of the 31st.
        ("Pacific/Apia", 9, "2011-12-29", "2011-12-29 19:00"),
        ("Pacific/Apia", 9, "2011-12-30", "2011-12-30 19:00"),
        ("Pacific/Apia", 9, "2011-12-31", "2011-12-30 19:00"),
    ],
)
def test_it_keeps_the_hour_across_a_change_of_the_clock(zone: str, hour: int, day: str, moment: str) -> None:
    assert comes(Schedule(hour, zone), date.fromisoformat(day)) == utc(moment)


def test_a_clock_put_back_over_midnight_brings_no_second_poem() -> None:
    schedule, moment = Schedule(0, "America/St_Johns"), utc("2010-11-07 02:30")
    given_on = []
    last = date(2010, 11, 6)
    for minute in range(-120, 180):
        if day := due_day(schedule, last, moment + timedelta(minutes=minute)):
            given_on.append((minute, day))
            last = day
    assert given_on == [(0, date(2010, 11, 7))]
    # Nobody looked in that one minute; the clock shows the day before again.
    assert due_day(schedule, date(2010, 11, 6), moment + timedelta(minutes=2)) == date(2010, 11, 7)


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland", "Australia/Lord_Howe", "America/Nuuk"])
@pytest.mark.parametrize(("hour", "longest"), [(0, 20), (2, 20), (9, 20), (23, 20), (1, 100), (3, 100), (23, 100)])
def test_a_year_of_random_ticks_and_outages_gives_each_day_one_poem(zone: str, hour: int, longest: int) -> None:
    """`longest`: of the outages, in hours."""
    schedule = Schedule(hour, zone)
    chance = random.Random(f"{zone}/{hour}")
    now, end = utc("2026-01-15 12:00"), utc("2027-01-15 12:00")
    first = last = latest_day(schedule, now)
    looks: list[tuple[datetime, date | None]] = []
    while now < end:
        # Once in two hundred looks it is away for long; each tenth time it looks twice at once.
        seconds = 3600 * chance.uniform(0, longest if chance.random() < 1 / 200 else 1)
        now += timedelta(seconds=0 if chance.random() < 1 / 10 else seconds)
        day = due_day(schedule, last, now)
        last = day or last
        looks.append((now, day))
    given_on = [day for _, day in looks if day]
    assert given_on == sorted(set(given_on))
    # A day is without a poem only where nobody looked between its hour and the next day's.
    times = [look for look, _ in looks]
    days = [first + number * DAY for number in range(1, (last - first).days + 2)]
    looked = [bisect_left(times, comes(schedule, day)) for day in days]
    missed = {day for day, (here, there) in zip(days, pairwise(looked), strict=False) if here == there}
    assert bool(missed) == (longest > 24)
    assert set(given_on) == set(days[:-1]) - missed
    # And each came with the first look after its hour.
    for (before, _), (look, day) in pairwise(looks):
        if day:
            assert before < comes(schedule, day) <= look
