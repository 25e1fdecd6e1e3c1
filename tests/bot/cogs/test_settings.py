"""Everybody is answered in their language; what they choose in `/settings` comes first."""

import asyncio

import discord
import pytest
import simcord
from discord import Locale

from bot.errors import BotError
from bot.i18n import Language
from bot.preview_locales import Locales
from tests.bot.conftest import Rows
from tests.bot.forgery import forge_press
from tests.bot.world import Actor, World, embed_of, shown, told

TITLES = {Language.ENGLISH: "Settings", Language.SIMPLIFIED: "设置", Language.TRADITIONAL: "設定"}


async def title(world: World, who: Actor) -> str:
    """What one's `/settings` is called: it tells the language."""
    return str(embed_of(await world.ask(who, "settings")).title)


def renewed(result: simcord.InteractionResult) -> simcord.ResponseMessage:
    """The message whose component was used, as it is now."""
    assert result.acknowledged
    assert result.response is not None
    return result.response


async def choose(world: World, who: Actor, name: str, value: str) -> simcord.InteractionResult:
    """Choose from a menu of one's `/settings`."""
    panel = shown(await world.ask(who, "settings"))
    return await who.select(panel, [value], custom_id=f"shiren:settings:{name}")


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        (Locale.chinese, Language.SIMPLIFIED),
        (Locale.taiwan_chinese, Language.TRADITIONAL),
        (Locale.american_english, Language.ENGLISH),
        (Locale.british_english, Language.ENGLISH),
        (Locale.german, Language.ENGLISH),
    ],
)
async def test_the_language_of_ones_discord_is_spoken(
    world: World, speaking: Locales, locale: Locale, language: Language
) -> None:
    speaking.set(world.alice.id, locale)
    assert await title(world, world.alice) == TITLES[language]
    assert await title(world, world.bob) == TITLES[Language.ENGLISH]


async def test_a_choice_comes_before_ones_discord_and_can_be_taken_back(world: World, speaking: Locales) -> None:
    speaking.set(world.alice.id, Locale.chinese)
    answer = await choose(world, world.alice, "language", "zh-TW")
    assert renewed(answer).embeds[0].title == TITLES[Language.TRADITIONAL]
    assert await title(world, world.alice) == TITLES[Language.TRADITIONAL]
    await world.restart()
    assert await title(world, world.alice) == TITLES[Language.TRADITIONAL]
    answer = await choose(world, world.alice, "language", "auto")
    assert renewed(answer).embeds[0].title == TITLES[Language.SIMPLIFIED]


async def test_the_menus_show_what_is_chosen(world: World) -> None:
    await choose(world, world.alice, "script", "traditional")
    panel = shown(await world.ask(world.alice, "settings")).message
    chosen = [
        option.value
        for row in panel.components
        if isinstance(row, discord.ActionRow)
        for menu in row.children
        if isinstance(menu, discord.SelectMenu)
        for option in menu.options
        if option.default
    ]
    assert chosen == ["auto", "traditional"]


async def test_the_servers_language_is_for_those_whose_own_is_none_of_ours(world: World, speaking: Locales) -> None:
    speaking.set(world.bob.id, Locale.german)
    answer = await choose(world, world.admin, "guild_language", "zh-TW")
    assert renewed(answer).embeds[0].title == TITLES[Language.ENGLISH]
    assert await title(world, world.bob) == TITLES[Language.TRADITIONAL]
    assert await title(world, world.alice) == TITLES[Language.ENGLISH]
    carol = world.env.create_user("carol")
    speaking.set(carol.id, Locale.german)
    assert await title(world, carol) == TITLES[Language.ENGLISH]


async def test_only_those_who_may_manage_the_server_choose_for_it(world: World, rows: Rows) -> None:
    panel = shown(await world.ask(world.alice, "settings"))
    assert "guild" not in str(panel.message.components)
    for custom_id, values in (("guild_language", ["zh-CN"]), ("guild_top:out", None)):
        answer = await forge_press(world, world.alice, panel, f"shiren:settings:{custom_id}", values)
        assert told(answer) == "Only those who may manage this server can choose for it."
    assert rows("SELECT * FROM guild_preferences") == []


