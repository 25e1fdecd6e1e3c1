"""Retraining: one run at a time, in a child process, while the bot goes on."""

import asyncio
import logging
import time
from dataclasses import dataclass, field, replace
from typing import Any

from bot.config import RetrainSettings
from bot.db.tables import TrainingRunRow
from bot.errors import BotError
from bot.services.lease import Tenure
from bot.services.models import Models
from bot.services.run_files import RunFiles
from bot.services.run_judge import judge
from bot.services.run_plan import Plan, Planner
from bot.services.run_records import RunRecords
from bot.services.run_upkeep import Takeover, Upkeep
from bot.services.runs import RunState, Show, Snapshot, Source, Wish
from bot.services.training_process import TrainingProcess
from poetry_model.errors import BAD_INPUT, INTERRUPTED, BundleError

_log = logging.getLogger(__name__)

_SHOW_EVERY = 5.0
"""Seconds between two reports: Discord allows five edits in five seconds, and others want them too."""

_PAUSE = 1 / 60
"""The least of it, as a share of the time the run has taken so far: Discord limits the edits of old messages."""


_MOST_TAKEOVERS = 3
"""Of a run that does not come any further between them: it may be what kills its processes."""


class _LostLeaseError(Exception):
    """Another process has taken this one for dead."""


@dataclass(slots=True)
class _Run:
    snapshot: Snapshot
    files: RunFiles
    plan: Plan
    parent: str
    """Version that was live when it began."""
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    is_lost: bool = False
    """Whether the lease is another's."""
    process: TrainingProcess | None = None
    began_at: float = field(default_factory=time.perf_counter)
    shown_at: float = float("-inf")

    def cancel(self) -> None:
        """Ask it to stop for good."""
        self.cancelled.set()
        if self.process is not None:
            self.process.interrupt()

    def lose(self) -> None:
        """Stop it at once: whoever has the lease now may go on from what was saved."""
        self.is_lost = True
        if self.process is not None:
            self.process.kill()


