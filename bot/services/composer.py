"""The live poet, off the event loop."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from bot.errors import BotError
from bot.observer import Observer
from poetry_model.poem import Poem, PoemRequest
from poetry_model.poet import Poet
from poetry_model.prosody import Prosody
from poetry_model.session import Session

TOGETHER = 512
"""Rows written at once, where so many wait; a poem has as many rows as candidates.

More are no faster, and each poem takes the longer: its characters come one a turn, whoever is there.
"""


@dataclass(eq=False, frozen=True, slots=True)
class _Order:
    request: PoemRequest
    poem: Future[Poem] = field(default_factory=Future)


class _Desk:
    """One poet at work."""

    def __init__(self, poet: Poet) -> None:
        self.poet = poet
        self._session: Session = poet.session()
        self._orders: dict[int, _Order] = {}

    def __len__(self) -> int:
        """Rows being written."""
        return len(self._session)

    def begin(self, order: _Order) -> None:
        """Let the poem join those being written, if anybody still wants it."""
        if not order.poem.set_running_or_notify_cancel():
            return
        try:
            self._orders[self._session.add(order.request)] = order
        except Exception as error:  # noqa: BLE001 # it belongs to whoever asked
            order.poem.set_exception(error)

    def write(self) -> None:
        """One character of every poem; those that are done are handed out."""
        try:
            done = self._session.step()
        except Exception:  # noqa: BLE001 # whose fault it is comes out below
            self._write_apart()
            return
        for ticket, poem in done:
            self._orders.pop(ticket).poem.set_result(poem)

    def _write_apart(self) -> None:
        """Each poem anew and alone: one that cannot be written is nobody else's fault."""
        orders = list(self._orders.values())
        self._orders.clear()
        self._session = self.poet.session()
        for order in orders:
            try:
                [poem] = self.poet.compose([order.request])
            except Exception as error:  # noqa: BLE001 # it belongs to whoever asked
                order.poem.set_exception(error)
            else:
                order.poem.set_result(poem)


class Composer:
    """One worker thread composes with the live poet; the poet can be exchanged at any time.

    What is asked for together is written together, and what is asked for meanwhile joins at the next character: a poem
    waits for no other to be done, and none is held back until there are more.
    """

    def __init__(self, poet: Poet, capacity: float = math.inf, together: int | None = None) -> None:
        """`capacity`: how many poems may wait; `together`: rows written at once (`TOGETHER`), a poem at least."""
        self._poet = poet
        self._capacity = capacity
        self._together = TOGETHER if together is None else together
        self._waiting: deque[_Order] = deque()
        self._lock = threading.Lock()
        self._unfinished = 0
        self._observer = Observer()
        self._is_working = False
        self._is_closing = False
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
            wakes, self._is_working = not self._is_working, True
        self._unfinished += 1
        try:
            if wakes:
                self._executor.submit(self._work)
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
        with self._lock:
            self._is_closing = True
        self._executor.shutdown(cancel_futures=True)
        for order in self._waiting:
            order.poem.cancel()

    def _work(self) -> None:
        """Write until nothing waits and all is done."""
        desks = [_Desk(self._poet)]
        while True:
            for order in self._take(sum(map(len, desks))):
                if desks[-1].poet is not self._poet:
                    desks.append(_Desk(self._poet))
                desks[-1].begin(order)
            desks = [desk for desk in desks[:-1] if desk] + desks[-1:]
            for desk in desks:
                if desk:
                    desk.write()
            if not any(desks) and self._is_idle():
                return

    def _take(self, rows: int) -> Iterable[_Order]:
        """What may begin beside so many rows, the longest waiting first; one that is too large goes alone."""
        while True:
            with self._lock:
                if self._is_closing or not self._waiting:
                    return
                wanted = self._waiting[0].request.candidates
                if rows and rows + wanted > self._together:
                    return
                order = self._waiting.popleft()
            rows += wanted
            yield order

    def _is_idle(self) -> bool:
        """Whether there is nothing to do; the next order starts the work anew."""
        with self._lock:
            self._is_working = bool(self._waiting) and not self._is_closing
            return not self._is_working
