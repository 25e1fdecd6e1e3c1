import asyncio
import re

import discord
import pytest
import simcord

from bot.i18n import Language
from tests.bot.conftest import Rows
from tests.bot.world import Target, World, embed_of, shown, told

KEPT = "❤ Kept. /favorites shows all you have kept."
NOT_YOURS = "Only the person who asked for this poem, or a moderator who can manage messages here, can delete it."
KEPT_ALREADY = "You have kept this poem already. /favorites shows all you have kept."


def buttons(message: simcord.ResponseMessage) -> list[list[tuple[str, str, str]]]:
    """Emoji, label and id of each button, by row."""
    return [
        [(button["emoji"]["name"], button["label"], button["custom_id"]) for button in row["components"]]
        for row in message.components
    ]


async def test_a_poem_carries_buttons_that_know_its_id(world: World, rows: Rows) -> None:
    result = await world.poem()
    [(poem_id,)] = rows("SELECT id FROM poems")
    assert buttons(shown(result)) == [
        [
            ("❤", "Favorite", f"shiren:favorite:{poem_id}"),
            ("🎲", "Another", f"shiren:another:{poem_id}"),
            ("🗑", "Delete", f"shiren:delete:{poem_id}"),
        ],
        [
            ("🖼️", "Card", f"shiren:card:{poem_id}"),
            ("🎵", "Metre", f"shiren:metre:{poem_id}"),
            ("🔤", "Pinyin", f"shiren:reading:{poem_id}"),
        ],
    ]


@pytest.mark.parametrize("language", [Language.SIMPLIFIED, Language.TRADITIONAL])
async def test_pinyin_is_for_those_who_read_english(world: World, language: Language) -> None:
    await world.services.preferences.set_person_language(world.alice.id, language)
    names = [emoji for row in buttons(shown(await world.poem())) for emoji, _, _ in row]
    assert names == ["❤", "🎲", "🗑", "🖼️", "🎵"]


async def test_a_heart_keeps_the_poem_and_says_so_to_the_person_alone(world: World, rows: Rows) -> None:
    poem = shown(await world.poem())
    assert told(await world.bob.click(poem, label="Favorite")) == KEPT
    assert rows("SELECT user_id, poem_id FROM favorites") == [(world.bob.id, 1)]
    assert len(world.seen_by(world.alice)) == 1


async def test_a_second_heart_of_the_same_person_changes_nothing(world: World, rows: Rows) -> None:
    poem = shown(await world.poem())
    await world.bob.click(poem, label="Favorite")
    assert told(await world.bob.click(poem, label="Favorite")) == KEPT_ALREADY
    assert rows("SELECT count(*) FROM favorites") == [(1,)]


async def test_everyone_keeps_a_poem_for_themselves(world: World, rows: Rows) -> None:
    poem = shown(await world.poem())
    for person in (world.alice, world.bob):
        assert told(await person.click(poem, label="Favorite")) == KEPT
    assert rows("SELECT user_id FROM favorites ORDER BY id") == [(world.alice.id,), (world.bob.id,)]


async def test_a_heart_is_confirmed_only_after_the_favorite_was_written(world: World, rows: Rows) -> None:
    poem = shown(await world.poem())
    await world.bob.click(poem, label="Favorite")
    announced, confirmed = world.env.http_requests[-2:]
    assert (announced.json or {})["type"] == 5
    assert (confirmed.json or {})["content"] == KEPT
    assert rows("SELECT count(*) FROM favorites") == [(1,)]


async def test_a_heart_that_cannot_be_written_is_not_confirmed(
    world: World, rows: Rows, logged_errors: list[str]
) -> None:
    poem = shown(await world.poem())
    await asyncio.to_thread(rows, "ALTER TABLE favorites RENAME TO hidden")
    assert told(await world.bob.click(poem, label="Favorite")).endswith(
        "nothing was saved. Please try again in a moment."
    )
    assert len(logged_errors) == 1
    logged_errors.clear()


async def test_another_writes_a_poem_of_the_same_kind_for_everyone(world: World) -> None:
    first = await world.poem("江", form=7, lines=2)
    second = await world.bob.click(shown(first), label="Another")
    assert embed_of(second).title == "《江》"
    assert re.fullmatch(r"江\w{6}，\n\w{7}。", str(embed_of(second).description))
    assert embed_of(second).description != embed_of(first).description
    assert [message.id for message in world.seen_by(world.alice)] == [shown(first).id, shown(second).id]


async def test_whoever_asked_for_another_may_delete_it(world: World) -> None:
    first = shown(await world.poem())
    second = shown(await world.bob.click(first, label="Another"))
    await world.bob.click(second, label="Delete")
    assert [message.id for message in world.seen_by(world.alice)] == [first.id]


async def test_delete_takes_the_message_away_for_the_person_who_asked(world: World) -> None:
    result = await world.alice.click(shown(await world.poem()), label="Delete")
    assert result.acknowledged
    assert world.channel.history() == []


