import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import BotError
from bot.services import Services
from bot.services.favorites import PAGE_SIZE, FavoritesPage
from poetry_model.poem import PoemRequest
from tests.bot.conftest import Rows

ALICE, BOB = 1, 2


async def write(services: Services, count: int) -> list[int]:
    """The ids of as many poems."""
    request = PoemRequest.checked("月", lines=1)
    return [(await services.poems.write(request, ALICE, None)).id for _ in range(count)]


async def keep(services: Services, count: int) -> list[int]:
    """The ids of as many poems that alice keeps, in the order she kept them."""
    ids = await write(services, count)
    for poem_id in ids:
        assert await services.favorites.add(ALICE, poem_id)
    return ids


def ids_of(page: FavoritesPage) -> list[int]:
    return [favorite.poem.id for favorite in page.favorites]


async def test_keeping_twice_is_keeping_once(services: Services, rows: Rows) -> None:
    [poem_id] = await write(services, 1)
    assert await services.favorites.add(ALICE, poem_id) is True
    assert await services.favorites.add(ALICE, poem_id) is False
    assert rows("SELECT user_id, poem_id FROM favorites") == [(ALICE, poem_id)]


async def test_a_favorite_is_in_the_file_when_it_is_confirmed(services: Services, rows: Rows) -> None:
    [poem_id] = await write(services, 1)
    await services.favorites.add(ALICE, poem_id)
    assert rows("SELECT poem_id FROM favorites") == [(poem_id,)]


async def test_people_keep_the_same_poem_independently(services: Services) -> None:
    [poem_id] = await keep(services, 1)
    assert await services.favorites.add(BOB, poem_id) is True
    await services.favorites.remove(ALICE, poem_id)
    assert ids_of(await services.favorites.page(ALICE)) == []
    assert ids_of(await services.favorites.page(BOB)) == [poem_id]


async def test_a_poem_that_does_not_exist_cannot_be_kept(services: Services, rows: Rows) -> None:
    with pytest.raises(BotError) as caught:
        await services.favorites.add(ALICE, 404)
    assert caught.value.key == "poem.unknown"
    assert rows("SELECT count(*) FROM favorites") == [(0,)]


async def test_the_newest_come_first(services: Services) -> None:
    one, two, three = await write(services, 3)
    for poem_id in (two, three, one):
        await services.favorites.add(ALICE, poem_id)
    assert ids_of(await services.favorites.page(ALICE)) == [one, three, two]


async def test_favorites_of_the_same_moment_keep_their_order(services: Services, rows: Rows) -> None:
    ids = await keep(services, 3)
    rows("UPDATE favorites SET created_at = '2026-01-01 00:00:00.000000'")
    assert ids_of(await services.favorites.page(ALICE)) == ids[::-1]


async def test_the_pages_hold_everything_once(services: Services) -> None:
    ids = await keep(services, 2 * PAGE_SIZE + 1)
    pages = [await services.favorites.page(ALICE, number) for number in (1, 2, 3)]
    assert [len(page.favorites) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 1]
    assert [poem_id for page in pages for poem_id in ids_of(page)] == ids[::-1]
    assert {(page.pages, page.total) for page in pages} == {(3, 2 * PAGE_SIZE + 1)}


@pytest.mark.parametrize(("asked", "given"), [(-1, 1), (0, 1), (2, 2), (3, 2), (10**9, 2)])
async def test_a_page_that_is_not_there_becomes_the_nearest(services: Services, asked: int, given: int) -> None:
    await keep(services, PAGE_SIZE + 1)
    assert (await services.favorites.page(ALICE, asked)).number == given


async def test_full_pages_leave_no_empty_one(services: Services) -> None:
    await keep(services, PAGE_SIZE)
    assert (await services.favorites.page(ALICE)).pages == 1


async def test_nobody_has_an_empty_first_page(services: Services) -> None:
    assert await services.favorites.page(ALICE) == FavoritesPage((), 1, 1, 0, 0)


async def test_removing_what_is_not_kept_does_nothing(services: Services, rows: Rows) -> None:
    ids = await keep(services, 1)
    assert await services.favorites.remove(ALICE, 404) is None
    assert await services.favorites.remove(BOB, ids[0]) is None
    assert rows("SELECT count(*) FROM removed_favorites") == [(0,)]
    assert ids_of(await services.favorites.page(ALICE)) == ids


async def test_a_favorite_knows_when_it_was_kept(services: Services) -> None:
    await keep(services, 2)
    newer, older = (await services.favorites.page(ALICE)).favorites
    assert newer.kept_at.tzinfo is not None
    assert newer.kept_at >= older.kept_at >= older.poem.created_at


