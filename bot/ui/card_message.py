"""The card of a poem, shown to everyone: whoever asks for one wants to show it.

It says who asked, and that person alone turns it to another paper; the others get one of their own.
"""

import io
from dataclasses import dataclass, replace

import discord

from bot.errors import BotError
from bot.i18n import Strings
from bot.services.poems import ShownPoem
from bot.ui.card_paper import Paper
from bot.ui.card_press import CardPress
from bot.ui.delivery import acknowledge, acknowledge_press, show, take_away
from bot.ui.host import host_of, strings_for
from bot.ui.id_button import IdButton
from bot.ui.metre_message import metre_of
from bot.ui.poem_button import POEM_ID, PoemButton, shown_poem
from bot.ui.poem_card import card_of
from bot.ui.zone import zone_for

_FILE_NAME = "poem.png"

_WHOSE = f"{POEM_ID}:(?P<user_id>[0-9]{{1,20}})"


@dataclass(frozen=True, slots=True)
class _Look:
    """How a card is drawn, and for whom."""

    poem_id: int
    user_id: int
    paper: Paper = Paper.LIGHT
    is_marked: bool = False
    """Whether the metre stands beside the characters."""

    @property
    def custom_id(self) -> str:
        marks = "marks" if self.is_marked else "plain"
        return f"shiren:card:{self.paper}:{marks}:{self.poem_id}:{self.user_id}"


async def show_card(interaction: discord.Interaction, poem: ShownPoem) -> None:
    """Acknowledge, and show everyone the poem's card."""
    # Before everyone sees that a card is coming.
    _press(interaction).require_room()
    await acknowledge(interaction)
    await _draw(interaction, poem, _Look(poem.id, interaction.user.id))


async def _draw(interaction: discord.Interaction, poem: ShownPoem, look: _Look) -> None:
    """Put the card into the answer of an acknowledged interaction."""
    host, strings = host_of(interaction), await strings_for(interaction)
    prosody = host.services.poems.prosody
    view = metre_of(poem, prosody) if look.is_marked and prosody else None
    day = poem.created_at.astimezone(await zone_for(interaction)).date()
    picture = await _press(interaction).draw(card_of(poem, day, view, look.paper))
    # Who asked needs no saying where there is nobody else.
    is_alone = interaction.guild_id is None and not interaction.context.private_channel
    content = None if is_alone else strings("card.asked", user=interaction.user.mention)
    try:
        await show(
            interaction,
            content=content,
            files=lambda: [discord.File(io.BytesIO(picture), _FILE_NAME, description=poem.text)],
            view=_controls(look, strings, has_metre=prosody is not None),
        )
    except discord.Forbidden:
        raise BotError("card.forbidden") from None


def _controls(look: _Look, strings: Strings, *, has_metre: bool) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    if look.paper is Paper.LIGHT:
        view.add_item(LookButton(replace(look, paper=Paper.DARK).custom_id, strings("card.dark"), "🌙"))
    else:
        view.add_item(LookButton(replace(look, paper=Paper.LIGHT).custom_id, strings("card.light"), "☀️"))
    if has_metre:
        label = strings("card.plain") if look.is_marked else strings("card.marks")
        view.add_item(LookButton(replace(look, is_marked=not look.is_marked).custom_id, label, "🎵"))
    drop_id = f"shiren:card:drop:{look.poem_id}:{look.user_id}"
    view.add_item(DropButton(drop_id, strings("poem.delete"), "🗑️"))
    return view


def _press(interaction: discord.Interaction) -> CardPress:
    """`BotError` where there is none any more."""
    press = host_of(interaction).press
    if press is None:
        raise BotError("card.none")
    return press


class CardButton(PoemButton, template=f"shiren:card:{POEM_ID}"):
    """🖼 draws the poem's card."""

    action = "card"
    emoji = "🖼️"
    place = 1

    async def act(self, interaction: discord.Interaction) -> None:
        """Show it to everyone."""
        await show_card(interaction, await self.poem(interaction))


class LookButton(IdButton, template=f"shiren:card:(?P<paper>{'|'.join(Paper)}):(?P<marks>marks|plain):{_WHOSE}"):
    """Draws a card anew, as the button says."""

    place = 0

    async def act(self, interaction: discord.Interaction) -> None:
        """Put the new card in the place of the old one, for the person who asked for it."""
        found = self.found
        look = _Look(int(found["row_id"]), int(found["user_id"]), Paper(found["paper"]), found["marks"] == "marks")
        if interaction.user.id != look.user_id:
            raise BotError("card.not_yours")
        _press(interaction).require_room()
        poem = await shown_poem(interaction, look.poem_id)
        await acknowledge_press(interaction)
        await _draw(interaction, poem, look)


class DropButton(IdButton, template=f"shiren:card:drop:{_WHOSE}"):
    """🗑 takes a card away, for the person who asked for it and for whoever may manage messages there."""

    place = 0

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete the message."""
        if interaction.user.id != int(self.found["user_id"]) and not interaction.permissions.manage_messages:
            raise BotError("card.not_yours")
        await acknowledge_press(interaction)
        await take_away(interaction)


CARD_ITEMS = (LookButton, DropButton)
"""What a card carries."""
