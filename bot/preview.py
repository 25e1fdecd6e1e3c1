"""The same bot on a local page: SimCord (https://pypi.org/project/simcord/) stands in for Discord, in memory."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, NamedTuple

import discord
import simcord

from bot.assembly import assemble
from bot.client import Shiren
from bot.config import DatabaseSettings, Settings
from bot.errors import ConfigError
from bot.i18n import DEFAULT_LANGUAGE, Language, Languages
from bot.preview_locales import Locales
from bot.services.reading import prepare
from bot.stopping import finish
from bot.ui.card_press import open_press

_log = logging.getLogger(__name__)

_TICK_SECONDS = 1.0

WELCOMES = ("welcome", "welcome_daily", "welcome_linked")
"""What is said first in each channel."""


async def run_preview(settings: Settings, stop: asyncio.Event) -> None:
    """Serve the page until `stop` is set or the page ends the session; prints its address.

    Raises `ConfigError` when the port is taken.
    """
    settings = _own_data(settings)
    languages = Languages.load()
    strings = languages.default
    await asyncio.to_thread(prepare)
    async with AsyncExitStack() as closing:
        press = await closing.enter_async_context(open_press(settings.card.font))
        services = await closing.enter_async_context(assemble(settings))
        bot = Shiren(services, languages, settings.retrain, press=press)
        closing.push_async_callback(bot.close)
        env = simcord.Env(bot, check_errors=False, shard_count=1)
        closing.push_async_callback(env.shutdown)
        # The server comes before the clock is set: ids hold the time, and must be the same at every start, or nobody
        # would find their favorites again. And before the bot, which looks for the channel of the poem of the day.
        server = _furnish(env, languages)
        await env.start()
        # First, while the page can still show it.
        closing.push_async_callback(finish, services, stop)
        bot.owner_ids = {server.people[DEFAULT_LANGUAGE].id}
        if bot.user is not None:
            await bot.user.edit(username=strings("preview.bot"))
        await _catch_up(env)
        pages = await _open_pages(env, server, settings.preview.port, closing)
        turns = asyncio.Lock()
        for page in pages:
            _take_turns(env, page, turns)
        await _welcome(env, bot, pages, languages)
        print(strings("preview.address", address=pages[0].url), flush=True)
        tasks = [
            asyncio.create_task(_keep_current(env, pages, turns)),
            *(asyncio.create_task(page.wait_closed()) for page in pages),
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
            "model": settings.model.model_copy(update={"folder": folder / settings.model.folder.name}),
        }
    )


class _Server(NamedTuple):
    """What stands in for a server on Discord."""

    people: Mapping[Language, simcord.MemberActor]
    """Whoever speaks English owns the bot."""
    channels: Sequence[simcord.ChannelHandle]


def _furnish(env: simcord.Env, languages: Languages) -> _Server:
    """A server with channels and, for every language, a person."""
    strings = languages.default
    guild = env.create_guild(strings("preview.guild"))
    poems = guild.create_text_channel(strings("preview.poems"), topic=strings("preview.poems_topic"))
    # Discord shows /retrain to administrators.
    administrator = guild.create_role("admin", permissions=discord.Permissions(administrator=True))
    locales = Locales(env)
    people = {}
    for language in Language:
        strings = languages(language)
        user = env.create_user(language.lower(), global_name=strings("preview.person"))
        locales.set(user.id, discord.Locale(language))
        people[language] = guild.add_member(user, roles=[administrator] if language is DEFAULT_LANGUAGE else [])
    strings = languages.default
    others = (
        guild.create_text_channel(strings("preview.daily"), topic=strings("preview.daily_topic")),
        guild.create_text_channel(strings("preview.linked"), topic=strings("preview.linked_topic")),
    )
    return _Server(people, (poems, *others))


async def _open_pages(
    env: simcord.Env, server: _Server, port: int, closing: AsyncExitStack
) -> Sequence[simcord.Preview]:
    """A page for each channel, the first on `port`."""
    pages = []
    for channel in server.channels:
        # SimCord 3.2.1 shows one channel a page, and one page at a time; what it means by that is that one acts.
        env._preview = None  # noqa: SLF001 # see above
        try:
            page = await closing.enter_async_context(
                env.preview(channel, viewers=list(server.people.values()), layout="channel", port=port)
            )
        except simcord.SetupError as error:
            raise ConfigError(
                f"The page cannot be served on port {port} ({error}); set another preview.port."
            ) from error
        pages.append(page)
        port = 0
    return pages


async def _welcome(env: simcord.Env, bot: Shiren, pages: Sequence[simcord.Preview], languages: Languages) -> None:
    """Let the bot say in each channel, in every language, what can be typed, and where the other channels are."""
    links = " · ".join(f"[#{page.channel.name}]({page.url})" for page in pages)
    for page, welcome in zip(pages, WELCOMES, strict=True):
        said = "\n\n".join(languages(language, language)(f"preview.{welcome}") for language in Language)
        await bot.get_partial_messageable(page.channel.id).send(f"{said}\n\n{links}", suppress_embeds=True)
    await env.settle()
    for page in pages:
        await page.refresh()


async def _catch_up(env: simcord.Env) -> None:
    """SimCord's clock stands still by itself; move it to the present."""
    behind = (datetime.now(UTC) - env.now()).total_seconds()
    if behind > 0:
        await env.advance_time(behind)


async def _keep_current(env: simcord.Env, pages: Sequence[simcord.Preview], turns: asyncio.Lock) -> None:
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
                    for page in pages:
                        await page.refresh()
            except (simcord.SetupError, TimeoutError) as error:
                _log.debug("The page is shown a little later: %s", error)


def _take_turns(env: simcord.Env, preview: simcord.Preview, turns: asyncio.Lock) -> None:
    """Keep the actions of pages and our own ticks apart; SimCord does one thing at a time.

    An action that meets a tick would leave the page dead until it is loaded again, and one sent just before the page
    learns of a refresh would be refused as stale. Neither can be told to SimCord 3.2.1 from outside, hence the private
    method; our components carry ids of their own, so an action means the same whatever was shown since.
    """
    act = preview._action  # noqa: SLF001 # see above

    async def act_in_turn(context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        async with turns:
            env._preview = preview  # noqa: SLF001 # see _open_pages
            page = preview._pages.get(context_id or "")  # noqa: SLF001 # see above
            if page is not None and isinstance(body, dict) and "published_revision" in body:
                body = {**body, "published_revision": page.revision}
            return await act(context_id, body)

    preview._action = act_in_turn  # type: ignore[method-assign] # noqa: SLF001 # see above
