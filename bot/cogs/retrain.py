"""`/retrain`."""

import contextlib

import discord
from discord import app_commands

from bot.cogs import SlashCommand
from bot.config import MAX_EPOCHS
from bot.errors import BotError
from bot.i18n import Strings
from bot.services.run_plan import Planner
from bot.services.runs import Source, Wish
from bot.services.uploads import Upload
from bot.text import clean
from bot.ui.host import host_of, owners_only, strings_for
from bot.ui.responses import answer_privately
from bot.ui.retrain_message import post_progress
from bot.ui.upload_message import upload_report

_LONGEST_NOTE = 200
_MOST_MINUTES = 7 * 24 * 60


def retrain_command(strings: Strings) -> SlashCommand:
    """Trains a model in the background."""

    @app_commands.command(
        name=strings.said("retrain.command.name"), description=strings.said("retrain.command.description")
    )
    @app_commands.rename(
        source=strings.said("retrain.option.source"),
        epochs=strings.said("retrain.option.epochs"),
        minutes=strings.said("retrain.option.minutes"),
        note=strings.said("retrain.option.note"),
        file=strings.said("retrain.option.file"),
    )
    @app_commands.describe(
        source=strings.said("retrain.command.source"),
        epochs=strings.said("retrain.command.epochs"),
        minutes=strings.said("retrain.command.minutes"),
        note=strings.said("retrain.command.note"),
        file=strings.said("retrain.command.file"),
    )
    @app_commands.choices(
        source=[
            app_commands.Choice(name=strings.said(f"retrain.command.source_{source.value}"), value=source.value)
            for source in Source
        ]
    )
    # A hint to Discord, which hides the command from others; who may is checked below.
    @app_commands.default_permissions(administrator=True)
    @owners_only
    async def retrain(
        interaction: discord.Interaction,
        source: str = Source.CORPUS.value,
        epochs: app_commands.Range[int, 1, MAX_EPOCHS] | None = None,
        minutes: app_commands.Range[int, 1, _MOST_MINUTES] | None = None,
        note: app_commands.Range[str, 1, _LONGEST_NOTE] | None = None,
        file: discord.Attachment | None = None,
    ) -> None:
        retraining = host_of(interaction).services.retraining
        upload = await _read(file, retraining.planner) if file else None
        kept_note = clean(note, _LONGEST_NOTE) if note else ""
        strings = await strings_for(interaction)
        wish = Wish(Source(source), epochs, minutes, kept_note or None, upload, strings.language)
        snapshot = await retraining.reserve(interaction.user.id, interaction.channel_id or interaction.user.id, wish)
        message = None
        try:
            message, is_here = await post_progress(interaction, snapshot, strings)
            answer = strings("retrain.started" if is_here else "retrain.started_apart")
            if upload is not None:
                answer = f"{upload_report(upload.summary, strings)}\n{answer}"
            await answer_privately(interaction, answer)
            await retraining.launch(snapshot.run_id, message.channel.id, message.id)
        except BaseException:
            # Whatever it was, a run that nobody can see must not keep others from starting.
            with contextlib.suppress(BotError):
                await retraining.release(snapshot.run_id)
            if message is not None:
                with contextlib.suppress(discord.HTTPException):
                    await message.delete()
            raise

    return retrain


async def _read(file: discord.Attachment, planner: Planner) -> Upload:
    planner.check_upload_size(file.size)
    return await planner.read_upload(file.filename, await file.read())
