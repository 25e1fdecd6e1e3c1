"""What can be asked of the poet beside a character: a mood, a seed, heads, a first line."""

import re

import pytest
import simcord

from poetry_model.script import Script
from tests.bot.conftest import Rows
from tests.bot.forgery import Forged, forge_command
from tests.bot.world import World, embed_of, shown, told


def text_of(result: simcord.InteractionResult) -> str:
    """The poem as it is shown."""
    return str(embed_of(result).description)


class TestSeeds:
    @pytest.mark.parametrize("seed", ["7", "the moon over the lake"])
    async def test_the_same_seed_and_options_give_the_same_poem(self, world: World, seed: str) -> None:
        first = await world.poem(seed=seed, mood="wild", form=7)
        assert text_of(await world.poem(seed=seed, mood="wild", form=7)) == text_of(first)
        for other in (await world.poem(seed=f"{seed}1", mood="wild", form=7), await world.poem(seed=seed, form=7)):
            assert text_of(other) != text_of(first)

    async def test_the_seed_under_a_poem_gives_it_again(self, world: World) -> None:
        first = await world.poem(style="free")
        found = re.search(r"Seed (\d+)", str(embed_of(first).footer.text))
        assert found is not None
        assert text_of(await world.poem(style="free", seed=found[1])) == text_of(first)

    async def test_a_surprise_can_be_had_again_too(self, world: World) -> None:
        first = await world.poem("🎲", seed="5")
        assert embed_of(await world.poem("🎲 随", seed="5")).to_dict() == embed_of(first).to_dict()
        titles = {embed_of(await world.poem("🎲", seed=str(seed))).title for seed in range(6)}
        assert len(titles) > 1


class TestMoods:
    async def test_a_mood_is_shown_and_another_of_the_kind_has_it_too(self, world: World, rows: Rows) -> None:
        first = await world.poem(mood="steady")
        second = await world.bob.click(shown(first), label="Another")
        for result in (first, second):
            assert " · steady · Seed " in str(embed_of(result).footer.text)
        assert rows("SELECT mood, kind FROM poems") == [("steady", "poem")] * 2

    async def test_the_lively_mood_goes_without_saying(self, world: World) -> None:
        assert "lively" not in str(embed_of(await world.poem(mood="lively")).footer.text)


class TestAcrostics:
    async def test_every_head_stands_out_at_its_line(self, world: World) -> None:
        for heads, form in (("春江花月", 5), ("山水", 7), ("一二三四五六七八九十月山水花天秋", 5)):
            lines = text_of(await world.ask(world.alice, "acrostic", heads=heads, form=form)).split("\n")
            for head, line in zip(heads, lines, strict=True):
                assert re.fullmatch(rf"\*\*{head}\*\*\w{{{form - 1}}}[，。]", line)

    async def test_it_is_found_again_by_its_buttons(self, world: World, rows: Rows) -> None:
        first = await world.ask(world.alice, "acrostic", heads="云后", style="free", mood="wild", seed="3")
        assert embed_of(first).title == "《云后》"
        assert str(embed_of(first).footer.text).startswith("五言古体 · Acrostic 藏头 · wild · Seed 3 · Model ")
        assert rows("SELECT kind, start, style, mood, seed FROM poems") == [("acrostic", "云后", "free", "wild", 3)]
        await world.bob.click(shown(first), label="Favorite")
        again = await world.bob.click(shown(first), label="Another")
        assert text_of(again) != text_of(first)
        assert [line[2] for line in text_of(again).split("\n")] == ["云", "后"]
        poem = await world.services.poems.get(1)
        assert [line[0] for line in poem.lines] == ["云", "后"]
        assert [line[0] for line in poem.traditional] == ["雲", poem.traditional[1][0]]

    async def test_heads_that_cannot_be_are_answered_in_one_sentence(self, world: World) -> None:
        for heads, sentence in (
            ("月", "An acrostic has 2 to 16 characters; yours has 1."),
            ("月" * 17, "An acrostic has 2 to 16 characters; yours has 17."),
            ("moon", "A poem begins with Chinese characters, and m is not one. Try 月."),
        ):
            assert told(await world.ask(world.alice, "acrostic", heads=heads)) == sentence
        assert world.seen_by(world.bob) == []


