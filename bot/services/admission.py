"""Who is let in: as fast as the settings allow, and until the bot stops."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.config import LimitSettings
from bot.errors import BotError
from bot.services.token_buckets import TokenBuckets

_FINISHING = 0.6
"""Share of the time of `drain` in which what is in flight may finish; the rest is for telling the others."""


class Admission:
    """Every command and every press of a component goes through `enter`."""

    def __init__(
        self,
        limits: LimitSettings,
        # Looked up at each call: on the local page, and in tests, it is a clock of theirs.
        clock: Callable[[], float] = lambda: time.monotonic(),  # noqa: PLW0108 # see above
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` never goes back; `wall_clock` is what people are told the time by. Both in seconds."""
        self._people = TokenBuckets(limits.person_burst, limits.person_per_minute)
        self._guilds = TokenBuckets(limits.guild_burst, limits.guild_per_minute)
        self._clock = clock
        self._wall_clock = wall_clock
        self._is_stopping = False
        self._inside: set[asyncio.Task[object]] = set()
        self._cancelled: set[asyncio.Task[object]] = set()
        self._unfinished = 0
        self._answering: set[asyncio.Task[object]] = set()
        """Those inside, and those that have still to say why they are not."""

    @asynccontextmanager
    async def enter(self, user_id: int, guild_id: int | None) -> AsyncIterator[None]:
        """Around what answers one interaction, in a task of its own; `guild_id` is None in direct messages.

        Raises `BotError` for one who is too fast, with the time to come back, and when the bot is stopping, also in
        the middle. What is refused costs nothing.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 # a coroutine runs in a task
        # To the end of the task: an error is answered after the block.
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        if self._is_stopping:
            raise BotError("error.stopping")
        self._charge(user_id, guild_id)
        self._inside.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if task not in self._cancelled:
                raise
            task.uncancel()
            raise BotError("error.stopping") from None
        finally:
            self._inside.discard(task)
            self._cancelled.discard(task)

    async def drain(self, seconds: float) -> int:
        """Let nobody in any more, and see that everyone is answered, within `seconds`.

        What does not finish in time is cancelled and answered with a sentence; returns how many those were.
        """
        self._is_stopping = True
        if self._inside:
            await asyncio.wait(self._inside, timeout=seconds * _FINISHING)
        self.cut_short()
        if self._answering:
            await asyncio.wait(self._answering, timeout=seconds * (1 - _FINISHING))
        return self._unfinished

    def cut_short(self) -> None:
        """Let nothing that is in flight go on."""
        waiting = self._inside - self._cancelled
        self._cancelled |= waiting
        self._unfinished += len(waiting)
        for task in waiting:
            task.cancel()

    def _charge(self, user_id: int, guild_id: int | None) -> None:
        """Take a token of the person's and one of the server's, or none."""
        now = self._clock()
        if wait := self._people.wait(user_id, now):
            raise BotError("limits.person", when=self._after(wait))
        if guild_id is not None:
            if wait := self._guilds.wait(guild_id, now):
                raise BotError("limits.guild", when=self._after(wait))
            self._guilds.take(guild_id, now)
        self._people.take(user_id, now)

    def _after(self, wait: float) -> int:
        """The time in `wait` seconds, in whole seconds since 1970."""
        return math.ceil(self._wall_clock() + wait)
