"""`/poem`."""

import discord
from discord import app_commands

from bot.cogs import SlashCommand
from bot.i18n import Strings
from bot.text import clean
from bot.ui.host import guarded
from bot.ui.poem_message import answer_with_poem
from poetry_model.form import FORMS, MAX_LINES
from poetry_model.poem import PoemRequest, Style

_LONGEST_START = 100
"""Characters taken, so that whoever types more than a line still reads how many a line has."""


def poem_command(strings: Strings) -> SlashCommand:
    """A poem that begins with the given characters."""

    @app_commands.command(name=strings("poem.command.name"), description=strings("poem.command.description"))
    @app_commands.describe(
        start=strings("poem.command.start"),
        form=strings("poem.command.form"),
        lines=strings("poem.command.lines"),
        style=strings("poem.command.style"),
    )
    @app_commands.choices(
        form=[app_commands.Choice(name=strings(f"poem.command.form_{form}"), value=form) for form in FORMS]
    )
    @app_commands.choices(
        style=[app_commands.Choice(name=strings(f"poem.command.style_{style}"), value=style.value) for style in Style]
    )
    @guarded
    async def poem(
        interaction: discord.Interaction,
        start: app_commands.Range[str, 1, _LONGEST_START],
        form: int = 5,
        lines: app_commands.Range[int, 1, MAX_LINES] = 4,
        style: str = Style.REGULATED.value,
    ) -> None:
        # Checked before the answer is announced, so that a mistake is answered to the person alone.
        await answer_with_poem(
            interaction, PoemRequest.checked(clean(start, _LONGEST_START), form, lines, style=Style(style))
        )

    return poem
