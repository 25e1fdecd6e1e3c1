"""A poem out of a list, in full, for whoever opened it alone."""

import discord

from bot.services.poems import ShownPoem
from bot.ui.delivery import show
from bot.ui.host import host_of, strings_for
from bot.ui.poem_message import DeleteButton, poem_embed, poem_view


async def show_opened(interaction: discord.Interaction, poem: ShownPoem) -> None:
    """Put the poem with its buttons into the private answer of an acknowledged interaction."""
    strings = await strings_for(interaction)
    view = poem_view(poem, strings, host_of(interaction))
    for item in view.children:
        # It is for the message that everyone sees; this one its reader dismisses.
        if isinstance(item, DeleteButton):
            view.remove_item(item)
    await show(interaction, embed=poem_embed(poem, strings), view=view)
