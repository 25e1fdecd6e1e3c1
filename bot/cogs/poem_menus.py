"""What the menu of a message offers where the message is a poem of the bot's: keep it, look at its metre, read it."""

import re
from collections.abc import Iterator

import discord
from discord import app_commands

from bot.errors import BotError
from bot.i18n import Strings
from bot.services.poems import ShownPoem
from bot.ui.card_message import CARD_ITEMS
from bot.ui.delivery import acknowledge
from bot.ui.host import guarded
from bot.ui.metre_message import show_metre
from bot.ui.poem_button import shown_poem
from bot.ui.poem_message import POEM_BUTTONS, keep
from bot.ui.reading_message import show_reading

_IDS: tuple[re.Pattern[str], ...] = tuple(
    item.__discord_ui_compiled_template__ for item in (*POEM_BUTTONS, *CARD_ITEMS)
)
"""Components that know the id of their message's poem."""


def keep_menu(strings: Strings) -> app_commands.ContextMenu:
    """Keeps the poem for whoever asks."""

    @guarded
    async def keep_poem(interaction: discord.Interaction, message: discord.Message) -> None:
        await keep(interaction, await _poem_in(interaction, message))

    return app_commands.ContextMenu(name=strings.said("menu.command.keep"), callback=keep_poem)


def metre_menu(strings: Strings) -> app_commands.ContextMenu:
    """Shows the poem's metre to whoever asks."""

    @guarded
    async def look_at_metre(interaction: discord.Interaction, message: discord.Message) -> None:
        await show_metre(interaction, await _poem_in(interaction, message))

    return app_commands.ContextMenu(name=strings.said("menu.command.metre"), callback=look_at_metre)


def reading_menu(strings: Strings) -> app_commands.ContextMenu:
    """Shows the poem's pinyin and the meaning of its words to whoever asks, whatever the language of its buttons."""

    @guarded
    async def read(interaction: discord.Interaction, message: discord.Message) -> None:
        await show_reading(interaction, await _poem_in(interaction, message))

    return app_commands.ContextMenu(name=strings.said("menu.command.reading"), callback=read)


async def _poem_in(interaction: discord.Interaction, message: discord.Message) -> ShownPoem:
    """Acknowledge to the person alone; the message's poem, `BotError` where it is none of the bot's with one poem."""
    await acknowledge(interaction, private=True)
    # Another bot can give its components any id.
    is_own = message.author.id == interaction.application_id or message.author == interaction.client.user
    poem_ids = set(_poem_ids(message)) if is_own else set()
    if len(poem_ids) != 1:
        raise BotError("menu.no_poem")
    return await shown_poem(interaction, poem_ids.pop())


def _poem_ids(message: discord.Message) -> Iterator[int]:
    for row in message.components:
        for component in getattr(row, "children", []):
            custom_id = getattr(component, "custom_id", None) or ""
            for pattern in _IDS:
                if found := pattern.fullmatch(custom_id):
                    yield int(found["row_id"])
