from datetime import UTC, datetime, timedelta

import discord
import pytest
from discord import app_commands
from simcord import SetupError

from bot.i18n import Language
from bot.services.daily_schedule import Schedule
from poetry_model.solar_terms import term_on
from tests.bot.world import Target, World, told


async def test_a_moderator_sets_it_sees_it_and_switches_it_off(world: World) -> None:
    said = told(await world.ask(world.admin, "daily set", channel=world.channel, hour=9, zone="beijing"))
    assert f"<#{world.channel.id}>" in said
    assert "Asia/Shanghai" in said
    assert told(await world.ask(world.admin, "daily status")) == said
    assert "any more" in told(await world.ask(world.admin, "daily off"))
    assert "switched it off" in told(await world.ask(world.admin, "daily status"))


async def test_others_do_not_see_it_and_may_not(world: World) -> None:
    with pytest.raises(SetupError, match="not visible"):
        await world.ask(world.bob, "daily status")
    # A server may let others see a command; what they may is decided here all the same.
    command = world.bot.tree.get_command("daily")
    assert isinstance(command, app_commands.Group)
    command.default_permissions = None
    await world.bot.tree.sync()
    assert "manage the server" in told(await world.ask(world.bob, "daily status"))


async def test_a_zone_that_is_none_is_refused(world: World) -> None:
    said = told(await world.ask(world.admin, "daily set", channel=world.channel, hour=9, zone="Atlantis"))
    assert "Atlantis" in said


@pytest.mark.parametrize(
    ("typed", "first"),
    [("", "Asia/Shanghai"), ("台北", "Asia/Taipei"), ("new y", "America/New_York"), ("atlantis", None)],
)
async def test_zones_are_offered_while_they_are_typed(world: World, typed: str, first: str | None) -> None:
    offered = await world.admin.autocomplete(world.channel, "daily set", "zone", typed, channel=world.channel, hour=9)
    assert len(offered) <= 25
    assert [choice["value"] for choice in offered[:1]] == ([first] if first else [])


def mute(world: World) -> dict[Target, discord.PermissionOverwrite]:
    """The bot may not write."""
    assert world.bot.user is not None
    return {world.bot.user: discord.PermissionOverwrite(send_messages=False)}


async def test_a_channel_where_the_bot_may_not_write_is_refused(world: World) -> None:
    silent = world.guild.create_text_channel("silent", overwrites=mute(world))
    said = told(await world.ask(world.admin, "daily set", channel=silent, hour=9, zone="UTC"))
    assert said.startswith(f"I may not write in <#{silent.id}>")
    assert "No poem of the day comes here" in told(await world.ask(world.admin, "daily status"))


async def due(world: World, monkeypatch: pytest.MonkeyPatch, channel_id: int) -> datetime:
    """Set the server's, and let its hour have come."""
    daily = world.services.daily
    plan = await daily.set(world.guild.id, channel_id, Schedule(9, "UTC"), world.admin.id)
    now: datetime = daily.next_due(plan) + timedelta(seconds=1)
    monkeypatch.setattr(daily, "_clock", lambda: now)
    return now


async def test_the_poem_comes_to_the_channel_once_and_its_buttons_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = await due(world, monkeypatch, world.channel.id)
    await world.services.daily.run_due()
    await world.services.daily.run_due()
    [message] = [each for each in world.channel.history() if each.embeds]
    term = term_on(now.date(), UTC)
    assert message.content == f"Poem of the day · {now:%Y-%m-%d} · {term.simplified} {term.english}"
    assert told(await world.bob.click(message, label="Favorite")).startswith("❤ Kept.")
    assert told(await world.bob.click(message, label="Metre")).startswith("**")


async def test_the_poem_speaks_the_language_of_its_server(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.services.preferences.set_guild_language(world.guild.id, Language.TRADITIONAL)
    now = await due(world, monkeypatch, world.channel.id)
    await world.services.daily.run_due()
    [message] = [each for each in world.channel.history() if each.embeds]
    assert message.content == f"每日一詩 · {now:%Y-%m-%d} · {term_on(now.date(), UTC).traditional}"


async def test_a_channel_that_is_gone_switches_it_off_and_whoever_set_it_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await due(world, monkeypatch, 12345)
    await world.services.preferences.set_person_language(world.admin.id, Language.SIMPLIFIED)
    await world.services.daily.run_due()
    assert "频道不在了" in told(await world.ask(world.admin, "daily status"))
    [message] = world.admin.user.dm_channel.history()
    assert message.content.startswith("Poets 里发每日一诗的频道不在了")


async def test_a_channel_that_forbids_writing_switches_it_off_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = world.guild.create_text_channel("silent", overwrites=mute(world))
    await due(world, monkeypatch, silent.id)
    await world.services.daily.run_due()
    said = told(await world.ask(world.admin, "daily status"))
    assert said.startswith(f"No poem of the day comes here: I may not write in <#{silent.id}>")
    [message] = world.admin.user.dm_channel.history()
    assert f"<#{silent.id}> of Poets" in message.content
