"""What the tests of the services share."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio

from bot.assembly import assemble
from bot.config import Settings
from bot.services import Services
from bot.services.runs import Snapshot, Wish
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
        self.services.retraining.attach(self._watch)

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

    async def reserve(self, wish: Wish | None = None) -> Snapshot:
        """Make place for a run of person 7 in channel 8."""
        return await self.services.retraining.reserve(7, 8, wish or Wish())

    async def retrain(self, wish: Wish | None = None) -> Snapshot:
        """Start a run that is watched."""
        snapshot = await self.reserve(wish)
        await self.services.retraining.launch(snapshot.run_id, 8, 9)
        return snapshot

    async def change(self, **retrain: object) -> None:
        """Restart with other settings of `retrain`."""
        changed = self.settings.retrain.model_copy(update=retrain)
        self.settings = self.settings.model_copy(update={"retrain": changed})
        await self.restart()

    async def ended(self) -> Snapshot:
        """Wait for the end of the run."""
        await until(lambda: bool(self.seen) and self.last.state.is_final)
        return self.last

    async def _watch(self, snapshot: Snapshot) -> bool:
        self.seen.append(snapshot)
        return True


@pytest_asyncio.fixture
async def workshop(settings: Settings) -> AsyncIterator[Workshop]:
    """The services and a watcher."""
    made = Workshop(settings)
    await made.open()
    yield made
    await made.close()
