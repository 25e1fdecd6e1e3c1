"""Who has the bot for themselves uses it in conversations with others, which are no servers."""

from tests.bot.conftest import Rows
from tests.bot.forgery import forge_press
from tests.bot.world import World, shown, told

UNKNOWN = "I don't remember this poem any more. Ask for a new one with /poem."


async def test_a_poem_remembers_its_conversation_and_in_a_server_none(world: World, rows: Rows) -> None:
    carol = world.env.create_user("carol")
    await world.ask(carol, "poem", start="春")
    await world.poem("月")
    assert rows("SELECT guild_id, channel_id FROM poems") == [(None, carol.dm_channel.id), (world.guild.id, None)]


async def test_everyone_in_a_conversation_keeps_what_one_of_them_asked_for(world: World, rows: Rows) -> None:
    # SimCord knows no conversation of three: dave's own stands in for the one that the poem is shown in.
    carol, dave = (world.env.create_user(name) for name in ("carol", "dave"))
    await world.ask(carol, "poem", start="春")
    message = shown(await world.ask(dave, "help"))
    assert told(await forge_press(world, dave, message, "shiren:favorite:1")) == UNKNOWN
    rows("UPDATE poems SET channel_id = ?", dave.dm_channel.id)
    assert told(await forge_press(world, dave, message, "shiren:favorite:1")).startswith("❤ Kept.")
    assert rows("SELECT user_id FROM favorites") == [(dave.id,)]


async def test_a_conversation_is_not_a_server(world: World, rows: Rows) -> None:
    poem = shown(await world.poem("月"))
    rows("UPDATE poems SET channel_id = ?", world.channel.id)
    carol = world.env.create_user("carol")
    message = shown(await world.ask(carol, "help"))
    assert told(await forge_press(world, carol, message, "shiren:favorite:1")) == UNKNOWN
    assert told(await world.bob.click(poem, label="Favorite")).startswith("❤ Kept.")


async def test_whoever_has_their_data_deleted_leaves_no_conversation_behind(world: World, rows: Rows) -> None:
    carol, dave = (world.env.create_user(name) for name in ("carol", "dave"))
    await world.ask(carol, "poem", start="春")
    rows("INSERT INTO favorites (user_id, poem_id, created_at) VALUES (?, 1, '2026-01-01')", dave.id)
    await world.services.privacy.delete(carol.id)
    assert rows("SELECT user_id, channel_id FROM poems") == [(None, None)]
