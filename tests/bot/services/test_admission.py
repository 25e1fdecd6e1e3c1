import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.config import LimitSettings
from bot.errors import BotError
from bot.services import Admission

ALICE, BOB, CAROL = 1, 2, 3
POETS, PAINTERS = 11, 12
NOON = 1_800_000_000.25
"""By the clock on the wall."""


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def admission(clock: Clock) -> Admission:
    """Two at once a person and one every ten seconds; three at once a server and one every two."""
    limits = LimitSettings(person_burst=2, person_per_minute=6, guild_burst=3, guild_per_minute=30)
    return Admission(limits, clock, lambda: NOON)


@pytest.fixture
def open_to_all() -> Admission:
    return Admission(LimitSettings(person_per_minute=0, guild_per_minute=0))


async def come(admission: Admission, person: int, guild: int | None = None) -> tuple[str, dict[str, Any]] | None:
    """What a person who comes is refused with."""
    try:
        async with admission.enter(person, guild):
            return None
    except BotError as error:
        return error.key, error.values


class Visit:
    """Somebody's command: begun, it does as it is told."""

    def __init__(self, admission: Admission, work: Callable[[], Awaitable[object]]) -> None:
        self.said = ""
        self._admission, self._work = admission, work
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            async with self._admission.enter(ALICE, None):
                await self._work()
                self.said = "done"
        except BotError as error:
            task = asyncio.current_task()
            assert task is not None
            assert not task.cancelling()
            # Saying it takes a moment, too.
            await asyncio.sleep(0.01)
            self.said = error.key


async def begun(admission: Admission, work: Callable[[], Awaitable[object]]) -> Visit:
    visit = Visit(admission, work)
    await asyncio.sleep(0)
    return visit


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_person_who_is_too_fast_is_told_when_to_come_back(admission: Admission, clock: Clock) -> None:
    assert [await come(admission, ALICE) for _ in range(2)] == [None, None]
    assert await come(admission, ALICE) == ("limits.person", {"when": 1_800_000_011})
    clock.now += 9
    assert await come(admission, ALICE) == ("limits.person", {"when": 1_800_000_002})
    clock.now += 1
    assert await come(admission, ALICE) is None
    assert await come(admission, ALICE) is not None


async def test_one_persons_haste_is_nobody_elses_limit(admission: Admission) -> None:
    for _ in range(9):
        await come(admission, ALICE, POETS)
    assert await come(admission, BOB, POETS) is None


async def test_a_server_that_is_too_fast_is_told_when_to_come_back(admission: Admission, clock: Clock) -> None:
    assert [await come(admission, person, POETS) for person in (ALICE, BOB, CAROL)] == [None] * 3
    assert await come(admission, ALICE, POETS) == ("limits.guild", {"when": 1_800_000_003})
    assert await come(admission, ALICE, PAINTERS) is None
    clock.now += 2
    assert await come(admission, BOB, POETS) is None


async def test_direct_messages_count_for_no_server(admission: Admission) -> None:
    for person in range(100):
        assert await come(admission, person, None) is None


async def test_what_is_refused_costs_neither_the_person_nor_the_server_anything(
    admission: Admission, clock: Clock
) -> None:
    for person in (ALICE, BOB, CAROL):
        await come(admission, person, POETS)
    for _ in range(20):
        assert await come(admission, BOB, POETS) is not None
    assert await come(admission, BOB, None) is None
    clock.now += 6
    for _ in range(20):
        assert await come(admission, BOB, POETS) == ("limits.person", {"when": 1_800_000_005})
    assert [await come(admission, person, POETS) for person in (4, 5, 6)] == [None] * 3


async def test_without_limits_everyone_may_come_at_any_pace(open_to_all: Admission) -> None:
    assert [await come(open_to_all, ALICE, POETS) for _ in range(1000)] == [None] * 1000


async def test_nobody_is_let_in_any_more_once_the_bot_stops(admission: Admission) -> None:
    assert await admission.drain(10) == 0
    assert await come(admission, ALICE) == ("error.stopping", {})


async def test_what_is_in_flight_is_finished_before_the_end(open_to_all: Admission) -> None:
    free = asyncio.Event()
    visit = await begun(open_to_all, free.wait)
    draining = asyncio.create_task(open_to_all.drain(60))
    await asyncio.sleep(0.05)
    assert not draining.done()
    free.set()
    assert await draining == 0
    assert visit.said == "done"


async def test_what_does_not_finish_in_time_is_answered_with_a_sentence(open_to_all: Admission) -> None:
    visits = [await begun(open_to_all, forever) for _ in range(3)]
    assert await open_to_all.drain(0.5) == 3
    assert [visit.said for visit in visits] == ["error.stopping"] * 3


async def test_the_end_waits_until_a_late_comer_has_been_told(open_to_all: Admission) -> None:
    free = asyncio.Event()
    await begun(open_to_all, free.wait)
    draining = asyncio.create_task(open_to_all.drain(60))
    await asyncio.sleep(0)
    late = await begun(open_to_all, forever)
    free.set()
    assert await draining == 0
    assert late.said == "error.stopping"


async def test_the_end_does_not_wait_for_what_heeds_nothing(open_to_all: Admission) -> None:
    free = asyncio.Event()

    async def stubborn() -> None:
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue

    visit = await begun(open_to_all, stubborn)
    open_to_all.cut_short()
    async with asyncio.timeout(30):
        assert await open_to_all.drain(0.2) == 1
    assert visit.said == ""
    free.set()
    await visit.task


async def test_the_end_can_be_hastened(open_to_all: Admission) -> None:
    visit = await begun(open_to_all, forever)
    draining = asyncio.create_task(open_to_all.drain(3600))
    await asyncio.sleep(0)
    open_to_all.cut_short()
    async with asyncio.timeout(30):
        assert await draining == 1
    assert visit.said == "error.stopping"


async def test_one_who_goes_away_by_themselves_is_told_nothing(open_to_all: Admission) -> None:
    visit = await begun(open_to_all, forever)
    visit.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await visit.task
    assert visit.said == ""
    assert await open_to_all.drain(10) == 0


async def test_of_those_who_left_nothing_is_kept(open_to_all: Admission) -> None:
    visits = [await begun(open_to_all, lambda: asyncio.sleep(0)) for _ in range(100)]
    await asyncio.gather(*(visit.task for visit in visits))
    await asyncio.sleep(0)
    assert (open_to_all._inside, open_to_all._answering, open_to_all._cancelled) == (set(), set(), set())
