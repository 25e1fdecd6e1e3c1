import asyncio
import re

import pytest
import simcord

from bot.services.composer import Composer
from poetry_model.poem import Poem, PoemRequest
from tests.bot.conftest import Rows
from tests.bot.world import World, embed_of, shown, told


@pytest.mark.parametrize(("form", "lines"), [(5, 4), (7, 8), (7, 1), (5, 16)])
async def test_a_poem_has_the_form_and_the_lines_that_were_asked_for(world: World, form: int, lines: int) -> None:
    text = str(embed_of(await world.poem("山", form=form, lines=lines)).description)
    assert text.startswith("山")
    assert re.fullmatch(rf"(\w{{{form}}}[，。]\n?){{{lines}}}", text)
    assert len(text.split("\n")) == lines


async def test_four_lines_of_five_characters_are_written_when_nothing_is_said(world: World) -> None:
    text = str(embed_of(await world.poem()).description)
    assert re.fullmatch(r"月\w{4}，\n\w{5}。\n\w{5}，\n\w{5}。", text)


async def test_everyone_sees_the_poem_its_title_and_its_model(world: World) -> None:
    result = await world.poem("春风")
    assert embed_of(result).title == "《春风》"
    footer = str(embed_of(result).footer.text)
    model = world.services.models.live_version
    assert re.fullmatch(rf"五言绝句 [平仄]起首句不?入韵 · Seed \d+ · Model {model}", footer)
    assert [message.id for message in world.seen_by(world.bob)] == [shown(result).id]


async def test_free_verse_is_named_as_such(world: World) -> None:
    footer = str(embed_of(await world.poem(style="free")).footer.text)
    assert re.fullmatch(rf"五言古体 · Seed \d+ · Model {world.services.models.live_version}", footer)


async def test_the_command_is_acknowledged_before_the_poem_is_composed(world: World) -> None:
    await world.poem()
    announced, answered = world.env.http_requests[-2:]
    assert (announced.path.split("/")[1], (announced.json or {}).get("type")) == ("interactions", 5)
    assert answered.path.split("/")[1] == "webhooks"


async def test_a_poem_is_written_in_direct_messages(world: World, rows: Rows) -> None:
    carol = world.env.create_user("carol")
    result = await carol.slash("poem", start="春")
    assert embed_of(result).title == "《春》"
    assert carol.dm_channel.history()[-1].id == shown(result).id
    assert rows("SELECT user_id, guild_id, start FROM poems") == [(carol.id, None, "春")]


async def test_the_poem_is_remembered_with_who_asked_and_where(world: World, rows: Rows) -> None:
    await world.poem(form=7, lines=2)
    assert rows("SELECT user_id, guild_id, start, form FROM poems") == [(world.alice.id, world.guild.id, "月", 7)]


@pytest.mark.parametrize(
    ("start", "form", "sentence"),
    [
        ("abc", 5, "A poem begins with Chinese characters, and a is not one. Try 月."),
        ("月!", 5, "A poem begins with Chinese characters, and ! is not one. Try 月."),
        ("春江花月夜明", 5, "The beginning can be at most one line, 5 characters here. Yours has 6; shorten it."),
        ("春江花月夜明天人", 7, "The beginning can be at most one line, 7 characters here. Yours has 8; shorten it."),
        ("  ", 5, "Give the Chinese character the poem should begin with, for example 月."),
    ],
)
async def test_a_start_that_cannot_be_used_is_answered_privately_in_one_sentence(
    world: World, rows: Rows, start: str, form: int, sentence: str
) -> None:
    assert told(await world.poem(start, form=form)) == sentence
    assert world.seen_by(world.bob) == []
    assert rows("SELECT count(*) FROM poems") == [(0,)]


@pytest.mark.parametrize("options", [{"form": 6}, {"lines": 0}, {"lines": 17}])
async def test_discord_itself_refuses_other_forms_and_lengths(world: World, options: dict[str, int]) -> None:
    with pytest.raises(simcord.OptionError):
        await world.poem(**options)


async def test_the_forms_are_offered_by_name(world: World) -> None:
    [poem] = [command for command in world.bot.tree.get_commands() if command.name == "poem"]
    [form] = [option for option in poem.to_dict(world.bot.tree)["options"] if option["name"] == "form"]
    assert [(choice["name"], choice["value"]) for choice in form["choices"]] == [
        ("5 characters · 五言", 5),
        ("7 characters · 七言", 7),
    ]


async def test_the_start_is_required_and_stands_first(world: World) -> None:
    [poem] = [command for command in world.bot.tree.get_commands() if command.name == "poem"]
    options = poem.to_dict(world.bot.tree)["options"]
    assert [(option["name"], option["required"]) for option in options] == [
        ("start", True),
        ("form", False),
        ("lines", False),
        ("style", False),
        ("mood", False),
        ("seed", False),
    ]


async def test_a_failure_nobody_foresaw_is_answered_with_a_sentence_and_logged(
    world: World, monkeypatch: pytest.MonkeyPatch, logged_errors: list[str]
) -> None:
    async def fail(self: Composer, request: PoemRequest) -> Poem:
        raise RuntimeError(f"{self} broke on {request.start}")

    monkeypatch.setattr(Composer, "compose", fail)
    answer = shown(await world.poem()).content
    assert answer.startswith("Something went wrong on my side. Please try again in a moment.")
    assert logged_errors == ["Unexpected error"]
    logged_errors.clear()


async def test_a_poem_that_cannot_be_stored_is_shown_without_buttons(
    world: World, rows: Rows, logged_errors: list[str]
) -> None:
    await asyncio.to_thread(rows, "ALTER TABLE poems RENAME TO hidden")
    answer = shown(await world.poem())
    assert str(answer.embeds[0].description).startswith("月")
    assert answer.content.endswith("so this poem has no buttons. Copy it if you like it.")
    assert answer.components == []
    [logged] = logged_errors
    # Without the statement, whose values are people's.
    assert logged.removeprefix("A poem could not be stored: ") in {
        "no such table: poems",
        'relation "poems" does not exist',
    }
    logged_errors.clear()
