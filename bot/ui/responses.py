"""Answering an interaction, in the good case and in the bad one."""

import logging
from collections.abc import Mapping
from typing import Any

import discord
from discord import app_commands

from bot.errors import BotError
from bot.i18n import Strings
from bot.services import StorageError
from bot.ui.shortfalls import list_shortfalls
from poetry_model.errors import RequestError

_log = logging.getLogger(__name__)

_UNKNOWN_INTERACTION = 10062
"""Discord's code for an interaction whose time is over."""


async def answer_privately(interaction: discord.Interaction, text: str) -> None:
    """A sentence for the person alone, whether the interaction has been acknowledged or not."""
    if interaction.response.is_done():
        await interaction.followup.send(text, ephemeral=True)
    else:
        await interaction.response.send_message(text, ephemeral=True)


async def answer_error(interaction: discord.Interaction, error: Exception, strings: Strings) -> None:
    """The one path of errors: a sentence for the person, the rest for the log."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original if isinstance(error.original, Exception) else error
    if isinstance(error, discord.NotFound) and error.code == _UNKNOWN_INTERACTION:
        _log.warning("An interaction expired before it could be answered")
        return
    try:
        await answer_privately(interaction, describe(error, strings))
    except discord.HTTPException as failure:
        _log.warning("An error could not be answered: %s", failure)


def describe(error: Exception, strings: Strings) -> str:
    """The sentence for `error`; what nobody foresaw goes to the log in full."""
    if isinstance(error, BotError):
        return strings(error.key, **_for_people(error.values, strings))
    if isinstance(error, RequestError):
        return strings(f"request.{error.code}", **error.details)
    if isinstance(error, StorageError):
        _log.error("The database cannot be used: %s", error.orig)
        return strings("error.busy_database")
    _log.error("Unexpected error", exc_info=error)
    return strings("error.unexpected")


def _for_people(values: Mapping[str, Any], strings: Strings) -> dict[str, Any]:
    """The values of an error, in words."""
    return {name: list_shortfalls(value, strings) if name == "shortfalls" else value for name, value in values.items()}
