import asyncio
import re
import signal
import socket
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import simcord

import bot.preview
from bot.config import PreviewSettings, Settings
from bot.errors import ConfigError
from bot.i18n import Languages
from bot.preview import run_preview
from tests.bot.hosting import hosted
from tests.bot.world import until


def page_at(said: str) -> str:
    """The page at the address that was said."""
    address = re.search(r"http://127\.0\.0\.1:\d+/", said)
    assert address is not None, said
    with urllib.request.urlopen(address[0], timeout=30) as answer:
        assert answer.status == 200
        text = answer.read()
    assert isinstance(text, bytes)
    return text.decode()


@pytest_asyncio.fixture
async def stop() -> AsyncIterator[asyncio.Event]:
    yield asyncio.Event()


async def test_the_page_is_served_until_it_is_told_to_stop(
    settings: Settings, stop: asyncio.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ""
    running = asyncio.create_task(run_preview(settings, stop))

    def is_up() -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return "http://" in said or running.done()

    await until(is_up)
    assert not running.done()
    page = await asyncio.to_thread(page_at, said)
    assert "<html" in page
    stop.set()
    await running
    assert (settings.preview.folder / settings.database.path.name).is_file()


@pytest.mark.sqlite
async def test_the_page_keeps_its_poems_apart_from_the_bots(settings: Settings, stop: asyncio.Event) -> None:
    stop.set()
    await run_preview(settings, stop)
    assert (settings.preview.folder / settings.database.path.name).is_file()
    assert not settings.database.path.exists()


async def test_a_port_that_is_taken_is_told_in_one_sentence(settings: Settings, stop: asyncio.Event) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        changed = PreviewSettings(folder=settings.preview.folder, port=port)
        with pytest.raises(ConfigError) as caught:
            await run_preview(settings.model_copy(update={"preview": changed}), stop)
    assert re.fullmatch(
        rf"The page cannot be served on port {port} \(.+\); set another preview\.port\.", str(caught.value)
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_host_ends_in_order_when_it_is_asked_to(tmp_path: Path, shipped: Path, number: signal.Signals) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[model]\ndevice = "cpu"\n[preview]\nfolder = "{tmp_path / "preview"}"\nport = 0\n')
    with hosted(config, shipped) as host:
        page = page_at(host.said)
        host.process.send_signal(number)
        complaints = host.end()
    assert "<html" in page
    assert host.process.returncode == 0
    assert "Traceback" not in complaints


def test_the_people_are_the_same_at_every_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish, servers = bot.preview._furnish, []

    def furnish_seen(env: simcord.Env, languages: Languages) -> bot.preview._Server:
        servers.append(furnish(env, languages))
        return servers[-1]

    async def start() -> None:
        stop = asyncio.Event()
        stop.set()
        await run_preview(settings, stop)

    monkeypatch.setattr("bot.preview._furnish", furnish_seen)
    for _ in range(2):
        asyncio.run(start())
    ids = [
        ([person.id for person in server.people.values()], [channel.id for channel in server.channels])
        for server in servers
    ]
    assert ids[0] == ids[1]
    assert [len(each) for each in ids[0]] == [3, 3]
