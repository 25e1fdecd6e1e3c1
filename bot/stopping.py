"""Running until told to stop, and then ending in order: nobody is left without an answer, and no training is lost."""

import asyncio
import logging

import discord

from bot.services import Services

_log = logging.getLogger(__name__)

STOP_SECONDS = 10.0
"""In which what is in flight is finished, or answered with a sentence."""


async def run_until_stopped(client: discord.Client, services: Services, stop: asyncio.Event, token: str) -> None:
    """Connect `client`, and close it in order once `stop` is set; setting it again then hastens the end.

    Raises what `client` raises when it ends by itself.
    """
    async with client:
        running = asyncio.create_task(client.start(token))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if running.done():
            running.result()
            return
        await finish(services, stop)
        await client.close()
        # What was told to end, perhaps in the middle of connecting, has nothing to complain of.
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def finish(services: Services, stop: asyncio.Event) -> None:
    """Take no more commands, finish or answer those in flight, and save a training, while Discord can be reached.

    `stop`, set once more, hastens it: what is in flight is answered without being finished.
    """
    stop.clear()
    hastening = asyncio.create_task(_hasten(services, stop))
    try:
        unfinished, *_ = await asyncio.gather(
            services.admission.drain(STOP_SECONDS), services.retraining.close(), services.daily.close()
        )
        # Of one that a command in flight has begun meanwhile.
        await services.retraining.close()
    finally:
        hastening.cancel()
    if unfinished:
        _log.warning("Commands that could not be finished, and were answered so: %d", unfinished)


async def _hasten(services: Services, stop: asyncio.Event) -> None:
    await stop.wait()
    services.admission.cut_short()
