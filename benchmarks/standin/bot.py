"""The bot as it runs on Discord, on the stand-in: `python -m benchmarks.standin.bot --port PORT --config FILE`.

Once a second it says in a JSON line on stdout how it is: see `Sample`.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest.mock import patch

from benchmarks.standin.driver import point_discord_at
from bot.__main__ import _discord
from bot.config import Settings, load_settings

_TICK = 0.01
"""Seconds that the event loop is asked to sleep, again and again; what it sleeps longer is its lag."""

_PERIOD = 1.0
"""Seconds between two samples."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How the process is."""

    at: float
    """`time.monotonic()`, the same clock in all processes of this machine."""
    memory: int
    """Resident, in bytes."""
    tasks: int
    descriptors: int
    lags: list[float]
    """Seconds that callbacks waited, of each tick since the last sample."""
    errors: list[str]
    """Logged since the last sample."""


class _Errors(logging.Handler):
    """Keeps what is logged as an error until it is said."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())

    def take(self) -> list[str]:
        """Those that have not been said."""
        messages, self._messages = self._messages, []
        return messages


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bot until it is told to stop; its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    point_discord_at(options.port)
    shipped = patch("bot.services.models.PRETRAINED", options.model) if options.model else nullcontext()
    fewer = patch("bot.services.composer.TOGETHER", options.together) if options.together else nullcontext()
    with shipped, fewer:
        return asyncio.run(_run(load_settings(options.config)))


async def _run(settings: Settings) -> int:
    errors = _Errors()
    logging.getLogger().addHandler(errors)
    async with _metered(errors):
        return await _discord(settings)


@asynccontextmanager
async def _metered(errors: _Errors) -> AsyncIterator[None]:
    """Say samples until the end of the block."""
    metering = asyncio.create_task(_meter(errors))
    try:
        yield
    finally:
        metering.cancel()
        with suppress(asyncio.CancelledError):
            await metering


async def _meter(errors: _Errors) -> None:
    loop = asyncio.get_running_loop()
    while True:
        lags = []
        end = loop.time() + _PERIOD
        while loop.time() < end:
            begin = loop.time()
            await asyncio.sleep(_TICK)
            lags.append(round(max(loop.time() - begin - _TICK, 0.0), 6))
        sample = Sample(
            at=time.monotonic(),
            memory=_memory(),
            # This one is not the bot's.
            tasks=len(asyncio.all_tasks()) - 1,
            descriptors=len(os.listdir("/proc/self/fd")),  # noqa: PTH208 # names alone
            lags=lags,
            errors=errors.take(),
        )
        print(json.dumps(asdict(sample)), flush=True)


def _memory() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.standin.bot", description="Shiren on the stand-in.")
    parser.add_argument("--port", type=int, required=True, help="of the stand-in")
    parser.add_argument("--config", type=Path, required=True, help="settings")
    parser.add_argument("--model", type=Path, help="bundle in place of the one that ships")
    parser.add_argument("--together", type=int, help="rows written at once (default: the bot's own)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
