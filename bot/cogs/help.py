"""`/help` and `/about`."""

import discord
from discord import app_commands

from bot.cogs import SlashCommand
from bot.i18n import Strings
from bot.ui.about_message import about_embed
from bot.ui.delivery import acknowledge, show
from bot.ui.help_message import help_embed, help_view
from bot.ui.host import guarded, host_of, strings_for
from poetry_model.upstream import Upstream


def help_command(strings: Strings) -> SlashCommand:
    """What can be typed, told to the caller alone."""

    @app_commands.command(name=strings.said("help.command.name"), description=strings.said("help.command.description"))
    @guarded
    async def give_help(interaction: discord.Interaction) -> None:
        await acknowledge(interaction, private=True)
        strings = await strings_for(interaction)
        await show(interaction, embed=help_embed(strings), view=help_view(strings))

    return give_help


def about_command(strings: Strings) -> SlashCommand:
    """What the bot is, told to the caller alone."""
    corpus = Upstream.load()

    @app_commands.command(
        name=strings.said("about.command.name"), description=strings.said("about.command.description")
    )
    @guarded
    async def about(interaction: discord.Interaction) -> None:
        await acknowledge(interaction, private=True)
        facts = host_of(interaction).services.models.facts
        await show(interaction, embed=about_embed(facts, corpus, await strings_for(interaction)))

    return about
