"""What the tests of the services share."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio

from bot.assembly import assemble
from bot.config import Settings
from bot.services import Services
from bot.services.retraining import Snapshot
from tests.bot.world import until


class Workshop:
    """The services, with a person who watches retrainings; `restart` opens them anew on the same files."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.seen: list[Snapshot] = []
        self._running = AsyncExitStack()

    async def open(self) -> None:
        """Start the services."""
        self.services: Services = await self._running.enter_async_context(assemble(self.settings))

    async def close(self) -> None:
        """Stop the services."""
        await self._running.aclose()

    async def restart(self) -> None:
        """Stop the services and start them again."""
        await self.close()
        await self.open()

    @property
    def last(self) -> Snapshot:
        """What was shown last."""
        return self.seen[-1]

    async def retrain(self, epochs: int | None = None) -> Snapshot:
        """Start a run that is watched."""
        snapshot = await self.services.retraining.reserve(7, 8, epochs)
        await self.services.retraining.launch(snapshot, 9, self._watch)
        return snapshot

    async def ended(self) -> Snapshot:
        """Wait for the end of the run."""
        await until(lambda: bool(self.seen) and self.last.state.is_final)
        return self.last

    async def _watch(self, snapshot: Snapshot) -> None:
        self.seen.append(snapshot)


@pytest_asyncio.fixture
async def workshop(settings: Settings) -> AsyncIterator[Workshop]:
    """The services and a watcher."""
    made = Workshop(settings)
    await made.open()
    yield made
    await made.close()
