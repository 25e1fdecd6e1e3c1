"""A person's favorites, a page at a time: what is looked for stands in the ids of its buttons."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Self

import discord

from bot.errors import BotError
from bot.i18n import Strings
from bot.services.favorites import PAGE_SIZE, Favorite, FavoritesPage
from bot.services.favorites_search import EVERYTHING, Selection, Sort
from bot.services.poems import ShownPoem
from bot.ui.delivery import acknowledge, acknowledge_press, show
from bot.ui.favorites_download import DOWNLOAD_ITEMS, ExportButton
from bot.ui.favorites_state import STATE, read_state, write_state
from bot.ui.host import GuardedItem, host_of, strings_for
from bot.ui.id_button import IdButton
from bot.ui.opened_poem import show_opened
from bot.ui.poem_message import COLOUR

_NUMBER = "(?P<number>[0-9]{1,6})"

_LAST_NUMBER = 10**6 - 1

_POEM_ID = "(?P<poem_id>[0-9]{1,18})"


def favorites_embed(page: FavoritesPage, strings: Strings, removed: ShownPoem | None = None) -> discord.Embed:
    """The poems of the page, below what was looked for and what was `removed` just now."""
    embed = discord.Embed(title=strings("favorites.title"), colour=COLOUR)
    said = []
    if removed is not None:
        said.append(strings("favorites.removed", title=strings("poem.title", start=removed.start)))
    if page.selection != EVERYTHING:
        said.append(" · ".join(_looked_for(page.selection, strings)))
    if not page.kept:
        said.append(strings("favorites.empty"))
    elif not page.total:
        said.append(strings("favorites.none_found", kept=page.kept))
    else:
        said.append(strings("favorites.open_hint"))
        embed.set_footer(text=_footer(page, strings))
    embed.description = "\n".join(said)
    for number, favorite in _numbered(page):
        title = strings("poem.title", start=favorite.poem.start)
        embed.add_field(name=f"{number}. {title}", value=_summary(favorite, strings), inline=False)
    return embed


def _footer(page: FavoritesPage, strings: Strings) -> str:
    if page.selection.is_everything:
        return strings("favorites.page", page=page.number, pages=page.pages, total=page.total)
    return strings("favorites.found", page=page.number, pages=page.pages, total=page.total, kept=page.kept)


def _summary(favorite: Favorite, strings: Strings) -> str:
    lines = favorite.poem.lines
    first = strings("favorites.goes_on", line=lines[0]) if len(lines) > 1 else lines[0]
    kept = strings("favorites.kept_at", when=discord.utils.format_dt(favorite.kept_at, "D"))
    return f"{first}\n*{kept}*"


def _looked_for(selection: Selection, strings: Strings) -> Iterator[str]:
    """What was asked for, in words."""
    if selection.form is not None:
        yield strings("favorites.with_form", form=selection.form)
    if selection.start:
        yield strings("favorites.with_start", start=selection.start)
    if selection.text:
        yield strings("favorites.with_text", text=selection.text)
    if selection.since is not None:
        yield strings("favorites.with_since", when=discord.utils.format_dt(selection.since, "D"))
    if selection.until is not None:
        # The last day, not the one after.
        last = selection.until - timedelta(seconds=1)
        yield strings("favorites.with_until", when=discord.utils.format_dt(last, "D"))
    if selection.sort is not Sort.NEWEST:
        yield strings(f"favorites.command.sort_{selection.sort}")


def favorites_view(page: FavoritesPage, strings: Strings, removed: ShownPoem | None = None) -> discord.ui.View:
    """What opens a poem, removes one, turns the page, gives all as a file, and takes the removal back."""
    view = discord.ui.View(timeout=None)
    state, number = write_state(page.selection), min(page.number, _LAST_NUMBER)
    for place, favorite in _numbered(page):
        view.add_item(OpenButton(f"shiren:favorites:open:{favorite.poem.id}", str(place)))
    if page.total:
        options = [
            discord.SelectOption(label=f"{place}. {favorite.poem.lines[0]}", value=str(favorite.poem.id))
            for place, favorite in _numbered(page)
        ]
        menu_id = f"shiren:favorites:remove:{number}:{state}"
        view.add_item(RemoveMenu(menu_id, strings("favorites.remove"), options))
    if page.pages > 1:
        for label, emoji, to, is_end in (
            (strings("favorites.previous"), "◀️", number - 1, number == 1),
            (strings("favorites.next"), "▶️", number + 1, number == page.pages),
        ):
            page_id = f"shiren:favorites:page:{min(to, _LAST_NUMBER)}:{state}"
            view.add_item(PageButton(page_id, label, emoji, disabled=is_end))
    if page.total:
        view.add_item(ExportButton(f"shiren:favorites:export:{state}", strings("favorites.export")))
    if removed is not None:
        undo_id = f"shiren:favorites:undo:{removed.id}:{number}:{state}"
        view.add_item(UndoButton(undo_id, strings("favorites.undo"), "↩️"))
    return view


async def show_page(
    interaction: discord.Interaction,
    number: int,
    selection: Selection = EVERYTHING,
    removed: ShownPoem | None = None,
) -> None:
    """Put the page `number` into the private answer of an acknowledged interaction."""
    page = await host_of(interaction).services.favorites.page(interaction.user.id, number, selection)
    strings = await strings_for(interaction)
    await show(interaction, embed=favorites_embed(page, strings, removed), view=favorites_view(page, strings, removed))


def _require_own(interaction: discord.Interaction) -> None:
    """`BotError` where the page would be put into a message that others see."""
    message = interaction.message
    asked = message.interaction_metadata if message else None
    if message is None or not message.flags.ephemeral or (asked and asked.user.id != interaction.user.id):
        raise BotError("favorites.not_yours")


def _numbered(page: FavoritesPage) -> Iterator[tuple[int, Favorite]]:
    return enumerate(page.favorites, start=(page.number - 1) * PAGE_SIZE + 1)


class OpenButton(IdButton, template=f"shiren:favorites:open:{_POEM_ID}"):
    """Shows a poem in full to the person who keeps it."""

    place = 0

    async def act(self, interaction: discord.Interaction) -> None:
        """Show it in a message of its own."""
        await acknowledge(interaction, private=True)
        favorites = host_of(interaction).services.favorites
        favorite = await favorites.get(interaction.user.id, int(self.found["poem_id"]))
        await show_opened(interaction, favorite.poem)


class PageButton(IdButton, template=f"shiren:favorites:page:{_NUMBER}:{STATE}"):
    """Turns to a page."""

    place = 2

    async def act(self, interaction: discord.Interaction) -> None:
        """Turn the page."""
        _require_own(interaction)
        selection = read_state(self.found["state"])
        await acknowledge_press(interaction)
        await show_page(interaction, int(self.found["number"]), selection)


class UndoButton(IdButton, template=f"shiren:favorites:undo:{_POEM_ID}:{_NUMBER}:{STATE}"):
    """Brings back what its reader removed last."""

    place = 2

    async def act(self, interaction: discord.Interaction) -> None:
        """Keep the poem as before, and show the page with it."""
        _require_own(interaction)
        selection = read_state(self.found["state"])
        await acknowledge_press(interaction)
        await host_of(interaction).services.favorites.restore(interaction.user.id, int(self.found["poem_id"]))
        await show_page(interaction, int(self.found["number"]), selection)


class RemoveMenu(
    GuardedItem,
    discord.ui.DynamicItem[discord.ui.Select[Any]],
    template=f"shiren:favorites:remove:{_NUMBER}:{STATE}",
):
    """Removes the chosen poem from the favorites."""

    def __init__(self, custom_id: str, placeholder: str | None, options: list[discord.SelectOption]) -> None:
        super().__init__(discord.ui.Select(custom_id=custom_id, placeholder=placeholder, options=options, row=1))
        found = self.template.fullmatch(custom_id)
        self._found = found.groupdict() if found else {}

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003 # discord.py's signature
        item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """The menu that was used."""
        return cls(match.string, None, item.options if isinstance(item, discord.ui.Select) else [])

    async def act(self, interaction: discord.Interaction) -> None:
        """Remove the poem, and show the page without it and with a way back."""
        _require_own(interaction)
        selection = read_state(self._found["state"])
        if not all(re.fullmatch(_POEM_ID, value) for value in self.item.values):
            raise BotError("error.component")
        await acknowledge_press(interaction)
        removed = None
        for value in self.item.values:
            removed = await host_of(interaction).services.favorites.remove(interaction.user.id, int(value)) or removed
        await show_page(interaction, int(self._found["number"]), selection, removed)


FAVORITES_ITEMS = (OpenButton, PageButton, UndoButton, RemoveMenu, *DOWNLOAD_ITEMS)
