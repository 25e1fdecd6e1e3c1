"""`/help` shows what there is and does it; `/about` tells what writes."""

import re
import unicodedata

import pytest
from discord import Locale

from bot.i18n import Language, Languages
from bot.preview_locales import Locales
from bot.ui.help_message import Example
from bot.ui.poem_message import POEM_BUTTONS
from tests.bot.conftest import Rows
from tests.bot.forgery import forge_press
from tests.bot.world import World, embed_of, shown, told


async def test_help_names_every_command_there_is(world: World) -> None:
    embed = embed_of(await world.ask(world.alice, "help"))
    text = "\n".join(str(field.value) for field in embed.fields)
    named = set(re.findall(r"`/([a-z]+)`", text))
    # Help needs no help, and two are the owner's.
    assert named == {command.name for command in world.bot.tree.get_commands() if not command.name[0].isupper()} - {
        *("help", "retrain", "model")
    }


def test_help_names_the_buttons_of_a_poem_as_they_look(languages: Languages) -> None:
    buttons = {button.emoji.strip("\ufe0f") for button in POEM_BUTTONS}
    for language in Language:
        text = languages(language)("help.poem_text")
        named = {character for character in text if unicodedata.category(character) == "So"}
        assert named
        assert named <= buttons


async def test_help_is_for_whoever_asks_alone(world: World) -> None:
    await world.ask(world.alice, "help")
    assert world.seen_by(world.bob) == []


@pytest.mark.parametrize(
    ("example", "locale", "title", "lines"),
    [
        (Example.POEM, Locale.american_english, "《月》", 4),
        (Example.LONGER, Locale.american_english, "《春》", 8),
        (Example.ACROSTIC, Locale.chinese, "《花好月圆》", 4),
        (Example.ACROSTIC, Locale.taiwan_chinese, "《花好月圓》", 4),
        (Example.CONTINUE, Locale.chinese, "《小院花开早》", 4),
        (Example.CONTINUE, Locale.taiwan_chinese, "《小院花開早》", 4),
    ],
)
async def test_a_button_writes_what_its_label_says(
    world: World, speaking: Locales, example: Example, locale: Locale, title: str, lines: int
) -> None:
    speaking.set(world.alice.id, locale)
    panel = shown(await world.ask(world.alice, "help"))
    embed = embed_of(await world.alice.click(panel, custom_id=f"shiren:help:{example}"))
    assert embed.title == title
    assert len(str(embed.description).split("\n")) == lines
    assert len(world.seen_by(world.bob)) == 1


@pytest.mark.parametrize(("example", "title"), [(Example.FAVORITES, "Your favorites"), (Example.SETTINGS, "Settings")])
async def test_a_button_shows_what_is_ones_own_to_one_alone(world: World, example: Example, title: str) -> None:
    panel = shown(await world.ask(world.alice, "help"))
    assert embed_of(await world.alice.click(panel, custom_id=f"shiren:help:{example}")).title == title
    assert world.seen_by(world.bob) == []


async def test_the_labels_are_typed_as_the_readers_discord_has_them(world: World, speaking: Locales) -> None:
    speaking.set(world.alice.id, Locale.chinese)
    panel = shown(await world.ask(world.alice, "help"))
    labels = [button.label for row in panel.message.components for button in row.children]  # type: ignore[union-attr] # rows of buttons
    assert labels == [
        "/诗 开头:月",
        "/诗 开头:春 字数:7 句数:8",
        "/藏头诗 藏字:花好月圆",
        "/续诗 首句:小院花开早",
        "/收藏",
        "/设置",
    ]


async def test_no_other_example_can_be_pressed(world: World, rows: Rows) -> None:
    panel = shown(await world.ask(world.alice, "help"))
    answer = await forge_press(world, world.alice, panel, "shiren:help:everything")
    assert told(answer).startswith("This button or menu is no longer in use.")
    assert rows("SELECT count(*) FROM poems") == [(0,)]


async def test_about_tells_the_live_model_its_figures_and_what_it_learned_from(world: World) -> None:
    embed = embed_of(await world.ask(world.alice, "about"))
    facts = world.services.models.facts
    text = "\n".join(str(field.value) for field in embed.fields)
    assert facts.version == world.services.models.live_version
    assert f"Version {facts.version}, {facts.parameters:,} parameters" in text
    assert f"learned from {facts.poems:,} poems, and was measured by {facts.held_back:,} others" in text
    assert f"perplexity {facts.perplexity:.1f}" in text
    assert "(https://github.com/chinese-poetry/chinese-poetry)" in text
    assert re.search(
        r"\[MIT licence\]\(https://github\.com/chinese-poetry/chinese-poetry/blob/[0-9a-f]{40}/LICENSE\)", text
    )


async def test_about_leaves_out_what_the_bundle_does_not_say(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    poet = world.services.models._poet
    monkeypatch.setattr(poet, "metadata", {})
    embed = embed_of(await world.ask(world.alice, "about"))
    assert [field.name for field in embed.fields] == ["The model", "The verse"]
