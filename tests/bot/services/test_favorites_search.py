"""What is looked for among favorites: any text that is typed, either script, days, and what 100,000 favorites cost."""

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from bot.db.engine import Sessions
from bot.db.tables import FavoriteRow, PoemRow
from bot.errors import BotError
from bot.services.favorites import PAGE_SIZE, Favorites
from bot.services.favorites_search import EVERYTHING, Selection, Sort, read_days
from poetry_model.script import simplify
from tests.bot.conftest import Rows
from tests.bot.library import LONG_AGO, put_heart, put_poem

ALICE, BOB = 1, 2

POEMS = (
    "後山明月來 一夜滿長江",
    "后土生春草 何人問故鄉",
    "雲深不見鳥 里外盡歸鴻",
    "江山千里遠人歸 明月無心照客衣",
    "雨後春山百鳥飛 乾坤萬里一舟歸",
    "羣峯如畫裏 水面落花多",
)
"""Lines we made, with characters that simplified script writes as one: 後 and 后, 里 and 裏, 乾 and 干."""


@pytest.fixture
async def favorites(sessions: Sessions) -> Favorites:
    """Of alice's, who keeps all the poems, a day between two; bob keeps the first."""
    for number, lines in enumerate(POEMS):
        poem_id = await put_poem(sessions, lines)
        await put_heart(sessions, ALICE, poem_id, LONG_AGO + timedelta(days=number))
    await put_heart(sessions, BOB, 1)
    return Favorites(sessions)


async def found(favorites: Favorites, selection: Selection, user_id: int = ALICE) -> list[int]:
    """The numbers of the poems that are found, page by page."""
    ids: list[int] = []
    page = await favorites.page(user_id, 1, selection)
    for number in range(1, page.pages + 1):
        shown = await favorites.page(user_id, number, selection)
        ids += [favorite.poem.id for favorite in shown.favorites]
    assert len(ids) == page.total
    assert ids == [each.poem.id async for some in favorites.all(user_id, selection) for each in some]
    return ids


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("后", {1, 2}),
        ("後", {1}),
        ("云", {3}),
        ("雲", {3}),
        ("雨", {5}),
        ("后山", {1}),
        ("江山千里", {4}),
        ("山", set()),
        ("群", {6}),
    ],
)
async def test_poems_are_found_by_their_beginning_in_either_script(
    favorites: Favorites, typed: str, numbers: set[int]
) -> None:
    assert set(await found(favorites, Selection.checked(start=typed))) == numbers


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("明月", {1, 4}),
        ("后", {1, 2, 5}),
        ("里", {3, 4, 5, 6}),
        ("裏", {6}),
        ("乾坤", {5}),
        ("干坤", {5}),
        ("来", {1}),
        ("明月 无心", {4}),
        ("明月，归。", {4}),
        ("月明", set()),
        ("来一", set()),
        ("%", None),
        ("_", None),
        ("*", None),
        ("", {1, 2, 3, 4, 5, 6}),
    ],
)
async def test_poems_are_found_by_what_stands_in_a_line(
    favorites: Favorites, typed: str, numbers: set[int] | None
) -> None:
    # Signs alone are nothing to look for.
    assert set(await found(favorites, Selection.checked(text=typed))) == (
        numbers or set(range(1, 7)) if numbers is None else numbers
    )


async def test_what_is_looked_for_comes_together(favorites: Favorites) -> None:
    both = Selection.checked(5, text="春")
    assert await found(favorites, both) == [2]
    assert await found(favorites, Selection.checked(7, text="春")) == [5]
    assert await found(favorites, Selection.checked(7)) == [5, 4]
    assert await found(favorites, Selection.checked(7, since=LONG_AGO + timedelta(days=4))) == [5]
    assert await found(favorites, Selection.checked(7, "江", "照", until=LONG_AGO + timedelta(days=4))) == [4]


async def test_times_are_from_one_on_and_before_another(favorites: Favorites) -> None:
    since, until = LONG_AGO + timedelta(days=1), LONG_AGO + timedelta(days=3)
    assert await found(favorites, Selection.checked(since=since)) == [6, 5, 4, 3, 2]
    assert await found(favorites, Selection.checked(until=until)) == [3, 2, 1]
    assert await found(favorites, Selection.checked(since=since, until=until)) == [3, 2]
    assert await found(favorites, Selection.checked(since=until, until=since)) == []


