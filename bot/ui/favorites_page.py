"""A person's favorites, a page at a time."""

import re
from collections.abc import Iterator
from typing import Any, Self

import discord

from bot.errors import BotError
from bot.i18n import Strings
from bot.services.favorites import PAGE_SIZE, Favorite, FavoritesPage
from bot.ui.delivery import acknowledge_press, show
from bot.ui.host import GuardedItem, host_of

_NUMBER = "(?P<number>[0-9]{1,9})"

_POEM_ID = re.compile("[0-9]{1,18}")


def favorites_embed(page: FavoritesPage, strings: Strings) -> discord.Embed:
    """The poems of the page."""
    embed = discord.Embed(title=strings("favorites.title"))
    if not page.total:
        embed.description = strings("favorites.empty")
        return embed
    for number, favorite in _numbered(page):
        kept = strings("favorites.kept_at", when=discord.utils.format_dt(favorite.kept_at, "D"))
        title = strings("poem.title", start=favorite.poem.start)
        embed.add_field(name=f"{number}. {title}", value=f"{favorite.poem.text}\n*{kept}*", inline=False)
    return embed.set_footer(text=strings("favorites.page", page=page.number, pages=page.pages, total=page.total))


def favorites_view(page: FavoritesPage, strings: Strings) -> discord.ui.View:
    """What turns the page, and what removes a poem."""
    view = discord.ui.View(timeout=None)
    if not page.total:
        return view
    options = [
        discord.SelectOption(label=f"{number}. {favorite.poem.lines[0]}", value=str(favorite.poem.id))
        for number, favorite in _numbered(page)
    ]
    view.add_item(RemoveMenu(page.number, strings, options))
    if page.pages > 1:
        view.add_item(PageButton(page.number - 1, strings("favorites.previous"), "◀", disabled=page.number == 1))
        view.add_item(PageButton(page.number + 1, strings("favorites.next"), "▶", disabled=page.number == page.pages))
    return view


async def show_page(interaction: discord.Interaction, number: int) -> None:
    """Put the page `number` into the private answer of a deferred interaction."""
    host = host_of(interaction)
    page = await host.services.favorites.page(interaction.user.id, number)
    await show(interaction, embed=favorites_embed(page, host.strings), view=favorites_view(page, host.strings))


def _require_own(interaction: discord.Interaction) -> None:
    """`BotError` where the page would be put into a message that others see."""
    message = interaction.message
    asked = message.interaction_metadata if message else None
    if message is None or not message.flags.ephemeral or (asked and asked.user.id != interaction.user.id):
        raise BotError("favorites.not_yours")


def _numbered(page: FavoritesPage) -> Iterator[tuple[int, Favorite]]:
    return enumerate(page.favorites, start=(page.number - 1) * PAGE_SIZE + 1)


class PageButton(
    GuardedItem, discord.ui.DynamicItem[discord.ui.Button[Any]], template=f"shiren:favorites:page:{_NUMBER}"
):
    """Turns to a page."""

    def __init__(self, number: int, label: str = "", emoji: str | None = None, *, disabled: bool = False) -> None:
        super().__init__(
            discord.ui.Button(label=label, emoji=emoji, custom_id=f"shiren:favorites:page:{number}", disabled=disabled)
        )
        self._number = number

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003 # discord.py's signature
        item: discord.ui.Item[Any],  # noqa: ARG003 # likewise
        match: re.Match[str],
        /,
    ) -> Self:
        """The button that was pressed."""
        return cls(int(match["number"]))

    async def act(self, interaction: discord.Interaction) -> None:
        """Turn the page."""
        _require_own(interaction)
        await acknowledge_press(interaction)
        await show_page(interaction, self._number)


class RemoveMenu(
    GuardedItem, discord.ui.DynamicItem[discord.ui.Select[Any]], template=f"shiren:favorites:remove:{_NUMBER}"
):
    """Removes the chosen poem from the favorites."""

    def __init__(self, number: int, strings: Strings, options: list[discord.SelectOption]) -> None:
        super().__init__(
            discord.ui.Select(
                custom_id=f"shiren:favorites:remove:{number}",
                placeholder=strings("favorites.remove"),
                options=options,
            )
        )
        self._number = number

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """The menu that was used."""
        options = item.options if isinstance(item, discord.ui.Select) else []
        return cls(int(match["number"]), host_of(interaction).strings, options)

    async def act(self, interaction: discord.Interaction) -> None:
        """Remove the poem and show the page without it."""
        _require_own(interaction)
        if not all(_POEM_ID.fullmatch(value) for value in self.item.values):
            raise BotError("error.component")
        await acknowledge_press(interaction)
        for value in self.item.values:
            await host_of(interaction).services.favorites.remove(interaction.user.id, int(value))
        await show_page(interaction, self._number)


FAVORITES_ITEMS = (PageButton, RemoveMenu)
