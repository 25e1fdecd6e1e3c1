"""Poems of the day as people see them, and the way they get there."""

import logging

import discord

from bot.services.daily import DailyPlan, DailyPoem, Outcome
from bot.ui.host import Host, strings_of_guild
from bot.ui.poem_message import poem_embed, poem_view
from poetry_model.script import Script

_log = logging.getLogger(__name__)


_SHARD_BITS = 22
"""Of an id that say nothing of its shard (docs.discord.com/developers/events/gateway#sharding)."""


class DailyPost:
    """Reaches channels and moderators through the client."""

    def __init__(self, client: discord.AutoShardedClient, host: Host) -> None:
        """`host` is the client, as messages know it."""
        self._client = client
        self._host = host

    def is_open(self) -> bool:
        """Whether Discord is connected."""
        return self._client.is_ready() and not self._client.is_closed()

    def is_near(self, guild_id: int) -> bool:
        """Whether the server's shard is one of this process's."""
        ids, count = self._client.shard_ids, self._client.shard_count
        return ids is None or not count or (guild_id >> _SHARD_BITS) % count in ids

    async def post(self, plan: DailyPlan, poem: DailyPoem) -> Outcome:
        """Send it to the channel; see `bot.services.daily.Post`."""
        if not self.is_open():
            return Outcome.LATER
        channel = self._client.get_partial_messageable(plan.channel_id, guild_id=plan.guild_id)
        term = poem.term.simplified if poem.poem.script is Script.SIMPLIFIED else poem.term.traditional
        strings = await strings_of_guild(self._host, plan.guild_id)
        try:
            await channel.send(
                strings("daily.line", day=f"{poem.day:%Y-%m-%d}", term=term, english=poem.term.english),
                embed=poem_embed(poem.poem, strings),
                view=poem_view(poem.poem, strings, self._host) if poem.poem.is_stored else discord.utils.MISSING,
                # Discord takes a nonce once within some minutes: a repetition after its own failure posts no second.
                nonce=f"{poem.day:%y%m%d}{plan.guild_id}"[:25],
            )
        except discord.Forbidden:
            return Outcome.FORBIDDEN
        except discord.NotFound:
            return Outcome.GONE
        except (discord.DiscordServerError, discord.RateLimited) as error:
            _log.warning("The poem of the day for server %d waits: %s", plan.guild_id, error)
            return Outcome.LATER
        return Outcome.POSTED

    async def tell_stopped(self, plan: DailyPlan) -> None:
        """Tell whoever set it, or the server's owner, that it was switched off and why."""
        guild = self._client.get_guild(plan.guild_id)
        user_id = plan.user_id or (guild and guild.owner_id)
        if not user_id:
            return
        user = await self._client.fetch_user(user_id)
        chosen = (await self._host.services.preferences.of_person(user_id)).language
        strings = self._host.languages(chosen) if chosen else await strings_of_guild(self._host, plan.guild_id)
        await user.send(
            strings(f"daily.stopped_{plan.stop}", channel=plan.channel_id, guild=guild.name if guild else "")
        )
