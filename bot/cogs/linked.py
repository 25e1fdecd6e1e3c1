"""`/linked`."""

import discord
from discord import app_commands

from bot.cogs import SlashCommand
from bot.i18n import Strings
from bot.services.linked import LENGTHS, Mode
from bot.ui.host import guarded, script_for
from bot.ui.linked_message import begin_linked
from poetry_model.form import FORMS

_PEOPLE, _BOT = "people", "bot"
"""Who may write the first line."""


def linked_command(strings: Strings) -> SlashCommand:
    """A poem that people and the bot write in turn."""

    @app_commands.command(
        name=strings.said("linked.command.name"), description=strings.said("linked.command.description")
    )
    @app_commands.rename(
        form=strings.said("poem.option.form"),
        lines=strings.said("poem.option.lines"),
        mode=strings.said("linked.option.mode"),
        first=strings.said("linked.option.first"),
    )
    @app_commands.describe(
        form=strings.said("poem.command.form"),
        lines=strings.said("linked.command.lines"),
        mode=strings.said("linked.command.mode"),
        first=strings.said("linked.command.first"),
    )
    @app_commands.choices(
        form=[app_commands.Choice(name=strings.said(f"poem.command.form_{form}"), value=form) for form in FORMS],
        lines=[
            app_commands.Choice(name=strings.said(f"linked.command.lines_{length}"), value=length) for length in LENGTHS
        ],
    )
    @app_commands.choices(
        mode=[app_commands.Choice(name=strings.said(f"linked.command.mode_{mode}"), value=mode.value) for mode in Mode],
        first=[
            app_commands.Choice(name=strings.said(f"linked.command.first_{who}"), value=who) for who in (_PEOPLE, _BOT)
        ],
    )
    @guarded
    async def linked(
        interaction: discord.Interaction,
        form: int = 5,
        lines: int = 4,
        mode: str = Mode.EASY.value,
        first: str = _PEOPLE,
    ) -> None:
        script = await script_for(interaction)
        await begin_linked(
            interaction, form=form, length=lines, mode=Mode(mode), script=script, bot_first=first == _BOT
        )

    return linked
