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
from poetry_model.session import Session
from tests.bot.world import until


@pytest.fixture
def composer(poet: Poet) -> Iterator[Composer]:
    made = Composer(poet)
    yield made
    made.close()


class Desk:
    """Where the poet writes: it is noted who joins, and no character is written before it may be."""

    def __init__(self) -> None:
        self._allowed = threading.Semaphore(0)
        self.characters = 0
        """Written so far."""
        self.joined: list[tuple[PoemRequest, int]] = []
        """Who began, and after which character."""
        self.rows: list[int] = []
        """Written together, character by character."""
        self.fails = False

    def let(self, characters: int = 10_000) -> None:
        """Allow so many more to be written."""
        self._allowed.release(characters)

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        add, step = Session.add, Session.step

        def noted(session: Session, request: PoemRequest) -> int:
            self.joined.append((request, self.characters))
            return add(session, request)

        def held_back(session: Session) -> list[tuple[int, Poem]]:
            assert self._allowed.acquire(timeout=60)
            self.rows.append(len(session))
            self.characters += 1
            if self.fails:
                raise LookupError
            return step(session)

        monkeypatch.setattr(Session, "add", noted)
        monkeypatch.setattr(Session, "step", held_back)


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
        await until(lambda: bool(desk.joined))
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
    desk.let()
    shapes = [(5, 4), (7, 8), (5, 1), (7, 4)]
    requests = [
        PoemRequest.checked("春夏秋冬山水花月"[seed % 8], *shapes[seed % len(shapes)], seed=seed) for seed in range(48)
    ]
    together = await asyncio.gather(*(composer.compose(request) for request in requests))
    assert max(desk.rows) > 4
    alone = [poem for request in requests for poem in poet.compose([request])]
    assert [poem.traditional for poem in together] == [poem.traditional for poem in alone]


async def test_what_is_asked_for_meanwhile_joins_at_the_next_character(composer: Composer, desk: Desk) -> None:
    first, second = PoemRequest.checked("月", seed=1), PoemRequest.checked("山", 7, 8, seed=2)
    [begun] = await asked(composer, desk, first)
    desk.let(3)
    await until(lambda: desk.characters == 3)
    joining = asyncio.create_task(composer.compose(second))
    await asyncio.sleep(0)
    desk.let(1)
    await until(lambda: len(desk.joined) == 2)
    # The fourth may be under way when it comes.
    assert desk.joined == [(first, 0), (second, pytest.approx(3, abs=1))]
    desk.let()
    await asyncio.gather(begun, joining)
    assert desk.characters == desk.joined[1][1] + 56


async def test_what_is_shorter_is_done_before_what_was_begun_earlier(composer: Composer, desk: Desk) -> None:
    done: list[int] = []
    tasks = await asked(composer, desk, *(PoemRequest.checked("月", lines=lines) for lines in (8, 4, 1)))
    for task in tasks:
        task.add_done_callback(lambda finished: done.append(finished.result().request.lines))
    desk.let()
    await asyncio.gather(*tasks)
    assert done == [1, 4, 8]
    assert desk.characters <= 41


async def test_no_more_rows_are_written_together_than_are_allowed(poet: Poet, desk: Desk) -> None:
    composer = Composer(poet, together=8)
    desk.let()
    candidates = [4, 4, 4, 16, 2, 2, 2, 2, 2]
    poems = await asyncio.gather(
        *(composer.compose(PoemRequest.checked("月", lines=1, candidates=count)) for count in candidates)
    )
    assert [poem.request.candidates for poem in poems] == candidates
    # One that is larger than all that may be there is written alone.
    assert {rows for rows in desk.rows if rows > 8} == {16}
    composer.close()


async def test_one_that_cannot_be_written_fails_alone(composer: Composer, desk: Desk) -> None:
    impossible = PoemRequest.checked("月", rhyme="〇")
    possible = PoemRequest.checked("月", seed=1)
    tasks = await asked(composer, desk, possible, possible, impossible, possible)
    desk.let()
    results = await outcomes(tasks)
    assert [type(result) for result in results] == [Poem, Poem, RequestError, Poem]


