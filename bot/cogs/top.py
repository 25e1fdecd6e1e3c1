"""`/top`."""

import discord
from discord import app_commands

from bot.cogs import SlashCommand
from bot.i18n import Strings
from bot.services.top import Period
from bot.ui.delivery import acknowledge
from bot.ui.host import guarded, host_of
from bot.ui.top_message import require_guild, show_top


def top_command(strings: Strings) -> SlashCommand:
    """What the server keeps most, for everyone there."""

    @app_commands.command(name=strings.said("top.command.name"), description=strings.said("top.command.description"))
    @app_commands.rename(period=strings.said("top.option.period"))
    @app_commands.describe(period=strings.said("top.command.period"))
    @app_commands.choices(
        period=[
            app_commands.Choice(name=strings.said(f"top.command.period_{each}"), value=each.value) for each in Period
        ]
    )
    @guarded
    async def top(interaction: discord.Interaction, period: str = Period.MONTH.value) -> None:
        # Refused, where it must be, to the person alone: before everyone sees that something is coming.
        await host_of(interaction).services.top.require_on(require_guild(interaction))
        await acknowledge(interaction)
        await show_top(interaction, Period(period))

    return top
