from datetime import timedelta

import discord
import pytest
import simcord

from bot.i18n import Language, Strings
from bot.services.poems import ShownPoem
from bot.services.top import Period, TopPage, TopPoem
from bot.ui.top_message import top_embed, top_view
from tests.bot.forgery import forge_press
from tests.bot.library import poem_row, put_heart, put_poem
from tests.bot.world import World, embed_of, shown, told


async def keep(world: World, starts: str, *, user: simcord.MemberActor | None = None) -> None:
    """Of poems of alice's that begin so, each is kept by one person more than the next."""
    sessions = world.services.favorites._sessions
    for number, start in enumerate(starts):
        asked = (user or world.alice).id
        poem_id = await put_poem(sessions, f"{start}明月照人 江水向東流", user_id=asked, guild_id=world.guild.id)
        for person in range(len(starts) - number):
            await put_heart(sessions, 100 + person, poem_id, discord.utils.utcnow() - timedelta(days=10))


async def ask(world: World, who: simcord.MemberActor | None = None, **options: str) -> simcord.InteractionResult:
    return await world.ask(who or world.alice, "top", **options)


def starts_of(result: simcord.InteractionResult) -> str:
    return "".join(str(field.value)[0] for field in embed_of(result).fields)


async def test_everyone_sees_what_the_server_keeps_most_and_nobody_s_name(world: World) -> None:
    await keep(world, "春夏")
    result = await ask(world, world.bob, period="ever")
    assert not shown(result).ephemeral
    embed = embed_of(result)
    assert (embed.title, embed.footer.text) == ("Most kept here", "Page 1 of 1")
    assert [(field.name, field.value) for field in embed.fields] == [
        ("1. 《春》", "春明月照人…\n❤ 2"),
        ("2. 《夏》", "夏明月照人…\n❤ 1"),
    ]
    assert str(world.alice.id) not in str(embed.to_dict())


async def test_hearts_of_real_presses_count_within_the_month_that_is_the_default(world: World) -> None:
    poem = shown(await world.poem())
    for person in (world.alice, world.bob):
        await person.click(poem, label="Favorite")
    [field] = embed_of(await ask(world)).fields
    assert str(field.value).endswith("\n❤ 2")


async def test_another_time_is_a_button_away_for_whoever_asked(world: World) -> None:
    await keep(world, "春夏")
    result = await ask(world, period="week")
    assert str(embed_of(result).description).startswith("Nobody here has kept a poem in the last 7 days.")
    assert "❤" in str(embed_of(result).description)
    await world.restart()
    await world.alice.click(shown(result), label="This month")
    assert starts_of(result) == "春夏"
    answer = told(await world.bob.click(shown(result), label="Ever"))
    assert answer == "Only whoever asked for this list turns its pages. Type /top for one of your own."
    assert str(embed_of(result).description).startswith("By the hearts of the last 30 days.")


async def test_pages_turn_and_keep_their_time(world: World) -> None:
    await keep(world, "春夏秋冬山水花")
    result = await ask(world, period="ever")
    assert starts_of(result) == "春夏秋冬山"
    await world.restart()
    await world.alice.click(shown(result), custom_id="shiren:top:page:ever:2")
    assert (starts_of(result), embed_of(result).footer.text) == ("水花", "Page 2 of 2")
    assert [field.name for field in embed_of(result).fields] == ["6. 《水》", "7. 《花》"]
    await world.alice.click(shown(result), custom_id="shiren:top:page:ever:1")
    assert starts_of(result) == "春夏秋冬山"


async def test_anyone_opens_a_poem_for_themselves(world: World) -> None:
    await keep(world, "春夏")
    result = await ask(world, period="ever")
    opened = await world.bob.click(shown(result), label="2")
    assert shown(opened).ephemeral
    assert embed_of(opened).description == "夏明月照人，\n江水向东流。"
    assert told(await world.bob.click(shown(opened), label="Favorite")).startswith("❤ Kept.")


async def test_what_was_taken_away_is_not_shown_any_more(world: World) -> None:
    poem = shown(await world.poem())
    await world.bob.click(poem, label="Favorite")
    result = await ask(world)
    await world.alice.click(poem, label="Delete")
    answer = told(await world.bob.click(shown(result), label="1"))
    assert answer == "This poem is no longer shown here. Type /top to see those that are."
    assert embed_of(await ask(world)).fields == []
    assert len(embed_of(await world.favorites(world.bob)).fields) == 1


async def test_what_its_asker_left_behind_when_they_had_their_data_deleted_is_not_shown(world: World) -> None:
    await keep(world, "春")
    await world.services.privacy.delete(world.alice.id)
    assert embed_of(await ask(world, period="ever")).fields == []


async def test_whoever_wants_out_is_out_at_once(world: World) -> None:
    await keep(world, "春")
    await keep(world, "夏", user=world.bob)
    result = await ask(world, period="ever")
    await world.services.preferences.set_out_of_top(world.alice.id, is_out=True)
    assert told(await world.bob.click(shown(result), label="1")).startswith("This poem is no longer shown here.")
    assert starts_of(await ask(world, period="ever")) == "夏"


async def test_a_server_without_it_says_so_to_whoever_asks_alone(world: World) -> None:
    await keep(world, "春")
    before = await ask(world, period="ever")
    await world.services.preferences.set_guild_out_of_top(world.guild.id, is_out=True)
    off = "This server's moderators have switched /top off."
    assert told(await ask(world)) == off
    assert told(await world.bob.click(shown(before), label="1")) == off


async def test_direct_messages_are_told_where_to_ask(world: World) -> None:
    answer = told(await world.ask(world.alice.user, "top"))
    assert answer == "/top ranks the poems of a server, so type it in one. /favorites shows your own."


async def test_a_forged_number_opens_nothing_of_another_server(world: World) -> None:
    await keep(world, "春")
    result = await ask(world, period="ever")
    sessions = world.services.favorites._sessions
    elsewhere = await put_poem(sessions, "秋明月照人", guild_id=world.guild.id + 1)
    private = await put_poem(sessions, "冬明月照人", guild_id=None)
    for poem_id in (elsewhere, private, 404):
        answer = told(await forge_press(world, world.bob, shown(result), f"shiren:top:open:{poem_id}"))
        assert answer.startswith("This poem is no longer shown here.")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("period", Period)
def test_the_longest_page_stays_within_what_discord_takes(language: Language, period: Period) -> None:
    strings = Strings.load(language)
    row = poem_row(" ".join(["春" * 7] * 16))
    row.kind, row.mood, row.start = "acrostic", "lively", "春" * 16
    poems = []
    for rank in range(96, 101):
        row.id = 10**17 + rank
        poems.append(TopPoem(ShownPoem.from_row(row), rank, 10**6))
    page = TopPage(period, tuple(poems), 19, 20)
    embed = top_embed(page, strings)
    assert len(embed) <= 6000
    assert all(len(str(field.value)) <= 1024 and len(str(field.name)) <= 256 for field in embed.fields)
    rows = top_view(page, strings).to_components()
    assert [len(row["components"]) for row in rows] == [5, 5]
    ids = [each["custom_id"] for row in rows for each in row["components"]]
    assert len(set(ids)) == 10
    assert all(len(custom_id) <= 100 for custom_id in ids)
    assert all(len(each.get("label") or "") <= 80 for row in rows for each in row["components"])
