from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import BotError
from bot.services.favorites_search import EVERYTHING, Selection, Sort
from bot.ui.favorites_page import FAVORITES_ITEMS
from bot.ui.favorites_state import read_state, write_state

HAN = st.sampled_from("月后後里裏〇鳥龜𠀀𪚥")
TIMES = st.none() | st.integers(0, 200 * 365 * 24).map(
    lambda hours: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
)


def units(text: str) -> int:
    """Its length as JavaScript counts it."""
    return len(text.encode("utf-16-le")) // 2


SELECTIONS = st.builds(
    Selection.checked,
    st.sampled_from((None, 5, 7)),
    st.lists(HAN, max_size=7).map("".join).filter(lambda start: units(start) <= 7),
    st.lists(HAN | st.just(" "), max_size=14).map("".join).filter(lambda text: units(text) <= 14),
    since=TIMES,
    until=TIMES,
    sort=st.sampled_from(Sort),
)


@given(selection=SELECTIONS)
def test_every_selection_comes_back_as_it_was(selection: Selection) -> None:
    assert read_state(write_state(selection)) == selection


@given(selection=SELECTIONS)
def test_every_id_is_one_that_discord_takes_however_it_counts(selection: Selection) -> None:
    state = write_state(selection)
    longest = max(
        f"shiren:favorites:undo:{10**18 - 1}:{10**6 - 1}:{state}",
        f"shiren:favorites:remove:{10**6 - 1}:{state}",
        f"shiren:favorites:file:markdown:{state}",
        key=len,
    )
    assert units(longest) <= 100
    assert any(item.__discord_ui_compiled_template__.fullmatch(longest) for item in FAVORITES_ITEMS)


@given(state=st.text(st.characters(exclude_categories=())) | st.from_regex(r"[nosfx]?[0-9]?(:[0-9月a_%]{0,9}){3,5}"))
def test_what_is_read_is_what_would_be_written(state: str) -> None:
    try:
        selection = read_state(state)
    except BotError:
        return
    assert write_state(selection) == state


@pytest.mark.parametrize(
    "state",
    [
        "",
        "n0",
        "n0:::",
        "n0:::::",
        "n0::::\n",
        "x0::::",
        "n6::::",
        "N0::::",
        "n0:x:::",
        "n0:-1:::",
        "n0:00000001:::",
        "n0:0001:::",
        "n0:١:::",
        "n0:::a:",
        "n0:::%:",
        "n0:::月月月月月月月月:",
        "n0::::_月",
        "n0::::月_",
        "n0::::月__山",
        "n0::::月 山",
        "n0:::é:",
        "n0:::，:",
        "n0:::\ud800:",
        "n0::::" + "月" * 15,
    ],
)
def test_what_nobody_wrote_is_refused(state: str) -> None:
    with pytest.raises(BotError):
        read_state(state)


def test_everything_is_short() -> None:
    assert write_state(EVERYTHING) == "n0::::"
