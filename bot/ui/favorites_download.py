"""A person's favorites as a file, for them alone."""

import asyncio
import io

import discord

from bot.errors import BotError
from bot.services.favorites_search import Selection
from bot.ui.delivery import acknowledge, acknowledge_press, show
from bot.ui.favorites_file import FavoritesFile, FileKind
from bot.ui.favorites_state import STATE, read_state
from bot.ui.host import host_of, strings_for
from bot.ui.id_button import IdButton
from bot.ui.packed_file import TooLargeError, packed


async def send_file(interaction: discord.Interaction, selection: Selection, kind: FileKind) -> None:
    """Put the file into the private answer of an acknowledged interaction."""
    strings = await strings_for(interaction)
    file = FavoritesFile(kind, interaction.created_at, strings)
    async for favorites in host_of(interaction).services.favorites.all(interaction.user.id, selection):
        await asyncio.to_thread(file.add, favorites)
    if not file.count:
        raise BotError("favorites.nothing_to_export")
    content, name = await asyncio.to_thread(_packed, file, interaction.filesize_limit)
    await show(
        interaction,
        content=strings("favorites.exported", count=file.count),
        files=lambda: [discord.File(io.BytesIO(content), name)],
        view=None,
    )


def _packed(file: FavoritesFile, limit: int) -> tuple[bytes, str]:
    try:
        return packed(file.content(), file.name, limit)
    except TooLargeError as error:
        raise BotError("favorites.too_large", size=error.size / 2**20, limit=limit / 2**20) from None


class ExportButton(IdButton, template=f"shiren:favorites:export:{STATE}"):
    """Asks what kind of file it shall be."""

    place = 2

    async def act(self, interaction: discord.Interaction) -> None:
        """Ask in a message of its own, for whoever presses it, about theirs."""
        # Read before it is put into other ids.
        read_state(self.found["state"])
        await acknowledge(interaction, private=True)
        strings = await strings_for(interaction)
        view = discord.ui.View(timeout=None)
        for kind in FileKind:
            label = strings(f"favorites.command.export_{kind}")
            view.add_item(FileButton(f"shiren:favorites:file:{kind}:{self.found['state']}", label))
        await show(interaction, content=strings("favorites.export_as"), view=view)


class FileButton(IdButton, template=f"shiren:favorites:file:(?P<kind>{'|'.join(FileKind)}):{STATE}"):
    """Gives the file."""

    place = 0

    async def act(self, interaction: discord.Interaction) -> None:
        """Put it in the place of the question."""
        selection, message = read_state(self.found["state"]), interaction.message
        if message is None or not message.flags.ephemeral:
            raise BotError("favorites.not_yours")
        await acknowledge_press(interaction)
        await send_file(interaction, selection, FileKind(self.found["kind"]))


DOWNLOAD_ITEMS = (ExportButton, FileButton)