async def test_nothing_else_can_be_chosen(world: World, rows: Rows) -> None:
    panel = shown(await world.ask(world.alice, "settings"))
    for menu in ("language", "script"):
        answer = await forge_press(world, world.alice, panel, f"shiren:settings:{menu}", ["tlh"])
        assert told(answer).startswith("This button or menu is no longer in use.")
    assert rows("SELECT * FROM person_preferences") == []


async def test_one_leaves_the_top_and_comes_back(world: World, rows: Rows) -> None:
    panel = shown(await world.ask(world.admin, "settings"))
    left = await world.admin.click(panel, label="Leave me out of /top")
    assert rows("SELECT user_id, is_out_of_top FROM person_preferences") == [(world.admin.id, 1)]
    off = await world.admin.click(renewed(left), label="Switch /top off here")
    assert rows("SELECT guild_id, is_out_of_top FROM guild_preferences") == [(world.guild.id, 1)]
    await world.admin.click(renewed(off), label="Show me in /top again")
    assert rows("SELECT * FROM person_preferences") == []


async def test_nobody_sees_the_settings_of_others(world: World) -> None:
    await world.ask(world.alice, "settings")
    assert world.seen_by(world.bob) == []


async def test_a_notebook_that_cannot_be_read_is_no_reason_to_answer_in_english(
    world: World, speaking: Locales, rows: Rows
) -> None:
    speaking.set(world.alice.id, Locale.chinese)
    await asyncio.to_thread(rows, "ALTER TABLE person_preferences RENAME TO hidden")
    assert await title(world, world.alice) == TITLES[Language.SIMPLIFIED]


async def test_what_is_forgotten_is_spoken_no_more(world: World, speaking: Locales) -> None:
    speaking.set(world.alice.id, Locale.taiwan_chinese)
    await choose(world, world.alice, "language", "zh-CN")
    await world.services.privacy.delete(world.alice.id)
    assert await title(world, world.alice) == TITLES[Language.TRADITIONAL]


class TestScript:
    """The script of a poem is that of what is typed, where that tells, else the reader's."""

    @pytest.mark.parametrize(
        ("locale", "chosen", "start", "title"),
        [
            (Locale.american_english, "auto", "风", "《风》"),
            (Locale.american_english, "auto", "風", "《風》"),
            (Locale.chinese, "traditional", "风", "《风》"),
            (Locale.taiwan_chinese, "auto", "風", "《風》"),
        ],
    )
    async def test_what_is_typed_stays_as_it_was(
        self, world: World, speaking: Locales, locale: Locale, chosen: str, start: str, title: str
    ) -> None:
        speaking.set(world.alice.id, locale)
        await choose(world, world.alice, "script", chosen)
        assert embed_of(await world.poem(start)).title == title

    @pytest.mark.parametrize(
        ("locale", "chosen", "start", "script"),
        [
            (Locale.american_english, "auto", "月", "simplified"),
            (Locale.chinese, "auto", "月", "simplified"),
            (Locale.taiwan_chinese, "auto", "月", "traditional"),
            (Locale.chinese, "traditional", "月", "traditional"),
            (Locale.taiwan_chinese, "simplified", "月", "simplified"),
            (Locale.taiwan_chinese, "auto", "风", "simplified"),
            (Locale.chinese, "auto", "風", "traditional"),
        ],
    )
    async def test_the_rest_follows(
        self, world: World, speaking: Locales, rows: Rows, locale: Locale, chosen: str, start: str, script: str
    ) -> None:
        speaking.set(world.alice.id, locale)
        await choose(world, world.alice, "script", chosen)
        await world.poem(start)
        assert rows("SELECT script FROM poems") == [(script,)]

    async def test_another_poem_is_in_the_script_of_whoever_wants_it(
        self, world: World, speaking: Locales, rows: Rows
    ) -> None:
        speaking.set(world.bob.id, Locale.taiwan_chinese)
        poem = shown(await world.poem("月"))
        await world.bob.click(poem, label="Another")
        assert rows("SELECT script FROM poems") == [("simplified",), ("traditional",)]


async def test_the_settings_of_a_server_are_refused_where_the_bot_is_not(world: World) -> None:
    from bot.ui.settings_message import _managed_guild  # noqa: PLC0415 # SimCord knows no such place

    class Elsewhere:
        guild_id = 1
        client = world.bot
        permissions = discord.Permissions.all()

    with pytest.raises(BotError, match=r"settings\.forbidden"):
        _managed_guild(Elsewhere())  # type: ignore[arg-type] # as much of an interaction as is looked at
