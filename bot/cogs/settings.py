"""`/settings`."""

import discord
from discord import app_commands

from bot.cogs import SlashCommand
from bot.i18n import Strings
from bot.ui.delivery import acknowledge
from bot.ui.host import guarded
from bot.ui.settings_message import show_settings


def settings_command(strings: Strings) -> SlashCommand:
    """What the caller chooses, for them alone."""

    @app_commands.command(
        name=strings.said("settings.command.name"), description=strings.said("settings.command.description")
    )
    @guarded
    async def settings(interaction: discord.Interaction) -> None:
        await acknowledge(interaction, private=True)
        await show_settings(interaction)

    return settings
