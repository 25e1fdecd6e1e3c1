"""What can be typed, with buttons that do it."""

import re
from enum import StrEnum
from typing import Any, Self

import discord

from bot.i18n import Strings
from bot.ui.delivery import acknowledge
from bot.ui.favorites_page import show_page
from bot.ui.host import GuardedItem, script_for, strings_for
from bot.ui.poem_message import COLOUR, answer_with_poem
from bot.ui.settings_message import show_settings
from poetry_model.poem import PoemRequest
from poetry_model.script import Script, simplify

SECTIONS = ("write", "poem", "keep", "more", "server")
"""Of the help, in order."""


class Example(StrEnum):
    """What a button of the help does; its label says how that is typed."""

    POEM = "poem"
    LONGER = "longer"
    ACROSTIC = "acrostic"
    CONTINUE = "continue"
    FAVORITES = "favorites"
    SETTINGS = "settings"


_EMOJI = {
    Example.POEM: "🌙",
    Example.LONGER: "🌸",
    Example.ACROSTIC: "🎁",
    Example.CONTINUE: "🖌️",
    Example.FAVORITES: "❤️",
    Example.SETTINGS: "⚙️",
}

_HEADS = "花好月圓"
_LINE = "小院花開早"


def help_embed(strings: Strings) -> discord.Embed:
    """What there is."""
    embed = discord.Embed(title=strings("help.title"), description=strings("help.intro"), colour=COLOUR)
    for section in SECTIONS:
        embed.add_field(name=strings(f"help.{section}"), value=strings(f"help.{section}_text"), inline=False)
    return embed


def help_view(strings: Strings) -> discord.ui.View:
    """A button for each example."""
    view = discord.ui.View(timeout=None)
    for example in Example:
        view.add_item(ExampleButton(example, strings))
    return view


class ExampleButton(
    GuardedItem,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=f"shiren:help:(?P<example>{'|'.join(Example)})",
):
    """Does what the command on its label does."""

    def __init__(self, example: Example, strings: Strings) -> None:
        super().__init__(
            discord.ui.Button(
                label=strings(f"help.example_{example}"), emoji=_EMOJI[example], custom_id=f"shiren:help:{example}"
            )
        )
        self._example = example

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,
        item: discord.ui.Item[Any],  # noqa: ARG003 # discord.py's signature
        match: re.Match[str],
        /,
    ) -> Self:
        """The button that was pressed."""
        return cls(Example(match["example"]), await strings_for(interaction))

    async def act(self, interaction: discord.Interaction) -> None:
        """Do it."""
        match self._example:
            case Example.FAVORITES:
                await acknowledge(interaction, private=True)
                await show_page(interaction, 1)
            case Example.SETTINGS:
                await acknowledge(interaction, private=True)
                await show_settings(interaction)
            case example:
                await answer_with_poem(interaction, _request(example, await script_for(interaction)))


def _request(example: Example, script: Script) -> PoemRequest:
    """The poem that is asked for as an example."""
    match example:
        case Example.LONGER:
            return PoemRequest.checked("春", 7, 8, script=script)
        case Example.ACROSTIC:
            return PoemRequest.acrostic(_in(script, _HEADS), script=script)
        case Example.CONTINUE:
            return PoemRequest.continued(_in(script, _LINE), script=script)
        case _:
            return PoemRequest.checked("月", script=script)


def _in(script: Script, text: str) -> str:
    return simplify(text) if script is Script.SIMPLIFIED else text


HELP_ITEMS = (ExampleButton,)
