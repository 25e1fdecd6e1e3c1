"""Buttons that know the id of their poem."""

from typing import Any, ClassVar

import discord

from bot.errors import BotError
from bot.i18n import Strings
from bot.services.poems import ShownPoem
from bot.ui.host import RowButton, host_of

POEM_ID = "(?P<row_id>[0-9]{1,18})"
"""As the id of a component has it."""


async def shown_poem(interaction: discord.Interaction, poem_id: int) -> ShownPoem:
    """The poem with that id; `BotError` when there is none, or when it is shown elsewhere and the id is hand-made."""
    poem = await host_of(interaction).services.poems.get(poem_id)
    is_here = poem.guild_id == interaction.guild_id
    if poem.guild_id is None and poem.user_id != interaction.user.id:
        # Everyone in a conversation sees what one of them asked for.
        is_here = is_here and poem.channel_id is not None and poem.channel_id == interaction.channel_id
    # What somebody keeps they have wherever they are.
    if not is_here and not await host_of(interaction).services.favorites.keeps(interaction.user.id, poem.id):
        raise BotError("poem.unknown")
    return poem


class PoemButton(RowButton, template="shiren:poem"):
    """A button that knows the id of its poem."""

    action: ClassVar[str]
    emoji: ClassVar[str]
    place: ClassVar[int] = 0
    """Its row: 0 for what is done with the poem, 1 for the ways to look at it."""

    @classmethod
    def make(cls, row_id: int, strings: Strings) -> discord.ui.Button[Any]:
        """Its label and emoji."""
        return discord.ui.Button(
            label=strings(f"poem.{cls.action}"),
            emoji=cls.emoji,
            custom_id=f"shiren:{cls.action}:{row_id}",
            row=cls.place,
        )

    async def poem(self, interaction: discord.Interaction) -> ShownPoem:
        """Its poem; see `shown_poem`."""
        return await shown_poem(interaction, self.row_id)
