from datetime import UTC, datetime

import discord
import pytest
import simcord

from bot.i18n import Strings
from bot.services.favorites import PAGE_SIZE, Favorite, FavoritesPage
from bot.services.poems import ShownPoem
from bot.ui.favorites_page import favorites_embed, favorites_view
from poetry_model.form import MAX_LINES
from poetry_model.poem import PoemRequest, Style
from poetry_model.script import Script
from tests.bot.world import World, embed_of, shown, told

STARTS = "春夏秋冬山水花"
"""The first characters of the poems alice keeps, one after the other: two pages."""


async def keep(world: World, starts: str = STARTS) -> None:
    for start in starts:
        poem = await world.services.poems.write(PoemRequest.checked(start), world.alice.id, None)
        assert await world.services.favorites.add(world.alice.id, poem.id)


def starts_of(result: simcord.InteractionResult) -> str:
    """The first characters of the poems on a page."""
    return "".join(str(field.value)[0] for field in embed_of(result).fields)


def footer_of(result: simcord.InteractionResult) -> str | None:
    return embed_of(result).footer.text


async def test_the_newest_stand_first_five_on_a_page(world: World) -> None:
    await keep(world)
    page = await world.favorites()
    assert starts_of(page) == "花水山冬秋"
    assert [field.name for field in embed_of(page).fields][:2] == ["1. 《花》", "2. 《水》"]
    assert footer_of(page) == "Page 1 of 2 · 7 kept"


async def test_pages_turn_in_place_there_and_back(world: World) -> None:
    await keep(world)
    page = await world.favorites()
    await world.alice.click(shown(page), label="Older")
    assert (starts_of(page), footer_of(page)) == ("夏春", "Page 2 of 2 · 7 kept")
    assert [field.name for field in embed_of(page).fields] == ["6. 《夏》", "7. 《春》"]
    await world.alice.click(shown(page), label="Newer")
    assert (starts_of(page), footer_of(page)) == ("花水山冬秋", "Page 1 of 2 · 7 kept")


async def test_there_is_no_way_past_the_ends(world: World) -> None:
    await keep(world)
    page = await world.favorites()
    with pytest.raises(simcord.SetupError, match="disabled"):
        await world.alice.click(shown(page), label="Newer")
    await world.alice.click(shown(page), label="Older")
    with pytest.raises(simcord.SetupError, match="disabled"):
        await world.alice.click(shown(page), label="Older")


async def test_a_single_page_has_nothing_to_turn(world: World) -> None:
    await keep(world, "春夏")
    [row] = shown(await world.favorites()).components
    assert [component["custom_id"] for component in row["components"]] == ["shiren:favorites:remove:1"]


async def test_a_poem_is_removed_by_choosing_it(world: World) -> None:
    await keep(world, "春夏秋")
    page = await world.favorites()
    await world.alice.select(shown(page), ["2"])
    assert (starts_of(page), footer_of(page)) == ("秋春", "Page 1 of 1 · 2 kept")
    assert starts_of(await world.favorites()) == "秋春"


async def test_the_menu_names_the_poems_by_their_first_line(world: World) -> None:
    await keep(world, "春夏")
    page = await world.favorites()
    [row] = shown(page).components
    options = [(option["label"], option["value"]) for option in row["components"][0]["options"]]
    lines = [str(field.value)[:5] for field in embed_of(page).fields]
    assert options == [(f"1. {lines[0]}", "2"), (f"2. {lines[1]}", "1")]


async def test_removing_the_last_of_a_page_shows_the_page_before(world: World) -> None:
    await keep(world, "春夏秋冬山水")
    page = await world.favorites()
    await world.alice.click(shown(page), label="Older")
    await world.alice.select(shown(page), ["1"])
    assert (starts_of(page), footer_of(page)) == ("水山冬秋夏", "Page 1 of 1 · 5 kept")


