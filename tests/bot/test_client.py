import asyncio

import discord
import pytest

from bot.client import Shiren
from bot.config import Settings, ShardSettings
from bot.i18n import Language, Languages, Strings
from bot.services import Services
from bot.ui.daily_message import DailyPost
from tests.bot.world import World, embed_of


def registrations(world: World) -> list[str]:
    """Where commands were registered, in order."""
    requests = world.env.http_requests
    return [request.path for request in requests if request.method == "PUT" and request.path.endswith("/commands")]


def reworded(*, language: str = "en-US", **changes: str) -> Languages:
    """The strings with some of them changed in one language."""
    strings = {each: Strings.load(each) for each in Language}
    strings[Language(language)]._strings |= {key.replace("__", "."): text for key, text in changes.items()}
    return Languages(strings)


NAMES = {
    *("poem", "acrostic", "continue", "linked", "favorites", "top", "daily"),
    *("settings", "help", "about", "privacy", "retrain", "model"),
}
"""Of all commands but those of menus."""


async def test_the_first_start_registers_the_commands(world: World) -> None:
    assert len(registrations(world)) == 1
    commands = {command.name for command in await world.bot.tree.fetch_commands()}
    assert commands == NAMES | {"Keep this poem", "Look at its metre", "Pinyin and meaning"}


async def test_a_restart_registers_nothing(world: World) -> None:
    await world.restart()
    assert len(registrations(world)) == 1
    assert await world.bot.sync_commands() is False


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"poem__command__description": "Something new"}, id="a description"),
        pytest.param({"poem__command__lines": "So many"}, id="the description of an option"),
        pytest.param({"poem__command__form_7": "Seven"}, id="the name of a choice"),
        pytest.param({"favorites__command__name": "kept"}, id="a name"),
        pytest.param({"language": "zh-CN", "poem__command__name": "写诗"}, id="a Chinese name"),
        pytest.param({"language": "zh-TW", "poem__option__form": "幾字"}, id="the Chinese name of an option"),
        pytest.param({"language": "zh-TW", "model__command__use_description": "換"}, id="a Chinese description"),
        pytest.param({"language": "zh-CN", "poem__command__form_7": "七"}, id="a Chinese choice"),
        pytest.param({"language": "zh-CN", "menu__command__keep": "收下"}, id="a Chinese menu"),
    ],
)
async def test_a_change_is_registered_once(world: World, changes: dict[str, str]) -> None:
    await world.restart(reworded(**changes))
    assert len(registrations(world)) == 2
    await world.restart()
    assert len(registrations(world)) == 2


async def test_a_command_that_was_renamed_leaves_its_old_name(world: World) -> None:
    await world.restart(reworded(favorites__command__name="kept"))
    names = {command.split(" ")[0] for command in world.admin.available_commands(world.channel)}
    assert names == NAMES - {"favorites"} | {"kept"}
    assert embed_of(await world.alice.slash(world.channel, "kept")).title == "Your favorites"


async def test_the_languages_are_asked_for_which_discord_does_not_say_unasked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    request = world.bot.http.request

    async def listen(route: discord.http.Route, **more: object) -> object:
        asked.append((route.method, more.get("params")))
        return await request(route, **more)  # type: ignore[arg-type] # whatever it was

    monkeypatch.setattr(world.bot.http, "request", listen)
    assert await world.bot.sync_commands() is False
    assert asked == [("GET", {"with_localizations": "true"})]


async def test_a_change_of_permissions_is_registered(world: World) -> None:
    command = world.bot.tree.get_command("retrain")
    assert isinstance(command, discord.app_commands.Command)
    command.default_permissions = discord.Permissions(manage_guild=True)
    assert await world.bot.sync_commands() is True
    assert await world.bot.sync_commands() is False


