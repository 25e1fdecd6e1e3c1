"""The models as their owner sees them."""

from collections.abc import Sequence
from datetime import datetime

import discord

from bot.i18n import Strings
from bot.services.lease import Tenure
from bot.services.models import Pair
from bot.services.preferences import script_of
from bot.services.run_judge import EXAMINATION_FIGURES
from bot.services.runs import Snapshot
from bot.services.versions import Version, VersionState
from bot.text import clean, escape
from bot.ui.shortfalls import list_shortfalls

_SHOWN = 10
"""Versions in a history: more than the last ten nobody reads."""

_ROOM = 5900
"""Characters of an embed; Discord takes 6000, footer included."""

_NOTE_LENGTH = 100

_NOTHING = "\u200b"
"""What Discord takes for a text and shows as none."""


def history_embed(versions: Sequence[Version], live: str, strings: Strings) -> discord.Embed:
    """The last versions, the newest first, as many as a message holds."""
    embed = discord.Embed(title=strings("model.history.title"))
    for version in versions[:_SHOWN]:
        state = state_name(version, live, strings)
        embed.add_field(
            name=strings("model.history.name", version=version.name, state=state),
            value="\n".join(_details(version, strings)),
            inline=False,
        )
        if len(embed) > _ROOM:
            embed.remove_field(-1)
            break
    return embed.set_footer(text=strings("model.history.shown", shown=len(embed.fields), total=len(versions)))


def status_embed(  # what is told, each of its own
    live: Version | None,
    tenure: Tenure | None,
    interrupted: Snapshot | None,
    on_disk: int,
    strings: Strings,
    *,
    awaited: str | None = None,
) -> discord.Embed:
    """What is live, what is going on, and what could go on. `live` is None where no record is left of it.

    `awaited`: the version that should be live, where the process that answers cannot read it.
    """
    embed = discord.Embed(title=strings("model.status.title"))
    if awaited is not None:
        embed.description = strings("model.status.awaited", version=awaited)
    if live is not None:
        name = strings("model.status.live", version=live.name)
        embed.add_field(name=name, value="\n".join(_details(live, strings)), inline=False)
    going = (
        strings("model.status.running", user=tenure.user_id, since=int(tenure.since.timestamp()))
        if tenure
        else strings("model.status.idle")
    )
    if interrupted is not None and (tenure is None or tenure.run_id != interrupted.run_id):
        going += "\n" + strings("model.status.interrupted", source=_source(interrupted.source.value, strings))
    embed.add_field(name=strings("model.status.retraining"), value=going, inline=False)
    return embed.set_footer(text=strings("model.status.on_disk", count=on_disk))


def comparison_embed(left: str, right: str, pairs: Sequence[Pair], strings: Strings) -> discord.Embed:
    """The same requests, answered by two models, side by side."""
    embed = discord.Embed(title=strings("model.compare.title", left=left, right=right))
    for pair in pairs:
        for poem in (pair.left, pair.right):
            title = strings("poem.title", start=poem.request.start)
            embed.add_field(name=f"{title} · {poem.model}", value=poem.text_in(script_of(strings.language)))
        # Discord lays three in a row.
        embed.add_field(name=_NOTHING, value=_NOTHING)
    return embed


def state_name(version: Version, live: str, strings: Strings) -> str:
    """`live` for the live one, else what became of it."""
    if version.name == live:
        return strings("model.state.live")
    return strings(f"model.state.{version.state.value}")


def _details(version: Version, strings: Strings) -> list[str]:
    if version.is_shipped:
        return [strings("model.history.shipped")]
    when, source = _when(version.made_at), _source(version.source or "", strings)
    lines = [
        strings("model.history.made", when=when, user=version.user_id, source=source)
        if version.user_id
        else strings("model.history.made_by_nobody", when=when, source=source)
    ]
    if version.perplexity is not None and version.live_perplexity is not None:
        lines.append(strings("retrain.status.figures", before=version.live_perplexity, after=version.perplexity))
    elif version.perplexity is not None:
        lines.append(strings("model.history.perplexity", perplexity=version.perplexity))
    if examination := version.examination:
        figures = [
            strings(f"model.figure.{figure}", value=examination[figure])
            for figure in EXAMINATION_FIGURES
            if examination.get(figure) is not None
        ]
        lines.append(" · ".join(figures))
    if version.shortfalls:
        was_forced = version.state in {VersionState.ACCEPTED, VersionState.WITHDRAWN}
        lines.append(strings("model.history.forced" if was_forced else "model.history.fell_short"))
        lines.append(list_shortfalls(version.shortfalls, strings))
    if note := version.note:
        lines.append(f"*{escape(clean(note, _NOTE_LENGTH))}*")
    return lines


def _source(source: str, strings: Strings) -> str:
    return strings(f"retrain.source.{source}")


def _when(moment: datetime | None) -> str:
    return discord.utils.format_dt(moment, "f") if moment else _NOTHING
