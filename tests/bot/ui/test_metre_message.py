import re
import unicodedata

from bot.services.composer import Composer
from tests.bot.conftest import Rows
from tests.bot.world import World, shown, told

UNKNOWN = "I don't remember this poem any more. Ask for a new one with /poem."


def table(text: str) -> list[str]:
    [inside] = re.findall(r"```\n(.*)\n```", text, re.DOTALL)
    return str(inside).split("\n")


async def test_the_button_shows_the_metre_to_the_person_alone(world: World) -> None:
    poem = shown(await world.poem(form=7, lines=8))
    text = told(await world.bob.click(poem, label="Metre"))
    assert text.startswith("**七言律诗　")
    lines = re.findall(r"\w{7}", str(poem.embeds[0].description))
    rows = table(text)
    assert [row.split("\u3000")[1] for row in rows] == lines
    assert len({len(row) for row in rows}) == 1
    for row in rows:
        assert {unicodedata.east_asian_width(character) for character in row[:-7]} <= {"W", "F"}
        assert set(row[-7:]) <= set("○●◐")
    assert len(world.seen_by(world.alice)) == 1


async def test_the_pattern_is_the_one_the_poem_was_written_in(world: World, rows: Rows) -> None:
    poem = shown(await world.poem())
    [(pattern,)] = rows("SELECT pattern FROM poems")
    footer = poem.embeds[0].footer.text
    heading = told(await world.bob.click(poem, label="Metre")).split("\n")[0]
    assert len(pattern) > 4
    assert heading.strip("*").replace("\u3000", " ") == str(footer).split(" · ")[0]


async def test_free_verse_is_looked_at_for_its_rhyme_alone(world: World) -> None:
    text = told(await world.bob.click(shown(await world.poem(style="free")), label="Metre"))
    assert text.startswith("**五言古体**")


async def test_the_button_works_after_a_restart(world: World) -> None:
    poem = shown(await world.poem())
    before = told(await world.bob.click(poem, label="Metre"))
    await world.restart()
    assert told(await world.bob.click(poem, label="Metre")) == before


async def test_a_model_that_knows_no_tones_has_no_button_and_an_old_one_says_so(world: World) -> None:
    poem = shown(await world.poem())
    composer: Composer = world.services.models.composer
    composer._poet.prosody = None
    labels = [button["label"] for row in shown(await world.poem("山")).components for button in row["components"]]
    assert "Metre" not in labels
    assert told(await world.bob.click(poem, label="Metre")).startswith("The model I write with knows nothing")
    card = shown(await world.bob.click(poem, label="Card"))
    assert [button["label"] for button in card.components[0]["components"]] == ["Dark paper", "Delete"]


async def test_the_metre_of_a_poem_that_is_not_remembered_is_not_shown(world: World, rows: Rows) -> None:
    poem = shown(await world.poem())
    rows("DELETE FROM poems")
    assert told(await world.bob.click(poem, label="Metre")) == UNKNOWN
