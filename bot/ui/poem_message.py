"""A poem as people see it, with its buttons."""

from typing import Any, ClassVar

import discord

from bot.errors import BotError
from bot.i18n import Strings
from bot.services.poems import ShownPoem
from bot.ui.delivery import acknowledge, acknowledge_press, show, take_away
from bot.ui.host import RowButton, host_of
from poetry_model.poem import PoemRequest
from poetry_model.script import Script, simplify

_COLOUR = discord.Colour.from_str("#b5402f")
"""Cinnabar, the red of a seal."""

_NAMED_LENGTHS = (4, 8)
"""Lines of 绝句 and 律诗."""

_ID = "(?P<row_id>[0-9]{1,18})"


def poem_embed(poem: ShownPoem, strings: Strings) -> discord.Embed:
    """The poem itself."""
    embed = discord.Embed(title=strings("poem.title", start=poem.start), description=poem.text, colour=_COLOUR)
    return embed.set_footer(text=strings("poem.footer", kind=_kind(poem, strings), model=poem.model))


def _kind(poem: ShownPoem, strings: Strings) -> str:
    """五言绝句 仄起首句不入韵, say, in the script of the poem."""
    form = strings(f"poem.form_{poem.form}")
    if poem.pattern is None:
        return strings("poem.free", form=form)
    count = len(poem.lines)
    length = strings(f"poem.length_{count}") if count in _NAMED_LENGTHS else ""
    pattern = simplify(poem.pattern) if poem.script is Script.SIMPLIFIED else poem.pattern
    return strings("poem.regulated", form=form, length=length, pattern=pattern)


def poem_view(poem: ShownPoem, strings: Strings) -> discord.ui.View:
    """Its buttons."""
    view = discord.ui.View(timeout=None)
    for button in (FavoriteButton, AnotherButton, DeleteButton):
        view.add_item(button(poem.id, strings))
    return view


async def answer_with_poem(interaction: discord.Interaction, request: PoemRequest) -> None:
    """Acknowledge at once, compose, and show the poem to everyone."""
    host = host_of(interaction)
    # Before everyone sees that a poem is coming.
    host.services.poems.require_room()
    await acknowledge(interaction)
    poem = await host.services.poems.write(request, interaction.user.id, interaction.guild_id)
    embed = poem_embed(poem, host.strings)
    if poem.is_stored:
        await show(interaction, embed=embed, view=poem_view(poem, host.strings))
    else:
        await show(interaction, content=host.strings("poem.not_stored"), embed=embed)


class _PoemButton(RowButton, template="shiren:poem"):
    """A button that knows the id of its poem."""

    action: ClassVar[str]
    emoji: ClassVar[str]

    @classmethod
    def make(cls, row_id: int, strings: Strings) -> discord.ui.Button[Any]:
        """Its label and emoji."""
        label = strings(f"poem.{cls.action}")
        return discord.ui.Button(label=label, emoji=cls.emoji, custom_id=f"shiren:{cls.action}:{row_id}")

    async def poem(self, interaction: discord.Interaction) -> ShownPoem:
        """Its poem; `BotError` when there is none, or when it is shown elsewhere and the id is hand-made."""
        poem = await host_of(interaction).services.poems.get(self.row_id)
        is_elsewhere = poem.guild_id != interaction.guild_id
        if is_elsewhere or (poem.guild_id is None and poem.user_id != interaction.user.id):
            raise BotError("poem.unknown")
        return poem


class FavoriteButton(_PoemButton, template=f"shiren:favorite:{_ID}"):
    """❤ keeps the poem for whoever presses it."""

    action = "favorite"
    emoji = "❤"

    async def act(self, interaction: discord.Interaction) -> None:
        """Keep the poem; say so only when it is on disk."""
        host = host_of(interaction)
        await acknowledge(interaction, private=True)
        poem = await self.poem(interaction)
        is_new = await host.services.favorites.add(interaction.user.id, poem.id)
        await show(interaction, content=host.strings("poem.kept" if is_new else "poem.kept_already"))


class AnotherButton(_PoemButton, template=f"shiren:another:{_ID}"):
    """🎲 writes another poem of the same kind for whoever presses it."""

    action = "another"
    emoji = "🎲"

    async def act(self, interaction: discord.Interaction) -> None:
        """Write another."""
        poem = await self.poem(interaction)
        await answer_with_poem(interaction, poem.again())


class DeleteButton(_PoemButton, template=f"shiren:delete:{_ID}"):
    """🗑 takes the message away, for the person who asked for the poem and for whoever may manage messages there."""

    action = "delete"
    emoji = "🗑"

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete the message; the poem stays with those who kept it."""
        poem = await self.poem(interaction)
        if poem.user_id != interaction.user.id and not interaction.permissions.manage_messages:
            raise BotError("poem.not_yours")
        await acknowledge_press(interaction)
        await take_away(interaction)


POEM_BUTTONS = (FavoriteButton, AnotherButton, DeleteButton)
