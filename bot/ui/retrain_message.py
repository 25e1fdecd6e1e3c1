"""A retraining as people see it: one ordinary message, edited as it goes."""

import asyncio
import io
import logging
from typing import Any

import discord

from bot.errors import BotError
from bot.i18n import Languages, Strings
from bot.services.preferences import script_of
from bot.services.runs import RESUMABLE, RunState, Show, Snapshot
from bot.text import clean, escape
from bot.ui.host import RowButton, host_of, require_authority, strings_for
from bot.ui.loss_chart import ChartLabels, draw
from bot.ui.responses import answer_privately
from bot.ui.shortfalls import list_shortfalls

_log = logging.getLogger(__name__)

_BAR_LENGTH = 16

_COLOURS = {
    RunState.ACCEPTED: discord.Colour.green(),
    RunState.CANDIDATE: discord.Colour.orange(),
    RunState.INTERRUPTED: discord.Colour.orange(),
    RunState.BROKEN: discord.Colour.red(),
    RunState.FAILED: discord.Colour.red(),
}

_NOTE_LENGTH = 200
_SAID_LENGTH = 500

_PICTURE = "curves.png"


def retrain_embed(snapshot: Snapshot, strings: Strings) -> discord.Embed:
    """Where the run stands."""
    embed = discord.Embed(
        title=strings("retrain.status.title"),
        description=_status(snapshot, strings),
        colour=_COLOURS.get(snapshot.state, discord.Colour.blurple()),
    )
    for poem in snapshot.poems:
        embed.add_field(
            name=strings("poem.title", start=poem.request.start), value=poem.text_in(script_of(strings.language))
        )
    source = strings(f"retrain.source.{snapshot.source.value}")
    # A footer knows no markdown.
    return embed.set_footer(text=f"{source} · {clean(snapshot.note, _NOTE_LENGTH)}" if snapshot.note else source)


def retrain_view(snapshot: Snapshot, strings: Strings) -> discord.ui.View | None:
    """A Cancel button while there is something to cancel."""
    if snapshot.state not in {RunState.WAITING, RunState.RUNNING}:
        return None
    view = discord.ui.View(timeout=None)
    view.add_item(CancelButton(snapshot.run_id, strings))
    return view


async def post_progress(
    interaction: discord.Interaction, snapshot: Snapshot, strings: Strings
) -> tuple[discord.Message, bool]:
    """The message that will show the run, and whether it stands in the channel.

    Where the bot may not write there it goes to the person; `BotError` when it cannot go there either.
    """
    embed = retrain_embed(snapshot, strings)
    view = retrain_view(snapshot, strings) or discord.utils.MISSING
    # By this Discord knows a message that is sent again because its first answer was lost.
    nonce = str(interaction.id)
    # Not the interaction's answer: its token lives 15 minutes, a training longer.
    channel = interaction.client.get_partial_messageable(
        interaction.channel_id or interaction.user.id, guild_id=interaction.guild_id
    )
    try:
        return await channel.send(embed=embed, view=view, nonce=nonce), True
    except discord.Forbidden:
        pass
    try:
        return await interaction.user.send(embed=embed, view=view, nonce=nonce), False
    except discord.Forbidden:
        raise BotError("retrain.cannot_write") from None


def show_through(client: discord.Client, languages: Languages) -> Show:
    """Shows snapshots in their messages; a message that is gone or locked away does not stop the training."""

    async def show(snapshot: Snapshot) -> bool:
        assert snapshot.message_id is not None  # noqa: S101 # what has no message is not shown
        message = client.get_partial_messageable(snapshot.channel_id).get_partial_message(snapshot.message_id)
        try:
            await _edit(message, snapshot, languages(snapshot.language))
        except (discord.NotFound, discord.Forbidden) as error:
            _log.warning("Training run %d cannot be shown any more: %s", snapshot.run_id, error)
            return True
        except Exception as error:  # noqa: BLE001 # a closed session and a dead line raise what they like
            _log.warning("Training run %d could not be shown: %s", snapshot.run_id, error)
            return False
        return True

    return show