class TestContinuing:
    async def test_a_line_is_gone_on_from_in_its_form(self, world: World) -> None:
        for line, first in (
            ("水日不花風", "水日不花風"),
            (" 水日，不花风！", "水日不花风"),
            ("春江花月夜明天", "春江花月夜明天"),
        ):
            text = text_of(await world.ask(world.alice, "continue", line=line, lines=3))
            assert re.fullmatch(rf"{first}，\n\w{{{len(first)}}}。\n\w{{{len(first)}}}。", text)

    async def test_the_script_is_that_of_the_line(self, world: World, rows: Rows) -> None:
        for line, script in (("水日不花風", Script.TRADITIONAL), ("水日不花风", Script.SIMPLIFIED)):
            await world.ask(world.alice, "continue", line=line)
            assert rows("SELECT script FROM poems ORDER BY id DESC LIMIT 1") == [(script.value,)]

    async def test_another_goes_on_from_the_same_line(self, world: World) -> None:
        first = await world.ask(world.alice, "continue", line="水日不花月", lines=8)
        second = await world.alice.click(shown(first), label="Another")
        assert text_of(second).startswith("水日不花月，\n")
        assert len(text_of(second).split("\n")) == 8
        assert text_of(second) != text_of(first)

    async def test_a_line_that_cannot_be_is_answered_in_one_sentence(self, world: World) -> None:
        for line, sentence in (
            ("水日不花", "A first line has 5 or 7 characters; yours has 4."),
            ("水日不花月，水日不花月。", "A first line has 5 or 7 characters; yours has 10."),
            ("。", "Give the Chinese character the poem should begin with, for example 月."),
            ("hello", "A poem begins with Chinese characters, and h is not one. Try 月."),
        ):
            assert told(await world.ask(world.alice, "continue", line=line)) == sentence
        assert world.seen_by(world.bob) == []


class TestTyping:
    async def offered(self, world: World, typed: str) -> dict[str, str]:
        """Value → name of what alice is offered."""
        choices = await world.alice.autocomplete(world.channel, "poem", "start", typed)
        assert len(choices) <= 25
        return {str(choice["value"]): str(choice["name"]) for choice in choices}

    async def test_whoever_has_typed_nothing_is_offered_a_surprise_and_first_characters(self, world: World) -> None:
        offered = await self.offered(world, "")
        assert list(offered)[:2] == ["🎲", "月"]
        assert (offered["🎲"], offered["月"]) == ("🎲 随 · surprise me", "月 · moon")
        assert len(offered) == 25

    async def test_what_is_typed_finds_characters_and_words(self, world: World) -> None:
        for typed, found in (
            ("mo", {"月": "月 · moon", "山": "山 · mountain"}),
            ("Goose", {"雁": "雁 · wild goose"}),
            ("风", {"风": "风 · wind"}),
            ("風", {"風": "風 · wind"}),
            ("春江", {"春江": "春江"}),
            ("🎲", {"🎲": "🎲 随 · surprise me"}),
            ("随", {"随": "随", "🎲": "🎲 随 · surprise me"}),
            ("xyz", {}),
        ):
            assert await self.offered(world, typed) == found, typed
        assert len(await self.offered(world, "\u202e")) == 25

    async def test_whatever_else_is_sent_is_answered_with_choices(self, world: World) -> None:
        for typed in (5, "x" * 10_000, "月" * 200, "\ud800x", Forged(3, None), Forged(3, ["月"])):
            result = await forge_command(world, world.alice, "poem", {"start": typed}, typing="start")
            assert result.autocomplete_choices is not None, typed

    async def test_what_is_offered_can_be_written(self, world: World) -> None:
        for value in list(await self.offered(world, ""))[1:4]:
            assert text_of(await world.poem(value, lines=1)).startswith(value)
