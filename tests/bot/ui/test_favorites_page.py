import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import discord
import pytest
import simcord

from bot.i18n import Language, Strings
from bot.services.favorites import PAGE_SIZE, Favorite, FavoritesPage
from bot.services.favorites_search import Selection, Sort
from bot.services.poems import ShownPoem
from bot.ui.favorites_page import favorites_embed, favorites_view
from poetry_model.form import MAX_LINES
from poetry_model.poem import Style
from poetry_model.script import Script
from tests.bot.library import LONG_AGO, put_heart, put_poem
from tests.bot.world import World, embed_of, shown, told

STARTS = "春夏秋冬山水花"
"""The first characters of the poems alice keeps, one after the other: two pages."""


async def keep(world: World, starts: str = STARTS, lines: str = "{}明月照人 江水向東流") -> None:
    """Alice keeps poems that begin so, a day after the other."""
    sessions = world.services.favorites._sessions
    for number, start in enumerate(starts):
        poem_id = await put_poem(sessions, lines.format(start), user_id=world.alice.id, guild_id=world.guild.id)
        await put_heart(sessions, world.alice.id, poem_id, LONG_AGO + timedelta(days=number))


def starts_of(result: simcord.InteractionResult) -> str:
    """The first characters of the poems on a page."""
    return "".join(str(field.value)[0] for field in embed_of(result).fields)


def footer_of(result: simcord.InteractionResult) -> str | None:
    return embed_of(result).footer.text


def buttons_of(result: simcord.InteractionResult) -> dict[str, str]:
    """The ids of the buttons of a message, by their labels."""
    rows = shown(result).components
    return {each["label"]: each["custom_id"] for row in rows for each in row["components"] if "label" in each}


def labels_of(result: simcord.InteractionResult) -> list[str]:
    return list(buttons_of(result))


async def test_the_newest_stand_first_five_on_a_page(world: World) -> None:
    await keep(world)
    page = await world.favorites()
    assert starts_of(page) == "花水山冬秋"
    assert [field.name for field in embed_of(page).fields][:2] == ["1. 《花》", "2. 《水》"]
    assert footer_of(page) == "Page 1 of 2 · 7 kept"


async def test_a_poem_is_told_by_its_first_line_and_the_day_it_was_kept(world: World) -> None:
    await keep(world, "春")
    [field] = embed_of(await world.favorites()).fields
    assert field.value == f"春明月照人…\n*kept {discord.utils.format_dt(LONG_AGO, 'D')}*"


async def test_pages_turn_in_place_there_and_back(world: World) -> None:
    await keep(world)
    page = await world.favorites()
    await world.alice.click(shown(page), label="Next")
    assert (starts_of(page), footer_of(page)) == ("夏春", "Page 2 of 2 · 7 kept")
    assert [field.name for field in embed_of(page).fields] == ["6. 《夏》", "7. 《春》"]
    await world.alice.click(shown(page), label="Previous")
    assert (starts_of(page), footer_of(page)) == ("花水山冬秋", "Page 1 of 2 · 7 kept")


async def test_there_is_no_way_past_the_ends(world: World) -> None:
    await keep(world)
    page = await world.favorites()
    with pytest.raises(simcord.SetupError, match="disabled"):
        await world.alice.click(shown(page), label="Previous")
    await world.alice.click(shown(page), label="Next")
    with pytest.raises(simcord.SetupError, match="disabled"):
        await world.alice.click(shown(page), label="Next")


async def test_a_single_page_has_nothing_to_turn(world: World) -> None:
    await keep(world, "春夏")
    assert labels_of(await world.favorites()) == ["1", "2", "Export…"]


async def test_what_is_looked_for_stays_while_pages_turn_and_after_a_restart(world: World) -> None:
    await keep(world, "春夏秋冬山水花" + "春", "{}明月照人 江水向東流")
    await keep(world, "鳥", "{}宿深林裏 何人獨倚樓")
    page = await world.favorites(form=5, text="东流", sort="oldest", since="2026")
    assert (starts_of(page), footer_of(page)) == ("春夏秋冬山", "Page 1 of 2 · 8 of 9 kept")
    since = discord.utils.format_dt(datetime(2026, 1, 1, tzinfo=UTC), "D")
    assert str(embed_of(page).description).split("\n") == [
        f"5 characters a line · holds 东流 · kept since {since} · Oldest first",
        "Press a number to see its poem in full.",
    ]
    await world.restart()
    await world.alice.click(shown(page), label="Next")
    assert (starts_of(page), footer_of(page)) == ("水花春", "Page 2 of 2 · 8 of 9 kept")
    await world.alice.select(shown(page), ["6"])
    assert (starts_of(page), footer_of(page)) == ("花春", "Page 2 of 2 · 7 of 8 kept")
    await world.restart()
    await world.alice.click(shown(page), label="Undo")
    assert starts_of(page) == "水花春"
    await world.alice.click(shown(page), label="Previous")
    assert starts_of(page) == "春夏秋冬山"


