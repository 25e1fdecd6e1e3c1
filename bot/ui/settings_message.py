"""What a person may choose for themselves, and a moderator for the server, in one message for them alone."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import discord

from bot.errors import BotError
from bot.i18n import Language, Strings
from bot.ui.delivery import acknowledge_press, show
from bot.ui.host import GuardedItem, host_of, strings_for
from bot.ui.poem_message import COLOUR
from poetry_model.script import Script

_AUTO = "auto"
"""The choice of nothing."""


async def show_settings(interaction: discord.Interaction) -> None:
    """Put what is chosen, and what can be, into the private answer of an acknowledged interaction."""
    preferences, strings = host_of(interaction).services.preferences, await strings_for(interaction)
    own = await preferences.of_person(interaction.user.id)
    embed = discord.Embed(title=strings("settings.title"), description=strings("settings.intro"), colour=COLOUR)
    view = discord.ui.View(timeout=None)
    view.add_item(LanguageMenu(strings, own.language))
    view.add_item(ScriptMenu(strings, own.script))
    buttons: list[discord.ui.DynamicItem[Any]] = [TopButton(strings, is_out=own.is_out_of_top)]
    if interaction.guild_id is not None and _may_manage(interaction):
        chosen = await preferences.of_guild(interaction.guild_id)
        embed.add_field(name=strings("settings.guild"), value=strings("settings.guild_intro"))
        view.add_item(GuildLanguageMenu(strings, chosen.language))
        buttons.append(GuildTopButton(strings, is_out=chosen.is_out_of_top))
    for button in buttons:
        view.add_item(button)
    await show(interaction, embed=embed, view=view)


def _may_manage(interaction: discord.Interaction) -> bool:
    """Whether the person may choose for the server: it has the bot, and they manage it."""
    is_member = interaction.guild_id is not None and interaction.client.get_guild(interaction.guild_id) is not None
    return is_member and interaction.permissions.manage_guild


def _managed_guild(interaction: discord.Interaction) -> int:
    """The server; `BotError` for those who may not choose for it."""
    if interaction.guild_id is None or not _may_manage(interaction):
        raise BotError("settings.forbidden")
    return interaction.guild_id


class _Item(GuardedItem):
    """Changes a choice and shows the message anew, in the language that is chosen then."""

    async def act(self, interaction: discord.Interaction) -> None:
        """Change it."""
        await self.change(interaction)
        await acknowledge_press(interaction)
        await show_settings(interaction)

    async def change(self, interaction: discord.Interaction) -> None:
        """What is changed; `BotError` where that may not be."""
        raise NotImplementedError


class _Menu(_Item, discord.ui.DynamicItem[discord.ui.Select[Any]], template="shiren:settings"):
    """One of some, or nothing."""

    name: ClassVar[str]
    emoji: ClassVar[str]
    choices: ClassVar[Sequence[str]]

    def __init__(self, strings: Strings, chosen: str | None = None) -> None:
        options = [
            discord.SelectOption(
                label=strings(f"settings.{self.name}_{choice}"),
                value=choice,
                emoji=self.emoji,
                description=strings(f"settings.{self.name}_hint") if choice == _AUTO else None,
                default=choice == (chosen or _AUTO),
            )
            for choice in (_AUTO, *self.choices)
        ]
        super().__init__(discord.ui.Select(custom_id=f"shiren:settings:{self.name}", options=options))

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,
        item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """The menu that was used, with what was chosen."""
        del item, match
        return cls(await strings_for(interaction))

    @property
    def chosen(self) -> str | None:
        """What was chosen; `BotError` for what is not offered."""
        [value] = self.item.values or [""]
        if value not in {_AUTO, *self.choices}:
            raise BotError("error.component")
        return None if value == _AUTO else value


class LanguageMenu(_Menu, template="shiren:settings:language"):
    """The language of a person."""

    name = "language"
    emoji = "🌐"
    choices = tuple(Language)

    async def change(self, interaction: discord.Interaction) -> None:
        """Remember it."""
        language = Language(self.chosen) if self.chosen else None
        await host_of(interaction).services.preferences.set_person_language(interaction.user.id, language)


class ScriptMenu(_Menu, template="shiren:settings:script"):
    """The script of poems for a person."""

    name = "script"
    emoji = "🖌️"
    choices = tuple(Script)

    async def change(self, interaction: discord.Interaction) -> None:
        """Remember it."""
        script = Script(self.chosen) if self.chosen else None
        await host_of(interaction).services.preferences.set_script(interaction.user.id, script)


class GuildLanguageMenu(_Menu, template="shiren:settings:guild_language"):
    """The language of a server."""

    name = "guild_language"
    emoji = "🏠"
    choices = tuple(Language)

    async def change(self, interaction: discord.Interaction) -> None:
        """Remember it."""
        language = Language(self.chosen) if self.chosen else None
        guild_id = _managed_guild(interaction)
        await host_of(interaction).services.preferences.set_guild_language(guild_id, language)


class _Switch(_Item, discord.ui.DynamicItem[discord.ui.Button[Any]], template="shiren:settings:switch"):
    """Out of something, or in it again."""

    name: ClassVar[str]

    def __init__(self, strings: Strings, *, is_out: bool) -> None:
        """`is_out`: as it is now."""
        way = "in" if is_out else "out"
        label = strings(f"settings.{self.name}_{way}")
        super().__init__(discord.ui.Button(label=label, emoji="🏆", custom_id=f"shiren:settings:{self.name}:{way}"))
        self._goes_out = not is_out

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,
        item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """The button that was pressed."""
        del item
        return cls(await strings_for(interaction), is_out=match["way"] == "in")


class TopButton(_Switch, template="shiren:settings:top:(?P<way>in|out)"):
    """Whether a person is in `/top`."""

    name = "top"

    async def change(self, interaction: discord.Interaction) -> None:
        """Remember it."""
        preferences = host_of(interaction).services.preferences
        await preferences.set_out_of_top(interaction.user.id, is_out=self._goes_out)


class GuildTopButton(_Switch, template="shiren:settings:guild_top:(?P<way>in|out)"):
    """Whether a server has `/top`."""

    name = "guild_top"

    async def change(self, interaction: discord.Interaction) -> None:
        """Remember it."""
        preferences = host_of(interaction).services.preferences
        await preferences.set_guild_out_of_top(_managed_guild(interaction), is_out=self._goes_out)


SETTINGS_ITEMS = (LanguageMenu, ScriptMenu, GuildLanguageMenu, TopButton, GuildTopButton)