async def test_many_people_at_once_all_keep_the_poem(services: Services, rows: Rows) -> None:
    [poem_id] = await write(services, 1)
    added = await asyncio.gather(*(services.favorites.add(user, poem_id) for user in range(1, 81)))
    assert added == [True] * 80
    assert rows("SELECT count(DISTINCT user_id) FROM favorites") == [(80,)]


async def test_one_person_pressing_many_times_at_once_keeps_it_once(services: Services, rows: Rows) -> None:
    [poem_id] = await write(services, 1)
    added = await asyncio.gather(*(services.favorites.add(ALICE, poem_id) for _ in range(40)))
    assert sorted(added) == [False] * 39 + [True]
    assert rows("SELECT count(*) FROM favorites") == [(1,)]


async def test_poems_are_written_while_others_are_kept_and_removed(services: Services, rows: Rows) -> None:
    ids = await keep(services, 10)
    await asyncio.gather(
        *(services.favorites.remove(ALICE, poem_id) for poem_id in ids),
        *(services.favorites.add(BOB, poem_id) for poem_id in ids),
        *(services.poems.write(PoemRequest.checked("月", lines=1), BOB, None) for _ in range(10)),
    )
    assert rows("SELECT user_id, count(*) FROM favorites GROUP BY user_id") == [(BOB, 10)]
    assert rows("SELECT count(*) FROM poems") == [(20,)]


async def test_what_was_removed_comes_back_as_if_it_had_never_gone(services: Services) -> None:
    ids = await keep(services, 3)
    before = await services.favorites.page(ALICE)
    removed = await services.favorites.remove(ALICE, ids[1])
    assert removed is not None
    assert removed.id == ids[1]
    assert ids_of(await services.favorites.page(ALICE)) == [ids[2], ids[0]]
    await services.favorites.restore(ALICE, ids[1])
    assert await services.favorites.page(ALICE) == before


async def test_only_what_was_removed_last_comes_back(services: Services) -> None:
    one, two = await keep(services, 2)
    await services.favorites.remove(ALICE, one)
    await services.favorites.remove(ALICE, two)
    with pytest.raises(BotError) as caught:
        await services.favorites.restore(ALICE, one)
    assert caught.value.key == "favorites.undone_too_late"
    await services.favorites.restore(ALICE, two)
    assert ids_of(await services.favorites.page(ALICE)) == [two]


async def test_nobody_keeps_by_taking_back_what_they_never_kept(services: Services) -> None:
    [poem_id] = await keep(services, 1)
    await services.favorites.remove(ALICE, poem_id)
    for poem in (poem_id, 404):
        with pytest.raises(BotError) as caught:
            await services.favorites.restore(BOB, poem)
        assert caught.value.key == "favorites.undone_too_late"
    assert ids_of(await services.favorites.page(BOB)) == []


async def test_after_a_day_nothing_is_left_of_what_was_removed(services: Services, rows: Rows) -> None:
    one, two = await keep(services, 2)
    await services.favorites.add(BOB, two)
    await services.favorites.remove(ALICE, one)
    long_ago = (datetime.now(UTC) - timedelta(hours=25)).replace(tzinfo=None).isoformat(" ")
    rows(f"UPDATE removed_favorites SET removed_at = '{long_ago}'")
    with pytest.raises(BotError) as caught:
        await services.favorites.restore(ALICE, one)
    assert caught.value.key == "favorites.undone_too_late"
    await services.favorites.remove(BOB, two)
    assert rows("SELECT user_id, poem_id FROM removed_favorites") == [(BOB, two)]


async def test_taking_back_what_was_kept_again_meanwhile_changes_nothing(services: Services) -> None:
    [poem_id] = await keep(services, 1)
    await services.favorites.remove(ALICE, poem_id)
    await services.favorites.add(ALICE, poem_id)
    again = await services.favorites.page(ALICE)
    for _ in range(2):
        await services.favorites.restore(ALICE, poem_id)
    assert await services.favorites.page(ALICE) == again


async def test_one_opens_what_one_keeps_and_nothing_else(services: Services) -> None:
    [poem_id] = await keep(services, 1)
    assert (await services.favorites.get(ALICE, poem_id)).poem == await services.poems.get(poem_id)
    for user, poem in ((BOB, poem_id), (ALICE, 404)):
        with pytest.raises(BotError) as caught:
            await services.favorites.get(user, poem)
        assert caught.value.key == "favorites.not_kept"
        assert not await services.favorites.keeps(user, poem)