@pytest.mark.parametrize(
    ("sort", "numbers"),
    [
        (Sort.NEWEST, [6, 5, 4, 3, 2, 1]),
        (Sort.OLDEST, [1, 2, 3, 4, 5, 6]),
        (Sort.START, sorted(range(1, 7), key=lambda number: POEMS[number - 1][0])),
        (Sort.FORM, [6, 3, 2, 1, 5, 4]),
    ],
)
async def test_every_order_holds_across_pages(favorites: Favorites, sort: Sort, numbers: list[int]) -> None:
    assert await found(favorites, Selection.checked(sort=sort)) == numbers
    kept = [number for number in numbers if number in {1, 4}]
    assert await found(favorites, Selection.checked(text="明月", sort=sort)) == kept


async def test_equals_stand_in_the_order_they_were_kept_the_newest_first(favorites: Favorites, rows: Rows) -> None:
    rows("UPDATE favorites SET created_at = '2026-01-01 00:00:00.000000'")
    rows("UPDATE poems SET form = 5, traditional = '月月月月月'")
    for sort in (Sort.NEWEST, Sort.START, Sort.FORM):
        assert await found(favorites, Selection.checked(sort=sort)) == [6, 5, 4, 3, 2, 1]
    assert await found(favorites, Selection.checked(sort=Sort.OLDEST)) == [1, 2, 3, 4, 5, 6]


async def test_nobody_finds_what_another_keeps(favorites: Favorites) -> None:
    assert await found(favorites, Selection.checked(text="明月"), BOB) == [1]
    assert await found(favorites, Selection.checked(text="春"), BOB) == []


async def test_a_page_tells_how_many_there_are_of_how_many(favorites: Favorites) -> None:
    page = await favorites.page(ALICE, 9, Selection.checked(text="明月"))
    assert (page.number, page.pages, page.total, page.kept) == (1, 1, 2, 6)
    nothing = await favorites.page(ALICE, 1, Selection.checked(text="鳳"))
    assert (nothing.favorites, nothing.pages, nothing.total, nothing.kept) == ((), 1, 0, 6)


@pytest.mark.parametrize(
    ("start", "text", "key"),
    [
        ("a", "", "favorites.not_han"),
        ("月a", "", "favorites.not_han"),
        ("", "spring", "favorites.not_han"),
        ("", "春1", "favorites.not_han"),
        ("月" * 8, "", "favorites.start_too_long"),
        ("", "月" * 15, "favorites.text_too_long"),
        ("", "月 " * 8, "favorites.text_too_long"),
        ("𠀀" * 4, "", "favorites.start_too_long"),
    ],
)
def test_what_no_poem_can_hold_is_refused(start: str, text: str, key: str) -> None:
    with pytest.raises(BotError) as caught:
        Selection.checked(start=start, text=text)
    assert caught.value.key == key


TYPED = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=30),
    st.text(st.sampled_from("月后後里裏乾干山水 ，。%_*?[]^!-\\'\"云雲明来一"), max_size=12),
)
"""All of Unicode, surrogates too; and what means something to LIKE, to GLOB and to SQL."""


def fits(lines: str, phrase: str) -> bool:
    """Whether the phrase stands in a line: each of its characters is that one, or is what that one is simplified to."""
    signs = [(character, simplify(character)) for character in lines]
    places = range(len(signs) - len(phrase) + 1)
    return any(all(typed in sign for typed, sign in zip(phrase, signs[place:], strict=False)) for place in places)


@given(start=TYPED, text=TYPED)
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
async def test_whatever_is_typed_finds_just_the_poems_that_hold_it(favorites: Favorites, start: str, text: str) -> None:
    refused: str | None = None
    try:
        selection = Selection.checked(start=start, text=text)
    except BotError as error:
        refused = error.key
    if refused is not None:
        assert refused in {"favorites.not_han", "favorites.start_too_long", "favorites.text_too_long"}
        return
    expected = {
        number
        for number, lines in enumerate(POEMS, start=1)
        if fits(lines[: len(selection.start)], selection.start)
        and all(fits(lines, phrase) for phrase in selection.text.split())
    }
    assert set(await found(favorites, selection)) == expected


@given(number=st.integers(0, len(POEMS) - 1), begin=st.integers(0, 20), length=st.integers(1, 7))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_every_part_of_every_line_finds_its_poem_in_both_scripts(
    favorites: Favorites, number: int, begin: int, length: int
) -> None:
    part = POEMS[number][begin : begin + length].strip()
    for typed in {part, "".join(map(simplify, part))}:
        assert number + 1 in await found(favorites, Selection.checked(text=typed))


TAIPEI = ZoneInfo("Asia/Taipei")


