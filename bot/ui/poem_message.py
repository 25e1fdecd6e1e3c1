"""A poem as people see it, with its buttons."""

import discord

from bot.errors import BotError
from bot.i18n import Language, Strings
from bot.services.poems import Kind, ShownPoem
from bot.services.preferences import script_of
from bot.ui.card_message import CardButton
from bot.ui.delivery import acknowledge, acknowledge_press, show, take_away
from bot.ui.host import Host, host_of, script_for, strings_for
from bot.ui.metre_message import MetreButton
from bot.ui.poem_button import POEM_ID, PoemButton
from bot.ui.reading_message import ReadingButton
from poetry_model.mood import Mood
from poetry_model.poem import PoemRequest
from poetry_model.script import Script, simplify

COLOUR = discord.Colour.from_str("#b5402f")
"""Cinnabar, the red of a seal."""

_NAMED_LENGTHS = (4, 8)
"""Lines of 绝句 and 律诗."""


def poem_embed(poem: ShownPoem, strings: Strings) -> discord.Embed:
    """The poem itself."""
    embed = discord.Embed(title=strings("poem.title", start=poem.start), description=_text(poem), colour=COLOUR)
    kind = " · ".join([_kind(poem, strings), *_origin(poem, strings)])
    return embed.set_footer(text=strings("poem.footer", kind=kind, model=poem.model))


def _text(poem: ShownPoem) -> str:
    """Its lines; those of an acrostic with their heads standing out."""
    if poem.kind is not Kind.ACROSTIC:
        return poem.text
    return "\n".join(f"**{line[0]}**{line[1:]}" for line in poem.text.split("\n"))


def _origin(poem: ShownPoem, strings: Strings) -> list[str]:
    """What it takes to have the poem again, apart from what its title and its form say."""
    if poem.kind is Kind.LINKED:
        return [strings("poem.linked")]
    said = [strings("poem.acrostic")] if poem.kind is Kind.ACROSTIC else []
    if poem.mood is not Mood.LIVELY:
        said.append(strings(f"poem.mood_{poem.mood}"))
    return [*said, strings("poem.seed", seed=poem.seed)]


def _kind(poem: ShownPoem, strings: Strings) -> str:
    """五言绝句 仄起首句不入韵, say, in one script: the reader's."""
    form = strings(f"poem.form_{poem.form}")
    if poem.pattern is None:
        return strings("poem.free", form=form)
    count = len(poem.lines)
    length = strings(f"poem.length_{count}") if count in _NAMED_LENGTHS else ""
    pattern = simplify(poem.pattern) if script_of(strings.language) is Script.SIMPLIFIED else poem.pattern
    return strings("poem.regulated", form=form, length=length, pattern=pattern)


def poem_view(poem: ShownPoem, strings: Strings, host: Host) -> discord.ui.View:
    """Its buttons: those for what there is, and the one for pinyin to those who read English."""
    view = discord.ui.View(timeout=None)
    buttons: list[type[PoemButton]] = [FavoriteButton, AnotherButton, DeleteButton]
    if host.press is not None:
        buttons.append(CardButton)
    if host.services.poems.prosody is not None:
        buttons.append(MetreButton)
    if strings.language is Language.ENGLISH:
        buttons.append(ReadingButton)
    for button in buttons:
        view.add_item(button(poem.id, strings))
    return view


async def answer_with_poem(interaction: discord.Interaction, request: PoemRequest) -> None:
    """Acknowledge at once, compose, and show the poem to everyone."""
    host = host_of(interaction)
    # Before everyone sees that a poem is coming.
    host.services.poems.require_room()
    await acknowledge(interaction)
    poem = await host.services.poems.write(request, interaction.user.id, interaction.guild_id, interaction.channel_id)
    strings = await strings_for(interaction)
    embed = poem_embed(poem, strings)
    if poem.is_stored:
        await show(interaction, embed=embed, view=poem_view(poem, strings, host))
    else:
        await show(interaction, content=strings("poem.not_stored"), embed=embed)


async def keep(interaction: discord.Interaction, poem: ShownPoem) -> None:
    """Keep the poem for whoever acts, in an acknowledged interaction; say so only when it is on disk."""
    is_new = await host_of(interaction).services.favorites.add(interaction.user.id, poem.id)
    strings = await strings_for(interaction)
    await show(interaction, content=strings("poem.kept" if is_new else "poem.kept_already"))


class FavoriteButton(PoemButton, template=f"shiren:favorite:{POEM_ID}"):
    """❤ keeps the poem for whoever presses it."""

    action = "favorite"
    emoji = "❤"

    async def act(self, interaction: discord.Interaction) -> None:
        """Keep the poem."""
        await acknowledge(interaction, private=True)
        await keep(interaction, await self.poem(interaction))


class AnotherButton(PoemButton, template=f"shiren:another:{POEM_ID}"):
    """🎲 writes another poem of the same kind for whoever presses it."""

    action = "another"
    emoji = "🎲"

    async def act(self, interaction: discord.Interaction) -> None:
        """Write another."""
        poem = await self.poem(interaction)
        await answer_with_poem(interaction, poem.again(await script_for(interaction, poem.start)))


class DeleteButton(PoemButton, template=f"shiren:delete:{POEM_ID}"):
    """🗑 takes the message away, for the person who asked for the poem and for whoever may manage messages there."""

    action = "delete"
    emoji = "🗑"

    async def act(self, interaction: discord.Interaction) -> None:
        """Delete the message; the poem stays with those who kept it, and `/top` shows it no more."""
        poem = await self.poem(interaction)
        if poem.user_id != interaction.user.id and not interaction.permissions.manage_messages:
            raise BotError("poem.not_yours")
        await acknowledge_press(interaction)
        # The message first: it goes although the notebook cannot be written.
        await take_away(interaction)
        await host_of(interaction).services.poems.take_away(poem.id)


POEM_BUTTONS = (FavoriteButton, AnotherButton, DeleteButton, CardButton, MetreButton, ReadingButton)
