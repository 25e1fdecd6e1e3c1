"""Getting an answer through when the line to Discord is bad: nothing twice, nothing lost that can still be said.

discord.py tries again by itself after a 429 and a 5xx. The first try may have been carried out all the same, so what is
tried again must come to the same: acknowledging does (Discord takes it once and says so), and so does editing an
answer; sending another message does not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import IntEnum
from typing import Any

import aiohttp
import discord

from bot.attendance import note_acknowledged

LINE_FAULTS = (aiohttp.ClientError, ConnectionError, TimeoutError, discord.DiscordServerError)
"""What a bad line raises."""

_FIRST_ANSWER = 3.0
"""Seconds after which Discord takes no first answer any more."""

_EDIT_PATIENCE = 10.0
"""Seconds in which Discord answers an edit or never will."""

_PAUSES = (0.5, 2.0)
"""Seconds before an edit is tried again."""

_ACKNOWLEDGED = "acknowledged"


class _Code(IntEnum):
    """Discord's errors about interactions."""

    UNKNOWN_MESSAGE = 10008
    UNKNOWN_WEBHOOK = 10015
    UNKNOWN_INTERACTION = 10062
    ALREADY_ACKNOWLEDGED = 40060
    INVALID_TOKEN = 50027


_GONE = frozenset({_Code.UNKNOWN_MESSAGE, _Code.UNKNOWN_WEBHOOK, _Code.UNKNOWN_INTERACTION, _Code.INVALID_TOKEN})


def is_gone(error: Exception) -> bool:
    """Whether Discord says that there is nothing to answer any more: it expired, or its message was deleted."""
    return isinstance(error, discord.HTTPException) and error.code in _GONE


def is_acknowledged(interaction: discord.Interaction) -> bool:
    """Whether an interaction has had its first answer, or may have had it."""
    return interaction.response.is_done() or _ACKNOWLEDGED in interaction.extras


async def acknowledge(interaction: discord.Interaction, *, private: bool = False) -> None:
    """Tell Discord that an answer in a message of its own will come, for the person alone where it is `private`.

    Where the line leaves it open whether Discord heard it, this returns as if it had: the answer will tell.
    """
    interaction.extras[_ACKNOWLEDGED] = True
    await _answer_first(lambda: interaction.response.defer(ephemeral=private, thinking=True))


async def acknowledge_press(interaction: discord.Interaction) -> None:
    """Tell Discord that the message whose component was used will change, as `acknowledge` does."""
    interaction.extras[_ACKNOWLEDGED] = True
    await _answer_first(interaction.response.defer)


async def answer_with_form(interaction: discord.Interaction, form: discord.ui.Modal) -> None:
    """Make a form to be filled in the first answer."""
    interaction.extras[_ACKNOWLEDGED] = True
    await _answer_first(lambda: interaction.response.send_modal(form))


async def say_first(interaction: discord.Interaction, text: str) -> None:
    """Make a sentence for the person alone the first answer."""
    await _answer_first(lambda: interaction.response.send_message(text, ephemeral=True))


async def show(
    interaction: discord.Interaction, *, files: Callable[[], Sequence[discord.File]] | None = None, **message: Any
) -> None:
    """Put a message (the arguments of `edit_original_response`) into the answer of an acknowledged interaction.

    files: makes what takes the place of its attachments, for each try anew, because a file that was sent is at its end.
    Raises one of `LINE_FAULTS` when the line stays bad.
    """
    for pause in (*_PAUSES, None):
        try:
            async with asyncio.timeout(_EDIT_PATIENCE):
                if files is not None:
                    message["attachments"] = files()
                await interaction.edit_original_response(**message)
        except LINE_FAULTS:
            if pause is None:
                raise
            await asyncio.sleep(pause)
        else:
            return


async def take_away(interaction: discord.Interaction) -> None:
    """Delete the message that an interaction answers in; one that is gone already is what was wanted."""
    try:
        await interaction.delete_original_response()
    except discord.NotFound as error:
        if not is_gone(error):
            raise


async def _answer_first(answer: Callable[[], Awaitable[object]]) -> None:
    for is_last in (False, True):
        try:
            async with asyncio.timeout(_FIRST_ANSWER):
                await answer()
        except TimeoutError:
            # Too late for another; this one may be on its way.
            return
        except discord.HTTPException as error:
            # A try before, whose answer was lost, had got through.
            if error.code != _Code.ALREADY_ACKNOWLEDGED:
                raise
            note_acknowledged()
            return
        except (aiohttp.ClientError, ConnectionError):
            if is_last:
                raise
        else:
            note_acknowledged()
            return
