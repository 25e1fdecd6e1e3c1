"""What a person is told of their own data, and the two buttons that must be pressed before it is deleted."""

import io
import re
from datetime import timedelta
from typing import Any, ClassVar, Self

import discord

from bot.errors import BotError
from bot.i18n import Strings
from bot.services.privacy import Deleted, Stored
from bot.ui.delivery import acknowledge_press, show
from bot.ui.host import GuardedItem, host_of, strings_for
from bot.ui.packed_file import TooLargeError, packed

_LIFE = timedelta(minutes=5)
"""How long a button can be pressed: by then nobody remembers what stood above it."""

_WHOSE = "(?P<user_id>[0-9]{1,20}):(?P<until>[0-9]{1,12})"

_FILE_NAME = "shiren.json"


def stored_embed(stored: Stored, strings: Strings) -> discord.Embed:
    """What is stored, what for, and what can be done about it."""
    rows = [strings(f"privacy.stored.{table}", count=count) for table, count in stored.rows.items()]
    said = [strings("privacy.why"), strings("privacy.learned"), strings("privacy.backups"), strings("privacy.ways")]
    description = "\n\n".join([_listed(strings("privacy.intro"), rows), *said])
    return discord.Embed(title=strings("privacy.title"), description=description)


def export_file(content: bytes, limit: int) -> discord.File:
    """The file to send, of `limit` bytes at most: in a zip where it is larger as it is; blocks.

    `BotError` when that is not enough.
    """
    try:
        sent, name = packed(content, _FILE_NAME, limit)
    except TooLargeError as error:
        raise BotError("privacy.too_large", size=error.size / 2**20, limit=limit / 2**20) from None
    return discord.File(io.BytesIO(sent), name)


def deletion_embed(stored: Stored, strings: Strings) -> discord.Embed:
    """What would go, and what would not."""
    rows = [
        strings("privacy.delete.poems", count=stored.rows["poems"]),
        strings("privacy.delete.shared", count=stored.shared_poems),
        strings("privacy.delete.favorites", count=stored.rows["favorites"]),
        strings("privacy.delete.linked_lines", count=stored.rows["linked_lines"]),
        strings("privacy.delete.training_runs", count=stored.rows["training_runs"]),
    ]
    description = "\n\n".join([_listed(strings("privacy.delete.goes"), rows), strings("privacy.delete.stays")])
    return discord.Embed(title=strings("privacy.delete.title"), description=description, colour=discord.Colour.red())


def deletion_view(interaction: discord.Interaction, strings: Strings) -> discord.ui.View:
    """The first button, for the person who asked."""
    return _view(interaction, strings, AskButton)


def deleted_embed(deleted: Deleted, strings: Strings) -> discord.Embed:
    """What went."""
    rows = [
        strings("privacy.delete.done_poems", count=deleted.poems),
        strings("privacy.delete.done_favorites", count=deleted.favorites),
        strings("privacy.delete.done_shared", count=deleted.shared_poems),
        strings("privacy.delete.done_trainings", count=deleted.trainings),
    ]
    return discord.Embed(title=strings("privacy.delete.done"), description="\n".join(f"- {row}" for row in rows))


def _listed(head: str, rows: list[str]) -> str:
    return "\n".join([head, *(f"- {row}" for row in rows)])


def _view(interaction: discord.Interaction, strings: Strings, *buttons: "type[_PrivacyButton]") -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    until = int((interaction.created_at + _LIFE).timestamp())
    for button in buttons:
        view.add_item(button(interaction.user.id, until, strings))
    return view


class _PrivacyButton(GuardedItem, discord.ui.DynamicItem[discord.ui.Button[Any]], template=f"shiren:privacy:{_WHOSE}"):
    """Works for the person it was shown to, and while it is fresh."""

    action: ClassVar[str]
    style: ClassVar[discord.ButtonStyle]

    def __init__(self, user_id: int, until: int, strings: Strings) -> None:
        """`until`: seconds since 1970, by Discord's clock."""
        label = strings(f"privacy.delete.{self.action}")
        custom_id = f"shiren:privacy:{self.action}:{user_id}:{until}"
        super().__init__(discord.ui.Button(label=label, style=self.style, custom_id=custom_id))
        self._user_id = user_id
        self._until = until

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,
        item: discord.ui.Item[Any],  # noqa: ARG003 # discord.py's signature
        match: re.Match[str],
        /,
    ) -> Self:
        """The button that was pressed."""
        return cls(int(match["user_id"]), int(match["until"]), await strings_for(interaction))

    async def act(self, interaction: discord.Interaction) -> None:
        """Go on, for that person alone; what comes next takes the place of the message."""
        if interaction.user.id != self._user_id:
            raise BotError("privacy.not_yours")
        if interaction.created_at.timestamp() > self._until:
            raise BotError("privacy.expired")
        await acknowledge_press(interaction)
        await self.proceed(interaction)

    async def proceed(self, interaction: discord.Interaction) -> None:
        """What the button does."""
        raise NotImplementedError


class AskButton(_PrivacyButton, template=f"shiren:privacy:ask:{_WHOSE}"):
    """Asks once more."""

    action = "ask"
    style = discord.ButtonStyle.danger

    async def proceed(self, interaction: discord.Interaction) -> None:
        """Show the second question, with what is there by now."""
        strings = await strings_for(interaction)
        stored = await host_of(interaction).services.privacy.stored(interaction.user.id)
        embed = deletion_embed(stored, strings)
        embed.title = strings("privacy.delete.title_again")
        # A second press at the same place keeps everything.
        view = _view(interaction, strings, KeepButton, ConfirmButton)
        await show(interaction, embed=embed, view=view)


class KeepButton(_PrivacyButton, template=f"shiren:privacy:keep:{_WHOSE}"):
    """Leaves everything as it is."""

    action = "keep"
    style = discord.ButtonStyle.secondary

    async def proceed(self, interaction: discord.Interaction) -> None:
        """Say so."""
        strings = await strings_for(interaction)
        await show(interaction, embed=discord.Embed(title=strings("privacy.delete.kept")), view=None)


class ConfirmButton(_PrivacyButton, template=f"shiren:privacy:confirm:{_WHOSE}"):
    """Deletes everything of whoever presses it."""

    action = "confirm"
    style = discord.ButtonStyle.danger

    async def proceed(self, interaction: discord.Interaction) -> None:
        """Delete; say so only when it is gone from the disk."""
        # In the language they chose, of which nothing is left afterwards.
        strings = await strings_for(interaction)
        deleted = await host_of(interaction).services.privacy.delete(interaction.user.id)
        await show(interaction, embed=deleted_embed(deleted, strings), view=None)


PRIVACY_BUTTONS = (AskButton, KeepButton, ConfirmButton)