async def test_of_processes_that_start_together_one_registers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    request = world.bot.http.request

    async def dawdle(route: discord.http.Route, **more: object) -> object:
        answer = await request(route, **more)  # type: ignore[arg-type] # whatever it was
        # Others ask meanwhile.
        await asyncio.sleep(0.05)
        return answer

    monkeypatch.setattr(world.bot.http, "request", dawdle)
    command = world.bot.tree.get_command("retrain")
    assert isinstance(command, discord.app_commands.Command)
    command.default_permissions = discord.Permissions(manage_guild=True)
    assert sorted(await asyncio.gather(*(world.bot.sync_commands() for _ in range(3)))) == [False, False, True]


async def test_the_shards_of_the_settings_are_the_client_s(
    services: Services, settings: Settings, languages: Languages
) -> None:
    client = Shiren(services, languages, settings.retrain, shards=ShardSettings(count=4, ids=(1, 3)))
    assert (client.shard_count, client.shard_ids) == (4, [1, 3])
    near = DailyPost(client, client)
    assert [near.is_near(number << 22) for number in range(5)] == [False, True, False, True, False]
    alone = Shiren(services, languages, settings.retrain)
    assert alone.shard_ids is None
    assert DailyPost(alone, alone).is_near(1 << 22)


async def test_processes_begin_their_sessions_one_after_the_other(
    services: Services, settings: Settings, languages: Languages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.client._IDENTIFY_SECONDS", 1000.0)
    first, second = (
        Shiren(services, languages, settings.retrain, shards=ShardSettings(count=2, ids=(number,)))
        for number in range(2)
    )
    await first.before_identify_hook(0, initial=True)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.before_identify_hook(1, initial=True), timeout=0.05)


async def test_a_change_of_limits_is_registered(world: World) -> None:
    command = world.bot.tree.get_command("poem")
    assert isinstance(command, discord.app_commands.Command)
    command._params["lines"].max_value = 8
    assert await world.bot.sync_commands() is True
    assert await world.bot.sync_commands() is False


async def test_commands_are_for_servers_and_people_wherever_they_are(world: World) -> None:
    [registered] = [request.json for request in world.env.http_requests if request.method == "PUT"]
    assert registered is not None
    for command in registered:
        # A poem of the day belongs to a server.
        contexts, installs = ([0], [0]) if command["name"] == "daily" else ([0, 1, 2], [0, 1])
        assert (command["contexts"], command["integration_types"]) == (contexts, installs), command["name"]


async def test_commands_can_be_registered_in_one_server_for_trying_out(world: World) -> None:
    await world.restart(test_guild=world.guild.id)
    assert registrations(world)[-1].endswith(f"/guilds/{world.guild.id}/commands")
    assert embed_of(await world.poem()).title == "《月》"
    await world.restart(test_guild=world.guild.id)
    assert len(registrations(world)) == 2


async def test_no_privileged_intent_is_asked_for(world: World) -> None:
    intents = world.bot.intents
    assert (intents.message_content, intents.members, intents.presences) == (False, False, False)
    assert intents == discord.Intents(guilds=True)


async def test_nobody_is_mentioned(world: World) -> None:
    mentions = world.bot.allowed_mentions
    assert mentions is not None
    assert dict(mentions.to_dict()) == {"parse": []}


async def test_a_mention_in_a_start_stays_words(world: World) -> None:
    result = await world.poem("@everyone")
    assert result.response is not None
    assert not result.response.message.mention_everyone
    [sent] = [request.json for request in world.env.http_requests if "callback" in request.path]
    assert sent is not None
    assert sent["data"]["allowed_mentions"] == {"parse": []}


async def test_messages_are_not_read_for_commands(world: World) -> None:
    await world.alice.send(world.channel, "!poem 月")
    await world.alice.send(world.channel, f"<@{world.bot.user.id if world.bot.user else 0}> help")
    assert [message.author.id for message in world.channel.history()] == [world.alice.id] * 2


async def test_every_shard_answers(world: World) -> None:
    assert set(world.bot.shards) == {0, 1}
    for shard in (0, 1):
        guild = world.env.create_guild(f"shard {shard}", shard_id=shard)
        member = guild.add_member(world.env.create_user(f"member {shard}"))
        channel = guild.create_text_channel("verse")
        assert embed_of(await member.slash(channel, "poem", start="月")).title == "《月》"
