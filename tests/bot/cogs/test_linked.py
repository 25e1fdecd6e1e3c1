import re
from datetime import UTC, datetime, timedelta

import discord
import pytest
import simcord

from tests.bot.conftest import Rows
from tests.bot.forgery import forge_form, forge_press
from tests.bot.world import World, shown, told

FITTING, BROKEN = "水日不花月", "水日日日月"
"""A line that keeps a pattern, and one that keeps none."""

OVER = "This poem has ended. Begin a new one with /linked."
COMPONENT = "This button or menu is no longer in use. Type the command anew."

ADD = "Write the next line"


async def begin(world: World, **options: int | str) -> simcord.ResponseMessage:
    """The message of a poem that alice begins."""
    return shown(await world.ask(world.alice, "linked", **options))


async def write(who: simcord.MemberActor, message: simcord.ResponseMessage, line: str) -> simcord.InteractionResult:
    """What comes of a line that somebody writes."""
    return await who.submit_modal(await who.click(message, label=ADD), {"line": line})


def said(world: World, message: simcord.ResponseMessage) -> str:
    """What the message says now."""
    [found] = [each for each in world.channel.history() if each.id == message.id]
    return "\n\n".join(part for part in (found.content, found.embeds[0].description) if part)


def labels(world: World, message: simcord.ResponseMessage) -> list[str]:
    """Its buttons now."""
    [found] = [each for each in world.channel.history() if each.id == message.id]
    return [
        str(button.label)
        for row in found.components
        for button in getattr(row, "children", [])
        if isinstance(button, discord.Button)
    ]


async def test_the_message_tells_whose_turn_it_is(world: World) -> None:
    message = await begin(world, form=7, lines=8)
    assert message.embeds[0].title == "A poem in turns · 联句"
    assert re.fullmatch(
        r"▸ Line 1 of 8 is next, 7 characters\. Anyone may write it; then I go on\.\n\n"
        r"It ends <t:\d+:R> if nobody does\.",
        said(world, message),
    )
    assert labels(world, message) == [ADD, "End"]
    assert message.embeds[0].footer.text == "Easy: a line that breaks the tones is welcome too."


async def test_the_form_asks_for_the_line_that_is_next(world: World) -> None:
    message = await begin(world)
    modal = (await world.bob.click(message, label=ADD)).modal
    assert modal is not None
    assert (modal["title"], modal["custom_id"]) == ("Line 1 of 4", "shiren:linked:line:1:0")
    assert modal["components"][0]["label"] == "Your line, 5 Chinese characters"


async def test_two_people_and_the_bot_write_a_poem_that_names_them_all(world: World, rows: Rows) -> None:
    message = await begin(world)
    assert told(await write(world.bob, message, f" {FITTING}，")) == (
        f"**{FITTING}** fits well: form, tones and rhyme keep the rules."
    )
    assert re.match(
        rf"{FITTING}，　<@{world.bob.id}>\n\w{{5}}。　Shiren\n\n▸ Line 3 of 4 is next", said(world, message)
    )
    await write(world.alice, message, FITTING)
    [finished] = world.channel.history()
    embed = finished.embeds[0]
    assert re.fullmatch(rf"{FITTING}，\n\w{{5}}。\n{FITTING}，\n\w{{5}}。", str(embed.description))
    assert finished.content == f"Written by <@{world.bob.id}> · Shiren · <@{world.alice.id}>"
    assert "联句" in str(embed.footer.text)
    assert rows("SELECT kind, user_id, guild_id, start FROM poems") == [
        ("linked", world.alice.id, world.guild.id, FITTING)
    ]
    assert ADD not in labels(world, message)
    kept = await world.bob.click(message, label="Favorite")
    assert told(kept).startswith("❤ Kept.")


async def test_the_easy_mode_takes_a_line_with_faults_and_names_them_to_its_writer_alone(world: World) -> None:
    message = await begin(world)
    verdict = told(await write(world.bob, message, BROKEN))
    assert verdict.startswith(
        f"**{BROKEN}** is in, thank you. A master of the rules would look again at this:\n• Line 1"
    )
    assert said(world, message).startswith(f"{BROKEN}，　<@{world.bob.id}>")
    assert [each.id for each in world.seen_by(world.alice)] == [message.id]


async def test_the_strict_mode_asks_again(world: World, rows: Rows) -> None:
    message = await begin(world, mode="strict")
    verdict = told(await write(world.bob, message, BROKEN))
    assert verdict.startswith(f"**{BROKEN}** is not quite there. Change this, and press the button again:\n• Line 1")
    assert rows("SELECT count(*) FROM linked_lines") == [(0,)]
    await write(world.bob, message, FITTING)
    assert said(world, message).startswith(f"{FITTING}，")


async def test_the_bot_may_begin(world: World) -> None:
    message = await begin(world, first="bot")
    assert re.match(r"\w{5}。　Shiren\n\n▸ Line 2 of 4 is next", said(world, message))


