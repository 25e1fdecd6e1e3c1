"""`/privacy`."""

import asyncio

import discord
from discord import app_commands

from bot.cogs import SlashCommand
from bot.i18n import Strings
from bot.ui.delivery import acknowledge
from bot.ui.delivery import show as show_answer
from bot.ui.host import guarded, host_of, strings_for
from bot.ui.privacy_message import deletion_embed, deletion_view, export_file, stored_embed


def privacy_commands(strings: Strings) -> app_commands.Group:
    """What everyone may do with what is stored about them; all of it is answered to them alone."""
    group = app_commands.Group(
        name=strings.said("privacy.command.name"), description=strings.said("privacy.command.description")
    )
    for make in (_show, _export, _delete):
        group.add_command(make(strings))
    return group


def _show(strings: Strings) -> SlashCommand:
    @app_commands.command(
        name=strings.said("privacy.command.show"), description=strings.said("privacy.command.show_description")
    )
    @guarded
    async def show(interaction: discord.Interaction) -> None:
        await acknowledge(interaction, private=True)
        stored = await host_of(interaction).services.privacy.stored(interaction.user.id)
        await show_answer(interaction, embed=stored_embed(stored, await strings_for(interaction)))

    return show


def _export(strings: Strings) -> SlashCommand:
    @app_commands.command(
        name=strings.said("privacy.command.export"), description=strings.said("privacy.command.export_description")
    )
    @guarded
    async def export(interaction: discord.Interaction) -> None:
        await acknowledge(interaction, private=True)
        content = await host_of(interaction).services.privacy.export(interaction.user.id)
        file = await asyncio.to_thread(export_file, content, interaction.filesize_limit)
        strings = await strings_for(interaction)
        # Once: a file that was sent is closed, and cannot be sent again.
        await interaction.edit_original_response(content=strings("privacy.exported"), attachments=[file])

    return export


def _delete(strings: Strings) -> SlashCommand:
    @app_commands.command(
        name=strings.said("privacy.command.delete"), description=strings.said("privacy.command.delete_description")
    )
    @guarded
    async def delete(interaction: discord.Interaction) -> None:
        await acknowledge(interaction, private=True)
        privacy = host_of(interaction).services.privacy
        await privacy.refuse_in_training(interaction.user.id)
        stored, strings = await privacy.stored(interaction.user.id), await strings_for(interaction)
        if stored.is_nothing:
            await show_answer(interaction, content=strings("privacy.delete.nothing"))
            return
        view = deletion_view(interaction, strings)
        await show_answer(interaction, embed=deletion_embed(stored, strings), view=view)

    return delete
