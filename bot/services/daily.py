"""Poems of the day: each server that wants one gets one a day, at its hour."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum, StrEnum, auto
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.exc import IntegrityError

from bot.db import daily_queries
from bot.db.engine import Sessions
from bot.db.tables import DailyRow, now
from bot.services.daily_schedule import Schedule, latest_day, next_due
from bot.services.poems import Poems, ShownPoem
from poetry_model.form import FORMS
from poetry_model.poem import MAX_SEED, PoemRequest
from poetry_model.script import Script, simplify
from poetry_model.seasons import first_character
from poetry_model.solar_terms import SolarTerm, term_on

_log = logging.getLogger(__name__)

_HEAD_START = timedelta(minutes=1)
"""In which the process that has a server's shard gives its poem; then any may, for that one may be no more."""

_GRACE = 10.0
"""Seconds that a poem under way has to reach its channel when the bot ends."""


class Stop(StrEnum):
    """Why a server gets none any more."""

    ASKED = "asked"
    """Somebody switched it off."""
    FORBIDDEN = "forbidden"
    """The bot may not write in the channel."""
    GONE = "gone"
    """The channel is no more."""


class Outcome(Enum):
    """What became of a poem that was to be posted."""

    POSTED = auto()
    FORBIDDEN = auto()
    """The bot may not write in the channel."""
    GONE = auto()
    """There is no such channel."""
    LATER = auto()
    """It is certain that it was not posted, and it may be the next time."""


@dataclass(frozen=True, slots=True)
class DailyPlan:
    """What a server wants."""

    guild_id: int
    channel_id: int
    schedule: Schedule
    last: date
    """The last day that needs no poem any more."""
    user_id: int | None
    """Who set it; None when they had their data deleted."""
    stop: Stop | None
    """None: it is on."""

    @classmethod
    def of(cls, row: DailyRow) -> "DailyPlan":
        """As the database has it."""
        return cls(
            guild_id=row.guild_id,
            channel_id=row.channel_id,
            schedule=Schedule(row.hour, row.zone),
            last=row.last_date,
            user_id=row.user_id,
            stop=Stop(row.stop) if row.stop else None,
        )


@dataclass(frozen=True, slots=True)
class DailyPoem:
    """The poem of a day."""

    day: date
    """By the calendar of the server's zone."""
    term: SolarTerm
    poem: ShownPoem


class Post(Protocol):
    """The way to people."""

    def is_open(self) -> bool:
        """Whether anything can be sent now."""

    def is_near(self, guild_id: int) -> bool:
        """Whether the server belongs to this process, of those that share the database."""

    async def post(self, plan: DailyPlan, poem: DailyPoem) -> Outcome:
        """Send it to the channel.

        An exception means that nobody knows whether it was posted: it is not sent again.
        """

    async def tell_stopped(self, plan: DailyPlan) -> None:
        """Tell whoever set it, or another moderator, that it was switched off, and of its `stop`."""


ScriptOf = Callable[[int], Awaitable[Script]]
"""The script of a server's poems, by the server's id."""


