"""One run at a time, whichever process: a lease in the database that all of them share."""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable
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
"""Between two renewals: three may fail before the lease is lost."""


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

    async def take(self, session: AsyncSession, user_id: int, run_id: int) -> None:
        """Take it in the transaction of `session`; `LeaseTakenError`, which must undo that, when another has it."""
        moment = now()
        try:
            is_taken = await lease_queries.take_lease(
                session,
                name=self._name,
                holder=self._holder,
                user_id=user_id,
                run_id=run_id,
                since=moment,
                expires_at=_expiry(moment),
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
            return await lease_queries.renew_lease(session, self._name, self._holder, run_id, _expiry(now()))

    async def keep(self, run_id: int, stop: Callable[[], None]) -> None:
        """Renew it until it is lost, and return then; `stop` is called when another process asks for the run's end.

        It is lost when another process has taken it, or may have: when the database could not be reached for so long.
        """
        renewed_at = time.perf_counter()
        while time.perf_counter() - renewed_at < LEASE_SECONDS:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                if not await self.renew(run_id):
                    return
                renewed_at = time.perf_counter()
                if await self.stop_requested(run_id):
                    stop()
            except SQLAlchemyError as error:
                _log.warning("The lease of training run %d could not be renewed: %s", run_id, error)

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


def _expiry(moment: datetime) -> datetime:
    return moment + timedelta(seconds=LEASE_SECONDS)