async def test_removing_the_last_of_all_leaves_a_word_and_no_menu(world: World) -> None:
    await keep(world, "春")
    page = await world.favorites()
    await world.alice.select(shown(page), ["1"])
    assert str(embed_of(page).description).startswith("You have not kept a poem yet.")
    assert shown(page).components == []


async def test_what_is_removed_here_stays_with_others(world: World) -> None:
    poem = shown(await world.poem())
    for person in (world.alice, world.bob):
        await person.click(poem, label="Favorite")
    await world.alice.select(shown(await world.favorites()), ["1"])
    assert starts_of(await world.favorites(world.bob)) == "月"


async def test_a_removed_poem_can_be_kept_again(world: World) -> None:
    poem = shown(await world.poem())
    await world.alice.click(poem, label="Favorite")
    await world.alice.select(shown(await world.favorites()), ["1"])
    assert told(await world.alice.click(poem, label="Favorite")).startswith("❤ Kept.")


async def test_paging_and_removing_work_after_a_restart(world: World) -> None:
    await keep(world)
    page = await world.favorites()
    await world.restart()
    await world.alice.click(shown(page), label="Older")
    assert starts_of(page) == "夏春"
    await world.restart()
    await world.alice.select(shown(page), ["1"])
    assert (starts_of(page), footer_of(page)) == ("夏", "Page 2 of 2 · 6 kept")


async def test_pages_turn_in_direct_messages(world: World) -> None:
    await keep(world)
    page = await world.alice.user.slash("favorites")
    await world.alice.user.click(shown(page), label="Older")
    assert starts_of(page) == "夏春"


async def test_a_page_that_shrank_meanwhile_is_shown_as_far_as_it_goes(world: World) -> None:
    await keep(world)
    page = await world.favorites()
    for poem_id in range(1, 4):
        await world.services.favorites.remove(world.alice.id, poem_id)
    await world.alice.click(shown(page), label="Older")
    assert (starts_of(page), footer_of(page)) == ("花水山冬", "Page 1 of 1 · 4 kept")


async def test_a_failure_behind_a_button_is_answered_and_leaves_the_page(
    world: World, monkeypatch: pytest.MonkeyPatch, logged_errors: list[str]
) -> None:
    await keep(world)
    page = await world.favorites()

    async def fail(*_: object) -> FavoritesPage:
        raise RuntimeError("broken")

    monkeypatch.setattr("bot.services.favorites.Favorites.page", fail)
    answer = told(await world.alice.click(shown(page), label="Older"))
    assert answer == "Something went wrong on my side. Please try again in a moment."
    assert starts_of(page) == "花水山冬秋"
    assert logged_errors == ["Unexpected error"]
    logged_errors.clear()


def longest_page() -> FavoritesPage:
    """As much as a page can hold."""
    poem = ShownPoem(
        id=10**17,
        user_id=1,
        guild_id=2,
        start="春江花月夜天人",
        form=7,
        traditional=("春江花月夜天人",) * MAX_LINES,
        script=Script.SIMPLIFIED,
        style=Style.REGULATED,
        pattern=None,
        model="0123456789ab",
        created_at=datetime.now(UTC),
    )
    return FavoritesPage((Favorite(poem, poem.created_at),) * PAGE_SIZE, 200, 300, 1500)


async def test_the_longest_page_stays_within_what_discord_takes(strings: Strings) -> None:
    embed = favorites_embed(longest_page(), strings)
    assert len(embed) <= 6000
    assert all(len(str(field.value)) <= 1024 and len(str(field.name)) <= 256 for field in embed.fields)
    for row in favorites_view(longest_page(), strings).to_components():
        for component in row["components"]:
            assert len(component.get("custom_id", "")) <= 100
            assert all(len(option["label"]) <= 100 for option in component.get("options", []))


def test_the_time_a_poem_was_kept_is_told_in_the_readers_own_words(strings: Strings) -> None:
    page = longest_page()
    value = favorites_embed(page, strings).fields[0].value
    assert f"kept {discord.utils.format_dt(page.favorites[0].kept_at, 'D')}" in str(value)
