import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
import pytest_asyncio

from bot.config import MonitorSettings, load_settings
from bot.errors import ConfigError
from bot.metrics import Metrics
from bot.monitor import monitored, open_metrics
from bot.services import Services
from tests.bot.conftest import Rows
from tests.bot.world import World

ROOT = Path(__file__).parents[2]


class Shards(discord.AutoShardedClient):
    """Connected or not, as it is told."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents.none())
        self.is_up = True

    def is_ready(self) -> bool:
        return True

    @property
    def shards(self) -> dict[int, Any]:
        return {0: self, 1: self}

    def is_closed(self) -> bool:
        return not self.is_up

    @property
    def latency(self) -> float:
        return 0.25


@pytest.fixture
def client() -> Shards:
    return Shards()


@pytest_asyncio.fixture
async def asking() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def ask(asking: aiohttp.ClientSession, port: int | None, path: str) -> tuple[int, Any]:
    async with asking.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.json()


SERVED = MonitorSettings(port=0)


async def test_a_bot_that_is_connected_is_ready(
    services: Services, client: Shards, asking: aiohttp.ClientSession
) -> None:
    version = services.models.live_version
    async with monitored(SERVED, client, services) as port:
        assert await ask(asking, port, "/healthz") == (200, {"live": True})
        ready = {"ready": True, "gateway": True, "database": True, "model": True, "version": version}
        assert await ask(asking, port, "/readyz") == (200, ready)
        client.is_up = False
        assert await ask(asking, port, "/readyz") == (503, ready | {"ready": False, "gateway": False})
        assert await ask(asking, port, "/healthz") == (200, {"live": True})


async def test_a_bot_without_its_database_is_not_ready(
    services: Services, client: Shards, rows: Rows, asking: aiohttp.ClientSession
) -> None:
    async with monitored(SERVED, client, services) as port:
        await asyncio.to_thread(rows, "ALTER TABLE alembic_version RENAME TO elsewhere")
        status, body = await ask(asking, port, "/readyz")
        await asyncio.to_thread(rows, "ALTER TABLE elsewhere RENAME TO alembic_version")
        assert (status, body["database"], body["gateway"]) == (503, False, True)
        assert (await ask(asking, port, "/readyz"))[0] == 200


async def test_a_bot_that_has_not_reached_discord_is_alive_and_not_ready(
    services: Services, asking: aiohttp.ClientSession
) -> None:
    client = discord.AutoShardedClient(intents=discord.Intents.none())
    async with monitored(SERVED, client, services, Metrics()) as port:
        assert (await ask(asking, port, "/healthz"))[0] == 200
        status, body = await ask(asking, port, "/readyz")
        assert (status, body["gateway"]) == (503, False)
        async with asking.get(f"http://127.0.0.1:{port}/metrics") as answer:
            assert "shiren_servers 0.0" in await answer.text()


async def test_metrics_are_served_where_they_are_wanted(world: World, asking: aiohttp.ClientSession) -> None:
    async with (
        monitored(SERVED, world.bot, world.services, Metrics()) as port,
        asking.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert "shiren_servers 1.0" in await answer.text()
    async with (
        monitored(SERVED, world.bot, world.services) as port,
        asking.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        assert answer.status == 404


async def test_by_itself_nothing_is_served(services: Services, client: Shards) -> None:
    async with monitored(MonitorSettings(), client, services) as port:
        assert port is None
    assert open_metrics(MonitorSettings()) is None


async def test_it_is_served_to_this_machine_alone_if_not_told_otherwise(services: Services, client: Shards) -> None:
    assert MonitorSettings().address == "127.0.0.1"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigError, match=rf"^Nothing can be served at 127\.0\.0\.1 port {port} .*; change monitor"
        ):
            async with monitored(MonitorSettings(port=port), client, services):
                pass


def test_metrics_without_their_library_are_refused_with_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bot.metrics", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigError, match=r'^monitor\.metrics needs .* run pip install "shiren\[metrics\]", or '):
        open_metrics(MonitorSettings(port=0, metrics=True))


def test_metrics_without_a_port_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[monitor]\nmetrics = true")
    with pytest.raises(ConfigError, match=r"monitor: metrics = true needs a port .*; set monitor\.port\.$"):
        load_settings(file, {})


def test_the_library_is_loaded_only_where_it_is_wanted() -> None:
    script = "import bot.monitor, bot.client, bot.assembly, sys; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "False\n"
