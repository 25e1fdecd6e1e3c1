"""The metre of a poem, to whoever wants to look at it."""

import discord

from bot.errors import BotError
from bot.services.poems import ShownPoem
from bot.ui.delivery import acknowledge, show
from bot.ui.host import host_of, strings_for
from bot.ui.metre_text import metre_text
from bot.ui.poem_button import POEM_ID, PoemButton
from poetry_model.metre_view import MetreView, view_metre
from poetry_model.prosody import Prosody


def metre_of(poem: ShownPoem, prosody: Prosody) -> MetreView:
    """How the poem sounds."""
    return view_metre(poem.traditional, prosody, pattern=poem.pattern, regulated=poem.pattern is not None)


async def show_metre(interaction: discord.Interaction, poem: ShownPoem) -> None:
    """Put the metre into the answer of an acknowledged interaction."""
    strings = await strings_for(interaction)
    prosody = host_of(interaction).services.poems.prosody
    if prosody is None:
        raise BotError("metre.unknown")
    text = metre_text(metre_of(poem, prosody), poem.lines, poem.script, prosody, strings)
    await show(interaction, content=text)


class MetreButton(PoemButton, template=f"shiren:metre:{POEM_ID}"):
    """格律 shows the tones and rhymes to whoever presses it."""

    action = "metre"
    emoji = "🎵"
    place = 1

    async def act(self, interaction: discord.Interaction) -> None:
        """Show the metre to the person alone."""
        await acknowledge(interaction, private=True)
        await show_metre(interaction, await self.poem(interaction))