async def _edit(message: discord.PartialMessage, snapshot: Snapshot, strings: Strings) -> None:
    embed, view = retrain_embed(snapshot, strings), retrain_view(snapshot, strings)
    if snapshot.history:
        picture = await asyncio.to_thread(draw, snapshot.history, snapshot.start, _labels(strings))
        file = discord.File(io.BytesIO(picture), _PICTURE)
        try:
            await message.edit(
                embed=embed.copy().set_image(url=f"attachment://{_PICTURE}"), view=view, attachments=[file]
            )
        except discord.Forbidden:
            _log.warning("The curves of training run %d need the permission to attach files", snapshot.run_id)
        else:
            return
    await message.edit(embed=embed, view=view)


def _labels(strings: Strings) -> ChartLabels:
    return ChartLabels(
        title=strings("retrain.chart.title"),
        epoch=strings("retrain.chart.epoch"),
        learning=strings("retrain.chart.learning"),
        held_back=strings("retrain.chart.held_back"),
    )


def _status(snapshot: Snapshot, strings: Strings) -> str:
    match snapshot.state:
        case RunState.WAITING:
            return strings("retrain.status.starting")
        case RunState.RUNNING:
            return _running(snapshot, strings) if snapshot.loss else strings("retrain.status.starting")
        case RunState.ACCEPTED:
            return _with_figures(strings("retrain.status.accepted", version=snapshot.version), snapshot, strings)
        case RunState.CANDIDATE:
            reasons = list_shortfalls(snapshot.shortfalls, strings)
            text = strings("retrain.status.candidate", version=snapshot.version, shortfalls=reasons)
            return _with_figures(text, snapshot, strings)
        case RunState.FAILED if snapshot.said:
            said = escape(clean(snapshot.said, _SAID_LENGTH))
            return _with_way_on(strings("retrain.status.failed_saying", said=said), snapshot, strings)
        case state:
            return _with_way_on(strings(f"retrain.status.{state.value}"), snapshot, strings)


def _with_figures(text: str, snapshot: Snapshot, strings: Strings) -> str:
    if snapshot.before is None or snapshot.after is None:
        return text
    return text + "\n" + strings("retrain.status.figures", before=snapshot.before, after=snapshot.after)


def _with_way_on(text: str, snapshot: Snapshot, strings: Strings) -> str:
    if snapshot.can_go_on:
        return text + "\n" + strings("retrain.status.can_go_on")
    return text + "\n" + strings("retrain.status.nothing_saved") if snapshot.state in RESUMABLE else text


def _running(snapshot: Snapshot, strings: Strings) -> str:
    filled = round(snapshot.done * _BAR_LENGTH)
    figures = ""
    if snapshot.loss is not None:
        figures += strings("retrain.status.loss", loss=snapshot.loss)
    if snapshot.characters_per_second is not None and snapshot.seconds_left is not None:
        left = _clock(snapshot.seconds_left)
        figures += strings("retrain.status.speed", speed=snapshot.characters_per_second, left=left)
    if snapshot.before is not None:
        figures += strings("retrain.status.before", perplexity=snapshot.before)
    if snapshot.after is not None:
        figures += strings("retrain.status.now", perplexity=snapshot.after)
    if snapshot.minutes is None:
        epoch = strings("retrain.status.epoch", epoch=snapshot.epoch, epochs=snapshot.epochs)
    else:
        epoch = strings("retrain.status.epoch_within", epoch=snapshot.epoch, minutes=snapshot.minutes)
    return strings(
        "retrain.status.running",
        bar="▰" * filled + "▱" * (_BAR_LENGTH - filled),
        percent=int(snapshot.done * 100),
        epoch=epoch,
        figures=figures,
    )


def _clock(duration: float) -> str:
    minutes, seconds = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class CancelButton(RowButton, template="shiren:retrain:cancel:(?P<row_id>[0-9]{1,18})"):
    """Stops the run, for those who may start one."""

    @classmethod
    def make(cls, row_id: int, strings: Strings) -> discord.ui.Button[Any]:
        """Red, for what cannot be taken back."""
        return discord.ui.Button(
            label=strings("retrain.cancel"),
            style=discord.ButtonStyle.danger,
            custom_id=f"shiren:retrain:cancel:{row_id}",
        )

    async def act(self, interaction: discord.Interaction) -> None:
        """Stop the run."""
        await require_authority(interaction)
        await host_of(interaction).services.retraining.cancel(self.row_id)
        strings = await strings_for(interaction)
        await answer_privately(interaction, strings("retrain.cancelling"))


RETRAIN_BUTTONS = (CancelButton,)