class Daily:
    """Plans, and poems where they are due, between `start` and `close`.

    A poem is claimed in the database before it is written and sent, and the claim is given back when it is certain that
    nothing was sent. So no day has two, whichever processes share the database and whenever one of them is killed; a
    process that is killed in the second between claim and answer loses that day's, of one server.

    Sending needs no connection to the server's shard, so any process can. The one that has the shard comes first: else
    all of them would reach for each poem of a full hour, and all but one in vain.
    """

    def __init__(
        self, sessions: Sessions, poems: Poems, script_of: ScriptOf, clock: Callable[[], datetime] = now
    ) -> None:
        self._sessions = sessions
        self._poems = poems
        self._script_of = script_of
        self._clock = clock
        self._post: Post | None = None
        self._unsent: dict[int, DailyPoem] = {}
        """By server: what was written, and could not be posted yet."""
        self._delivering = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def attach(self, post: Post) -> None:
        """Let poems reach people through `post` from now on."""
        self._post = post

    async def set(self, guild_id: int, channel_id: int, schedule: Schedule, user_id: int) -> DailyPlan:
        """Give the server its poem there and then from now on: today's if its hour is to come, and there was none."""
        for is_last in (False, True):
            try:
                async with self._sessions.begin() as session:
                    await daily_queries.put_daily(
                        session,
                        guild_id=guild_id,
                        channel_id=channel_id,
                        hour=schedule.hour,
                        zone=schedule.zone,
                        day=latest_day(schedule, self._clock()),
                        user_id=user_id,
                    )
                break
            except IntegrityError:
                # Another process has set the server's first; now there is one to change.
                if is_last:
                    raise
        plan = await self.get(guild_id)
        assert plan is not None  # noqa: S101 # plans are never deleted
        return plan

    async def get(self, guild_id: int) -> DailyPlan | None:
        """The server's plan, on or off; None when it never had one."""
        async with self._sessions() as session:
            row = await daily_queries.daily(session, guild_id)
        return DailyPlan.of(row) if row else None

    async def off(self, guild_id: int) -> bool:
        """Give the server none any more; returns whether it was on."""
        async with self._sessions.begin() as session:
            return await daily_queries.stop_daily(session, guild_id, Stop.ASKED)

    def next_due(self, plan: DailyPlan) -> datetime:
        """When the next poem of a plan that is on is due, in UTC."""
        return next_due(plan.schedule, plan.last, self._clock())

    async def run_due(self) -> None:
        """Give each server the poem that is due; of several days it missed, the last alone."""
        if self._post is None or not self._post.is_open():
            return
        async with self._sessions() as session:
            schedules = [Schedule(hour, zone) for hour, zone in await daily_queries.schedules(session)]
        for schedule in schedules:
            moment = self._clock()
            try:
                day, day_of_others = latest_day(schedule, moment), latest_day(schedule, moment - _HEAD_START)
            except ZoneInfoNotFoundError:
                _log.warning("Poems of the day at %s wait: the zone is not known here", schedule.zone)
                continue
            async with self._sessions() as session:
                rows = await daily_queries.waiting(session, schedule.hour, schedule.zone, day)
            for row in rows:
                if day_of_others < day and not self._post.is_near(row.guild_id):
                    continue
                async with self._delivering:
                    await self._deliver(self._post, row, day)

    def start(self) -> None:
        """Begin to work, in a task of its own. It belongs to the process: call it before the client starts."""
        self._task = asyncio.create_task(self.run_forever(), name="daily")

    async def close(self) -> None:
        """End, after the poem under way; while Discord can still be reached, if possible."""
        task, self._task = self._task, None
        if task is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                # Kept: none begins after it.
                await self._delivering.acquire()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def run_forever(self) -> None:
        """Look every minute, until cancelled."""
        while True:
            try:
                await self.run_due()
            except Exception as error:  # noqa: BLE001 # a database that cannot be reached may be again
                _log.warning("Poems of the day could not be given: %s", error)
            await asyncio.sleep(_seconds_to_next_look(self._clock()))

    async def _deliver(self, post: Post, row: DailyRow, day: date) -> None:
        """Claim it, write it, post it. The database's errors leave; whatever else goes wrong is this server's alone."""
        async with self._sessions.begin() as session:
            if not await daily_queries.claim(session, row, day):
                return
        plan = DailyPlan.of(row)
        try:
            poem = await self._write(plan, day)
        except BaseException as error:
            await self._release(row, day)
            if not isinstance(error, Exception):
                raise
            _log.warning("The poem of %s for server %d could not be written: %s", day, plan.guild_id, error)
            return
        try:
            outcome = await post.post(plan, poem)
        except Exception:  # noqa: BLE001 # a closed session and a dead line raise what they like
            _log.exception("Nobody knows whether server %d got its poem of %s", plan.guild_id, day)
            return
        match outcome:
            case Outcome.POSTED:
                pass
            case Outcome.LATER:
                self._unsent[plan.guild_id] = poem
                await self._release(row, day)
            case Outcome.FORBIDDEN | Outcome.GONE:
                stop = Stop.FORBIDDEN if outcome is Outcome.FORBIDDEN else Stop.GONE
                if await self._release(row, day, stop):
                    await self._tell_stopped(post, plan.guild_id)

    async def _write(self, plan: DailyPlan, day: date) -> DailyPoem:
        """The poem of a day, which is the same however often it is asked for while the model is the same."""
        unsent = self._unsent.pop(plan.guild_id, None)
        if unsent is not None and unsent.day == day:
            return unsent
        zone = ZoneInfo(plan.schedule.zone)
        script = await self._script_of(plan.guild_id)
        start = first_character(day, zone, plan.guild_id)
        chance = random.Random(f"{plan.guild_id}/{day}")
        request = PoemRequest.checked(
            simplify(start) if script is Script.SIMPLIFIED else start,
            chance.choice(FORMS),
            seed=chance.randrange(MAX_SEED),
            script=script,
        )
        # Nobody asked for it: whoever set the plan may be gone.
        return DailyPoem(day, term_on(day, zone), await self._poems.write(request, None, plan.guild_id))

    async def _release(self, row: DailyRow, day: date, stop: Stop | None = None) -> bool:
        async with self._sessions.begin() as session:
            return await daily_queries.release(session, row, day, stop)

    async def _tell_stopped(self, post: Post, guild_id: int) -> None:
        plan = await self.get(guild_id)
        if plan is None:
            return
        _log.info("Server %d gets no poem of the day any more: %s", guild_id, plan.stop)
        try:
            await post.tell_stopped(plan)
        except Exception as error:  # noqa: BLE001 # as where it is posted; the status tells them
            _log.warning("Server %d could not be told that it gets no poem of the day: %s", guild_id, error)


def _seconds_to_next_look(moment: datetime) -> float:
    """To the next full minute: hours begin with one everywhere."""
    return (timedelta(minutes=1) - timedelta(seconds=moment.second, microseconds=moment.microsecond)).total_seconds()
