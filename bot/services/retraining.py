"""Retraining: one run at a time, in a child process, while the bot goes on."""

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from bot.config import RetrainSettings
from bot.db import queries
from bot.db.engine import Sessions
from bot.db.tables import TrainingRunRow, now
from bot.errors import BotError
from bot.services.models import Models
from bot.services.training_process import TrainingOrder, TrainingProcess
from poetry_model.errors import BundleError

_log = logging.getLogger(__name__)

_SHOW_EVERY = 3.0
"""Seconds between two reports: Discord allows five edits in five seconds, and others want them too."""


class RunState(StrEnum):
    """Where a run stands; all but the first three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    EXAMINING = "examining"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    BROKEN = "broken"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self not in {RunState.WAITING, RunState.RUNNING, RunState.EXAMINING}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run at one moment, for people."""

    run_id: int
    state: RunState
    epochs: int
    epoch: int = 0
    done: float = 0.0
    """0 to 1."""
    loss: float | None = None
    characters_per_second: float | None = None
    seconds_left: float | None = None
    before: float | None = None
    """Held-back perplexity of the model it starts from."""
    after: float | None = None
    """Held-back perplexity at the last epoch's end."""
    version: str | None = None


Show = Callable[[Snapshot], Awaitable[None]]
"""Lets people see a snapshot; must not raise."""


@dataclass(slots=True)
class _Run:
    snapshot: Snapshot
    show: Show
    folder: Path = Path()
    """Where its bundle goes."""
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    process: TrainingProcess | None = None
    shown_at: float = float("-inf")