async def test_either_script_finds_the_poem(world: World) -> None:
    await keep(world, "雲雨", "{}明月照人 江水向東流")
    for typed in ("云", "雲"):
        assert starts_of(await world.favorites(start=typed)) == "云"
    for typed in ("向东流", "向東流"):
        assert len(embed_of(await world.favorites(text=typed)).fields) == 2


async def test_what_is_not_found_is_told_with_the_way_to_all(world: World) -> None:
    await keep(world, "春夏")
    page = await world.favorites(start="鳥", form=7, until="2026-01")
    until = discord.utils.format_dt(datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), "D")
    assert str(embed_of(page).description).split("\n") == [
        f"7 characters a line · begins with 鳥 · kept by {until}",
        "None of the 2 poems you keep is like that. Type /favorites alone to see them all.",
    ]
    assert shown(page).components == []


async def test_lately_is_counted_back_from_now(world: World) -> None:
    await keep(world, "春")
    poem_id = await put_poem(world.services.favorites._sessions, "秋明月照人")
    now = discord.utils.utcnow()
    await put_heart(world.services.favorites._sessions, world.alice.id, poem_id, now + timedelta(days=50))
    await world.env.advance_time(timedelta(days=55).total_seconds())
    assert starts_of(await world.favorites(when="week")) == "秋"
    assert starts_of(await world.favorites(when="month")) == "秋"
    assert starts_of(await world.favorites(when="year")) == "秋春"
    assert starts_of(await world.favorites(when="year", since="2026-02")) == "秋"


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"start": "moon"}, "Poems hold Chinese characters alone, and m is not one. Try 月."),
        ({"text": "月@everyone"}, "Poems hold Chinese characters alone, and e is not one. Try 月."),
        ({"start": "月" * 8}, "A poem's beginning is at most 7 characters. Give fewer."),
        ({"text": "月" * 15}, "I can look for at most 14 characters at once. Give fewer."),
        ({"since": "soon"}, "I can't tell which day soon is. Write it like 2026-01-31, or 2026-01 for a month."),
        (
            {"until": "2026-02-30"},
            "I can't tell which day 2026\\-02\\-30 is. Write it like 2026-01-31, or 2026-01 for a month.",
        ),
    ],
)
async def test_a_mistake_is_told_in_one_sentence(world: World, options: dict[str, str], answer: str) -> None:
    assert told(await world.favorites(**options)) == answer


async def test_a_number_opens_its_poem_in_full_for_its_reader_alone(world: World) -> None:
    await keep(world)
    page = await world.favorites()
    opened = await world.alice.click(shown(page), label="2")
    assert shown(opened).ephemeral
    assert (embed_of(opened).title, embed_of(opened).description) == ("《水》", "水明月照人，\n江水向东流。")
    labels = labels_of(opened)
    assert labels[:2] == ["Favorite", "Another"]
    assert "Delete" not in labels
    assert starts_of(page) == "花水山冬秋"


async def test_an_opened_poem_has_its_card_and_its_metre_wherever_it_came_from(world: World) -> None:
    await keep(world, "春")
    elsewhere = world.env.create_guild("Elsewhere")
    alice = elsewhere.add_member(world.alice.user)
    channel = elsewhere.create_text_channel("verse")
    opened = await alice.click(shown(await alice.slash(channel, "favorites")), label="1")
    for label in ("Card", "Metre"):
        answer = await alice.click(shown(opened), label=label)
        assert answer.acknowledged
        assert "I don't remember" not in shown(answer).content
    assert shown(await alice.click(shown(opened), label="Favorite")).content.startswith("You have kept this poem")