async def test_a_line_that_has_not_the_form_is_answered_in_one_sentence(world: World, rows: Rows) -> None:
    message = await begin(world)
    for line, sentence in (
        ("水日不花", "A line of this poem has 5 characters; yours has 4. Write one of 5."),
        ("水日不花月月花", "A line of this poem has 5 characters; yours has 7. Write one of 5."),
        ("@here", "A line is made of Chinese characters, and h is not one. Write it again without it."),
        ("！？", "A line of this poem has 5 characters; yours has 0. Write one of 5."),
    ):
        assert told(await write(world.bob, message, line)) == sentence
    assert rows("SELECT count(*) FROM linked_lines") == [(0,)]


async def test_of_two_who_write_at_once_the_second_is_told_and_has_their_line_back(world: World, rows: Rows) -> None:
    message = await begin(world)
    forms = [(who, await who.click(message, label=ADD)) for who in (world.alice, world.bob)]
    (first, form), (second, other) = forms
    await first.submit_modal(form, {"line": FITTING})
    answer = told(await second.submit_modal(other, {"line": "月日花山水"}))
    assert answer == "Somebody was faster, and line 1 is written already; yours was 月日花山水."
    assert rows("SELECT user_id FROM linked_lines ORDER BY number") == [(first.id,), (None,)]


async def test_a_form_that_was_open_during_a_restart_is_taken(world: World) -> None:
    message = await begin(world)
    form = await world.bob.click(message, label=ADD)
    await world.restart()
    assert "fits well" in told(await world.bob.submit_modal(form, {"line": FITTING}))
    await write(world.alice, message, FITTING)
    assert "Favorite" in labels(world, message)


async def test_forms_that_are_never_handed_in_are_not_kept(world: World) -> None:
    message = await begin(world)
    for _ in range(3):
        await world.bob.click(message, label=ADD)
    assert not world.bot._connection._view_store._modals


class TestTheEnd:
    async def test_a_stranger_cannot_end_it(self, world: World) -> None:
        message = await begin(world)
        answer = told(await world.bob.click(message, label="End"))
        assert answer == ("Only whoever began this poem, or a moderator who can manage messages here, can end it.")
        assert labels(world, message) == [ADD, "End"]

    async def test_whoever_began_it_ends_it_and_the_lines_are_a_poem(self, world: World) -> None:
        message = await begin(world, lines=8)
        await write(world.bob, message, FITTING)
        await world.alice.click(message, label="End")
        assert re.fullmatch(rf"Written by <@{world.bob.id}> · Shiren\n\n{FITTING}，\n\w{{5}}。", said(world, message))
        assert "Favorite" in labels(world, message)

    async def test_a_moderator_ends_one_that_has_no_line_yet(self, world: World) -> None:
        message = await begin(world)
        await world.admin.click(message, label="End")
        assert said(world, message) == "Ended before there were two lines."
        assert labels(world, message) == []

    async def test_what_was_abandoned_for_a_day_is_over(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        message = await begin(world)
        form = await world.bob.click(message, label=ADD)
        later = datetime.now(UTC) + timedelta(days=1, minutes=1)
        monkeypatch.setattr(world.services.linked, "_clock", lambda: later)
        for label in (ADD, "End"):
            assert told(await world.alice.click(message, label=label)) == OVER
        assert told(await world.bob.submit_modal(form, {"line": FITTING})) == OVER

    async def test_what_was_abandoned_is_forgotten_at_the_next_start(self, world: World, rows: Rows) -> None:
        await begin(world)
        rows("UPDATE linked_poems SET touched_at = '2020-01-01 00:00:00.000000'")
        await world.restart()
        assert rows("SELECT count(*) FROM linked_poems") == [(0,)]


class TestPlaces:
    async def test_one_is_written_in_direct_messages_too(self, world: World) -> None:
        carol = world.env.create_user("carol")
        started = await carol.slash("linked", first="bot")
        assert isinstance(started, simcord.InteractionResult)
        form = await carol.click(shown(started), label=ADD)
        assert isinstance(form, simcord.InteractionResult)
        result = await carol.submit_modal(form, {"line": FITTING})
        assert told(result).startswith(f"**{FITTING}** ")

    async def test_one_of_another_channel_is_not_known_in_this_one(self, world: World, rows: Rows) -> None:
        await begin(world)
        elsewhere = world.guild.create_text_channel("elsewhere")
        poem = shown(await world.bob.slash(elsewhere, "poem", start="月"))
        for action in ("add", "end"):
            assert told(await forge_press(world, world.alice, poem, f"shiren:linked:{action}:1")) == OVER
        assert rows("SELECT count(*) FROM linked_poems") == [(1,)]

    async def test_a_form_that_no_message_showed_is_refused(self, world: World, rows: Rows) -> None:
        await begin(world)
        for custom_id in ("shiren:linked:line:1:0", "shiren:linked:line:1", "shiren:linked:line:1:0 ", "line"):
            assert told(await forge_form(world, world.bob, custom_id)) == COMPONENT
        assert rows("SELECT count(*) FROM linked_lines") == [(0,)]