class Retraining:
    """Starts, follows, cancels and judges runs, between `start` and `close`."""

    def __init__(self, sessions: Sessions, models: Models, settings: RetrainSettings, device: str) -> None:
        self._sessions = sessions
        self._models = models
        self._settings = settings
        self._device = device
        self._current: _Run | None = None
        self._worker: asyncio.Task[None] | None = None
        self._waiting: asyncio.Queue[_Run] = asyncio.Queue()

    async def reserve(self, user_id: int, channel_id: int, epochs: int | None) -> Snapshot:
        """Make place for a run, or raise `BotError` when there can be none now. Follow with `launch` or `release`."""
        if self._settings.corpus is None:
            raise BotError("retrain.no_corpus")
        if not await asyncio.to_thread(self._settings.corpus.is_dir):
            raise BotError("retrain.corpus_missing")
        if self._current is not None:
            raise BotError("retrain.running")
        row = TrainingRunRow(
            user_id=user_id,
            channel_id=channel_id,
            epochs=epochs or self._settings.epochs,
            parent=self._models.live_version,
            state=RunState.WAITING.value,
        )
        # Taken before the first await, so that two requests at once cannot both find it free.
        self._current = run = _Run(Snapshot(0, RunState.WAITING, row.epochs), _show_nobody)
        try:
            async with self._sessions.begin() as session:
                session.add(row)
        except BaseException:
            self._current = None
            raise
        run.snapshot = replace(run.snapshot, run_id=row.id)
        run.folder = self._bundle_folder(row)
        return run.snapshot

    async def launch(self, snapshot: Snapshot, message_id: int, show: Show) -> None:
        """Start the reserved run; `show` is called as it goes."""
        run = self._run(snapshot.run_id)
        run.show = show
        async with self._sessions.begin() as session:
            await queries.update_run(session, snapshot.run_id, message_id=message_id)
        self._waiting.put_nowait(run)

    async def release(self, snapshot: Snapshot) -> None:
        """Give the reserved place back: the run cannot be shown."""
        await self._finish(self._run(snapshot.run_id), RunState.CANCELLED)

    def cancel(self, run_id: int) -> None:
        """Ask the run to stop; `BotError` when it is not under way."""
        run = self._run(run_id)
        if run.snapshot.state is RunState.EXAMINING:
            raise BotError("retrain.not_running")
        run.cancelled.set()
        if run.process is not None:
            run.process.interrupt()

    async def recover(self) -> None:
        """At the start: runs that were going when the bot ended are marked, and what they left is removed."""
        async with self._sessions.begin() as session:
            versions = {version.run_id: version.version for version in await queries.versions(session)}
            for row in await queries.runs_in_states(session, [state.value for state in RunState if not state.is_final]):
                row.finished_at = now()
                if row.id in versions:
                    # The bot ended between the model's going live and the run's.
                    row.state, row.version = RunState.ACCEPTED.value, versions[row.id]
                else:
                    row.state = RunState.INTERRUPTED.value
                    await asyncio.to_thread(_remove, self._bundle_folder(row))

    def start(self) -> None:
        """Begin to work, in a task of its own. It belongs to the process: call it before the client starts."""
        self._worker = asyncio.create_task(self._work(), name="retraining")

    async def close(self) -> None:
        """Interrupt what is under way, say so, and end; while Discord can still be reached, if possible."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def _work(self) -> None:
        """Run what is launched, one after the other."""
        while True:
            run = await self._waiting.get()
            await self._attend(run)

    async def _attend(self, run: _Run) -> None:
        """One run to its end, whatever the end."""
        try:
            state = await self._train(run)
        except asyncio.CancelledError:
            is_live = self._models.live_folder == run.folder
            await self._finish(run, RunState.ACCEPTED if is_live else RunState.INTERRUPTED)
            raise
        except Exception:  # noqa: BLE001 # whatever it was, people are told that the run failed
            _log.exception("Training run %d failed", run.snapshot.run_id)
            state = RunState.FAILED
        await self._finish(run, state)

    async def _train(self, run: _Run) -> RunState:
        """One run to its end; returns its final state."""
        if run.cancelled.is_set():
            return RunState.CANCELLED
        corpus = self._settings.corpus
        assert corpus is not None  # noqa: S101 # `reserve` refuses without one
        order = TrainingOrder(
            corpus=corpus,
            parent=self._models.live_folder,
            out=run.folder,
            epochs=run.snapshot.epochs,
            threads=self._settings.threads,
            device=self._device,
        )
        await self._set_state(run, RunState.RUNNING)
        async with TrainingProcess(order) as process:
            run.process = process
            if run.cancelled.is_set():
                process.interrupt()
            async for event in process.events():
                await self._follow(run, event)
            code = await process.wait()
        if run.cancelled.is_set():
            return RunState.CANCELLED
        if code != 0:
            said = await asyncio.to_thread(order.log.read_text, encoding="utf-8", errors="replace")
            _log.error("Training run %d ended with code %d: %s", run.snapshot.run_id, code, said.strip()[-2000:])
            return RunState.FAILED
        await self._set_state(run, RunState.EXAMINING)
        return await self._judge(run, order.out)

    async def _follow(self, run: _Run, event: dict[str, Any]) -> None:
        """Take in what the child says, and show it at a polite pace."""
        kind = event.get("event")
        if kind not in {"start", "step", "epoch"}:
            return
        snapshot = replace(
            run.snapshot,
            epoch=event["epoch"],
            done=event["done"],
            loss=event["loss"],
            characters_per_second=event["characters_per_second"],
            seconds_left=event["seconds_left"],
        )
        if kind == "start":
            snapshot = replace(snapshot, before=event["perplexity"])
        elif kind == "epoch":
            snapshot = replace(snapshot, after=event["perplexity"])
        run.snapshot = snapshot
        if time.perf_counter() - run.shown_at >= _SHOW_EVERY:
            await self._show(run)

    async def _judge(self, run: _Run, folder: Path) -> RunState:
        """Let the new model write, compare it with the old one on the held-back side, and make it live or not."""
        try:
            poet, metrics = await self._models.examine(folder)
        except BundleError as error:
            _log.error("The model of training run %d is refused: %s", run.snapshot.run_id, error)  # likewise
            return RunState.BROKEN
        before, after = float(metrics["start_perplexity"]), float(metrics["perplexity"])
        run.snapshot = replace(run.snapshot, before=before, after=after, version=poet.version)
        if not after <= before * (1 + self._settings.tolerance):
            return RunState.REFUSED
        await self._models.install(poet, folder, run.snapshot.run_id)
        return RunState.ACCEPTED

    async def _finish(self, run: _Run, state: RunState) -> None:
        """Record the end, tidy up, make place for the next run, and let people know; never raises."""
        snapshot = run.snapshot = replace(run.snapshot, state=state)
        try:
            async with self._sessions.begin() as session:
                await queries.update_run(
                    session,
                    snapshot.run_id,
                    state=state.value,
                    version=snapshot.version,
                    perplexity=snapshot.after,
                    parent_perplexity=snapshot.before,
                    finished_at=now(),
                )
            if state is not RunState.ACCEPTED:
                await asyncio.to_thread(_remove, run.folder)
        except Exception:  # noqa: BLE001 # the worker outlives every run, and the next start finds what was not recorded
            _log.exception("The end of training run %d could not be recorded", snapshot.run_id)
        self._current = None
        await self._show(run)

    async def _set_state(self, run: _Run, state: RunState) -> None:
        run.snapshot = replace(run.snapshot, state=state)
        async with self._sessions.begin() as session:
            await queries.update_run(session, run.snapshot.run_id, state=state.value)
        await self._show(run)

    async def _show(self, run: _Run) -> None:
        run.shown_at = time.perf_counter()
        await run.show(run.snapshot)

    def _run(self, run_id: int) -> _Run:
        if self._current is None or self._current.snapshot.run_id != run_id:
            raise BotError("retrain.not_running")
        return self._current

    def _bundle_folder(self, row: TrainingRunRow) -> Path:
        # The time keeps apart what runs of an earlier database left in the same folder.
        return self._models.folder / f"run-{row.id}-{row.started_at:%Y%m%d%H%M%S}"


async def _show_nobody(snapshot: Snapshot) -> None:  # noqa: ARG001 # stands in for a `Show`
    return


def _remove(bundle: Path) -> None:
    """Delete a bundle that is not used, and the unfinished run beside it."""
    for folder in (bundle, bundle.with_name(bundle.name + ".partial")):
        shutil.rmtree(folder, ignore_errors=True)