async def test_a_poem_that_is_not_kept_any_more_is_not_opened(world: World) -> None:
    await keep(world, "春")
    page = await world.favorites()
    await world.services.favorites.remove(world.alice.id, 1)
    answer = told(await world.alice.click(shown(page), label="1"))
    assert answer == "You don't keep this poem any more. Type /favorites to see those you do."


async def test_a_poem_is_removed_by_choosing_it_and_comes_back_by_a_button(world: World) -> None:
    await keep(world, "春夏秋")
    page = await world.favorites()
    before = embed_of(page).to_dict()
    await world.alice.select(shown(page), ["2"])
    assert (starts_of(page), footer_of(page)) == ("秋春", "Page 1 of 1 · 2 kept")
    assert str(embed_of(page).description).startswith("《夏》 is removed.\n")
    assert starts_of(await world.favorites()) == "秋春"
    await world.restart()
    await world.alice.click(shown(page), label="Undo")
    assert embed_of(page).to_dict() == before
    assert "Undo" not in labels_of(page)


async def test_what_was_removed_before_the_last_does_not_come_back(world: World) -> None:
    await keep(world, "春夏秋")
    first, second = await world.favorites(), await world.favorites()
    await world.alice.select(shown(first), ["1"])
    await world.alice.select(shown(second), ["2"])
    answer = told(await world.alice.click(shown(first), label="Undo"))
    assert answer == "This can't be undone any more. Press ❤ under the poem to keep it again."
    await world.alice.click(shown(second), label="Undo")
    assert starts_of(second) == "秋夏"


async def test_the_menu_names_the_poems_by_their_first_line(world: World) -> None:
    await keep(world, "春夏")
    rows = shown(await world.favorites()).components
    [menu] = [each for row in rows for each in row["components"] if "options" in each]
    assert [(option["label"], option["value"]) for option in menu["options"]] == [
        ("1. 夏明月照人", "2"),
        ("2. 春明月照人", "1"),
    ]


async def test_removing_the_last_of_a_page_shows_the_page_before(world: World) -> None:
    await keep(world, "春夏秋冬山水")
    page = await world.favorites()
    await world.alice.click(shown(page), label="Next")
    await world.alice.select(shown(page), ["1"])
    assert (starts_of(page), footer_of(page)) == ("水山冬秋夏", "Page 1 of 1 · 5 kept")


async def test_removing_the_last_of_all_leaves_a_word_and_the_way_back(world: World) -> None:
    await keep(world, "春")
    page = await world.favorites()
    await world.alice.select(shown(page), ["1"])
    assert str(embed_of(page).description).startswith("《春》 is removed.\nYou have not kept a poem yet.")
    assert labels_of(page) == ["Undo"]
    await world.alice.click(shown(page), label="Undo")
    assert starts_of(page) == "春"


async def test_what_is_removed_here_stays_with_others(world: World) -> None:
    await keep(world, "春")
    await put_heart(world.services.favorites._sessions, world.bob.id, 1)
    await world.alice.select(shown(await world.favorites()), ["1"])
    assert starts_of(await world.favorites(world.bob)) == "春"


async def test_pages_turn_in_direct_messages(world: World) -> None:
    await keep(world)
    page = await world.favorites(world.alice.user)
    await world.alice.user.click(shown(page), label="Next")
    assert starts_of(page) == "夏春"
    opened = await world.alice.user.click(shown(page), label="6")
    assert embed_of(opened).title == "《夏》"


async def test_a_page_that_shrank_meanwhile_is_shown_as_far_as_it_goes(world: World) -> None:
    await keep(world)
    page = await world.favorites()
    for poem_id in range(1, 4):
        await world.services.favorites.remove(world.alice.id, poem_id)
    await world.alice.click(shown(page), label="Next")
    assert (starts_of(page), footer_of(page)) == ("花水山冬", "Page 1 of 1 · 4 kept")


async def test_a_failure_behind_a_button_is_answered_and_leaves_the_page(
    world: World, monkeypatch: pytest.MonkeyPatch, logged_errors: list[str]
) -> None:
    await keep(world)
    page = await world.favorites()

    async def fail(*_: object) -> FavoritesPage:
        raise RuntimeError("broken")

    monkeypatch.setattr("bot.services.favorites.Favorites.page", fail)
    answer = told(await world.alice.click(shown(page), label="Next"))
    assert answer.startswith("Something went wrong on my side. Please try again in a moment.")
    assert starts_of(page) == "花水山冬秋"
    assert logged_errors == ["Unexpected error"]
    logged_errors.clear()


