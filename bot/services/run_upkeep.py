"""What is to be done about runs that are over: people are told, files are tidied, and what died is found."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from enum import Enum, auto

from bot.db.tables import TrainingRunRow, now
from bot.services.models import Models
from bot.services.run_files import RunFiles
from bot.services.run_records import RunRecords
from bot.services.runs import RESUMABLE, RunState, Show, Snapshot

_log = logging.getLogger(__name__)

_EVERY = 15.0
"""Seconds between two looks."""

_LOOKS = 3
"""That other processes have for a run that this one cannot go on with."""


class Takeover(Enum):
    """What becomes of a run whose process is no more."""

    TAKEN = auto()
    """It goes on, here or in another process."""
    NOT_HERE = auto()
    """This process cannot go on with it; another may."""
    OVER = auto()
    """Nobody can, or need."""


TakeOver = Callable[[TrainingRunRow], Awaitable[Takeover]]


class Upkeep:
    """Looks after the runs on record, of this process and of others."""

    def __init__(self, records: RunRecords, models: Models, keep: int, take_over: TakeOver) -> None:
        """`keep`: versions whose bundles stay; `take_over` goes on with a run of a process that is no more."""
        self._records = records
        self._models = models
        self._keep = keep
        self._take_over = take_over
        self._show: Show | None = None
        self._ending: set[int] = set()
        """Runs whose end is being told."""
        self._news = asyncio.Event()

    def attach(self, show: Show) -> None:
        """Let people see runs through `show` from now on, beginning with what they could not be told before."""
        self._show = show
        self.look()

    def look(self) -> None:
        """Look at once."""
        self._news.set()

    async def show(self, snapshot: Snapshot) -> bool:
        """Let people see a snapshot; whether that is settled."""
        if snapshot.message_id is None:
            return True
        return self._show is not None and await self._show(snapshot)

    async def end(self, snapshot: Snapshot, files: RunFiles) -> None:
        """Record the end of a run of this process, tidy up, and let people know."""
        self._ending.add(snapshot.run_id)
        try:
            state = await self._records.end(snapshot)
            if state is None:
                _log.warning("Training run %d is another process's by now", snapshot.run_id)
                return
            await self._tidy(files, state)
            await self._tell(snapshot, state)
        finally:
            self._ending.discard(snapshot.run_id)

    async def find_dead(self) -> None:
        """Go on with what was going in processes that are no more; what nobody can go on with is marked and tidied."""
        for row, expired_at in await self._records.unattended():
            # Without a lease of its own nothing says that others see it, too.
            takeover = await self._take_over(row) if expired_at else Takeover.OVER
            if takeover is Takeover.TAKEN:
                continue
            if takeover is Takeover.NOT_HERE and expired_at and now() - expired_at < timedelta(seconds=_LOOKS * _EVERY):
                continue
            if state := await self._records.mark_interrupted(row.id):
                await self._tidy(self._records.files(row), state)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.find_dead()
                await self._tell_untold()
            except Exception as error:  # noqa: BLE001 # a database that cannot be reached may be again
                _log.warning("Runs could not be looked after: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await self._news.wait()
            self._news.clear()

    async def _tell_untold(self) -> None:
        for row in await self._records.untold():
            if self._show is not None and row.id not in self._ending:
                version = await self._models.versions.of_run(row.id)
                snapshot = Snapshot.of(row, shortfalls=version.shortfalls if version else ())
                await self._tell(snapshot, snapshot.state)

    async def _tell(self, snapshot: Snapshot, state: RunState) -> None:
        """Show how a run ended, and remember that it was shown."""
        can_go_on = state in RESUMABLE and snapshot.run_id in {row.id for row in await self._records.resumable()}
        if await self.show(replace(snapshot, state=state, can_go_on=can_go_on)):
            await self._records.mark_told(snapshot.run_id)

    async def _tidy(self, files: RunFiles, state: RunState) -> None:
        """Keep of the files what may still be of use: the last models, and the last run that can go on."""
        if state in {RunState.ACCEPTED, RunState.CANDIDATE}:
            await asyncio.to_thread(files.remove_work)
        elif state not in RESUMABLE or not await asyncio.to_thread(files.can_go_on):
            await asyncio.to_thread(files.remove_all)
        resumable = await self._records.resumable()
        for row in resumable[1:]:
            await asyncio.to_thread(self._records.files(row).remove_all)
        await self._models.prune(self._keep, _parents(resumable[:1]))


def _parents(rows: list[TrainingRunRow]) -> set[str]:
    return {row.parent for row in rows}
