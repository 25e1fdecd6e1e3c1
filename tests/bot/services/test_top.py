"""What a server keeps most: by time, equals in one order, nothing of those who want out, quick in a large server."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import insert

from bot.db.engine import Sessions
from bot.db.tables import FavoriteRow, LinkedLineRow, LinkedPoemRow, PoemRow, now
from bot.errors import BotError
from bot.services.poems import Kind
from bot.services.preferences import Preferences
from bot.services.top import MOST, TOP_PAGE_SIZE, Period, Top
from tests.bot.conftest import Rows
from tests.bot.library import LONG_AGO, put_heart, put_poem

ALICE, BOB, CAROL = 1, 2, 3
HERE, THERE = 10, 20


async def put(
    sessions: Sessions, hearts: int, *, days: float = 1, user_id: int | None = ALICE, guild: int = HERE
) -> int:
    """The id of a poem that as many people have kept for so long, none of them alice, bob or carol."""
    poem_id = await put_poem(sessions, "春江花月夜 何人獨倚樓", user_id=user_id, guild_id=guild)
    for number in range(hearts):
        await put_heart(sessions, 100 + number, poem_id, now() - timedelta(days=days))
    return poem_id


async def ranks(sessions: Sessions, period: Period = Period.EVER, guild: int = HERE) -> list[tuple[int, int]]:
    """The poems and their hearts, page by page."""
    top = Top(sessions)
    pages = (await top.page(guild, period)).pages
    shown = [poem for number in range(1, pages + 1) for poem in (await top.page(guild, period, number)).poems]
    assert [poem.rank for poem in shown] == list(range(1, len(shown) + 1))
    return [(poem.poem.id, poem.hearts) for poem in shown]


async def test_the_most_kept_come_first_and_what_nobody_keeps_does_not_come(sessions: Sessions) -> None:
    one, two, _, three = [await put(sessions, hearts) for hearts in (1, 3, 0, 2)]
    assert await ranks(sessions) == [(two, 3), (three, 2), (one, 1)]


async def test_among_equals_the_older_comes_first(sessions: Sessions) -> None:
    ids = [await put(sessions, 2) for _ in range(7)]
    for _ in range(3):
        assert [poem_id for poem_id, _ in await ranks(sessions)] == ids


async def test_hearts_count_since_the_time_that_is_asked_for(sessions: Sessions) -> None:
    old, recent, fresh = [await put(sessions, hearts, days=days) for hearts, days in ((3, 40), (2, 10), (1, 3))]
    await put_heart(sessions, BOB, old, now() - timedelta(days=1))
    assert await ranks(sessions, Period.WEEK) == [(old, 1), (fresh, 1)]
    assert await ranks(sessions, Period.MONTH) == [(recent, 2), (old, 1), (fresh, 1)]
    assert await ranks(sessions, Period.EVER) == [(old, 4), (recent, 2), (fresh, 1)]


async def test_a_server_sees_its_own_poems_alone(sessions: Sessions) -> None:
    here, there = await put(sessions, 1), await put(sessions, 2, guild=THERE)
    assert await ranks(sessions) == [(here, 1)]
    assert await ranks(sessions, guild=THERE) == [(there, 2)]
    assert await ranks(sessions, guild=30) == []
    top = Top(sessions)
    assert (await top.open(HERE, here)).id == here
    for poem_id in (there, 404):
        with pytest.raises(BotError) as caught:
            await top.open(HERE, poem_id)
        assert caught.value.key == "top.gone"


async def test_whoever_is_out_of_it_has_no_poems_and_no_hearts_there(sessions: Sessions) -> None:
    alices, bobs = await put(sessions, 1), await put(sessions, 1, user_id=BOB)
    await put_heart(sessions, ALICE, bobs)
    preferences = Preferences(sessions)
    await preferences.set_out_of_top(ALICE, is_out=True)
    assert await ranks(sessions) == [(bobs, 1)]
    with pytest.raises(BotError) as caught:
        await Top(sessions).open(HERE, alices)
    assert caught.value.key == "top.gone"
    await preferences.set_out_of_top(ALICE, is_out=False)
    assert await ranks(sessions) == [(bobs, 2), (alices, 1)]


async def test_a_poem_in_turns_is_out_of_it_with_any_of_its_authors(sessions: Sessions) -> None:
    poem_id = await put(sessions, 1, user_id=BOB)
    async with sessions.begin() as session:
        session.add(linked := LinkedPoemRow(
            user_id=BOB, guild_id=HERE, channel_id=5, form=5, lines=4, mode="easy", script="simplified",
            language="en-US", written=4, poem_id=poem_id,
        ))  # fmt: skip
        await session.flush()
        for number, user_id in enumerate((BOB, None, CAROL, None)):
            session.add(
                LinkedLineRow(
                    linked_id=linked.id,
                    number=number,
                    user_id=user_id,
                    by_bot=user_id is None,
                    shown="月",
                    traditional="月",
                )
            )
    assert await ranks(sessions) == [(poem_id, 1)]
    await Preferences(sessions).set_out_of_top(CAROL, is_out=True)
    assert await ranks(sessions) == []


async def test_a_poem_that_nobody_asked_for_is_in_it_until_its_message_is_taken_away(
    sessions: Sessions, rows: Rows
) -> None:
    poem_id = await put(sessions, 1, user_id=None)
    assert await ranks(sessions) == [(poem_id, 1)]
    rows("UPDATE poems SET is_taken_away = TRUE")
    assert await ranks(sessions) == []


async def test_a_server_that_switched_it_off_has_none(sessions: Sessions) -> None:
    poem_id = await put(sessions, 1)
    preferences = Preferences(sessions)
    await preferences.set_guild_out_of_top(HERE, is_out=True)
    top = Top(sessions)
    for ask in (top.page(HERE, Period.EVER), top.open(HERE, poem_id), top.require_on(HERE)):
        with pytest.raises(BotError) as caught:
            await ask
        assert caught.value.key == "top.off"
    await top.require_on(THERE)
    await preferences.set_guild_out_of_top(HERE, is_out=False)
    assert await ranks(sessions) == [(poem_id, 1)]


@pytest.mark.parametrize(("asked", "given"), [(-1, 1), (0, 1), (2, 2), (3, 2), (999, 2)])
async def test_a_page_that_is_not_there_becomes_the_nearest(sessions: Sessions, asked: int, given: int) -> None:
    for _ in range(TOP_PAGE_SIZE + 1):
        await put(sessions, 1)
    page = await Top(sessions).page(HERE, Period.EVER, asked)
    assert (page.number, page.pages, len(page.poems)) == (given, 2, TOP_PAGE_SIZE if given == 1 else 1)


@pytest.mark.parametrize("count", [3_000, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_a_large_server_is_answered_as_quickly_and_to_the_hundredth(sessions: Sessions, count: int) -> None:
    poems = [
        {"user_id": ALICE, "guild_id": HERE, "start": "月", "form": 5, "traditional": "月", "script": "simplified",
         "seed": 1, "model": "made", "kind": Kind.POEM.value, "created_at": LONG_AGO}
    ] * count  # fmt: skip
    hearts = [
        {"user_id": 100 + number // 7 + heart, "poem_id": number + 1, "created_at": LONG_AGO}
        for number in range(count)
        for heart in range(number % 7)
    ]
    async with sessions.begin() as session:
        await session.execute(insert(PoemRow), poems)
        await session.execute(insert(FavoriteRow), hearts)
    top = Top(sessions)
    await top.page(HERE, Period.EVER)
    for period, longest in ((Period.EVER, 2.0), (Period.MONTH, 1.0)):
        # Its own time: a machine may be busy with other things.
        begin = time.process_time()
        page = await top.page(HERE, period, 999)
        assert time.process_time() - begin < longest
        assert page.pages == (MOST // TOP_PAGE_SIZE if period is Period.EVER else 1)
