import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import discord
import pytest
import pytest_asyncio

from bot.client import Shiren
from bot.config import Settings
from bot.i18n import Languages
from bot.services import Services
from bot.services.runs import RunState, Snapshot, Wish
from bot.stopping import finish, run_until_stopped
from poetry_model.poem import Poem
from poetry_model.session import Session
from tests.bot.conftest import Rows
from tests.bot.world import World, embed_of, shown, told, until

STOPPING = "I'm being restarted, so I could not finish this. Please try again in a few minutes."


class Desk:
    """Where the poet writes: nothing is finished before it is `free`."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.is_busy = False


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk()
    step = Session.step

    def slow(session: Session) -> list[tuple[int, Poem]]:
        made.is_busy = True
        assert made.free.wait(60)
        return step(session)

    monkeypatch.setattr(Session, "step", slow)
    return made


@pytest_asyncio.fixture
async def stop() -> AsyncIterator[asyncio.Event]:
    yield asyncio.Event()


Meanwhile = Callable[[Shiren], Awaitable[object]]
Run = Callable[[Meanwhile], Awaitable[Shiren]]


@pytest.fixture
def run(services: Services, languages: Languages, settings: Settings, stop: asyncio.Event) -> Run:
    """Run the bot; in place of Discord something happens, and the bot stays connected until it is closed."""

    async def call(meanwhile: Meanwhile) -> Shiren:
        client = Shiren(services, languages, settings.retrain)

        async def start(token: str) -> None:
            assert token == "the token"
            await meanwhile(client)
            await until(client.is_closed)

        client.start = start  # type: ignore[assignment, method-assign] # Discord is not here
        try:
            await run_until_stopped(client, services, stop, "the token")
        finally:
            assert client.is_closed()
        return client

    return call


async def test_a_poem_that_is_being_written_is_finished_before_the_end(
    world: World, desk: Desk, stop: asyncio.Event
) -> None:
    asking = asyncio.create_task(world.poem())
    await until(lambda: desk.is_busy)
    ending = asyncio.create_task(finish(world.services, stop))
    await asyncio.sleep(0.1)
    assert not ending.done()
    desk.free.set()
    assert embed_of(await asking).title == "《月》"
    await ending


async def test_a_command_that_comes_at_the_end_is_answered_with_a_sentence(world: World, stop: asyncio.Event) -> None:
    poem = shown(await world.poem())
    await finish(world.services, stop)
    assert told(await world.poem()) == STOPPING
    assert told(await world.alice.click(poem, label="Favorite")) == STOPPING
    assert told(await world.model("status")) == STOPPING


async def test_a_second_signal_answers_what_is_in_flight_without_finishing_it(
    world: World, desk: Desk, stop: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.stopping.STOP_SECONDS", 3600.0)
    asking = asyncio.create_task(world.poem())
    await until(lambda: desk.is_busy)
    ending = asyncio.create_task(finish(world.services, stop))
    await asyncio.sleep(0.1)
    stop.set()
    assert shown(await asking).content == STOPPING
    await ending
    desk.free.set()


async def test_what_takes_too_long_is_answered_with_a_sentence(
    world: World, desk: Desk, stop: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.stopping.STOP_SECONDS", 1.0)
    asking = asyncio.create_task(world.poem())
    await until(lambda: desk.is_busy)
    await finish(world.services, stop)
    assert shown(await asking).content == STOPPING
    desk.free.set()


async def test_commands_are_finished_and_a_training_is_told_of_while_discord_can_be_reached(
    run: Run, services: Services, stop: asyncio.Event, child: Callable[[str], None]
) -> None:
    child("wait()")
    seen: list[str] = []
    answering: list[asyncio.Task[None]] = []

    async def answer(client: Shiren) -> None:
        async with services.admission.enter(1, None):
            await stop.wait()
            await asyncio.sleep(0.2)
            assert not client.is_closed()
            seen.append("answered")

    async def meanwhile(client: Shiren) -> None:
        async def show(snapshot: Snapshot) -> bool:
            assert not client.is_closed()
            seen.append(snapshot.state)
            return True

        services.retraining.attach(show)
        reserved = await services.retraining.reserve(1, 2, Wish())
        await services.retraining.launch(reserved.run_id, 2, 3)
        await until(lambda: RunState.RUNNING in seen)
        answering.append(asyncio.create_task(answer(client)))
        await asyncio.sleep(0)
        stop.set()

    await run(meanwhile)
    await answering[0]
    assert {RunState.INTERRUPTED, "answered"} <= set(seen)


async def test_a_training_that_a_command_begins_at_the_end_is_marked_as_interrupted(
    services: Services, stop: asyncio.Event, rows: Rows
) -> None:
    closed = asyncio.Event()

    async def begin() -> None:
        async with services.admission.enter(1, None):
            await closed.wait()
            reserved = await services.retraining.reserve(1, 2, Wish())
            await services.retraining.launch(reserved.run_id, 2, 3)

    beginning = asyncio.create_task(begin())
    await asyncio.sleep(0)
    ending = asyncio.create_task(finish(services, stop))
    await until(lambda: all(task.done() for task in services.retraining._tasks))
    closed.set()
    await asyncio.gather(beginning, ending)
    assert rows("SELECT state FROM training_runs") == [("interrupted",)]


async def test_why_the_bot_ended_by_itself_is_not_swallowed(run: Run) -> None:
    async def refuse(_: Shiren) -> None:
        raise discord.LoginFailure("Improper token has been passed.")

    with pytest.raises(discord.LoginFailure):
        await run(refuse)


async def test_a_bot_that_is_closed_by_itself_just_ends(run: Run) -> None:
    await run(Shiren.close)


async def test_a_bot_that_cannot_connect_can_be_stopped(run: Run, stop: asyncio.Event) -> None:
    async def knock(_: Shiren) -> None:
        stop.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(30):
        await run(knock)


async def test_what_a_bot_that_is_told_to_stop_complains_of_is_no_failure(run: Run, stop: asyncio.Event) -> None:
    async def complain(client: Shiren) -> None:
        stop.set()
        await until(client.is_closed)
        raise ConnectionResetError("the line is gone")

    await run(complain)


async def test_of_what_is_not_finished_the_log_tells_how_many(
    services: Services, stop: asyncio.Event, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.stopping.STOP_SECONDS", 0.2)

    async def wait() -> None:
        async with services.admission.enter(1, None):
            await asyncio.Event().wait()

    waiting = [asyncio.create_task(wait()) for _ in range(3)]
    await asyncio.sleep(0)
    await finish(services, stop)
    assert [str(task.exception()) for task in waiting] == ["error.stopping"] * 3
    assert "Commands that could not be finished, and were answered so: 3" in caplog.messages


def test_a_signal_ends_the_process_in_order_and_a_second_one_hastens_it(tmp_path: Path, shipped: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[discord]\ntoken = "the token"\n[model]\ndevice = "cpu"\n')
    with subprocess.Popen(
        [sys.executable, "-c", _HOST, shipped, "--config", config],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as host:
        assert host.stdout is not None
        try:
            assert host.stdout.readline() == "in flight\n"
            host.send_signal(signal.SIGTERM)
            assert host.stdout.readline() == "refused: error.stopping\n"
            host.send_signal(signal.SIGTERM)
            said, complaints = host.communicate(timeout=60)
        finally:
            host.kill()
    assert said == "told: error.stopping\n"
    assert host.returncode == 0
    assert "Traceback" not in complaints


_HOST = """
import asyncio, pathlib, sys
import bot.services.models
import bot.stopping
from bot.__main__ import main
from bot.client import Shiren
from bot.errors import BotError

bot.services.models.PRETRAINED = pathlib.Path(sys.argv[1])
bot.stopping.STOP_SECONDS = 3600.0

async def visit(client, said):
    try:
        async with client.services.admission.enter(1, None):
            print("in flight", flush=True)
            await asyncio.Event().wait()
    except BotError as error:
        print(f"{said}: {error.key}", flush=True)

async def start(client, token):
    first = asyncio.create_task(visit(client, "told"))
    while not client.services.admission._is_stopping:
        await asyncio.sleep(0.01)
    await asyncio.create_task(visit(client, "refused"))
    await asyncio.Event().wait()

Shiren.start = start
sys.exit(main(sys.argv[2:]))
"""
