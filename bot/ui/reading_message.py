"""A poem's pinyin and what its words mean, for whoever does not read Chinese."""

import asyncio
from collections.abc import Iterable

import discord

from bot.i18n import Strings
from bot.services.poems import ShownPoem
from bot.services.reading import Line, Word, read_poem
from bot.ui.delivery import acknowledge, show
from bot.ui.host import strings_for
from bot.ui.poem_button import POEM_ID, PoemButton

_LIMIT = 4096
"""Characters of an embed's description."""

_LENGTHS = (40, 24, 12)
"""Characters of a word's meaning: as many as the poem's length leaves room for."""

_MOST = 3
"""Senses of a word: more are no help to a reader."""


async def show_reading(interaction: discord.Interaction, poem: ShownPoem) -> None:
    """Put the reading into the answer of an acknowledged interaction."""
    lines = await asyncio.to_thread(read_poem, poem)
    await show(interaction, embed=reading_embed(poem.start, lines, await strings_for(interaction)))


def reading_embed(start: str, lines: Iterable[Line], strings: Strings) -> discord.Embed:
    """Each line with its pinyin and its words."""
    lines = tuple(lines)
    texts = ("\n\n".join(_paragraph(line, length, strings) for line in lines) for length in _LENGTHS)
    description = next((text for text in texts if len(text) <= _LIMIT), "")
    embed = discord.Embed(title=strings("reading.title", start=start), description=description)
    return embed.set_footer(text=strings("reading.source"))


def _paragraph(line: Line, length: int, strings: Strings) -> str:
    words = " · ".join(f"{word.text} {_meaning(word, length, strings)}" for word in line.words)
    return f"**{line.text}**\n*{' '.join(line.pinyin)}*\n{words}"


def _meaning(word: Word, length: int, strings: Strings) -> str:
    """As many senses as fit `length`, the likeliest one in any case."""
    if not word.senses:
        return strings("reading.no_entry")
    first, *others = word.senses[:_MOST]
    text = first if len(first) <= length else first[: length - 1].rstrip(" ,;(") + "…"
    for sense in others:
        if len(text) + 2 + len(sense) > length:
            break
        text += f"; {sense}"
    return text


class ReadingButton(PoemButton, template=f"shiren:reading:{POEM_ID}"):
    """🔤 tells whoever presses it how the poem is read and what its words mean."""

    action = "reading"
    emoji = "🔤"
    place = 1

    async def act(self, interaction: discord.Interaction) -> None:
        """Show it to the person alone."""
        await acknowledge(interaction, private=True)
        await show_reading(interaction, await self.poem(interaction))