async def test_delete_is_refused_to_everybody_else(world: World) -> None:
    poem = shown(await world.poem())
    managers = world.guild.create_role(
        "managers", permissions=discord.Permissions(manage_guild=True, kick_members=True)
    )
    manager = world.guild.add_member(world.env.create_user("manager"), roles=[managers])
    for other in (world.bob, manager):
        assert told(await other.click(poem, label="Delete")) == NOT_YOURS
    assert [message.id for message in world.seen_by(world.alice)] == [poem.id]


async def test_a_moderator_of_the_channel_deletes_anybodys_poem(world: World) -> None:
    moderators = world.guild.create_role("moderators", permissions=discord.Permissions(manage_messages=True))
    moderator = world.guild.add_member(world.env.create_user("moderator"), roles=[moderators])
    for who in (moderator, world.admin):
        poem = shown(await world.poem())
        assert (await who.click(poem, label="Delete")).acknowledged
        assert world.channel.history() == []


async def test_a_moderator_of_another_channel_alone_does_not(world: World) -> None:
    allow: dict[Target, discord.PermissionOverwrite] = {world.bob: discord.PermissionOverwrite(manage_messages=True)}
    bobs = world.guild.create_text_channel("bob's", overwrites=allow)
    here, there = shown(await world.poem()), shown(await world.alice.slash(bobs, "poem", start="月"))
    assert told(await world.bob.click(here, label="Delete")) == NOT_YOURS
    await world.bob.click(there, label="Delete")
    assert bobs.history() == []


async def test_a_deleted_poem_stays_with_those_who_kept_it(world: World) -> None:
    poem = shown(await world.poem())
    await world.bob.click(poem, label="Favorite")
    await world.alice.click(poem, label="Delete")
    assert len(embed_of(await world.favorites(world.bob)).fields) == 1


@pytest.mark.parametrize("label", ["Favorite", "Another", "Delete"])
async def test_a_button_of_a_poem_that_is_not_remembered_says_so(world: World, rows: Rows, label: str) -> None:
    poem = shown(await world.poem())
    rows("DELETE FROM poems")
    answer = told(await world.alice.click(poem, label=label))
    assert answer == "I don't remember this poem any more. Ask for a new one with /poem."
    assert [message.id for message in world.seen_by(world.bob)] == [poem.id]


async def test_the_heart_works_after_a_restart(world: World) -> None:
    poem = shown(await world.poem())
    await world.bob.click(poem, label="Favorite")
    await world.restart()
    assert told(await world.alice.click(poem, label="Favorite")) == KEPT
    assert told(await world.bob.click(poem, label="Favorite")) == KEPT_ALREADY


async def test_another_works_after_a_restart(world: World) -> None:
    poem = shown(await world.poem("江", form=7, lines=2))
    await world.restart()
    text = embed_of(await world.bob.click(poem, label="Another")).description
    assert re.fullmatch(r"江\w{6}，\n\w{7}。", str(text))


async def test_delete_works_after_a_restart_for_the_person_who_asked_alone(world: World) -> None:
    poem = shown(await world.poem())
    await world.restart()
    assert told(await world.bob.click(poem, label="Delete")).startswith("Only the person who asked")
    await world.alice.click(poem, label="Delete")
    assert world.channel.history() == []


async def test_the_buttons_work_in_direct_messages(world: World, rows: Rows) -> None:
    carol = world.env.create_user("carol")
    first = shown(await carol.slash("poem", start="春"))
    assert told(await carol.click(first, label="Favorite")) == KEPT
    second = shown(await carol.click(first, label="Another"))
    await world.restart()
    await carol.click(first, label="Delete")
    assert [message.id for message in carol.dm_channel.history() if not message.flags.ephemeral] == [second.id]
    assert rows("SELECT user_id, guild_id FROM poems") == [(carol.id, None)] * 2


async def test_a_press_that_came_too_late_leaves_the_bot_standing(
    world: World, rows: Rows, logged_errors: list[str]
) -> None:
    poem = shown(await world.poem())
    world.env.inject_error("POST", "/interactions/*/*/callback", status=404, code=10062, message="Unknown interaction")
    assert not (await world.bob.click(poem, label="Favorite")).acknowledged
    assert rows("SELECT count(*) FROM favorites") == [(0,)]
    assert told(await world.bob.click(poem, label="Favorite")) == KEPT
    assert not logged_errors


async def test_a_poem_mentions_nobody(world: World) -> None:
    message = shown(await world.poem()).message
    assert isinstance(message, discord.Message)
    assert (message.mentions, message.mention_everyone) == ([], False)


async def test_a_private_confirmation_cannot_be_pressed_by_others(world: World) -> None:
    await world.alice.click(shown(await world.poem()), label="Favorite")
    page = shown(await world.favorites())
    with pytest.raises(simcord.SetupError, match="not visible"):
        await world.bob.select(page, ["1"])
