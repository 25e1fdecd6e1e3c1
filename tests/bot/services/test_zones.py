from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services import zones
from bot.services.zones import MOST, matching_zones, zone_named


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("shanghai", "Asia/Shanghai"),
        ("  SHANG", "Asia/Shanghai"),
        ("asia/sh", "Asia/Shanghai"),
        ("new york", "America/New_York"),
        ("york", "America/New_York"),
        ("port au", "America/Port-au-Prince"),
        ("são", "Africa/Sao_Tome"),
        ("lord", "Australia/Lord_Howe"),
        ("beij", "Asia/Shanghai"),
        ("北京", "Asia/Shanghai"),
        ("臺北", "Asia/Taipei"),
        ("germany", "Europe/Berlin"),
        ("utc", "UTC"),
        ("est", "America/New_York"),
        ("EST5", "EST5EDT"),
        ("calcutta", "Asia/Calcutta"),
    ],
)
def test_what_people_type_finds_the_zone(typed: str, first: str) -> None:
    assert matching_zones(typed)[0] == first


def test_a_city_comes_before_a_country_and_a_country_before_what_only_holds_the_letters() -> None:
    found = matching_zones("mex", limit=100)
    assert found[0] == "America/Mexico_City"
    assert found.index("America/Cancun") < found.index("Mexico/General")
    assert matching_zones("indiana").index("America/Indiana/Knox") < matching_zones("indiana").index("US/East-Indiana")


def test_old_names_come_after_those_in_use() -> None:
    found = matching_zones("s", limit=600)
    old = [found.index(name) for name in ("EST", "EST5EDT", "MST", "PST8PDT", "Singapore", "Asia/Saigon")]
    in_use = [found.index(name) for name in ("Asia/Singapore", "Europe/Paris", "Africa/Tunis", "Indian/Mauritius")]
    assert min(old) > max(in_use)


def test_before_anything_is_typed_zones_of_every_continent_are_offered() -> None:
    offered = matching_zones("")
    assert len(offered) <= MOST
    assert {name.split("/")[0] for name in offered} >= {"Asia", "Europe", "Africa", "America", "Australia", "UTC"}


@pytest.mark.parametrize("typed", ["gmt+8", "gmt-5", "utc+8", "etc"])
def test_zones_whose_sign_is_turned_round_are_not_offered(typed: str) -> None:
    assert not any("GMT" in name or "Etc/" in name for name in matching_zones(typed, limit=600))


@given(st.text(max_size=12))
def test_whatever_is_typed_at_most_as_many_as_discord_shows_are_offered(typed: str) -> None:
    found = matching_zones(typed)
    assert len(found) == len(set(found)) <= MOST


def test_whatever_is_offered_is_known_here_and_is_taken() -> None:
    everything = {name for letter in "aeiou" for name in matching_zones(letter, limit=600)}
    assert len(everything) > 500
    for name in everything:
        assert ZoneInfo(name).key == zone_named(name) == zone_named(f" {name.upper().replace('_', ' ')} ") == name


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Shanghai", "Asia/Shanghai"),
        ("北京", "Asia/Shanghai"),
        ("etc/gmt+8", "Etc/GMT+8"),
        ("new york", "America/New_York"),
    ],
)
def test_a_zone_can_be_named_without_choosing_from_the_list(typed: str, zone: str) -> None:
    assert zone_named(typed) == zone


@pytest.mark.parametrize("typed", ["", "Atlantis", "china", "cst", "utc+8", "../UTC"])
def test_what_names_no_zone_or_several_is_none(typed: str) -> None:
    assert zone_named(typed) is None


def test_the_names_that_iana_does_not_have_lead_to_zones_that_it_has() -> None:
    assert {*zones._ALIASES, *zones._FIRST} <= set(zones._all_names())
    aliases = [alias for aliases in zones._ALIASES.values() for alias in aliases.split()]
    assert [zones._plain(alias) for alias in aliases] == aliases
