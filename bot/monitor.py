"""What can be seen of the bot from outside: whether it lives, whether it is ready, and its metrics."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

import discord
from aiohttp import web

from bot.config import MonitorSettings
from bot.errors import ConfigError
from bot.services import Services

if TYPE_CHECKING:
    # An extra that may not be installed.
    from bot.metrics import Metrics

_log = logging.getLogger(__name__)

_UNAVAILABLE = 503


def open_metrics(settings: MonitorSettings) -> "Metrics | None":
    """What counts for Prometheus; None where nobody wants it. `ConfigError` where its library is missing."""
    if not settings.metrics:
        return None
    try:
        from bot.metrics import Metrics  # noqa: PLC0415 # see above
    except ModuleNotFoundError as error:
        if error.name != "prometheus_client":
            raise
        raise ConfigError(
            'monitor.metrics needs the Prometheus client; run pip install "shiren[metrics]", or set it to false.'
        ) from error
    return Metrics()


@asynccontextmanager
async def monitored(
    settings: MonitorSettings,
    client: discord.AutoShardedClient,
    services: Services,
    metrics: "Metrics | None" = None,
) -> AsyncIterator[int | None]:
    """Serve what the settings ask for until the end of the block; gives the port, None where nothing is served.

    Raises `ConfigError` when the port cannot be had.
    """
    if settings.port is None:
        yield None
        return
    pages = _pages(client, services, metrics)
    watching = metrics.watching(client, services) if metrics is not None else nullcontext()
    async with watching, _served(settings, pages) as port:
        yield port


@asynccontextmanager
async def _served(settings: MonitorSettings, pages: web.Application) -> AsyncIterator[int]:
    # Who is asking is not waited for at the end.
    runner = web.AppRunner(pages, access_log=None, handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.address, settings.port).start()
        except OSError as error:
            raise ConfigError(
                f"Nothing can be served at {settings.address} port {settings.port} ({error.strerror});"
                " change monitor.port or monitor.address."
            ) from error
        port: int = runner.addresses[0][1]
        _log.info("Health is told at http://%s:%d/readyz", settings.address, port)
        yield port
    finally:
        await runner.cleanup()


def _pages(client: discord.AutoShardedClient, services: Services, metrics: "Metrics | None") -> web.Application:
    async def live(_: web.Request) -> web.Response:
        # That it comes says it all: the event loop turns.
        return web.json_response({"live": True})

    async def ready(_: web.Request) -> web.Response:
        shards = client.shards.values()
        parts = {
            "gateway": client.is_ready() and bool(shards) and not any(shard.is_closed() for shard in shards),
            "database": await services.storage.answers(),
            "model": bool(services.models.live_version),
        }
        is_ready = all(parts.values())
        body = {"ready": is_ready, **parts, "version": services.models.live_version}
        return web.json_response(body, status=200 if is_ready else _UNAVAILABLE)

    pages = web.Application()
    pages.router.add_get("/healthz", live)
    pages.router.add_get("/readyz", ready)
    if metrics is not None:

        async def count(_: web.Request) -> web.Response:
            return web.Response(body=metrics.text(), headers={"Content-Type": metrics.content_type})

        pages.router.add_get("/metrics", count)
    return pages
