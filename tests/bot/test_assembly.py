import asyncio
import threading
from contextlib import AsyncExitStack

import pytest

from bot.assembly import assemble
from bot.config import Settings
from poetry_model.errors import PoetryError
from poetry_model.poem import PoemRequest
from tests.bot.conftest import Rows


def workers() -> set[str]:
    """Names of the tasks and threads that work in the background."""
    tasks = {task.get_name() for task in asyncio.all_tasks()}
    threads = {thread.name.split("_")[0] for thread in threading.enumerate()}
    return (tasks | threads) & {"retraining", "composer", "daily", "models"}


async def test_the_database_is_migrated_at_the_start(settings: Settings, rows: Rows) -> None:
    async with assemble(settings):
        assert rows("SELECT version_num FROM alembic_version") == [("0008",)]


async def test_two_processes_that_start_together_on_nothing_both_come_up(settings: Settings, rows: Rows) -> None:
    async with AsyncExitStack() as running:
        first, second = await asyncio.gather(*(running.enter_async_context(assemble(settings)) for _ in range(2)))
        assert first.models.live_version == second.models.live_version
        assert rows("SELECT count(*) FROM model_versions") == [(1,)]


async def test_nothing_goes_on_working_after_the_end(settings: Settings) -> None:
    async with assemble(settings) as services:
        await services.poems.write(PoemRequest.checked("月"), 1, None)
        assert workers() == {"retraining", "composer", "daily", "models"}
    assert workers() == set()


async def test_an_error_inside_closes_everything(settings: Settings) -> None:
    async def fail() -> None:
        async with assemble(settings):
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert workers() == set()


async def test_a_model_that_cannot_be_loaded_stops_the_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.models.PRETRAINED", settings.model.folder / "nowhere")
    with pytest.raises(PoetryError, match="nowhere"):
        await assemble(settings).__aenter__()
    assert workers() == set()
