"""The same bot on a local page: SimCord (https://pypi.org/project/simcord/) stands in for Discord, in memory."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import discord
import simcord

from bot.assembly import assemble
from bot.client import Shiren
from bot.config import DatabaseSettings, ModelSettings, Settings
from bot.errors import ConfigError
from bot.i18n import Languages, Strings
from bot.stopping import finish
from bot.ui.card_press import open_press

_log = logging.getLogger(__name__)

_TICK_SECONDS = 1.0


async def run_preview(settings: Settings, stop: asyncio.Event) -> None:
    """Serve the page until `stop` is set or the page ends the session; prints its address.

    Raises `ConfigError` when the port is taken.
    """
    settings = _own_data(settings)
    languages = Languages.load()
    strings = languages.default
    async with AsyncExitStack() as closing:
        press = await closing.enter_async_context(open_press(settings.card.font))
        services = await closing.enter_async_context(assemble(settings))
        bot = Shiren(services, languages, settings.retrain, press=press)
        closing.push_async_callback(bot.close)
        env = simcord.Env(bot, check_errors=False, shard_count=1)
        closing.push_async_callback(env.shutdown)
        await env.start()
        # First, while the page can still show it.
        closing.push_async_callback(finish, services, stop)
        # The people come before the clock is set: their ids hold the time, and must be the same at every start,
        # or nobody would find their favorites again.
        guild = env.create_guild(strings("preview.guild"))
        channel = guild.create_text_channel(strings("preview.channel"), topic=strings("preview.topic"))
        # Discord shows /retrain to administrators.
        administrator = guild.create_role("admin", permissions=discord.Permissions(administrator=True))
        owner = guild.add_member(env.create_user("owner", global_name=strings("preview.owner")), roles=[administrator])
        guest = guild.add_member(env.create_user("guest", global_name=strings("preview.guest")))
        bot.owner_ids = {owner.id}
        await _catch_up(env)
        await _introduce(env, bot, channel.id, strings)
        try:
            preview = await closing.enter_async_context(
                env.preview(channel, viewers=[owner, guest], layout="channel", port=settings.preview.port)
            )
        except simcord.SetupError as error:
            raise ConfigError(
                f"The page cannot be served on port {settings.preview.port} ({error}); set another preview.port."
            ) from error
        turns = asyncio.Lock()
        _take_turns(preview, turns)
        print(strings("preview.address", address=preview.url), flush=True)
        tasks = [
            asyncio.create_task(_keep_current(env, preview, turns)),
            asyncio.create_task(preview.wait_closed()),
            asyncio.create_task(stop.wait()),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _own_data(settings: Settings) -> Settings:
    """The page keeps its poems apart: its people are not people."""
    folder = settings.preview.folder
    return settings.model_copy(
        update={
            "database": DatabaseSettings(path=folder / settings.database.path.name),
            "model": ModelSettings(device=settings.model.device, folder=folder / settings.model.folder.name),
        }
    )


async def _introduce(env: simcord.Env, bot: Shiren, channel_id: int, strings: Strings) -> None:
    """Give the bot its name, and let it say what can be typed."""
    if bot.user is not None:
        await bot.user.edit(username=strings("preview.bot"))
    await bot.get_partial_messageable(channel_id).send(strings("preview.welcome"))
    await env.settle()


async def _catch_up(env: simcord.Env) -> None:
    """SimCord's clock stands still by itself; move it to the present."""
    behind = (datetime.now(UTC) - env.now()).total_seconds()
    if behind > 0:
        await env.advance_time(behind)


async def _keep_current(env: simcord.Env, preview: simcord.Preview, turns: asyncio.Lock) -> None:
    """Let time pass, and show what the bot did by itself."""
    seen = len(env.http_requests)
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        async with turns:
            try:
                await _catch_up(env)
                new = env.http_requests[seen:]
                seen += len(new)
                # What answers an action is shown by the action itself.
                if any(request.path.startswith("/channels/") for request in new):
                    await preview.refresh()
            except (simcord.SetupError, TimeoutError) as error:
                _log.debug("The page is shown a little later: %s", error)


def _take_turns(preview: simcord.Preview, turns: asyncio.Lock) -> None:
    """Keep the page's actions and our own ticks apart; SimCord does one thing at a time.

    An action that meets a tick would leave the page dead until it is loaded again, and one sent just before the page
    learns of a refresh would be refused as stale. Neither can be told to SimCord 3.2.1 from outside, hence the private
    method; our components carry ids of their own, so an action means the same whatever was shown since.
    """
    act = preview._action  # noqa: SLF001 # see above

    async def act_in_turn(context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        async with turns:
            page = preview._pages.get(context_id or "")  # noqa: SLF001 # see above
            if page is not None and isinstance(body, dict) and "published_revision" in body:
                body = {**body, "published_revision": page.revision}
            return await act(context_id, body)

    preview._action = act_in_turn  # type: ignore[method-assign] # noqa: SLF001 # see above
