"""Runs in the database. Each change is one transaction, and the lease changes with the run it is held for."""

import asyncio
import logging
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import run_queries, version_queries
from bot.db.engine import Sessions
from bot.db.tables import TrainingRunRow, now
from bot.errors import BotError
from bot.services.lease import Lease, LeaseTakenError
from bot.services.run_files import RunFiles
from bot.services.runs import RESUMABLE, UNFINISHED, RunState, Snapshot, Wish
from bot.services.versions import VersionState

_log = logging.getLogger(__name__)

_SAID_LENGTH = 500
"""Characters of the column."""

_UNFINISHED = [state.value for state in UNFINISHED]
_FINAL = [state.value for state in RunState if state.is_final]


class RunRecords:
    """What the database and the disk know of runs, and this process's hold on the one that is going."""

    def __init__(self, sessions: Sessions, folder: Path) -> None:
        """`folder` is where the files of runs lie."""
        self._sessions = sessions
        self._folder = folder
        self.lease = Lease("retrain", sessions)

    def files(self, row: TrainingRunRow) -> RunFiles:
        """The files of a run."""
        return RunFiles.of(self._folder, row.id, row.started_at)

    async def refuse_second(self) -> None:
        """`BotError` that says who runs one and since when, while anybody does, in whichever process."""
        if tenure := await self.lease.tenure():
            raise BotError("retrain.running", user=tenure.user_id, since=int(tenure.since.timestamp()))

    async def begin(self, row: TrainingRunRow) -> None:
        """Record a new run and take the lease for it; `BotError`, and nothing recorded, while there is another."""
        row.state, row.told = RunState.WAITING.value, False
        try:
            async with self._sessions.begin() as session:
                session.add(row)
                await session.flush()
                assert row.user_id is not None  # noqa: S101 # somebody starts it
                await self.lease.take(session, row.user_id, row.id)
        except LeaseTakenError:
            await self.refuse_second()
            raise BotError("retrain.just_ended") from None

    async def begin_again(self, run_id: int, user_id: int, channel_id: int, wish: Wish) -> TrainingRunRow:
        """Let a run that was interrupted wait anew, and take the lease for it; `BotError` as with `begin`."""
        try:
            async with self._sessions.begin() as session:
                await self.lease.take(session, user_id, run_id)
                row = await run_queries.run(session, run_id)
                if row is None or row.state not in RESUMABLE:
                    raise BotError("retrain.nothing_to_resume")
                row.state, row.told, row.said, row.finished_at = RunState.WAITING.value, False, None, None
                # Whoever goes on with it has it: what belongs to two people could be deleted for neither.
                row.note = wish.note or (row.note if row.user_id == user_id else None)
                row.user_id, row.channel_id, row.message_id = user_id, channel_id, None
                row.language = wish.language
        except LeaseTakenError:
            await self.refuse_second()
            raise BotError("retrain.just_ended") from None
        return row

    async def show_in(self, run_id: int, channel_id: int, message_id: int) -> bool:
        """Remember which message shows a run that waits, and renew its lease; False when it waits no more."""
        if not await self.lease.renew(run_id):
            return False
        async with self._sessions.begin() as session:
            row = await run_queries.run(session, run_id)
            # Whoever thought this process dead has marked it, and tidied its files away.
            if row is None or row.state != RunState.WAITING:
                return False
            row.channel_id, row.message_id = channel_id, message_id
        return True

    async def enter(self, run_id: int, state: RunState) -> bool:
        """Record that the run has come to an unfinished state; False when another process has its lease."""
        async with self._sessions.begin() as session:
            if not await self.lease.hold(session, run_id):
                return False
            await run_queries.update_run(session, run_id, state=state.value)
        return True

    async def end(self, snapshot: Snapshot) -> RunState | None:
        """Record how the run ended, and give the lease back; returns the state it ended in.

        None, and nothing recorded, when another process has its lease.
        """
        async with self._sessions.begin() as session:
            if not await self.lease.hold(session, snapshot.run_id):
                return None
            state = await _what_became(session, snapshot.run_id, snapshot.state)
            await run_queries.update_run(
                session,
                snapshot.run_id,
                state=state.value,
                told=False,
                said=snapshot.said and snapshot.said[:_SAID_LENGTH],
                version=snapshot.version,
                perplexity=snapshot.after,
                parent_perplexity=snapshot.before,
                finished_at=now(),
            )
            await self.lease.drop(session, snapshot.run_id)
        return state

    async def mark_told(self, run_id: int) -> None:
        """Record that the run's message shows how it ended."""
        await self._update(run_id, told=True)

    async def unattended(self) -> list[tuple[TrainingRunRow, datetime | None]]:
        """What was going in processes that are no more, and when their leases ran out, where that is known."""
        async with self._sessions() as session:
            return list(await run_queries.unattended_runs(session, _UNFINISHED, now()))

    async def take_over(self, run_id: int, user_id: int) -> TrainingRunRow | None:
        """Let a run of a process that is no more wait in this one, with its lease; None when another was faster."""
        try:
            async with self._sessions.begin() as session:
                await self.lease.take(session, user_id, run_id)
                await run_queries.change_run(session, run_id, _UNFINISHED, state=RunState.WAITING.value)
                row = await run_queries.run(session, run_id)
                if row is None or row.state != RunState.WAITING:
                    await self.lease.drop(session, run_id)
                    return None
                return row
        except LeaseTakenError:
            return None

    async def mark_interrupted(self, run_id: int) -> RunState | None:
        """Record as ended what was going in a process that is no more; None when another has taken it over."""
        async with self._sessions.begin() as session:
            if await self.lease.is_held_for(session, run_id):
                return None
            state = await _what_became(session, run_id, RunState.INTERRUPTED)
            values = {"state": state.value, "told": False, "finished_at": now()}
            if not await run_queries.change_run(session, run_id, _UNFINISHED, **values):
                return None
        _log.warning("Training run %d was going when its process ended: it is %s", run_id, state.value)
        return state

    async def untold(self) -> list[TrainingRunRow]:
        """The runs that ended and whose messages do not show it yet."""
        async with self._sessions() as session:
            return list(await run_queries.untold_runs(session, _FINAL))

    async def resumable(self) -> list[TrainingRunRow]:
        """The runs that can go on, by what is on disk, the last to end first."""
        async with self._sessions() as session:
            rows = await run_queries.runs_in_states(session, [state.value for state in RESUMABLE])
        return [row for row in rows if await asyncio.to_thread(self.files(row).can_go_on)]

    async def _update(self, run_id: int, **values: object) -> None:
        async with self._sessions.begin() as session:
            await run_queries.update_run(session, run_id, **values)


async def _what_became(session: AsyncSession, run_id: int, state: RunState) -> RunState:
    """`state`, but for a run that was interrupted when its model was on record already."""
    version = await version_queries.of_run(session, run_id) if state is RunState.INTERRUPTED else None
    if version is None:
        return state
    return RunState.CANDIDATE if version.state == VersionState.CANDIDATE else RunState.ACCEPTED
