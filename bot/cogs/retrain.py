"""`/retrain`."""

import discord
from discord import app_commands

from bot.authority import may_retrain
from bot.cogs import SlashCommand
from bot.errors import BotError
from bot.i18n import Strings
from bot.ui.host import guarded, host_of
from bot.ui.responses import answer_privately
from bot.ui.retrain_message import retrain_embed, retrain_view, show_in

_MAX_EPOCHS = 100


def retrain_command(strings: Strings) -> SlashCommand:
    """Fine-tunes the live model in the background."""

    @app_commands.command(name=strings("retrain.command.name"), description=strings("retrain.command.description"))
    @app_commands.describe(epochs=strings("retrain.command.epochs"))
    # A hint to Discord, which hides the command from others; who may is checked below.
    @app_commands.default_permissions(administrator=True)
    @guarded
    async def retrain(
        interaction: discord.Interaction, epochs: app_commands.Range[int, 1, _MAX_EPOCHS] | None = None
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        host = host_of(interaction)
        if not await may_retrain(interaction, host.retrain_settings):
            raise BotError("retrain.forbidden")
        retraining = host.services.retraining
        channel_id = interaction.channel_id or interaction.user.id
        snapshot = await retraining.reserve(interaction.user.id, channel_id, epochs)
        # Not the interaction's answer: its token lives 15 minutes, a training longer.
        channel = interaction.client.get_partial_messageable(channel_id, guild_id=interaction.guild_id)
        try:
            message = await channel.send(
                embed=retrain_embed(snapshot, strings), view=retrain_view(snapshot, strings) or discord.utils.MISSING
            )
        except Exception as error:
            # Whatever it was, a run that nobody can see must not keep others from starting.
            await retraining.release(snapshot)
            if isinstance(error, discord.Forbidden):
                raise BotError("retrain.cannot_write") from error
            raise
        await retraining.launch(snapshot, message.id, show_in(message, strings))
        await answer_privately(interaction, strings("retrain.started"))

    return retrain
