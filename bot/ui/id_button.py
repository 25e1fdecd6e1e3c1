"""Buttons all of whose knowledge stands in their ids."""

import re
from typing import Any, ClassVar, Self

import discord

from bot.ui.host import GuardedItem


class IdButton(GuardedItem, discord.ui.DynamicItem[discord.ui.Button[Any]], template="shiren:id"):
    """A button whose class's template names what stands in its id."""

    place: ClassVar[int]
    """Its row."""

    def __init__(
        self,
        custom_id: str,
        label: str = "",
        emoji: str | None = None,
        *,
        disabled: bool = False,
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    ) -> None:
        super().__init__(
            discord.ui.Button(
                label=label, emoji=emoji, custom_id=custom_id, disabled=disabled, style=style, row=self.place
            )
        )
        found = self.template.fullmatch(custom_id)
        self.found: dict[str, str] = found.groupdict() if found else {}
        """By the names in the template."""

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003 # discord.py's signature
        item: discord.ui.Item[Any],  # noqa: ARG003 # likewise
        match: re.Match[str],
        /,
    ) -> Self:
        """The button that was pressed."""
        return cls(match.string)
