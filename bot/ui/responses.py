"""Answering an interaction, in the good case and in the bad one."""

import logging
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import discord
from discord import app_commands

from bot.attendance import attendance
from bot.errors import BotError
from bot.i18n import Strings
from bot.observer import Outcome
from bot.services import fault_of
from bot.text import quote
from bot.ui.delivery import LINE_FAULTS, is_acknowledged, is_gone, say_first
from bot.ui.shortfalls import list_shortfalls
from poetry_model.errors import RequestError

_log = logging.getLogger(__name__)

_QUOTED_LENGTH = 200
"""Characters of what was typed that are said back."""


async def answer_privately(interaction: discord.Interaction, text: str) -> None:
    """A sentence for the person alone, whether the interaction has been acknowledged or not."""
    if is_acknowledged(interaction):
        await interaction.followup.send(text, ephemeral=True)
    else:
        await say_first(interaction, text)


async def answer_error(interaction: discord.Interaction, error: Exception, strings: Strings) -> None:
    """The one path of errors: a sentence for the person, the rest for the log."""
    if interaction.type is discord.InteractionType.autocomplete:
        # What comes while somebody types is answered with choices or not at all.
        _log.warning("An autocompletion could not be answered: %s", type(error).__name__)
        return
    error = _inner(error)
    if is_gone(error):
        _log.warning("An interaction was gone before it could be answered: %s", error)
        return
    try:
        await answer_privately(interaction, describe(error, strings))
    except (discord.HTTPException, *LINE_FAULTS) as failure:
        _log.warning("An error could not be answered: %s: %s", type(failure).__name__, failure)


def describe(error: Exception, strings: Strings) -> str:
    """The sentence for `error`; what nobody foresaw goes to the log in full."""
    if isinstance(error, BotError):
        return strings(error.key, **_for_people(error.values, strings))
    if isinstance(error, RequestError):
        return strings(f"request.{error.code}", **_for_people(error.details, strings))
    if (fault := fault_of(error)) is not None:
        # Without the statement, whose values are people's.
        _log.error("The database cannot be used: %s", getattr(error, "orig", error))
        return strings(f"error.database_{fault}")
    if isinstance(error, app_commands.AppCommandError) and not isinstance(error, app_commands.CommandInvokeError):
        return _describe_misuse(error, strings)
    if isinstance(error, LINE_FAULTS):
        _log.warning("Discord could not be reached: %s: %s", type(error).__name__, error)
        return strings("error.unexpected")
    _log.error("Unexpected error", exc_info=error)
    current = attendance()
    return strings("error.unexpected_logged", number=current.interaction) if current else strings("error.unexpected")


def outcome_of(error: Exception) -> Outcome:
    """What `error` makes of the interaction that it ends."""
    error = _inner(error)
    if isinstance(error, BotError):
        if error.key.startswith("limits."):
            return Outcome.LIMITED
        return Outcome.STOPPING if error.key == "error.stopping" else Outcome.MISTAKE
    if is_gone(error):
        return Outcome.GONE
    is_misuse = isinstance(error, app_commands.AppCommandError) and not isinstance(
        error, app_commands.CommandInvokeError
    )
    return Outcome.MISTAKE if is_misuse or isinstance(error, RequestError) else Outcome.FAILED


def _inner(error: Exception) -> Exception:
    """What went wrong in a command, without what discord.py wraps it in."""
    if isinstance(error, app_commands.CommandInvokeError) and isinstance(error.original, Exception):
        return error.original
    return error


def _describe_misuse(error: app_commands.AppCommandError, strings: Strings) -> str:
    """The sentence for what discord.py refuses to hand to a command."""
    if isinstance(error, app_commands.TransformerError):
        return strings("error.options")
    if isinstance(error, app_commands.CheckFailure):
        return strings("error.refused")
    # Discord knows a command that is gone or has other options, or never knew it.
    return strings("error.command")


def _for_people(values: Mapping[str, Any], strings: Strings) -> dict[str, Any]:
    """The values of an error, in words: what somebody typed is quoted, numbers are left to the string."""
    return {name: _in_words(name, value, strings) for name, value in values.items()}


def _in_words(name: str, value: Any, strings: Strings) -> Any:
    if name == "shortfalls":
        return list_shortfalls(value, strings)
    return quote(str(value), _QUOTED_LENGTH) if isinstance(value, (str, PurePath)) else value
