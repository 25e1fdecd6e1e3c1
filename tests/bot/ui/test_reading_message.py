import re

import discord
import pytest
import simcord

from bot.i18n import Language, Languages
from bot.services.reading import Line, Word, prepare
from bot.ui.reading_message import reading_embed
from tests.bot.conftest import Rows
from tests.bot.world import World, shown, told


@pytest.fixture(scope="module", autouse=True)
def prepared() -> None:
    """On a busy machine, the first reader would wait for longer than SimCord does."""
    prepare()


async def read(who: simcord.MemberActor, poem: simcord.ResponseMessage) -> discord.Embed:
    answer = shown(await who.click(poem, label="Pinyin"))
    assert answer.ephemeral
    [embed] = answer.embeds
    return embed


async def test_each_line_is_shown_with_its_pinyin_and_its_words_to_the_person_alone(world: World) -> None:
    poem = shown(await world.poem())
    embed = await read(world.bob, poem)
    paragraphs = str(embed.description).split("\n\n")
    lines = re.findall(r"\w{5}", str(poem.embeds[0].description))
    assert [paragraph.split("\n")[0] for paragraph in paragraphs] == [f"**{line}**" for line in lines]
    for line, paragraph in zip(lines, paragraphs, strict=True):
        _, pinyin, words = paragraph.split("\n")
        assert len(pinyin.strip("*").split()) == 5
        assert "".join(word.split(" ")[0] for word in words.split(" · ")) == line
    assert "yuè" in paragraphs[0]
    # Which word it begins with, 月 alone or one like 月色, is the poem's affair.
    assert re.match(r"月\w* [a-z]", paragraphs[0].split("\n")[2])
    assert "CC-CEDICT (CC BY-SA 4.0)" in str(embed.footer.text)
    assert len(world.seen_by(world.alice)) == 1


async def test_the_button_works_after_a_restart(world: World) -> None:
    poem = shown(await world.poem())
    before = await read(world.bob, poem)
    await world.restart()
    assert await read(world.bob, poem) == before


async def test_a_poem_that_is_not_remembered_is_not_read(world: World, rows: Rows) -> None:
    poem = shown(await world.poem())
    rows("DELETE FROM poems")
    assert told(await world.bob.click(poem, label="Pinyin")).startswith("I don't remember this poem")


async def test_the_longest_poem_fits(world: World) -> None:
    poem = shown(await world.poem(form=7, lines=16))
    embed = await read(world.bob, poem)
    paragraphs = str(embed.description).split("\n\n")
    assert len(paragraphs) == 16
    assert len(str(embed.description)) <= 4096


def long_line(meaning: str, characters: int = 7) -> Line:
    return Line("月" * characters, ("zhuàng",) * characters, tuple(Word("月", (meaning,)) for _ in range(characters)))


def test_long_meanings_are_cut_and_never_away(languages: Languages) -> None:
    embed = reading_embed(
        "月", [long_line("a thousand words of praise that no message has room for")] * 16, languages.default
    )
    assert 0 < len(str(embed.description)) <= 4096
    assert str(embed.description).count("月 a thousand") == 7 * 16


def test_senses_are_added_while_there_is_room(languages: Languages) -> None:
    word = Word("月", ("moon", "month", "a very long sense indeed that does not fit beside the others", "monthly"))
    [_, _, shown_words] = str(
        reading_embed("月", [Line("月", ("yuè",), (word,))], languages.default).description
    ).split("\n")
    assert shown_words == "月 moon; month"


def test_a_character_without_an_entry_is_said_to_have_none(languages: Languages) -> None:
    lines = [Line("月㑇", ("yuè", "zhòu"), (Word("月", ("moon",)), Word("㑇", ())))]
    for strings in map(languages, Language):
        text = str(reading_embed("月", lines, strings).description)
        assert text.endswith(f"㑇 {strings('reading.no_entry')}")
