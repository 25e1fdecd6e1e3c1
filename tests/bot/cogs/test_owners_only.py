"""What is the owner's is refused to everybody else by the bot itself, whatever Discord shows them or lets through."""

from collections.abc import Callable

import discord
import pytest
import simcord

from tests.bot.conftest import Rows
from tests.bot.forgery import File, forge_command, forge_press, leaves
from tests.bot.world import Actor, World, told, until

EVERYBODY_S = {
    *("poem", "acrostic", "continue", "linked", "favorites", "top", "daily"),
    *("settings", "help", "about", "privacy"),
}
"""Commands for everyone; whatever else there is, now or later, is the owner's."""

FORBIDDEN = "Only the bot's owner and the people they named in retrain.admins can retrain the poet."


def owners_commands(world: World) -> dict[str, dict[str, object]]:
    """The owner's commands, and options that each must have."""
    return {
        command.qualified_name: {parameter.name: "x" for parameter in command.parameters if parameter.required}
        for command in leaves(world)
        if command.qualified_name.split()[0] not in EVERYBODY_S
    }


@pytest.fixture
async def others(world: World) -> dict[str, Actor]:
    """Everybody who may not."""
    administrator = world.guild.create_role("robots", permissions=discord.Permissions(administrator=True))
    robot, named = (world.env.create_user(name, bot=True) for name in ("robot", "named robot"))
    await world.restart(admins=frozenset({named.id}))
    return {
        "an administrator": world.admin,
        "an administrator in direct messages": world.admin.user,
        "a member": world.alice,
        "a stranger in direct messages": world.env.create_user("stranger"),
        "a bot": world.guild.add_member(robot, roles=[administrator]),
        "a bot in direct messages": robot,
        "a bot that is named in the settings": world.guild.add_member(named, roles=[administrator]),
    }


async def test_the_owner_s_commands_are_refused(world: World, others: dict[str, Actor], rows: Rows) -> None:
    before, commands = world.services.models.live_version, owners_commands(world)
    assert commands.keys() >= {"retrain", "model use", "model rollback", "model compare", "model cancel"}
    orders: list[tuple[str, dict[str, object]]] = [
        *commands.items(),
        ("retrain", {"file": File("a.zip", b"PK\x03\x04")}),
        ("model use", {"version": before, "force": True}),
    ]
    for who, other in others.items():
        for name, options in orders:
            assert told(await forge_command(world, other, name, options)) == FORBIDDEN, (who, name)
    assert world.services.models.live_version == before
    assert rows("SELECT count(*) FROM training_runs") == [(0,)]
    assert world.seen_by(world.bob) == []


async def test_the_owner_s_button_is_refused(
    world: World, others: dict[str, Actor], rows: Rows, child: Callable[[str], None]
) -> None:
    child("wait()")
    await world.retrain(world.owner)
    for who, other in others.items():
        assert told(await forge_command(world, other, "model cancel")) == FORBIDDEN, who
        if isinstance(other, simcord.MemberActor):
            result = await forge_press(world, other, world.progress, "shiren:retrain:cancel:1", is_planted=False)
            assert told(result) == FORBIDDEN, who
    await until(lambda: rows("SELECT state FROM training_runs") == [("running",)])


async def test_no_version_is_offered_to_others(world: World, others: dict[str, Actor]) -> None:
    for other in others.values():
        for name, option in (("model use", "version"), ("model compare", "a"), ("model compare", "b")):
            result = await forge_command(world, other, name, {option: ""}, typing=option)
            assert result.autocomplete_choices == []


async def test_an_administrator_of_a_server_that_is_not_named_is_refused_there_alone(world: World) -> None:
    elsewhere = world.env.create_guild("Elsewhere")
    administrator = elsewhere.create_role("admin", permissions=discord.Permissions(administrator=True))
    visitor = elsewhere.add_member(world.admin.user, roles=[administrator])
    await world.restart(admin_guilds=frozenset({world.guild.id}))
    assert told(await world.model("rollback", world.admin)) == "There is no model to go back to."
    channel = elsewhere.create_text_channel("verse")
    assert told(await visitor.slash(channel, "model rollback")) == FORBIDDEN
    assert told(await world.model("rollback", world.admin.user)) == FORBIDDEN
