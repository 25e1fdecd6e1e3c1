"""What a server keeps most, for everyone there: whoever asked turns the pages, anyone opens a poem for themselves."""

from typing import ClassVar

import discord

from bot.errors import BotError
from bot.i18n import Strings
from bot.services.top import Period, TopPage, TopPoem
from bot.ui.delivery import acknowledge, acknowledge_press, show
from bot.ui.host import host_of, strings_for
from bot.ui.id_button import IdButton
from bot.ui.opened_poem import show_opened
from bot.ui.poem_message import COLOUR

_PERIOD = f"(?P<period>{'|'.join(Period)})"


def require_guild(interaction: discord.Interaction) -> int:
    """The server's id; `BotError` in direct messages."""
    if interaction.guild_id is None:
        raise BotError("top.in_servers")
    return interaction.guild_id


async def show_top(interaction: discord.Interaction, period: Period, number: int = 1) -> None:
    """Put the page `number` into the answer of an acknowledged interaction."""
    page = await host_of(interaction).services.top.page(require_guild(interaction), period, number)
    strings = await strings_for(interaction)
    await show(interaction, embed=top_embed(page, strings), view=top_view(page, strings))


def top_embed(page: TopPage, strings: Strings) -> discord.Embed:
    """The poems of the page."""
    said = strings(f"top.since_{page.period}") if page.poems else strings(f"top.empty_{page.period}")
    embed = discord.Embed(title=strings("top.title"), description=said, colour=COLOUR)
    for each in page.poems:
        title = strings("poem.title", start=each.poem.start)
        embed.add_field(name=f"{each.rank}. {title}", value=_summary(each, strings), inline=False)
    if page.poems:
        embed.set_footer(text=strings("top.page", page=page.number, pages=page.pages))
    return embed


def _summary(each: TopPoem, strings: Strings) -> str:
    lines = each.poem.lines
    first = strings("favorites.goes_on", line=lines[0]) if len(lines) > 1 else lines[0]
    return f"{first}\n{strings('top.hearts', count=each.hearts)}"


def top_view(page: TopPage, strings: Strings) -> discord.ui.View:
    """What opens a poem, counts since another time, and turns the page."""
    view = discord.ui.View(timeout=None)
    for each in page.poems:
        view.add_item(TopOpenButton(f"shiren:top:open:{each.poem.id}", str(each.rank)))
    for period in Period:
        is_shown = period is page.period
        style = discord.ButtonStyle.primary if is_shown else discord.ButtonStyle.secondary
        label = strings(f"top.command.period_{period}")
        view.add_item(PeriodButton(f"shiren:top:since:{period}", label, disabled=is_shown, style=style))
    if page.pages > 1:
        for emoji, to, is_end in (
            ("◀️", page.number - 1, page.number == 1),
            ("▶️", page.number + 1, page.number == page.pages),
        ):
            view.add_item(TopPageButton(f"shiren:top:page:{page.period}:{to}", emoji=emoji, disabled=is_end))
    return view


class TopOpenButton(IdButton, template="shiren:top:open:(?P<poem_id>[0-9]{1,18})"):
    """Shows a poem in full to whoever presses it."""

    place = 0

    async def act(self, interaction: discord.Interaction) -> None:
        """Show it in a message of its own."""
        guild_id = require_guild(interaction)
        await acknowledge(interaction, private=True)
        await show_opened(
            interaction, await host_of(interaction).services.top.open(guild_id, int(self.found["poem_id"]))
        )


class _TurningButton(IdButton, template="shiren:top"):
    """Shows other poems in the message, for whoever asked for it."""

    place: ClassVar[int] = 1

    async def act(self, interaction: discord.Interaction) -> None:
        """Show them."""
        asked = interaction.message.interaction_metadata if interaction.message else None
        if asked is None or asked.user.id != interaction.user.id:
            raise BotError("top.not_yours")
        await acknowledge_press(interaction)
        await show_top(interaction, Period(self.found["period"]), int(self.found.get("number", 1)))


class PeriodButton(_TurningButton, template=f"shiren:top:since:{_PERIOD}"):
    """Counts since another time."""


class TopPageButton(_TurningButton, template=f"shiren:top:page:{_PERIOD}:(?P<number>[0-9]{{1,3}})"):
    """Turns to a page."""


TOP_ITEMS = (TopOpenButton, PeriodButton, TopPageButton)
