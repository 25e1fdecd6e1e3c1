"""Who may do what; checked on the server side, whatever Discord shows."""

from typing import cast

import discord
from discord.ext import commands

from bot.config import RetrainSettings


async def may_retrain(interaction: discord.Interaction, settings: RetrainSettings) -> bool:
    """Whether the person is named in the settings, administers a server named there, or owns the application.

    A bot is nobody's person: Discord lets none use commands, so whatever comes in its name is hand-made.
    """
    if interaction.user.bot:
        return False
    if interaction.user.id in settings.admins:
        return True
    if interaction.guild_id in settings.admin_guilds and interaction.permissions.administrator:
        return True
    return await cast(commands.AutoShardedBot, interaction.client).is_owner(interaction.user)