async def file_of(result: simcord.InteractionResult) -> tuple[str, bytes]:
    """The name of the file in a message, and what is in it."""
    [attachment] = shown(result).attachments
    return attachment.filename, await attachment.read()


class TestExport:
    async def test_a_button_asks_for_the_kind_and_gives_what_is_looked_for(self, world: World) -> None:
        await keep(world, "春夏秋")
        page = await world.favorites(start="夏")
        asked = await world.alice.click(shown(page), label="Export…")
        assert shown(asked).ephemeral
        assert (shown(asked).content, labels_of(asked)) == (
            "What kind of file would you like?",
            ["Text", "Markdown", "JSON"],
        )
        await world.restart()
        await world.alice.click(shown(asked), label="Text")
        assert shown(asked).content == "Here they are: 1."
        name, content = await file_of(asked)
        assert (name, content.decode()) == ("favorites.txt", "《夏》\n夏明月照人，\n江水向东流。\nkept 2026-01-02\n")

    @pytest.mark.parametrize(("kind", "ending"), [("text", "txt"), ("markdown", "md"), ("json", "json")])
    async def test_the_command_gives_it_at_once_in_the_order_asked_for(
        self, world: World, kind: str, ending: str
    ) -> None:
        await keep(world, "春夏秋")
        result = await world.favorites(sort="oldest", export=kind)
        assert shown(result).ephemeral
        name, content = await file_of(result)
        assert name == f"favorites.{ending}"
        assert list(dict.fromkeys(re.findall("([春夏秋])明月照人", content.decode()))) == list("春夏秋")

    async def test_nobody_gets_what_another_keeps(self, world: World) -> None:
        await keep(world, "春")
        answer = told(await world.favorites(world.bob, export="json"))
        assert answer.startswith("You keep no such poem, so there is nothing to export.")

    async def test_what_is_too_large_comes_packed_or_is_told(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await keep(world)
        limit = 1500
        monkeypatch.setattr("discord.Interaction.filesize_limit", property(lambda _: limit, lambda *_: None))
        name, content = await file_of(await world.favorites(export="json"))
        assert (name, len(content) <= limit) == ("favorites.zip", True)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            poems = json.loads(archive.read("favorites.json"))["poems"]
        assert [poem["start"] for poem in poems] == list(STARTS[::-1])
        limit = 10
        assert told(await world.favorites(export="json")).startswith("These poems have 0.0 MiB even when packed")


def longest_page() -> FavoritesPage:
    """As much as a page can hold."""
    poem = ShownPoem(
        id=10**18 - 1,
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
    day = datetime(2199, 12, 31, tzinfo=UTC)
    selection = Selection.checked(7, "春" * 7, "春 " * 7, since=day, until=day, sort=Sort.START)
    favorites = tuple(Favorite(replace(poem, id=poem.id - number), day) for number in range(PAGE_SIZE))
    return FavoritesPage(favorites, 2 * 10**6, 3 * 10**6, 15 * 10**6, 20 * 10**6, selection)


def components_of(view: discord.ui.View) -> Iterator[dict[str, object]]:
    for row in view.to_components():
        assert len(row["components"]) <= 5
        yield from row["components"]


@pytest.mark.parametrize("language", Language)
async def test_the_longest_page_stays_within_what_discord_takes(language: Language) -> None:
    strings, page = Strings.load(language), longest_page()
    removed = replace(page.favorites[0].poem, start="春" * 16)
    embed = favorites_embed(page, strings, removed)
    assert len(embed) <= 6000
    assert all(len(str(field.value)) <= 1024 and len(str(field.name)) <= 256 for field in embed.fields)
    components = list(components_of(favorites_view(page, strings, removed)))
    ids = [str(component["custom_id"]) for component in components]
    assert len(ids) == len(set(ids)) == 5 + 1 + 4
    assert all(len(custom_id) <= 100 for custom_id in ids)
    assert all(len(str(component.get("label", ""))) <= 80 for component in components)


def test_the_time_a_poem_was_kept_is_told_in_the_readers_own_words(strings: Strings) -> None:
    page = longest_page()
    value = favorites_embed(page, strings).fields[0].value
    assert f"kept {discord.utils.format_dt(page.favorites[0].kept_at, 'D')}" in str(value)