async def test_what_fails_while_it_is_written_is_written_apart(
    composer: Composer, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = PoemRequest.checked("月", seed=1), PoemRequest.checked("山", seed=1)
    compose = Poet.compose

    def fail(poet: Poet, requests: Sequence[PoemRequest]) -> list[Poem]:
        if bad in requests:
            raise LookupError
        desk.fails = False
        return compose(poet, requests)

    monkeypatch.setattr(Poet, "compose", fail)
    desk.fails = True
    tasks = await asked(composer, desk, bad, good, bad)
    desk.let()
    results = await outcomes(tasks)
    assert [type(result) for result in results] == [LookupError, Poem, LookupError]


async def test_for_one_who_has_gone_nothing_is_composed(composer: Composer, desk: Desk) -> None:
    first, gone, third = [PoemRequest.checked(start) for start in "春夏秋"]
    tasks = await asked(composer, desk, first, gone, third)
    tasks[1].cancel()
    await asyncio.sleep(0)
    desk.let()
    results = await outcomes(tasks)
    assert isinstance(results[1], asyncio.CancelledError)
    assert [request for request, _ in desk.joined] == [first, third]


async def test_one_who_goes_while_the_poem_is_being_written_disturbs_nobody(composer: Composer, desk: Desk) -> None:
    request = PoemRequest.checked("月")
    tasks = await asked(composer, desk, request, request)
    tasks[0].cancel()
    await asyncio.sleep(0)
    desk.let()
    assert (await tasks[1]).request == request


async def test_past_its_capacity_a_request_is_refused_at_once_and_the_others_are_answered(
    poet: Poet, desk: Desk
) -> None:
    composer = Composer(poet, 3, together=4)
    request = PoemRequest.checked("月")
    tasks = await asked(composer, desk, *[request] * 4)
    for refuse in (composer.require_room, lambda: composer.compose(request).send(None)):
        with pytest.raises(BotError) as caught:
            refuse()
        assert caught.value.key == "limits.queue"
    desk.let()
    assert [poem.request for poem in await asyncio.gather(*tasks)] == [request] * 4
    composer.require_room()
    assert (await composer.compose(request)).request == request
    composer.close()


async def test_the_end_drops_what_waits(poet: Poet, desk: Desk) -> None:
    composer = Composer(poet, together=4)
    tasks = await asked(composer, desk, *[PoemRequest.checked("月")] * 3)
    closing = asyncio.create_task(asyncio.to_thread(composer.close))
    await until(lambda: composer._executor._shutdown)
    desk.let()
    await closing
    results = await outcomes(tasks)
    assert [type(result) for result in results] == [Poem, asyncio.CancelledError, asyncio.CancelledError]
    assert len(desk.joined) == 1


async def test_the_event_loop_goes_on_while_a_poem_is_composed(composer: Composer, desk: Desk) -> None:
    [poem] = await asked(composer, desk, PoemRequest.checked("月"))
    assert not poem.done()
    desk.let()
    assert (await poem).request.start == "月"


async def test_a_new_poet_writes_from_the_next_poem_on(
    composer: Composer, made_bundle: Callable[[float, float], Path]
) -> None:
    new = Poet.load(made_bundle(2.0, 1.0), "cpu")
    before = await composer.compose(PoemRequest.checked("月"))
    composer.exchange(new)
    after = await composer.compose(PoemRequest.checked("月"))
    assert before.model != after.model == composer.version == new.version


async def test_what_was_begun_by_the_old_poet_is_finished_by_it_beside_the_new(
    composer: Composer, desk: Desk, made_bundle: Callable[[float, float], Path]
) -> None:
    old, new = composer.version, Poet.load(made_bundle(2.0, 1.0), "cpu")
    [begun] = await asked(composer, desk, PoemRequest.checked("月", 7, 8))
    composer.exchange(new)
    later = asyncio.create_task(composer.compose(PoemRequest.checked("月")))
    await asyncio.sleep(0)
    desk.let()
    poems = await asyncio.gather(begun, later)
    assert [poem.model for poem in poems] == [old, new.version]
    # 56 characters by the one, 20 by the other; the new one did not wait for the old.
    assert desk.characters == 76
    assert desk.joined[1][1] <= 1


async def test_a_poet_that_fails_once_writes_the_next_poem(
    composer: Composer, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[Poem]:
        raise LookupError

    desk.let()
    desk.fails = True
    with monkeypatch.context() as patch:
        patch.setattr(Poet, "compose", fail)
        with pytest.raises(LookupError):
            await composer.compose(PoemRequest.checked("月"))
    desk.fails = False
    assert (await composer.compose(PoemRequest.checked("月"))).request.start == "月"
