"""`/favorites`."""

import discord
from discord import app_commands

from bot.cogs import SlashCommand
from bot.i18n import Strings
from bot.ui.delivery import acknowledge
from bot.ui.favorites_page import show_page
from bot.ui.host import guarded


def favorites_command(strings: Strings) -> SlashCommand:
    """The caller's own favorites, for them alone."""

    @app_commands.command(name=strings("favorites.command.name"), description=strings("favorites.command.description"))
    @guarded
    async def favorites(interaction: discord.Interaction) -> None:
        await acknowledge(interaction, private=True)
        await show_page(interaction, 1)

    return favorites
