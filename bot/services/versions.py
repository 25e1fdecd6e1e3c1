"""The models on record: which there are, which was live when, and which are still on disk."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import version_queries
from bot.db.engine import Sessions
from bot.db.tables import ModelVersionRow, now
from bot.services.run_files import RunFiles
from bot.services.run_judge import Shortfall


class VersionState(StrEnum):
    """What became of a model. Of the accepted ones, the last activated is live."""

    CANDIDATE = "candidate"
    """It fell short, and nobody insisted."""
    ACCEPTED = "accepted"
    """It is live, or was and may be again."""
    WITHDRAWN = "withdrawn"
    """It was live until somebody rolled it back."""
    REMOVED = "removed"
    """Its files are gone."""


@dataclass(frozen=True, slots=True)
class Version:
    """A model on record."""

    name: str
    state: VersionState
    folder: Path
    """Where its bundle is, unless it is removed."""
    is_shipped: bool
    shortfalls: tuple[Shortfall, ...]
    """Where it falls short of what a live model must be; an accepted one that does was insisted on."""
    examination: Mapping[str, Any] | None
    activated_at: datetime | None
    run_id: int | None
    """The run that made it; None for the one that ships. What follows is the run's."""
    user_id: int | None
    source: str | None
    made_at: datetime | None
    note: str | None
    perplexity: float | None
    live_perplexity: float | None
    """Of the model that it was compared with, on the same side."""


class Versions:
    """The versions of one database, whose bundles lie in one folder."""

    def __init__(self, sessions: Sessions, folder: Path, shipped: Path) -> None:
        """`shipped` is where the bundle is that ships."""
        self._sessions = sessions
        self._folder = folder
        self._shipped = shipped

    async def chain(self) -> list[Version]:
        """What may be live, in the order in which it should be tried; the first that loads is."""
        async with self._sessions() as session:
            rows = await version_queries.activated(session, VersionState.ACCEPTED.value)
        return [self._version(row) for row in rows]

    async def live(self) -> str | None:
        """The name of the first of the chain: what every process should have live."""
        async with self._sessions() as session:
            return await version_queries.last_activated(session, VersionState.ACCEPTED.value)

    async def all(self) -> list[Version]:
        """All there ever were, the newest first."""
        async with self._sessions() as session:
            return [self._version(row) for row in await version_queries.versions(session)]

    async def get(self, name: str) -> Version | None:
        """The one of that name."""
        async with self._sessions() as session:
            row = await version_queries.version(session, name)
        return None if row is None else self._version(row)

    async def of_run(self, run_id: int) -> Version | None:
        """The one that a run made."""
        async with self._sessions() as session:
            row = await version_queries.of_run(session, run_id)
        return None if row is None else self._version(row)

    async def know_shipped(self, name: str) -> None:
        """Record which version ships; where another did, this one takes its place in the chain."""
        try:
            await self._know_shipped(name)
        except IntegrityError:
            # Another process has recorded it meanwhile.
            await self._know_shipped(name)

    async def _know_shipped(self, name: str) -> None:
        async with self._sessions.begin() as session:
            activated_at = None
            for other in await version_queries.versions(session):
                if other.folder is None and other.version != name and other.state != VersionState.REMOVED:
                    activated_at = other.activated_at if other.state == VersionState.ACCEPTED else None
                    other.state = VersionState.REMOVED.value
            row = await version_queries.version(session, name)
            if row is None:
                accepted = VersionState.ACCEPTED.value
                session.add(ModelVersionRow(version=name, state=accepted, activated_at=activated_at))
            elif row.state == VersionState.REMOVED:
                row.state, row.folder = VersionState.ACCEPTED.value, None
                row.activated_at = row.activated_at or activated_at

    async def record(
        self,
        name: str,
        files: RunFiles,
        run_id: int,
        shortfalls: Sequence[Shortfall],
        examination: Mapping[str, Any] | None,
    ) -> Version:
        """Record what a run made: live at once where nothing falls short, a candidate otherwise.

        Weights that are known and still there are not kept twice: the record that there is stands, and is activated.
        """
        async with self._sessions.begin() as session:
            row = await version_queries.version(session, name)
            if row is None:
                row = ModelVersionRow(version=name, state=VersionState.REMOVED.value)
                session.add(row)
            if row.state == VersionState.REMOVED:
                row.folder, row.run_id = files.name, run_id
                row.state = VersionState.CANDIDATE.value
                row.shortfalls = [shortfall.as_dict() for shortfall in shortfalls]
                row.examination = dict(examination) if examination is not None else None
            if not shortfalls:
                await _activate(session, row)
            await session.flush()
            await session.refresh(row)
            return self._version(row)

    async def activate(self, name: str) -> None:
        """Make a version that there is the last activated one."""
        async with self._sessions.begin() as session:
            await _activate(session, await _known(session, name))

    async def withdraw(self, name: str) -> None:
        """Take a version out of the chain."""
        async with self._sessions.begin() as session:
            (await _known(session, name)).state = VersionState.WITHDRAWN.value

    async def prune(self, keep: int, needed: Collection[str]) -> list[str]:
        """Delete the bundles of all but the last `keep` versions, the live one and those `needed`; returns which went.

        Their records stay. What an earlier call could not delete is deleted now.
        """
        gone = []
        async with self._sessions.begin() as session:
            # By the record: here another may be live, where that one cannot be read.
            live = await version_queries.last_activated(session, VersionState.ACCEPTED.value)
            rows = [row for row in await version_queries.versions(session) if row.folder is not None]
            kept = 0
            for row in rows:
                if row.state == VersionState.REMOVED:
                    continue
                kept += 1
                if kept > keep and row.version not in {live, *needed}:
                    row.state = VersionState.REMOVED.value
                    gone.append(row.version)
            names = [row.folder for row in rows if row.folder and row.state == VersionState.REMOVED]
        # After the commit: a record without a bundle is better than a record that promises one.
        for name in names:
            await asyncio.to_thread(RunFiles(self._folder, name).remove_all)
        return gone

    def _version(self, row: ModelVersionRow) -> Version:
        run = row.run
        return Version(
            name=row.version,
            state=VersionState(row.state),
            folder=self._shipped if row.folder is None else self._folder / row.folder,
            is_shipped=row.folder is None,
            shortfalls=tuple(Shortfall.from_dict(each) for each in row.shortfalls or ()),
            examination=row.examination,
            activated_at=row.activated_at,
            run_id=row.run_id,
            user_id=run.user_id if run else None,
            source=run.source if run else None,
            made_at=run.finished_at or run.started_at if run else None,
            note=run.note if run else None,
            perplexity=run.perplexity if run else None,
            live_perplexity=run.parent_perplexity if run else None,
        )


async def _known(session: AsyncSession, name: str) -> ModelVersionRow:
    row = await version_queries.version(session, name)
    if row is None:
        raise LookupError(name)
    return row


async def _activate(session: AsyncSession, row: ModelVersionRow) -> None:
    """Make it the last activated one, also where the clock of whoever activated one before goes ahead of ours."""
    before = await version_queries.last_activation(session)
    moment = now() if before is None else max(now(), before + timedelta(microseconds=1))
    row.state, row.activated_at = VersionState.ACCEPTED.value, moment
