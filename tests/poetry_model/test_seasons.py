from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from poetry_model.checkpoint import PRETRAINED, load_bundle
from poetry_model.seasons import FIRST_CHARACTERS, first_character
from poetry_model.solar_terms import SolarTerm, term_on

TERMS = tuple(SolarTerm)
ZONES = ("Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati")


def days(first: date, number: int) -> list[date]:
    return [first + timedelta(days=each) for each in range(number)]


def test_each_term_has_a_character_for_each_of_its_days() -> None:
    assert set(FIRST_CHARACTERS) == set(TERMS)
    for term, characters in FIRST_CHARACTERS.items():
        assert len(set(characters)) == len(characters) >= 16, term


def test_terms_that_follow_each_other_share_no_character() -> None:
    for before, after in zip(TERMS, (*TERMS[1:], TERMS[0]), strict=True):
        assert not set(FIRST_CHARACTERS[before]) & set(FIRST_CHARACTERS[after]), (before, after)


def test_all_of_them_are_common_in_the_verse_that_the_shipped_model_learned_from() -> None:
    # By falling frequency.
    common = set(load_bundle(PRETRAINED).vocabulary.characters[:2000])
    assert set("".join(FIRST_CHARACTERS.values())) <= common


@pytest.mark.parametrize("name", ZONES)
def test_no_character_comes_back_within_fourteen_days(name: str) -> None:
    zone = ZoneInfo(name)
    given: list[str] = []
    for day in days(date(2024, 1, 1), 2 * 366):
        character = first_character(day, zone, seed=7)
        assert character in FIRST_CHARACTERS[term_on(day, zone)]
        assert character not in given[-14:], day
        given.append(character)


def test_a_day_has_the_same_character_whenever_it_is_asked_for() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    # Written down once: another process and another version of Python give them too.
    assert "".join(first_character(day, zone, 7) for day in days(date(2026, 2, 4), 6)) == "青梅東早芳初"


def test_servers_and_years_differ() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    month = days(date(2026, 5, 6), 30)
    assert len({"".join(first_character(day, zone, seed) for day in month) for seed in range(50)}) == 50
    spring = [date(year, 2, 8) for year in range(2000, 2050)]
    assert len({first_character(day, zone, 7) for day in spring}) > 8


def test_over_the_years_a_term_uses_all_its_characters() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    begun = [date(year, 2, 5) for year in range(2000, 2010)]
    used = {first_character(day, zone, 1) for first in begun for day in days(first, 12)}
    assert used == set(FIRST_CHARACTERS[SolarTerm.START_OF_SPRING])


def test_a_zone_that_left_out_a_day_has_a_character_for_each_of_the_others() -> None:
    # Samoa went from 29 to 31 December 2011.
    zone = ZoneInfo("Pacific/Apia")
    assert all(first_character(day, zone, 7) for day in days(date(2011, 12, 20), 30))
