"""Where a reader is, as far as that can be told: Discord tells no time zone."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import discord

from bot.ui.host import host_of

_ZONES = {
    discord.Locale.chinese: ZoneInfo("Asia/Shanghai"),
    discord.Locale.taiwan_chinese: ZoneInfo("Asia/Taipei"),
}
"""Where most who read a language live."""


async def zone_for(interaction: discord.Interaction) -> tzinfo:
    """The zone of the server's poem of the day, else of most who read its language, or the person's; else UTC."""
    if interaction.guild_id is not None:
        plan = await host_of(interaction).services.daily.get(interaction.guild_id)
        if plan is not None:
            try:
                return ZoneInfo(plan.schedule.zone)
            except ZoneInfoNotFoundError:
                pass
    return _ZONES.get(interaction.guild_locale or interaction.locale, UTC)
