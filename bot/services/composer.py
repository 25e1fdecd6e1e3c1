"""The live poet, off the event loop."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from bot.errors import BotError
from bot.observer import Observer
from poetry_model.poem import Poem, PoemRequest
from poetry_model.poet import Poet
from poetry_model.prosody import Prosody

_TOGETHER = 16
"""Poems composed at once where so many wait: three to four times as fast as one by one, and half a second's work."""


@dataclass(eq=False, frozen=True, slots=True)
class _Order:
    request: PoemRequest
    poem: Future[Poem] = field(default_factory=Future)

    @property
    def length(self) -> int:
        """In characters."""
        return self.request.form * self.request.lines


class Composer:
    """One worker thread composes with the live poet; the poet can be exchanged at any time."""

    def __init__(self, poet: Poet, capacity: float = math.inf) -> None:
        """`capacity`: how many poems may wait."""
        self._poet = poet
        self._capacity = capacity
        self._waiting: deque[_Order] = deque()
        self._lock = threading.Lock()
        self._unfinished = 0
        self._observer = Observer()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="composer")

    @property
    def version(self) -> str:
        """Version of the live model."""
        return self._poet.version

    @property
    def prosody(self) -> Prosody | None:
        """What the live model knows of tones and rhymes; None where it knows nothing of them."""
        return self._poet.prosody

    @property
    def waiting(self) -> int:
        """How many poems wait to be written."""
        return len(self._waiting)

    @property
    def in_flight(self) -> int:
        """How many are being written."""
        return max(self._unfinished - self.waiting, 0)

    def report_to(self, observer: Observer) -> None:
        """Let `observer` know of each poem from now on."""
        self._observer = observer

    def require_room(self) -> None:
        """`BotError` when no more poems may wait."""
        if len(self._waiting) >= self._capacity:
            raise BotError("limits.queue")

    async def compose(self, request: PoemRequest) -> Poem:
        """The poem asked for, by the poet that is live when its turn comes.

        Raises `BotError` at once when too many wait. When it is cancelled while it waits, no poem is composed.
        """
        self.require_room()
        began = time.perf_counter()
        order = _Order(request)
        with self._lock:
            self._waiting.append(order)
        self._unfinished += 1
        try:
            # A turn for every order; one that finds its own composed together with an earlier one does nothing.
            self._executor.submit(self._take_turn)
            poem = await asyncio.wrap_future(order.poem)
        finally:
            self._unfinished -= 1
        self._observer.composed(request, time.perf_counter() - began)
        return poem

    def exchange(self, poet: Poet) -> None:
        """Let `poet` write from the next poem on; those being written are finished by the old one."""
        self._poet = poet

    def close(self) -> None:
        """Wait for the poems being written and drop those that wait."""
        self._executor.shutdown(cancel_futures=True)
        for order in self._waiting:
            order.poem.cancel()

    def _take_turn(self) -> None:
        """Compose what has waited longest, and with it what is as long: a batch takes as long as its longest poem."""
        with self._lock:
            together = [order for order in self._waiting if order.length == self._waiting[0].length][:_TOGETHER]
            for order in together:
                self._waiting.remove(order)
        wanted = [order for order in together if order.poem.set_running_or_notify_cancel()]
        if wanted:
            self._compose(wanted)

    def _compose(self, orders: Sequence[_Order]) -> None:
        try:
            poems = self._poet.compose([order.request for order in orders])
        except Exception as error:  # noqa: BLE001 # it belongs to whoever asked
            if len(orders) == 1:
                orders[0].poem.set_exception(error)
                return
            # One that cannot be written is nobody else's fault.
            for order in orders:
                self._compose([order])
            return
        for order, poem in zip(orders, poems, strict=True):
            order.poem.set_result(poem)