@pytest.mark.parametrize(
    ("typed", "first", "after"),
    [
        ("2026-01-31", (2026, 1, 31), (2026, 2, 1)),
        ("2026-1-3", (2026, 1, 3), (2026, 1, 4)),
        ("2026/12/31", (2026, 12, 31), (2027, 1, 1)),
        ("2026.02", (2026, 2, 1), (2026, 3, 1)),
        ("2024-02-29", (2024, 2, 29), (2024, 3, 1)),
        ("2026-12", (2026, 12, 1), (2027, 1, 1)),
        ("2024", (2024, 1, 1), (2025, 1, 1)),
        ("2026年1月31日", (2026, 1, 31), (2026, 2, 1)),
        ("2026年", (2026, 1, 1), (2027, 1, 1)),
        ("　２０２６－０１－３１ ", (2026, 1, 31), (2026, 2, 1)),
    ],
)
def test_a_day_a_month_and_a_year_are_understood(
    typed: str, first: tuple[int, int, int], after: tuple[int, int, int]
) -> None:
    assert read_days(typed, TAIPEI) == (datetime(*first, tzinfo=TAIPEI), datetime(*after, tzinfo=TAIPEI))


@pytest.mark.parametrize(
    "typed",
    ["", "x", "today", "31-01-2026", "2026-13", "2026-02-30", "2026-00", "1999", "9999-12-31", "2026-1-1-1", "٢٠٢٦"],
)
def test_what_is_no_day_is_told(typed: str) -> None:
    with pytest.raises(BotError) as caught:
        read_days(typed, UTC)
    assert (caught.value.key, caught.value.values) == ("favorites.not_a_day", {"text": typed})


@given(typed=st.text(st.characters(exclude_categories=())))
def test_any_text_is_a_day_or_is_told(typed: str) -> None:
    with suppress(BotError):
        first, after = read_days(typed, TAIPEI)
        assert first < after


def test_times_are_told_by_the_hour() -> None:
    selection = Selection.checked(since=datetime(2026, 1, 2, 3, 4, 5, 6, TAIPEI))
    assert selection.since == datetime(2026, 1, 1, 19, tzinfo=UTC)
    assert not selection.is_everything
    assert EVERYTHING.is_everything
    assert Selection.checked(sort=Sort.OLDEST).is_everything


async def put_many(sessions: Sessions, count: int) -> None:
    """As many poems, all of alice's."""
    characters = [chr(code) for code in range(0x4E00, 0x4E00 + 2000)]

    def poems() -> Iterable[dict[str, object]]:
        for number in range(count):
            form = 5 if number % 2 else 7
            lines = "\n".join(
                "".join(characters[(number * 31 + line * 7 + place * 13) % 2000] for place in range(form))
                for line in range(4)
            )
            yield {
                "user_id": ALICE, "start": lines[0], "form": form, "traditional": lines, "script": "simplified",
                "seed": 1, "model": "made", "created_at": LONG_AGO,
            }  # fmt: skip

    async with sessions.begin() as session:
        await session.execute(insert(PoemRow), list(poems()))
        kept = [
            {"user_id": ALICE, "poem_id": number + 1, "created_at": LONG_AGO + timedelta(minutes=number)}
            for number in range(count)
        ]
        await session.execute(insert(FavoriteRow), kept)


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_many_favorites_are_as_quick_as_few(sessions: Sessions, count: int) -> None:
    await put_many(sessions, count)
    favorites = Favorites(sessions)
    await favorites.page(ALICE, 1, Selection.checked(text="月"))
    for selection, longest in (
        (EVERYTHING, 0.1),
        (Selection.checked(sort=Sort.OLDEST), 0.1),
        (Selection.checked(since=LONG_AGO + timedelta(days=1)), 0.1),
        (Selection.checked(7, sort=Sort.START), 1.0),
        (Selection.checked(7, "后", "一丁"), 1.0),
    ):
        for number in (1, count // PAGE_SIZE):
            # Its own time: a machine may be busy with other things.
            begin = time.process_time()
            await favorites.page(ALICE, number, selection)
            assert time.process_time() - begin < longest


@pytest.mark.sqlite
async def test_no_table_is_read_through_for_a_page(sessions: Sessions, rows: Rows) -> None:
    await put_many(sessions, 10)
    newest = "SELECT id FROM favorites WHERE user_id = 1 ORDER BY created_at DESC, id DESC LIMIT 5"
    [(*_, plan)] = rows(f"EXPLAIN QUERY PLAN {newest}")
    assert re.search(r"SEARCH .* COVERING INDEX ix_favorites_user_id_created_at", str(plan))
