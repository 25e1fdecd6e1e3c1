"""One at a time, whichever process: a lease in the database that all of them share."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import lease_queries
from bot.db.engine import Sessions
from bot.db.tables import LeaseRow, now

_log = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
"""How long a process that says nothing any more keeps others out. Clocks of machines that share a database must agree
to within a few seconds."""

BEAT_SECONDS = 8.0
"""Between two renewals: two may fail before the lease is lost."""

_OURS = 0.9
"""Share of `LEASE_SECONDS` for which a process counts on a lease that it cannot renew: whoever takes over is alone."""

_LOOK_SECONDS = 0.2
"""Between two looks of a process that waits for its turn."""

_NOBODY = 0
"""In place of a person and a run, where a lease is for neither."""

_Unreachable = (SQLAlchemyError, OSError)
"""What is raised when the database cannot be reached, or takes too long."""


class LeaseTakenError(Exception):
    """Another has the lease."""


@dataclass(frozen=True, slots=True)
class Tenure:
    """Who has the lease."""

    user_id: int
    """For whom it was taken."""
    run_id: int
    since: datetime


class Lease:
    """A lease of one name, as one process sees it."""

    def __init__(self, name: str, sessions: Sessions) -> None:
        self._name = name
        self._sessions = sessions
        # Process ids come again, in containers above all.
        self._holder = f"{secrets.token_hex(8)}@{os.getpid()}@{socket.gethostname()}"[:64]

    async def take(self, session: AsyncSession, user_id: int, run_id: int, seconds: float | None = None) -> None:
        """Take it in the transaction of `session`; `LeaseTakenError`, which must undo that, when another has it.

        `seconds`: how long it lasts unless it is renewed; None: `LEASE_SECONDS`.
        """
        moment = now()
        try:
            is_taken = await lease_queries.take_lease(
                session,
                name=self._name,
                holder=self._holder,
                user_id=user_id,
                run_id=run_id,
                since=moment,
                expires_at=_expiry(moment, seconds),
            )
        except IntegrityError as error:
            raise LeaseTakenError from error
        if not is_taken:
            raise LeaseTakenError

    async def tenure(self) -> Tenure | None:
        """Who has it now, in whichever process; None when it is free."""
        async with self._sessions() as session:
            row = await lease_queries.lease(session, self._name)
        return Tenure(row.user_id, row.run_id, row.since) if row is not None and row.expires_at > now() else None

    async def renew(self, run_id: int) -> bool:
        """Keep it for another while; False when another process has taken it."""
        async with self._sessions.begin() as session:
            return await self.hold(session, run_id)

    async def keep(self, run_id: int, stop: Callable[[], None]) -> None:
        """Renew it until it is lost, and return then; `stop` is called when another process asks for the run's end.

        It is lost when another process has taken it, or soon may: when the database could not be reached for so long.
        """
        ends = time.perf_counter() + _OURS * LEASE_SECONDS
        while (left := ends - time.perf_counter()) > 0:
            await asyncio.sleep(min(BEAT_SECONDS, left))
            began = time.perf_counter()
            try:
                async with asyncio.timeout(max(ends - began, 0)):
                    if not await self.renew(run_id):
                        return
                    # From before it was asked for: others count from when the database was told.
                    ends = began + _OURS * LEASE_SECONDS
                    if await self.stop_requested(run_id):
                        stop()
            except _Unreachable as error:
                _log.warning("The lease of training run %d could not be renewed: %s", run_id, error)

    async def hold(self, session: AsyncSession, run_id: int) -> bool:
        """As `renew`, in the transaction of `session`: until that ends nobody takes it."""
        return await lease_queries.renew_lease(session, self._name, self._holder, run_id, _expiry(now()))

    async def is_held_for(self, session: AsyncSession, run_id: int) -> bool:
        """Whether any process has it for that run; what is found holds until the transaction of `session` ends."""
        row = await lease_queries.lock_lease(session, self._name)
        return row is not None and row.run_id == run_id and row.expires_at > now()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until no other process has it, and have it for the block.

        Who dies in the block, or takes longer than `LEASE_SECONDS`, is not waited for; nor is a database that fails.
        """
        await self._wait_for_turn(None)
        try:
            yield
        finally:
            with contextlib.suppress(*_Unreachable):
                async with self._sessions.begin() as session:
                    await self.drop(session, _NOBODY)

    async def pace(self, seconds: float) -> None:
        """Wait until for so long no process has come through here; a database that fails is not waited for."""
        await self._wait_for_turn(seconds)

    async def _wait_for_turn(self, seconds: float | None) -> None:
        try:
            while not await self._take_turn(seconds):  # noqa: ASYNC110 # what another process does sets no event
                await asyncio.sleep(_LOOK_SECONDS)
        except _Unreachable as error:
            _log.warning("Other processes are not waited for (%s): %s", self._name, error)

    async def _take_turn(self, seconds: float | None) -> bool:
        try:
            async with self._sessions.begin() as session:
                await self.take(session, _NOBODY, _NOBODY, seconds)
        except LeaseTakenError:
            return False
        return True

    async def stop_requested(self, run_id: int) -> bool:
        """Whether another process was told to stop the run."""
        async with self._sessions() as session:
            row: LeaseRow | None = await lease_queries.lease(session, self._name)
        return row is not None and row.run_id == run_id and row.stop_requested

    async def request_stop(self, run_id: int) -> bool:
        """Ask the process that has it for `run_id` to stop; False when none has."""
        async with self._sessions.begin() as session:
            return await lease_queries.request_stop(session, self._name, run_id)

    async def drop(self, session: AsyncSession, run_id: int) -> None:
        """Give it back in the transaction of `session`."""
        await lease_queries.drop_lease(session, self._name, self._holder, run_id)


def _expiry(moment: datetime, seconds: float | None = None) -> datetime:
    return moment + timedelta(seconds=LEASE_SECONDS if seconds is None else seconds)
