import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bot.services.composer import Composer
from poetry_model.poem import Poem, PoemRequest
from poetry_model.poet import Poet


@pytest.fixture
def composer(poet: Poet) -> Iterator[Composer]:
    made = Composer(poet)
    yield made
    made.close()


async def test_a_poem_is_the_poets(composer: Composer, poet: Poet) -> None:
    request = PoemRequest.checked("月", 7, 8, seed=3)
    assert [await composer.compose(request)] == poet.compose([request])
    assert composer.version == poet.version


async def test_many_requests_at_once_each_get_their_own_poem(composer: Composer) -> None:
    requests = [PoemRequest.checked(start, lines=1, seed=1) for start in "春夏秋冬山水花月"]
    poems = await asyncio.gather(*(composer.compose(request) for request in requests))
    assert [poem.request.start for poem in poems] == list("春夏秋冬山水花月")


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
