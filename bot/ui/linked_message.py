"""联句: the message in which people and the bot write a poem in turn."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import discord

from bot.errors import BotError
from bot.i18n import Strings
from bot.services.linked import LinkedPoem, Mode, Turn
from bot.services.poems import ShownPoem
from bot.text import clean, escape
from bot.ui.delivery import acknowledge, acknowledge_press, show
from bot.ui.forms import KnownForm
from bot.ui.host import RowButton, host_of, language_of, strings_for
from bot.ui.metre_text import fault_sentence
from bot.ui.poem_message import COLOUR, poem_embed, poem_view
from poetry_model.form import punctuate
from poetry_model.prosody import Prosody
from poetry_model.script import Script

_ID = "(?P<row_id>[0-9]{1,18})"

_FIELD = "line"

_LONGEST_LINE = 40
"""Characters that the form takes: seven, and what people type around them."""


async def begin_linked(
    interaction: discord.Interaction, *, form: int, length: int, mode: Mode, script: Script, bot_first: bool
) -> None:
    """Acknowledge, and show everyone a new poem to go on with."""
    services = host_of(interaction).services
    # Before everyone sees that something is coming.
    services.poems.require_room()
    await acknowledge(interaction)
    poem = await services.linked.begin(
        interaction.user.id,
        interaction.guild_id,
        interaction.channel_id or interaction.user.id,
        form=form,
        length=length,
        mode=mode,
        script=script,
        language=await language_of(interaction),
        bot_first=bot_first,
    )
    strings = _strings_of(poem, interaction)
    await _show_turn(interaction, poem, strings)


async def _show_turn(interaction: discord.Interaction, poem: LinkedPoem, strings: Strings) -> None:
    """The lines there are, and whose turn it is."""
    view = linked_view(poem, strings)
    await show(interaction, content=_written(poem, strings), embed=linked_embed(poem, strings), view=view)


def linked_embed(poem: LinkedPoem, strings: Strings) -> discord.Embed:
    """Whose turn it is."""
    turn = strings("linked.turn", line=len(poem.lines) + 1, lines=poem.length, form=poem.form)
    ends = strings("linked.ends", when=int(poem.ends_at.timestamp()))
    embed = discord.Embed(title=strings("linked.title"), description=f"{turn}\n\n{ends}", colour=COLOUR)
    return embed.set_footer(text=strings(f"linked.mode_{poem.mode}"))


def linked_view(poem: LinkedPoem, strings: Strings) -> discord.ui.View:
    """Its buttons."""
    view = discord.ui.View(timeout=None)
    view.add_item(AddLineButton(poem.id, strings))
    view.add_item(EndButton(poem.id, strings))
    return view


def _written(poem: LinkedPoem, strings: Strings) -> str | None:
    """The lines, each with who wrote it: above the embed, where Discord names people, not in it, where it may not."""
    if not poem.lines:
        return None
    lines = punctuate([line.shown for line in poem.lines]).split("\n")
    return "\n".join(
        strings("linked.line", line=text, author=_author(line.user_id, strings, by_bot=line.by_bot))
        for text, line in zip(lines, poem.lines, strict=True)
    )


def _author(user_id: int | None, strings: Strings, *, by_bot: bool) -> str:
    if by_bot:
        return strings("linked.bot")
    # Nobody is told of being named: the client mentions nobody.
    return strings("linked.somebody") if user_id is None else f"<@{user_id}>"


def _strings_of(poem: LinkedPoem, interaction: discord.Interaction) -> Strings:
    """What everyone reads, whoever acts: the language of whoever began it."""
    return host_of(interaction).languages(poem.language)


async def _linked_here(interaction: discord.Interaction, linked_id: int) -> LinkedPoem:
    """The poem with that id; `BotError` when it has ended, or is written elsewhere and the id is hand-made."""
    poem = await host_of(interaction).services.linked.get(linked_id)
    if poem.channel_id != (interaction.channel_id or interaction.user.id):
        raise BotError("linked.over")
    return poem


class _LinkedButton(RowButton, template="shiren:linked"):
    action: ClassVar[str]
    emoji: ClassVar[str]
    style: ClassVar[discord.ButtonStyle]

    @classmethod
    def make(cls, row_id: int, strings: Strings) -> discord.ui.Button[Any]:
        """Its label and emoji."""
        return discord.ui.Button(
            label=strings(f"linked.{cls.action}"),
            emoji=cls.emoji,
            style=cls.style,
            custom_id=f"shiren:linked:{cls.action}:{row_id}",
        )


class AddLineButton(_LinkedButton, template=f"shiren:linked:add:{_ID}"):
    """🖌 lets whoever presses it write the next line."""

    action = "add"
    emoji = "🖌"
    style = discord.ButtonStyle.primary

    async def act(self, interaction: discord.Interaction) -> None:
        """Show the form for the line that is next now, whatever the message says."""
        poem = await _linked_here(interaction, self.row_id)
        await LineForm(poem, await strings_for(interaction)).put_before(interaction)


class EndButton(_LinkedButton, template=f"shiren:linked:end:{_ID}"):
    """⏹ ends the poem, for whoever began it and for those who may manage messages there."""

    action = "end"
    emoji = "⏹"
    style = discord.ButtonStyle.secondary

    async def act(self, interaction: discord.Interaction) -> None:
        """End it; what is written becomes a poem, where it is more than a line."""
        poem = await _linked_here(interaction, self.row_id)
        if interaction.user.id != poem.user_id and not interaction.permissions.manage_messages:
            raise BotError("linked.not_yours")
        await acknowledge_press(interaction)
        poem, finished = await host_of(interaction).services.linked.end(self.row_id)
        strings = _strings_of(poem, interaction)
        if finished is None:
            embed = linked_embed(poem, strings)
            embed.description = strings("linked.ended")
            await show(interaction, content=_written(poem, strings), embed=embed.remove_footer(), view=None)
        else:
            await _show_finished(interaction, poem, finished, strings)


class LineForm(KnownForm, template=f"shiren:linked:line:{_ID}:(?P<number>[0-9]{{1,2}})"):
    """Takes a person's line for a certain place."""

    def __init__(self, poem: LinkedPoem, strings: Strings) -> None:
        number = len(poem.lines)
        super().__init__(
            title=strings("linked.form.title", line=number + 1, lines=poem.length),
            custom_id=f"shiren:linked:line:{poem.id}:{number}",
        )
        field: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id=_FIELD,
            placeholder=poem.lines[-1].shown if poem.lines else None,
            max_length=_LONGEST_LINE,
        )
        self.add_item(discord.ui.Label(text=strings("linked.form.line", form=poem.form), component=field))

    @classmethod
    async def take(cls, interaction: discord.Interaction, found: re.Match[str], typed: Mapping[str, str]) -> None:
        """Take the line, write the next, and tell the person how theirs sounds."""
        if interaction.message is None:
            raise BotError("error.component")
        linked_id, number = int(found["row_id"]), int(found["number"])
        await _linked_here(interaction, linked_id)
        await acknowledge_press(interaction)
        services = host_of(interaction).services
        line = clean(typed.get(_FIELD, ""), _LONGEST_LINE)
        turn = await services.linked.add(linked_id, number, interaction.user.id, line)
        if turn.after is not None:
            strings = _strings_of(turn.after, interaction)
            if turn.finished is None:
                await _show_turn(interaction, turn.after, strings)
            else:
                await _show_finished(interaction, turn.after, turn.finished, strings)
        verdict = verdict_on(turn, services.poems.prosody, await strings_for(interaction))
        await interaction.followup.send(verdict, ephemeral=True)


