"""A walk through every command in every language: each answers, in that language, and in nothing else."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import discord
import pytest
import simcord
from discord import Locale

from bot.i18n import Language, Strings
from bot.preview_locales import Locales
from poetry_model.script import Script, told_script
from tests.bot.forgery import leaves
from tests.bot.world import Option, World, shown

LOCALES = {
    Language.ENGLISH: Locale.american_english,
    Language.SIMPLIFIED: Locale.chinese,
    Language.TRADITIONAL: Locale.taiwan_chinese,
}

SCRIPTS = {Language.SIMPLIFIED: Script.SIMPLIFIED, Language.TRADITIONAL: Script.TRADITIONAL}

NAMES_OF_LANGUAGES = ("简体中文", "繁體中文", "简体", "繁體", "红", "紅")
"""In every language in the script they belong to."""


def options_of(world: World, name: str) -> dict[str, Option]:
    """What must be said with a command."""
    live = world.services.models.live_version
    needed: Mapping[str, dict[str, Option]] = {
        "poem": {"start": "月"},
        "acrostic": {"heads": "山水"},
        "continue": {"line": "小山明月天"},
        "daily set": {"channel": world.channel, "hour": 8, "zone": "Asia/Taipei"},
        "model use": {"version": live},
        "model compare": {"a": live, "b": live},
    }
    return dict(needed.get(name, {}))


def texts(message: simcord.ResponseMessage | discord.Message) -> Iterator[str]:
    """All that a reader reads in a message."""
    yield message.content
    for embed in message.embeds:
        yield embed.title or ""
        yield embed.description or ""
        yield (embed.footer.text if embed.footer else "") or ""
        for field in embed.fields:
            yield field.name or ""
            yield field.value or ""
    for row in message.components:
        for component in getattr(row, "children", []):
            yield getattr(component, "label", None) or ""
            yield getattr(component, "placeholder", None) or ""
            for option in getattr(component, "options", []):
                yield option.label
                yield option.description or ""


def phrases(strings: Strings) -> list[str]:
    """Parts of strings that tell the language: two words at least."""
    return [
        phrase.strip()
        for text in strings._strings.values()
        for phrase in re.split(r"\{[^}]*\}|`[^`]*`|\n", text)
        if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", phrase) and len(phrase.strip()) > 7
    ]


async def walk(world: World) -> list[tuple[str, simcord.InteractionResult]]:
    """What the owner, who may do everything, gets for each command."""
    # Nobody works a training off: what it says at its start is enough.
    await world.services.retraining.close()
    answers = []
    for command in sorted(leaves(world), key=lambda each: each.qualified_name):
        name = command.qualified_name
        answers.append((name, await world.ask(world.owner, name, **options_of(world, name))))
    poem = shown(await world.ask(world.owner, "poem", start="月"))
    # That of meanings gives them in English to everyone.
    menus = [
        menu
        for menu in world.bot.tree.get_commands(type=discord.AppCommandType.message)
        if menu.name != world.strings("menu.command.reading")
    ]
    return answers + [(menu.name, await world.owner.context_menu(world.channel, menu.name, poem)) for menu in menus]


@pytest.mark.parametrize("language", list(Language))
async def test_every_command_answers_in_the_language_of_whoever_asks(
    world: World, speaking: Locales, language: Language
) -> None:
    speaking.set(world.owner.id, LOCALES[language])
    english = phrases(Strings.load(Language.ENGLISH))
    for name, result in await walk(world):
        assert result.acknowledged, name
        messages = [*([shown(result)] if not result.followups else []), *result.followups]
        assert messages, name
        check(name, [text for message in messages for text in texts(message)], language, english)
    for message in world.channel.history():
        check("the channel", list(texts(message)), language, english)


def check(name: str, read: list[str], language: Language, english: list[str]) -> None:
    """Fails where something is not in the language."""
    text = "\n".join(read)
    assert text.strip(), name
    if language is Language.ENGLISH:
        assert re.search("[A-Za-z]{3}", text), (name, text)
        return
    assert re.search(r"[\u4e00-\u9fff]", text), (name, text)
    assert [phrase for phrase in english if phrase in text] == [], name
    for known in NAMES_OF_LANGUAGES:
        text = text.replace(known, "")
    foreign = [character for character in text if told_script(character) not in {None, SCRIPTS[language]}]
    assert foreign == [], (name, text)


@pytest.mark.parametrize("language", [Language.SIMPLIFIED, Language.TRADITIONAL])
async def test_mistakes_are_answered_in_the_language_too(world: World, speaking: Locales, language: Language) -> None:
    # SimCord lets alice not even try some of them.
    speaking.set(world.admin.id, LOCALES[language])
    strings = world.languages(language, language)
    answers: list[tuple[str, dict[str, Any], str]] = [
        ("poem", {"start": "abc"}, strings("request.start_not_han", character="a")),
        ("model status", {}, strings("retrain.forbidden")),
        ("retrain", {}, strings("retrain.forbidden")),
        ("daily off", {}, strings("daily.none")),
        ("privacy delete", {}, strings("privacy.delete.nothing")),
    ]
    for command, options, sentence in answers:
        result = await world.ask(world.admin, command, **options)
        [message] = result.followups or [shown(result)]
        assert message.content == sentence
        assert message.ephemeral


async def test_the_buttons_of_a_poem_answer_each_in_their_own_language(world: World, speaking: Locales) -> None:
    speaking.set(world.alice.id, Locale.chinese)
    speaking.set(world.bob.id, Locale.taiwan_chinese)
    poem = shown(await world.poem("月"))
    labels = [str(getattr(button, "label", "")) for row in poem.message.components for button in row.children]  # type: ignore[union-attr] # rows of buttons
    assert labels[:3] == ["收藏", "再来一首", "删除"]
    kept = {}
    for who in (world.alice, world.bob, world.admin):
        kept[who.name] = shown(await who.click(poem, custom_id="shiren:favorite:1")).content
    assert kept == {
        "alice": world.languages(Language.SIMPLIFIED, Language.SIMPLIFIED)("poem.kept"),
        "bob": world.languages(Language.TRADITIONAL, Language.TRADITIONAL)("poem.kept"),
        "admin": world.strings("poem.kept"),
    }
    assert "/收藏" in kept["alice"]
    assert "/favorites" in kept["admin"]


@pytest.mark.parametrize(("language", "start"), [(Language.SIMPLIFIED, "風"), (Language.TRADITIONAL, "风")])
async def test_the_line_under_a_poem_is_in_one_script_whatever_the_poems(
    world: World, speaking: Locales, language: Language, start: str
) -> None:
    speaking.set(world.alice.id, LOCALES[language])
    [embed] = shown(await world.poem(start)).embeds
    assert told_script(str(embed.description)) is not SCRIPTS[language]
    assert told_script(str(embed.footer.text)) is SCRIPTS[language]


async def test_a_training_is_shown_in_the_language_of_whoever_started_it(world: World, speaking: Locales) -> None:
    speaking.set(world.owner.id, Locale.taiwan_chinese)
    await world.services.retraining.close()
    await world.retrain(world.owner)
    [message] = [each for each in world.channel.history() if each.embeds]
    assert message.embeds[0].title == "重新訓練"
    await world.restart()
    await world.bot.services.retraining.recover()
    [message] = [each for each in world.channel.history() if each.embeds]
    strings = world.languages(Language.TRADITIONAL)
    assert str(message.embeds[0].description).startswith(strings("retrain.status.interrupted"))
