"""The published dates are those of the Hong Kong Observatory's almanacs, in UTC+8."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_model.solar_terms import SolarTerm, first_day, sun_longitude, term_on

CHINA = timezone(timedelta(hours=8))
TERMS = tuple(SolarTerm)

# From 小寒 on, as the civil year has them.
YEARS = {
    2024: "1-6 1-20 2-4 2-19 3-5 3-20 4-4 4-19 5-5 5-20 6-5 6-21"
    " 7-6 7-22 8-7 8-22 9-7 9-22 10-8 10-23 11-7 11-22 12-6 12-21",
    2025: "1-5 1-20 2-3 2-18 3-5 3-20 4-4 4-20 5-5 5-21 6-5 6-21"
    " 7-7 7-22 8-7 8-23 9-7 9-23 10-8 10-23 11-7 11-22 12-7 12-21",
    2026: "1-5 1-20 2-4 2-18 3-5 3-20 4-5 4-20 5-5 5-21 6-5 6-21"
    " 7-7 7-23 8-7 8-23 9-7 9-23 10-8 10-23 11-7 11-22 12-7 12-22",
    2027: "1-5 1-20 2-4 2-19 3-6 3-21 4-5 4-20 5-6 5-21 6-6 6-21"
    " 7-7 7-23 8-8 8-23 9-8 9-23 10-8 10-23 11-7 11-22 12-7 12-22",
}

TIMES_OF_2013 = (
    "1-5 12:34, 1-20 05:52, 2-4 00:13, 2-18 20:02, 3-5 18:15, 3-20 19:02, 4-4 23:02, 4-20 06:03,"
    " 5-5 16:18, 5-21 05:09, 6-5 20:23, 6-21 13:04, 7-7 06:35, 7-22 23:56, 8-7 16:20, 8-23 07:02,"
    " 9-7 19:16, 9-23 04:44, 10-8 10:58, 10-23 14:10, 11-7 14:14, 11-22 11:48, 12-7 07:09, 12-22 01:11"
)


def of_civil_year(number: int) -> SolarTerm:
    """The term that begins as the year's `number`th, from 0."""
    return TERMS[(TERMS.index(SolarTerm.MINOR_COLD) + number) % len(TERMS)]


def beginnings(year: int, zone: timezone | ZoneInfo) -> list[tuple[date, SolarTerm]]:
    """The days of a year on which a term begins."""
    days = [date(year, 1, 1) + timedelta(days=number) for number in range(365)]
    terms = [term_on(day, zone) for day in days]
    return [(days[0], terms[0])] * (first_day(days[0], zone) == days[0]) + [
        (day, term) for before, term, day in zip(terms, terms[1:], days[1:], strict=False) if term is not before
    ]


@pytest.mark.parametrize("year", YEARS)
def test_terms_begin_on_the_published_days(year: int) -> None:
    published = [date(year, *(int(part) for part in each.split("-"))) for each in YEARS[year].split()]
    expected = [(day, of_civil_year(number)) for number, day in enumerate(published)]
    assert beginnings(year, CHINA) == expected


def test_terms_begin_within_two_minutes_of_the_published_time() -> None:
    # The time is given in whole minutes, and 大暑 of that year began four of them before midnight.
    for number, published in enumerate(TIMES_OF_2013.split(", ")):
        moment = datetime.strptime(f"2013-{published}", "%Y-%m-%d %H:%M").replace(tzinfo=CHINA)
        longitude = 15 * ((TERMS.index(of_civil_year(number)) - TERMS.index(SolarTerm.SPRING_EQUINOX)) % 24)
        away = (sun_longitude(moment) - longitude + 180) % 360 - 180
        assert abs(away) * 365.2422 / 360 < 2 / (24 * 60), published


def test_a_term_begins_on_another_day_where_the_clock_shows_another() -> None:
    # 大雪 of 2024 began on 6 December at 15:17 in UTC.
    zones = {"Asia/Shanghai": 6, "America/New_York": 6, "Pacific/Auckland": 7}
    for name, day in zones.items():
        began = [first for first, term in beginnings(2024, ZoneInfo(name)) if term is SolarTerm.MAJOR_SNOW]
        assert began == [date(2024, 12, day)], name


def test_the_longitude_does_not_depend_on_how_the_moment_is_written() -> None:
    moment = datetime(2026, 3, 20, 14, 46, tzinfo=UTC)
    assert sun_longitude(moment) == sun_longitude(moment.astimezone(ZoneInfo("Australia/Lord_Howe")))


@given(
    st.dates(date(1950, 1, 1), date(2050, 12, 31)),
    st.sampled_from(["UTC", "Asia/Shanghai", "Pacific/Kiritimati", "America/Los_Angeles", "Australia/Lord_Howe"]),
)
def test_a_term_lasts_fourteen_to_sixteen_days_and_the_next_one_follows(day: date, name: str) -> None:
    zone = ZoneInfo(name)
    begun = first_day(day, zone)
    term = term_on(day, zone)
    assert begun <= day
    assert {term_on(begun + timedelta(days=number), zone) for number in range(14)} == {term}
    following = TERMS[(TERMS.index(term) + 1) % len(TERMS)]
    assert term_on(begun + timedelta(days=16), zone) is following
    assert term_on(begun - timedelta(days=1), zone) is TERMS[TERMS.index(term) - 1]


def test_a_term_has_a_name_in_both_scripts_and_in_english() -> None:
    term = SolarTerm.AWAKENING_OF_INSECTS
    assert (term.traditional, term.simplified, term.english) == ("驚蟄", "惊蛰", "Awakening of insects")
    assert "".join(each.simplified for each in TERMS) == (
        "立春雨水惊蛰春分清明谷雨立夏小满芒种夏至小暑大暑立秋处暑白露秋分寒露霜降立冬小雪大雪冬至小寒大寒"
    )
