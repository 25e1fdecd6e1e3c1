"""`/favorites`."""

from datetime import datetime
from typing import Any

import discord
from discord import app_commands

from bot.cogs import SlashCommand
from bot.i18n import Strings
from bot.services.favorites_search import Recently, Selection, Sort, read_days
from bot.ui.delivery import acknowledge
from bot.ui.favorites_download import send_file
from bot.ui.favorites_file import FileKind
from bot.ui.favorites_page import show_page
from bot.ui.host import guarded
from bot.ui.zone import zone_for
from poetry_model.form import FORMS

_LONGEST = 100
"""Characters taken, so that whoever types too many still reads how many it may be."""

_Text = app_commands.Range[str, 1, _LONGEST]


def favorites_command(strings: Strings) -> SlashCommand:
    """The caller's own favorites, for them alone."""

    @app_commands.command(
        name=strings.said("favorites.command.name"), description=strings.said("favorites.command.description")
    )
    @app_commands.rename(
        form=strings.said("poem.option.form"),
        start=strings.said("poem.option.start"),
        text=strings.said("favorites.option.text"),
        when=strings.said("favorites.option.when"),
        since=strings.said("favorites.option.since"),
        until=strings.said("favorites.option.until"),
        sort=strings.said("favorites.option.sort"),
        export=strings.said("favorites.option.export"),
    )
    @app_commands.describe(
        form=strings.said("favorites.command.form"),
        start=strings.said("favorites.command.start"),
        text=strings.said("favorites.command.text"),
        when=strings.said("favorites.command.when"),
        since=strings.said("favorites.command.since"),
        until=strings.said("favorites.command.until"),
        sort=strings.said("favorites.command.sort"),
        export=strings.said("favorites.command.export"),
    )
    @app_commands.choices(**_choices(strings))
    @guarded
    async def favorites(  # noqa: PLR0913, PLR0917 # the options of the command
        interaction: discord.Interaction,
        form: int | None = None,
        start: _Text = "",
        text: _Text = "",
        when: str | None = None,
        since: _Text | None = None,
        until: _Text | None = None,
        sort: str = Sort.NEWEST.value,
        export: str | None = None,
    ) -> None:
        await acknowledge(interaction, private=True)
        begin, end = await _times(interaction, when, since, until)
        selection = Selection.checked(form, start, text, since=begin, until=end, sort=Sort(sort))
        if export is None:
            await show_page(interaction, 1, selection)
        else:
            await send_file(interaction, selection, FileKind(export))

    return favorites


def _choices(strings: Strings) -> dict[str, list[app_commands.Choice[Any]]]:
    offered: dict[str, type[Recently | Sort | FileKind]] = {"when": Recently, "sort": Sort, "export": FileKind}
    choices = {
        option: [
            app_commands.Choice(name=strings.said(f"favorites.command.{option}_{each}"), value=each.value)
            for each in kinds
        ]
        for option, kinds in offered.items()
    }
    forms = [app_commands.Choice(name=strings.said(f"poem.command.form_{form}"), value=form) for form in FORMS]
    return {"form": forms, **choices}


async def _times(
    interaction: discord.Interaction, when: str | None, since: str | None, until: str | None
) -> tuple[datetime | None, datetime | None]:
    """From when on and before when; days are those of the person's zone, as far as it can be told."""
    zone = await zone_for(interaction)
    begins = [interaction.created_at - Recently(when).time] if when else []
    begins += [read_days(since, zone)[0]] if since else []
    return max(begins, default=None), read_days(until, zone)[1] if until else None