def verdict_on(turn: Turn, prosody: Prosody | None, strings: Strings) -> str:
    """What the person is told of their line."""
    line = escape(turn.line)
    if turn.view is None or prosody is None:
        return strings("linked.thanks", line=line)
    if not turn.view.faults:
        return strings("linked.fits", line=line)
    shown = [*(each.shown for each in turn.before.lines), turn.line]
    faults = [
        fault_sentence(fault, turn.view, tuple(shown), turn.before.script, prosody, strings)
        for fault in turn.view.faults
    ]
    head = strings("linked.not_quite" if turn.after is not None else "linked.again", line=line)
    return "\n".join([head, *faults])


async def _show_finished(
    interaction: discord.Interaction, poem: LinkedPoem, finished: ShownPoem, strings: Strings
) -> None:
    """Put the finished poem in the place of the one on its way."""
    embed = poem_embed(finished, strings)
    authors = list(dict.fromkeys(_author(line.user_id, strings, by_bot=line.by_bot) for line in poem.lines))
    content = strings("linked.authors", authors=" · ".join(authors))
    await show(interaction, content=content, embed=embed, view=poem_view(finished, strings, host_of(interaction)))


LINKED_BUTTONS = (AddLineButton, EndButton)
LINKED_FORMS = (LineForm,)
