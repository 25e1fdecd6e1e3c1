import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bot.errors import BotError
from bot.services.composer import Composer
from poetry_model.errors import RequestError
from poetry_model.poem import Poem, PoemRequest
from poetry_model.poet import Poet
from tests.bot.world import until


@pytest.fixture
def composer(poet: Poet) -> Iterator[Composer]:
    made = Composer(poet)
    yield made
    made.close()


class Desk:
    """Where the poet writes: batches are noted, and the first waits until the desk is `free`."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.batches: list[list[PoemRequest]] = []

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        compose = Poet.compose

        def noted(poet: Poet, requests: Sequence[PoemRequest]) -> list[Poem]:
            self.batches.append(list(requests))
            assert self.free.wait(60)
            return compose(poet, requests)

        monkeypatch.setattr(Poet, "compose", noted)

    @property
    def sizes(self) -> list[int]:
        """Of the batches."""
        return [len(batch) for batch in self.batches]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk()
    made.patch(monkeypatch)
    return made


async def asked(composer: Composer, desk: Desk, *requests: PoemRequest) -> list[asyncio.Task[Poem]]:
    """Ask for poems, each in a task of its own, the others while the first is being written."""
    tasks = []
    for request in requests:
        tasks.append(asyncio.create_task(composer.compose(request)))
        await until(lambda: bool(desk.batches))
    await asyncio.sleep(0)
    return tasks


async def outcomes(tasks: list[asyncio.Task[Poem]]) -> list[Poem | BaseException]:
    """What became of each; a task that nobody ends fails the test."""
    async with asyncio.timeout(60):
        return await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_poem_is_the_poets(composer: Composer, poet: Poet) -> None:
    request = PoemRequest.checked("月", 7, 8, seed=3)
    assert [await composer.compose(request)] == poet.compose([request])
    assert composer.version == poet.version


async def test_many_requests_at_once_each_get_their_own_poem(composer: Composer) -> None:
    requests = [PoemRequest.checked(start, lines=1, seed=1) for start in "春夏秋冬山水花月"]
    poems = await asyncio.gather(*(composer.compose(request) for request in requests))
    assert [poem.request.start for poem in poems] == list("春夏秋冬山水花月")


async def test_a_poem_is_the_same_alone_and_in_whatever_company(composer: Composer, poet: Poet, desk: Desk) -> None:
    desk.free.set()
    shapes = [(5, 4), (7, 8), (5, 1), (7, 4)]
    requests = [
        PoemRequest.checked("春夏秋冬山水花月"[seed % 8], *shapes[seed % len(shapes)], seed=seed) for seed in range(48)
    ]
    together = await asyncio.gather(*(composer.compose(request) for request in requests))
    assert max(desk.sizes) > 1
    alone = [poem for request in requests for poem in poet.compose([request])]
    assert [poem.traditional for poem in together] == [poem.traditional for poem in alone]


async def test_what_waits_is_composed_together_with_what_is_as_long(composer: Composer, desk: Desk) -> None:
    long, short = PoemRequest.checked("山", 7, 8), PoemRequest.checked("月")
    tasks = await asked(composer, desk, short, long, *[short] * 20, long)
    desk.free.set()
    await asyncio.gather(*tasks)
    assert [[request.lines for request in batch] for batch in desk.batches] == [[4], [8, 8], [4] * 16, [4] * 4]


async def test_one_that_cannot_be_written_fails_alone(composer: Composer, desk: Desk) -> None:
    impossible = PoemRequest.checked("月", rhyme="〇")
    possible = PoemRequest.checked("月", seed=1)
    tasks = await asked(composer, desk, possible, possible, impossible, possible)
    desk.free.set()
    results = await outcomes(tasks)
    assert [type(result) for result in results] == [Poem, Poem, RequestError, Poem]
    assert desk.sizes == [1, 3, 1, 1, 1]


async def test_for_one_who_has_gone_nothing_is_composed(composer: Composer, desk: Desk) -> None:
    first, gone, third = [PoemRequest.checked(start) for start in "春夏秋"]
    tasks = await asked(composer, desk, first, gone, third)
    tasks[1].cancel()
    await asyncio.sleep(0)
    desk.free.set()
    results = await outcomes(tasks)
    assert isinstance(results[1], asyncio.CancelledError)
    assert desk.batches == [[first], [third]]


async def test_one_who_goes_while_the_poem_is_being_written_disturbs_nobody(composer: Composer, desk: Desk) -> None:
    request = PoemRequest.checked("月")
    tasks = await asked(composer, desk, request, request)
    tasks[0].cancel()
    await asyncio.sleep(0)
    desk.free.set()
    assert (await tasks[1]).request == request


async def test_past_its_capacity_a_request_is_refused_at_once_and_the_others_are_answered(
    poet: Poet, desk: Desk
) -> None:
    composer = Composer(poet, 3)
    request = PoemRequest.checked("月")
    tasks = await asked(composer, desk, *[request] * 4)
    for refuse in (composer.require_room, lambda: composer.compose(request).send(None)):
        with pytest.raises(BotError) as caught:
            refuse()
        assert caught.value.key == "limits.queue"
    desk.free.set()
    assert [poem.request for poem in await asyncio.gather(*tasks)] == [request] * 4
    composer.require_room()
    assert (await composer.compose(request)).request == request
    composer.close()


async def test_the_end_drops_what_waits(poet: Poet, desk: Desk) -> None:
    composer = Composer(poet)
    tasks = await asked(composer, desk, *[PoemRequest.checked("月")] * 3)
    closing = asyncio.create_task(asyncio.to_thread(composer.close))
    await until(lambda: composer._executor._shutdown)
    desk.free.set()
    await closing
    results = await outcomes(tasks)
    assert [type(result) for result in results] == [Poem, asyncio.CancelledError, asyncio.CancelledError]
    assert desk.sizes == [1]


async def test_the_event_loop_goes_on_while_a_poem_is_composed(
    composer: Composer, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    compose = Poet.compose

    def slow(self: Poet, requests: Sequence[PoemRequest]) -> list[Poem]:
        assert free.wait(60)
        return compose(self, requests)

    monkeypatch.setattr(Poet, "compose", slow)
    poem = asyncio.create_task(composer.compose(PoemRequest.checked("月")))
    await asyncio.sleep(0)
    assert not poem.done()
    free.set()
    assert (await poem).request.start == "月"


async def test_a_new_poet_writes_from_the_next_poem_on(
    composer: Composer, made_bundle: Callable[[float, float], Path]
) -> None:
    new = Poet.load(made_bundle(2.0, 1.0), "cpu")
    before = await composer.compose(PoemRequest.checked("月"))
    composer.exchange(new)
    after = await composer.compose(PoemRequest.checked("月"))
    assert before.model != after.model == composer.version == new.version


async def test_a_poet_that_fails_once_writes_the_next_poem(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[Poem]:
        raise LookupError

    with monkeypatch.context() as patch:
        patch.setattr(Poet, "compose", fail)
        with pytest.raises(LookupError):
            await composer.compose(PoemRequest.checked("月"))
    assert (await composer.compose(PoemRequest.checked("月"))).request.start == "月"
