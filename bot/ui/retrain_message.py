"""A retraining as people see it: one ordinary message, edited as it goes."""

import logging
from typing import Any

import discord

from bot.authority import may_retrain
from bot.errors import BotError
from bot.i18n import Strings
from bot.services.retraining import RunState, Show, Snapshot
from bot.ui.host import RowButton, host_of
from bot.ui.responses import answer_privately

_log = logging.getLogger(__name__)

_BAR_LENGTH = 16

_COLOURS = {
    RunState.ACCEPTED: discord.Colour.green(),
    RunState.REFUSED: discord.Colour.orange(),
    RunState.BROKEN: discord.Colour.red(),
    RunState.FAILED: discord.Colour.red(),
}


def retrain_embed(snapshot: Snapshot, strings: Strings) -> discord.Embed:
    """Where the run stands."""
    return discord.Embed(
        title=strings("retrain.status.title"),
        description=_status(snapshot, strings),
        colour=_COLOURS.get(snapshot.state, discord.Colour.blurple()),
    )


def retrain_view(snapshot: Snapshot, strings: Strings) -> discord.ui.View | None:
    """A Cancel button while there is something to cancel."""
    if snapshot.state not in {RunState.WAITING, RunState.RUNNING}:
        return None
    view = discord.ui.View(timeout=None)
    view.add_item(CancelButton(snapshot.run_id, strings))
    return view


def show_in(message: discord.Message | discord.PartialMessage, strings: Strings) -> Show:
    """Shows snapshots in `message`; a message that is gone or locked away does not stop the training."""

    async def show(snapshot: Snapshot) -> None:
        try:
            await message.edit(embed=retrain_embed(snapshot, strings), view=retrain_view(snapshot, strings))
        except Exception as error:  # noqa: BLE001 # a closed session and a dead line raise what they like
            _log.warning("The progress of training run %d could not be shown: %s", snapshot.run_id, error)

    return show


def _status(snapshot: Snapshot, strings: Strings) -> str:
    before, after = snapshot.before or 0.0, snapshot.after or 0.0
    match snapshot.state:
        case RunState.WAITING:
            return strings("retrain.status.starting")
        case RunState.RUNNING:
            return _running(snapshot, strings) if snapshot.loss else strings("retrain.status.starting")
        case RunState.ACCEPTED:
            return strings("retrain.status.accepted", version=snapshot.version, before=before, after=after)
        case RunState.REFUSED:
            return strings("retrain.status.refused", before=before, after=after)
        case state:
            return strings(f"retrain.status.{state.value}")


def _running(snapshot: Snapshot, strings: Strings) -> str:
    filled = round(snapshot.done * _BAR_LENGTH)
    figures = ""
    if snapshot.loss is not None:
        figures += strings("retrain.status.loss", loss=snapshot.loss)
    if snapshot.characters_per_second is not None and snapshot.seconds_left is not None:
        minutes, seconds = divmod(round(snapshot.seconds_left), 60)
        left = f"{minutes}:{seconds:02}"
        figures += strings("retrain.status.speed", speed=snapshot.characters_per_second, left=left)
    if snapshot.before is not None:
        figures += strings("retrain.status.before", perplexity=snapshot.before)
    if snapshot.after is not None:
        figures += strings("retrain.status.now", perplexity=snapshot.after)
    return strings(
        "retrain.status.running",
        bar="▰" * filled + "▱" * (_BAR_LENGTH - filled),
        percent=int(snapshot.done * 100),
        epoch=snapshot.epoch,
        epochs=snapshot.epochs,
        figures=figures,
    )


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
        host = host_of(interaction)
        if not await may_retrain(interaction, host.retrain_settings):
            raise BotError("retrain.forbidden")
        host.services.retraining.cancel(self.row_id)
        await answer_privately(interaction, host.strings("retrain.cancelling"))


RETRAIN_BUTTONS = (CancelButton,)
