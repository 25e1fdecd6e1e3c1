import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import simcord

from bot.config import LimitSettings, Settings
from tests.bot.conftest import Rows
from tests.bot.world import World, embed_of, shown, told

TOO_FAST = r"You are faster than my brush\. Come back <t:\d+:R>\."
TOO_MANY = r"So many people in this server want something of me that I can't keep up\. Come back <t:\d+:R>\."


@pytest_asyncio.fixture
async def busy(settings: Settings, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A server with the limits of the test, by SimCord's clock."""
    world = World(settings.model_copy(update={"limits": LimitSettings(**request.param)}))
    await world.open()
    yield world
    await world.close()


def limited(**limits: float) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("busy", [limits], indirect=True, ids=[""])


async def press(poem: simcord.InteractionResult, who: simcord.MemberActor) -> str:
    """What one who presses ❤ is told."""
    return told(await who.click(shown(poem), label="Favorite"))


@limited(person_burst=3, person_per_minute=6)
async def test_one_who_presses_a_button_twenty_times_is_told_when_to_come_back_and_loses_nothing(
    busy: World, rows: Rows
) -> None:
    poem = await busy.poem()
    said = [await press(poem, busy.alice) for _ in range(20)]
    assert said[0].startswith("❤ Kept.")
    assert said[1].startswith("You have kept this poem already.")
    assert all(re.fullmatch(TOO_FAST, sentence) for sentence in said[2:])
    assert rows("SELECT user_id, poem_id FROM favorites") == [(busy.alice.id, 1)]
    assert (await press(poem, busy.bob)).startswith("❤ Kept.")
    await busy.env.advance_time(9)
    assert re.fullmatch(TOO_FAST, told(await busy.poem()))
    await busy.env.advance_time(1)
    assert embed_of(await busy.poem()).title == "《月》"


@limited(person_burst=1, person_per_minute=6)
async def test_one_who_is_too_fast_is_answered_alone(busy: World) -> None:
    await busy.poem()
    before = [message.id for message in busy.seen_by(busy.bob)]
    told(await busy.poem())
    assert [message.id for message in busy.seen_by(busy.bob)] == before


@limited(guild_burst=2, guild_per_minute=6)
async def test_the_people_of_a_server_share_its_limit_and_direct_messages_have_none(busy: World) -> None:
    poem = await busy.poem()
    await press(poem, busy.bob)
    assert re.fullmatch(TOO_MANY, await press(poem, busy.admin))
    assert re.fullmatch(TOO_MANY, told(await busy.favorites()))
    for _ in range(3):
        assert embed_of(await busy.ask(busy.env.create_user("carol"), "poem", start="春")).title == "《春》"


@limited(guild_burst=1, guild_per_minute=6)
async def test_a_crowd_cannot_keep_the_owner_out(busy: World) -> None:
    await busy.poem()
    assert re.fullmatch(TOO_MANY, told(await busy.favorites(busy.owner)))
    assert embed_of(await busy.model("status")).title == "The poet"


@limited(person_burst=2, person_per_minute=6)
async def test_a_command_of_the_owners_counts_once_and_a_stranger_cannot_try_at_will(busy: World) -> None:
    for _ in range(2):
        assert embed_of(await busy.model("status")).title == "The poet"
        assert told(await busy.model("status", busy.admin)).startswith("Only the bot's owner")
    for who in (busy.owner, busy.admin):
        assert re.fullmatch(TOO_FAST, told(await busy.model("status", who)))


@limited(person_burst=1, person_per_minute=6)
async def test_what_is_completed_while_one_types_counts_for_nothing(busy: World) -> None:
    for _ in range(3):
        assert await busy.owner.autocomplete(busy.channel, "model use", "version", "")
    assert embed_of(await busy.model("status")).title == "The poet"


@limited(person_per_minute=0, guild_per_minute=0, queue=1)
async def test_a_poem_too_many_is_refused_to_the_person_alone(busy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    composer = busy.services.models.composer
    monkeypatch.setattr(composer, "_capacity", 0)
    assert told(await busy.poem()).startswith("So many poems are wanted just now")
    assert busy.seen_by(busy.bob) == []
