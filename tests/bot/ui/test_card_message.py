import io
import re
from datetime import UTC, datetime

import discord
import pytest
import simcord
from PIL import Image

from bot.services.daily_schedule import Schedule
from bot.ui.card import Card
from bot.ui.card_paper import PALETTES, Paper
from bot.ui.card_press import CardPress
from bot.ui.fonts import Fonts
from tests.bot.conftest import Rows
from tests.bot.world import World, shown, told

NOT_YOURS = "This card is somebody else's. Press 🖼️ under the poem for one of your own."


async def pressed(world: World, label: str = "Card") -> simcord.ResponseMessage:
    """What bob gets for pressing a button under a poem of alice's."""
    return shown(await world.bob.click(shown(await world.poem()), label=label))


def labels(message: simcord.ResponseMessage) -> list[str]:
    return [button["label"] for row in message.components for button in row["components"]]


async def picture(message: simcord.ResponseMessage) -> Image.Image:
    [attachment] = message.attachments
    assert attachment.filename == "poem.png"
    return Image.open(io.BytesIO(await attachment.read())).convert("RGB")


def paper_of(image: Image.Image) -> Paper:
    """The paper that a picture was drawn on."""
    red, _, _ = image.getpixel((3, 3))  # type: ignore[misc] # a colour, of an RGB picture
    return min(Paper, key=lambda paper: abs(PALETTES[paper].paper[0] - red))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Card]:
    """The cards that are drawn."""
    cards: list[Card] = []
    draw = CardPress.draw

    async def watched(press: CardPress, card: Card) -> bytes:
        cards.append(card)
        return await draw(press, card)

    monkeypatch.setattr(CardPress, "draw", watched)
    return cards


async def test_the_button_shows_everyone_the_poem_as_a_picture_and_who_asked(world: World) -> None:
    card = await pressed(world)
    assert not card.ephemeral
    assert card.content == f"A card for <@{world.bob.id}>"
    assert labels(card) == ["Dark paper", "Show metre", "Delete"]
    image = await picture(card)
    assert max(image.size) <= 1280
    assert paper_of(image) is Paper.LIGHT
    assert len(world.seen_by(world.alice)) == 2


async def test_the_picture_says_its_poem_to_those_who_cannot_see_it(world: World) -> None:
    poem = shown(await world.poem())
    [attachment] = shown(await world.bob.click(poem, label="Card")).message.attachments
    assert attachment.description == poem.embeds[0].description


async def test_the_paper_and_the_metre_are_switched_in_the_same_message(world: World, drawn: list[Card]) -> None:
    card = await pressed(world)
    await world.bob.click(card, label="Dark paper")
    assert labels(card) == ["Light paper", "Show metre", "Delete"]
    assert paper_of(await picture(card)) is Paper.DARK
    await world.bob.click(card, label="Show metre")
    assert labels(card) == ["Light paper", "Hide metre", "Delete"]
    await world.bob.click(card, label="Light paper")
    await world.bob.click(card, label="Hide metre")
    assert labels(card) == ["Dark paper", "Show metre", "Delete"]
    assert [(each.paper, each.metre is not None) for each in drawn] == [
        (Paper.LIGHT, False),
        (Paper.DARK, False),
        (Paper.DARK, True),
        (Paper.LIGHT, True),
        (Paper.LIGHT, False),
    ]
    assert len({each.lines for each in drawn}) == 1
    assert card.content == f"A card for <@{world.bob.id}>"
    assert len(world.seen_by(world.alice)) == 2


async def test_a_card_can_be_switched_after_a_restart(world: World) -> None:
    card = await pressed(world)
    await world.restart()
    await world.bob.click(card, label="Dark paper")
    assert paper_of(await picture(card)) is Paper.DARK


async def test_another_s_card_is_not_switched(world: World, drawn: list[Card]) -> None:
    card = await pressed(world)
    for label in ("Dark paper", "Show metre"):
        assert told(await world.alice.click(card, label=label)) == NOT_YOURS
    assert len(drawn) == 1


async def test_whoever_asked_takes_the_card_away_and_so_does_a_moderator_but_nobody_else(world: World) -> None:
    poem = shown(await world.poem())
    for who in (world.bob, world.admin):
        card = shown(await world.bob.click(poem, label="Card"))
        assert told(await world.alice.click(card, label="Delete")) == NOT_YOURS
        await who.click(card, label="Delete")
        assert [message.id for message in world.seen_by(world.owner)] == [poem.id]


async def test_the_day_on_a_card_is_the_day_of_its_readers(
    world: World, drawn: list[Card], rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    poem = shown(await world.poem())
    late = datetime(2026, 3, 5, 23, 30, tzinfo=UTC)
    rows(f"UPDATE poems SET created_at = '{late:%Y-%m-%d %H:%M:%S.%f}'")
    await world.bob.click(poem, label="Card")
    await world.services.daily.set(world.guild.id, world.channel.id, Schedule(9, "Asia/Tokyo"), world.admin.id)
    await world.bob.click(poem, label="Card")
    rows("DELETE FROM dailies")
    monkeypatch.setattr(
        discord.Interaction, "guild_locale", property(lambda _: discord.Locale.chinese, lambda *_: None), raising=False
    )
    await world.bob.click(poem, label="Card")
    assert [card.date[1] for card in drawn] == ["三月五日", "三月六日", "三月六日"]


async def test_without_fonts_there_is_no_button_and_an_old_one_says_so(world: World) -> None:
    poem = shown(await world.poem())
    world.fonts = None
    await world.restart()
    assert "Card" not in labels(shown(await world.poem("山")))
    assert told(await world.bob.click(poem, label="Card")).startswith("I have no font")


async def test_a_character_that_no_font_has_is_named(world: World) -> None:
    poem = shown(await world.poem())
    world.fonts = _Few(world.fonts, lacks="月")
    await world.restart()
    result = await world.bob.click(poem, label="Card")
    assert re.search("No font I have can draw .*月", (result.followups or [shown(result)])[0].content)


class _Few(Fonts):
    """Fonts that lack some characters."""

    def __init__(self, fonts: Fonts | None, lacks: str) -> None:
        assert fonts is not None
        super().__init__(fonts._faces)
        self._lacks = lacks

    def face_of(self, character, script):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 # as the base class
        return None if character in self._lacks else super().face_of(character, script)


async def test_a_card_in_direct_messages_names_nobody(world: World) -> None:
    carol = world.env.create_user("carol")
    poem = shown(await carol.slash("poem", start="春"))
    card = shown(await carol.click(poem, label="Card"))
    assert card.content == ""
    await carol.click(card, label="Dark paper")
    assert labels(card) == ["Light paper", "Show metre", "Delete"]


async def test_a_card_of_a_poem_that_is_not_remembered_says_so(world: World, rows: Rows) -> None:
    poem = shown(await world.poem())
    card = shown(await world.bob.click(poem, label="Card"))
    rows("DELETE FROM poems")
    for message, label in ((poem, "Card"), (card, "Dark paper")):
        assert told(await world.bob.click(message, label=label)).startswith("I don't remember this poem")