class Retraining:
    """Starts, follows, cancels and judges runs, between `start` and `close`."""

    def __init__(self, records: RunRecords, planner: Planner, models: Models, settings: RetrainSettings) -> None:
        self.planner = planner
        self._records = records
        self._models = models
        self._settings = settings
        self._upkeep = Upkeep(records, models, settings.keep, self._take_over)
        self._current: _Run | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: asyncio.Queue[_Run] = asyncio.Queue()
        self._said: set[int] = set()
        """Runs of which the log says why they cannot go on here."""

    @property
    def current(self) -> Snapshot | None:
        """The run of this process that has not ended, where there is one."""
        return self._current.snapshot if self._current is not None else None

    def attach(self, show: Show) -> None:
        """Let people see runs through `show` from now on, beginning with what they could not be told before."""
        self._upkeep.attach(show)

    async def reserve(self, user_id: int, channel_id: int, wish: Wish) -> Snapshot:
        """Make place for a run, or raise `BotError` when there can be none. Follow with `launch` or `release`."""
        await self._records.refuse_second()
        await self._models.follow()
        reserve = self._reserve_again if wish.source is Source.RESUME else self._reserve_new
        self._current = run = await reserve(user_id, channel_id, wish)
        return run.snapshot

    async def launch(self, run_id: int, channel_id: int, message_id: int) -> None:
        """Start the reserved run, which that message shows; `BotError` when the place was lost meanwhile."""
        run = self._run(run_id)
        if not await self._records.show_in(run_id, channel_id, message_id):
            # Its record, too, belongs to whoever has the lease now.
            self._current = None
            raise BotError("retrain.not_running")
        run.snapshot = replace(run.snapshot, channel_id=channel_id, message_id=message_id)
        self._waiting.put_nowait(run)

    async def release(self, run_id: int) -> None:
        """Give the reserved place back: the run cannot be shown. One that was to go on still can."""
        run = self._run(run_id)
        can_go_on = await asyncio.to_thread(run.files.can_go_on)
        await self._finish(run, RunState.INTERRUPTED if can_go_on else RunState.CANCELLED)

    async def cancel(self, run_id: int | None = None) -> None:
        """Ask a run to stop, by default whichever is going, in whichever process; `BotError` when it is not going."""
        tenure = await self.tenure()
        if tenure is None or run_id not in {None, tenure.run_id}:
            raise BotError("retrain.not_running")
        run = self._current
        if run is None or run.snapshot.run_id != tenure.run_id:
            await self._records.lease.request_stop(tenure.run_id)
        elif run.snapshot.state is RunState.EXAMINING:
            raise BotError("retrain.not_running")
        else:
            run.cancel()

    async def tenure(self) -> Tenure | None:
        """Who is running one now, in whichever process."""
        return await self._records.lease.tenure()

    async def last_interrupted(self) -> Snapshot | None:
        """The run that `resume` would go on with."""
        rows = await self._records.resumable()
        return Snapshot.of(rows[0], can_go_on=True) if rows else None

    async def recover(self) -> None:
        """At the start: runs whose processes are no more go on here once it works, or are marked."""
        await self._upkeep.find_dead()

    def start(self) -> None:
        """Begin to work, in tasks of its own. They belong to the process: call it before the client starts."""
        self._tasks = [
            asyncio.create_task(self._work(), name="retraining"),
            asyncio.create_task(self._upkeep.run(), name="upkeep"),
        ]

    async def close(self) -> None:
        """Interrupt what is under way, say so, and end; while Discord can still be reached, if possible."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._current is not None:
            # It was reserved, and waits.
            await self._finish(self._current, RunState.INTERRUPTED)

    async def _reserve_new(self, user_id: int, channel_id: int, wish: Wish) -> _Run:
        plan, inputs = await self.planner.plan(wish)
        row = TrainingRunRow(
            user_id=user_id,
            channel_id=channel_id,
            source=plan.source,
            epochs=plan.epochs,
            minutes=plan.minutes,
            note=wish.note,
            language=wish.language,
            parent=self._models.live_version,
        )
        await self._records.begin(row)
        run = _Run(Snapshot.of(row), self._records.files(row), plan, row.parent)
        try:
            await asyncio.to_thread(inputs.write, run.files)
            await asyncio.to_thread(plan.write, run.files.plan)
        except BaseException:
            await self._finish(run, RunState.CANCELLED)
            raise
        return run

    async def _reserve_again(self, user_id: int, channel_id: int, wish: Wish) -> _Run:
        if wish.epochs or wish.minutes or wish.upload:
            raise BotError("retrain.resume_alone")
        rows = await self._records.resumable()
        if not rows:
            raise BotError("retrain.nothing_to_resume")
        files = self._records.files(rows[0])
        plan = await self.planner.read_plan(files, rows[0].parent)
        row = await self._records.begin_again(rows[0].id, user_id, channel_id, wish)
        return _Run(Snapshot.of(row), files, plan, row.parent)

    async def _take_over(self, row: TrainingRunRow) -> Takeover:
        """Go on with a run whose process is no more, from what it saved; see `Upkeep`."""
        if row.message_id is None or row.user_id is None or await self._models.versions.of_run(row.id):
            # It was never launched, or is nobody's any more, or only its end was not recorded.
            return Takeover.OVER
        files = self._records.files(row)
        try:
            plan = await self.planner.read_plan(files, row.parent)
        except BotError as error:
            if row.id not in self._said:
                self._said.add(row.id)
                _say_why_not_here(row.id, error, files, is_here=await asyncio.to_thread(files.plan.is_file))
            return Takeover.NOT_HERE
        before, progress = await asyncio.to_thread(_takeovers_of, files)
        if before.count(progress) >= _MOST_TAKEOVERS:
            _log.error("Training run %d has ended its process %d times, and is not begun again", row.id, len(before))
            return Takeover.OVER
        if self._current is not None:
            return Takeover.NOT_HERE
        taken = await self._records.take_over(row.id, row.user_id)
        if taken is not None:
            self._current = run = _Run(Snapshot.of(taken), files, plan, taken.parent)
            _log.warning("Training run %d was going when its process ended, and goes on here", row.id)
            self._waiting.put_nowait(run)
            await asyncio.to_thread(files.takeovers.write_text, "\n".join([*before, progress]), encoding="utf-8")
        return Takeover.TAKEN

    async def _work(self) -> None:
        """Run what is launched, one after the other."""
        while True:
            run = await self._waiting.get()
            keeping = asyncio.create_task(self._keep_lease(run), name="lease")
            try:
                await self._attend(run)
            finally:
                keeping.cancel()

    async def _keep_lease(self, run: _Run) -> None:
        await self._records.lease.keep(run.snapshot.run_id, run.cancel)
        run.lose()

    async def _attend(self, run: _Run) -> None:
        """One run to its end, whatever the end."""
        try:
            state = await self._train(run)
        except asyncio.CancelledError:
            await self._finish(run, RunState.INTERRUPTED)
            raise
        except _LostLeaseError:
            # The record of the run belongs to whoever has the lease now.
            _log.warning("Training run %d was stopped: its lease was lost", run.snapshot.run_id)
            self._current = None
            self._upkeep.look()
            return
        except Exception:  # noqa: BLE001 # whatever it was, people are told that the run failed
            _log.exception("Training run %d failed", run.snapshot.run_id)
            state = RunState.FAILED
        await self._finish(run, state)

    async def _train(self, run: _Run) -> RunState:
        """One run to its end; returns its final state."""
        if run.cancelled.is_set():
            return RunState.CANCELLED
        # A run that was interrupted may have finished its training.
        if not await asyncio.to_thread(run.files.bundle.is_dir):
            await self._enter(run, RunState.RUNNING)
            if (end := await self._learn(run)) is not None:
                return end
        await self._enter(run, RunState.EXAMINING)
        return await self._judge(run)

    async def _learn(self, run: _Run) -> RunState | None:
        """Let the child train; returns the state in which the run ends, None when there is a bundle."""
        order = await self.planner.order(run.plan, run.files, run.parent)
        async with TrainingProcess(order) as process:
            run.process = process
            if run.cancelled.is_set():
                process.interrupt()
            if run.is_lost:
                process.kill()
            async for event in process.events():
                await self._follow(run, event)
            code = await process.wait()
        if run.is_lost:
            raise _LostLeaseError
        if run.cancelled.is_set():
            return RunState.CANCELLED
        if code == 0:
            return None
        complaint = (await asyncio.to_thread(order.log.read_text, encoding="utf-8", errors="replace")).strip()
        _log.error("Training run %d ended with code %d: %s", run.snapshot.run_id, code, complaint[-2000:])
        if code == BAD_INPUT and complaint:
            # One sentence for people, in the last line.
            run.snapshot = replace(run.snapshot, said=complaint.splitlines()[-1])
        return RunState.INTERRUPTED if code == INTERRUPTED or code < 0 else RunState.FAILED

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
        now = time.perf_counter()
        if now - run.shown_at >= max(_SHOW_EVERY, (now - run.began_at) * _PAUSE):
            await self._show(run)

    async def _judge(self, run: _Run) -> RunState:
        """Let the new model write, compare it with the live one, and make it live or not."""
        run_id, settings = run.snapshot.run_id, self._settings
        try:
            examined = await self._models.examine(run.files.bundle)
        except BundleError as error:
            _log.error("The model of training run %d is refused: %s", run_id, error)  # the sentence says it all
            return RunState.BROKEN
        # Once more by the database: what goes live now is seen by all.
        if run.is_lost or not await self._records.lease.renew(run_id):
            raise _LostLeaseError
        before, after = examined.perplexity_of(self._models.live_version), float(examined.metrics["perplexity"])
        shortfalls = judge(after, before, examined.examination, settings.tolerance, settings.examination)
        run.snapshot = replace(
            run.snapshot,
            before=before,
            after=after,
            version=examined.poet.version,
            shortfalls=shortfalls,
            history=examined.history,
            start=examined.metrics.get("start_perplexity"),
            poems=examined.poems,
        )
        await self._models.settle(examined, run.files, run_id, shortfalls)
        return RunState.CANDIDATE if shortfalls else RunState.ACCEPTED

    async def _finish(self, run: _Run, state: RunState) -> None:
        """Record the end, tidy up, make place for the next run, and let people know; never raises."""
        run.snapshot = replace(run.snapshot, state=state)
        if self._current is run:
            self._current = None
        try:
            await self._upkeep.end(run.snapshot, run.files)
        except Exception:  # noqa: BLE001 # the worker outlives every run, and the next look finds what was not recorded
            _log.exception("The end of training run %d could not be recorded", run.snapshot.run_id)

    async def _enter(self, run: _Run, state: RunState) -> None:
        run.snapshot = replace(run.snapshot, state=state)
        if not await self._records.enter(run.snapshot.run_id, state):
            raise _LostLeaseError
        await self._show(run)

    async def _show(self, run: _Run) -> None:
        run.shown_at = time.perf_counter()
        await self._upkeep.show(run.snapshot)

    def _run(self, run_id: int) -> _Run:
        if self._current is None or self._current.snapshot.run_id != run_id:
            raise BotError("retrain.not_running")
        return self._current


def _say_why_not_here(run_id: int, error: BotError, files: RunFiles, *, is_here: bool) -> None:
    if is_here:
        _log.warning("Training run %d was going when its process ended, and cannot go on here: %s", run_id, error.key)
        return
    _log.warning(
        "Training run %d was going when its process ended, and is not in %s; let model.folder be one folder that every"
        " process sees",
        run_id,
        files.folder,
    )


def _takeovers_of(files: RunFiles) -> tuple[list[str], str]:
    """How far the run had come each time that it was taken over, and how far it has now; blocks."""
    file = files.takeovers
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else [], files.progress()
