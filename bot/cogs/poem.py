"""`/poem`, `/acrostic` and `/continue`: what one person asks of the poet."""

from collections.abc import Callable
from typing import Any, TypeVar

import discord
from discord import app_commands

from bot.cogs import SlashCommand
from bot.i18n import Strings
from bot.text import clean
from bot.ui.host import guarded, script_for, strings_for
from bot.ui.openings import is_surprise, opening_choices
from bot.ui.poem_message import answer_with_poem
from bot.ui.responses import answer_error
from poetry_model.form import FORMS, MAX_LINES
from poetry_model.mood import Mood
from poetry_model.openings import draw_opening
from poetry_model.poem import PoemRequest, Style, draw_seed, seed_of
from poetry_model.script import Script, simplify

_LONGEST = 100
"""Characters taken, so that whoever types more than a line still reads how many a line has."""

_Text = app_commands.Range[str, 1, _LONGEST]
_Lines = app_commands.Range[int, 1, MAX_LINES]

_Callback = TypeVar("_Callback", bound=Callable[..., Any])


def poem_command(strings: Strings) -> SlashCommand:
    """A poem that begins with the given characters."""

    @app_commands.command(name=strings.said("poem.command.name"), description=strings.said("poem.command.description"))
    @_with_options(strings, "start", "form", "lines", "style", "mood", "seed")
    @app_commands.autocomplete(start=_complete)
    @guarded
    async def poem(
        interaction: discord.Interaction,
        start: _Text,
        form: int = 5,
        lines: _Lines = 4,
        style: str = Style.REGULATED.value,
        mood: str = Mood.LIVELY.value,
        seed: _Text | None = None,
    ) -> None:
        start = clean(start, _LONGEST)
        sampling = await _sampling(interaction, start, style, mood, seed)
        start = _start(start, sampling["seed"], sampling["script"])
        # Checked before the answer is announced, so that a mistake is answered to the person alone.
        await answer_with_poem(interaction, PoemRequest.checked(start, form, lines, **sampling))

    return poem


def acrostic_command(strings: Strings) -> SlashCommand:
    """A poem whose lines begin with the given characters."""

    @app_commands.command(
        name=strings.said("acrostic.command.name"), description=strings.said("acrostic.command.description")
    )
    @_with_options(strings, "form", "style", "mood", "seed")
    @app_commands.rename(heads=strings.said("acrostic.option.heads"))
    @app_commands.describe(heads=strings.said("acrostic.command.heads"))
    @guarded
    async def acrostic(
        interaction: discord.Interaction,
        heads: _Text,
        form: int = 5,
        style: str = Style.REGULATED.value,
        mood: str = Mood.LIVELY.value,
        seed: _Text | None = None,
    ) -> None:
        heads = clean(heads, _LONGEST)
        sampling = await _sampling(interaction, heads, style, mood, seed)
        await answer_with_poem(interaction, PoemRequest.acrostic(heads, form, **sampling))

    return acrostic


def continue_command(strings: Strings) -> SlashCommand:
    """A poem that goes on from the given line, in its form."""

    @app_commands.command(
        name=strings.said("continue.command.name"), description=strings.said("continue.command.description")
    )
    @_with_options(strings, "lines", "style", "mood", "seed")
    @app_commands.rename(line=strings.said("continue.option.line"))
    @app_commands.describe(line=strings.said("continue.command.line"))
    @guarded
    async def go_on(
        interaction: discord.Interaction,
        line: _Text,
        lines: _Lines = 4,
        style: str = Style.REGULATED.value,
        mood: str = Mood.LIVELY.value,
        seed: _Text | None = None,
    ) -> None:
        line = clean(line, _LONGEST)
        sampling = await _sampling(interaction, line, style, mood, seed)
        await answer_with_poem(interaction, PoemRequest.continued(line, lines, **sampling))

    return go_on


def _with_options(strings: Strings, *names: str) -> Callable[[_Callback], _Callback]:
    """The options that some of the three have in common: their names, what they are, what can be chosen."""
    choices: dict[str, list[app_commands.Choice[Any]]] = {
        "form": [app_commands.Choice(name=strings.said(f"poem.command.form_{form}"), value=form) for form in FORMS],
        "style": [
            app_commands.Choice(name=strings.said(f"poem.command.style_{style}"), value=style.value) for style in Style
        ],
        "mood": [
            app_commands.Choice(name=strings.said(f"poem.command.mood_{mood}"), value=mood.value) for mood in Mood
        ],
    }

    def add(callback: _Callback) -> _Callback:
        callback = app_commands.rename(**{name: strings.said(f"poem.option.{name}") for name in names})(callback)
        callback = app_commands.describe(**{name: strings.said(f"poem.command.{name}") for name in names})(callback)
        return app_commands.choices(**{name: choices[name] for name in names if name in choices})(callback)

    return add


async def _sampling(
    interaction: discord.Interaction, typed: str, style: str, mood: str, seed: str | None
) -> dict[str, Any]:
    """What all three are asked alike; the script is that of what was `typed`, or the reader's."""
    return {
        "script": await script_for(interaction, typed),
        "style": Style(style),
        "mood": Mood(mood),
        "seed": draw_seed() if seed is None else seed_of(clean(seed, _LONGEST)),
    }


def _start(start: str, seed: int, script: Script) -> str:
    """How the poem begins; a surprise is the seed's, so that it can be had again."""
    if not is_surprise(start):
        return start
    opening = draw_opening(seed)
    return simplify(opening) if script is Script.SIMPLIFIED else opening


async def _complete(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
    """First characters, for whoever looks for one."""
    strings = await strings_for(interaction)
    try:
        # Whatever type a hand-made one has.
        return opening_choices(str(typed), await script_for(interaction), strings)
    except Exception as error:  # noqa: BLE001 # as for a command, though nobody can be told
        await answer_error(interaction, error, strings)
        return []
