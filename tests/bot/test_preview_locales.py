import discord
import pytest
import simcord
from simcord.actors import _slash_resolved

from bot.preview_locales import Locales
from tests.bot.world import World, embed_of


def offered(world: World, who: simcord.MemberActor) -> dict[str, dict[str, object]]:
    """The commands that somebody sees, by the names they see."""
    commands = world.env.backend.visible_commands(user_id=who.id, channel_id=world.channel.id)
    return {command["name"]: command for command in commands}


@pytest.mark.parametrize(
    ("locale", "name", "options"),
    [
        (discord.Locale.chinese, "诗", {"开头": "月", "字数": 7}),
        (discord.Locale.taiwan_chinese, "詩", {"開頭": "月", "字數": 7}),
    ],
)
async def test_people_see_commands_in_their_language_and_the_bot_knows_them_by_its_own_names(
    world: World, speaking: Locales, locale: discord.Locale, name: str, options: dict[str, object]
) -> None:
    speaking.set(world.alice.id, locale)
    command = offered(world, world.alice)[name]
    result = await _slash_resolved(world.alice, world.channel, name, options, command)
    assert str(embed_of(result).description).startswith("月")
    assert len(str(embed_of(result).description).splitlines()[0]) == 8
    assert {"poem", "retrain"} <= offered(world, world.owner).keys()


async def test_the_commands_of_a_group_are_known_by_the_bots_names_too(world: World, speaking: Locales) -> None:
    speaking.set(world.alice.id, discord.Locale.chinese)
    command = offered(world, world.alice)["隐私"]
    result = await _slash_resolved(world.alice, world.channel, "隐私 查看", {}, command)
    assert embed_of(result).title == "我存了你的什么"


async def test_others_go_on_in_english(world: World, speaking: Locales) -> None:
    speaking.set(world.alice.id, discord.Locale.chinese)
    assert "poem" in offered(world, world.bob)
    assert embed_of(await world.ask(world.bob, "privacy show")).title == world.strings("privacy.title")
