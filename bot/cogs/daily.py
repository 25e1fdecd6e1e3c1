"""`/daily`."""

from datetime import datetime

import discord
from discord import app_commands

from bot.errors import BotError
from bot.i18n import Strings
from bot.services.daily import DailyPlan
from bot.services.daily_schedule import Schedule
from bot.services.zones import matching_zones, zone_named
from bot.ui.host import guarded, host_of, strings_for
from bot.ui.responses import answer_privately

_LONGEST_ZONE = 64


def daily_commands(strings: Strings) -> app_commands.Group:
    """A poem each day, for those who may manage the server."""
    group = app_commands.Group(
        name=strings.said("daily.command.name"),
        description=strings.said("daily.command.description"),
        # A hint to Discord; checked again below.
        default_permissions=discord.Permissions(manage_guild=True),
        # It belongs to the server.
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )

    @group.command(name=strings.said("daily.command.set"), description=strings.said("daily.command.set_description"))
    @app_commands.rename(
        channel=strings.said("daily.option.channel"),
        hour=strings.said("daily.option.hour"),
        zone=strings.said("daily.option.zone"),
    )
    @app_commands.describe(
        channel=strings.said("daily.command.channel"),
        hour=strings.said("daily.command.hour"),
        zone=strings.said("daily.command.zone"),
    )
    @guarded
    async def set_daily(
        interaction: discord.Interaction,
        channel: discord.TextChannel,
        hour: app_commands.Range[int, 0, 23],
        zone: app_commands.Range[str, 1, _LONGEST_ZONE],
    ) -> None:
        guild_id = _require_manager(interaction)
        name = zone_named(zone)
        if name is None:
            raise BotError("daily.zone_unknown", zone=zone)
        may = channel.permissions_for(channel.guild.me)
        if not (may.view_channel and may.send_messages and may.embed_links):
            raise BotError("daily.cannot_write", channel=channel.id)
        daily = host_of(interaction).services.daily
        plan = await daily.set(guild_id, channel.id, Schedule(hour, name), interaction.user.id)
        await answer_privately(interaction, _status(plan, daily.next_due(plan), await strings_for(interaction)))

    @set_daily.autocomplete("zone")
    async def zones(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:  # noqa: ARG001 # discord.py's signature
        return [app_commands.Choice(name=name, value=name) for name in matching_zones(typed)]

    @group.command(
        name=strings.said("daily.command.status"), description=strings.said("daily.command.status_description")
    )
    @guarded
    async def status(interaction: discord.Interaction) -> None:
        guild_id = _require_manager(interaction)
        daily = host_of(interaction).services.daily
        plan = await daily.get(guild_id)
        strings = await strings_for(interaction)
        text = strings("daily.none") if plan is None else _status(plan, daily.next_due(plan), strings)
        await answer_privately(interaction, text)

    @group.command(name=strings.said("daily.command.off"), description=strings.said("daily.command.off_description"))
    @guarded
    async def off(interaction: discord.Interaction) -> None:
        was_on = await host_of(interaction).services.daily.off(_require_manager(interaction))
        strings = await strings_for(interaction)
        await answer_privately(interaction, strings("daily.switched_off" if was_on else "daily.none"))

    return group


def _status(plan: DailyPlan, due: datetime, strings: Strings) -> str:
    """Where and when the server's poems come, or why none does."""
    if plan.stop is not None:
        return strings(f"daily.off_{plan.stop}", channel=plan.channel_id)
    hour, zone = plan.schedule.hour, plan.schedule.zone
    return strings("daily.set", channel=plan.channel_id, hour=hour, zone=zone, when=int(due.timestamp()))


def _require_manager(interaction: discord.Interaction) -> int:
    """The server's id, for those who may manage it."""
    if interaction.guild_id is None or not interaction.permissions.manage_guild:
        raise BotError("daily.forbidden")
    return interaction.guild_id
