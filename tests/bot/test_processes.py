"""Two processes of the bot on one database and one folder, with one stand-in for Discord; one of them is killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from benchmarks.standin.driver import Record, StandIn
from benchmarks.standin.payloads import CHANNEL, OWNER, person_id
from bot.config import Settings
from bot.db.engine import Sessions
from bot.db.tables import DailyRow, FavoriteRow, ModelVersionRow, PoemRow, TrainingRunRow
from poetry_model.checkpoint import load_bundle
from tests.bot.places import address

ROOT = Path(__file__).parents[2]
TOKEN = "stand-in"

LEASE_SECONDS = 3.0
EPOCHS = 12

DIRECT, GUILD = 0, 1
"""The shards that direct messages and the stand-in's server belong to, of two."""

DAILIES = 4
"""Servers whose poems are due: with a report besides, as many as Discord takes in five seconds."""

_DEADLINE = 120.0


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for `condition`."""
    async with asyncio.timeout(_DEADLINE):
        while not await condition():  # noqa: ASYNC110 # what other processes do sets no event
            await asyncio.sleep(0.1)


def database_line(settings: Settings) -> str:
    """What says in a settings file where the database is."""
    place = settings.database.place
    return f'path = "{place}"' if isinstance(place, Path) else f'url = "{address(place)}"'


class Bots:
    """Two of them, each with a shard."""

    def __init__(self, line: StandIn, settings: Settings, shipped: Path, folder: Path) -> None:
        self.line = line
        self._settings = settings
        self._shipped = shipped
        self._folder = folder
        self._processes: dict[int, asyncio.subprocess.Process] = {}

    async def start(self, *shards: int) -> None:
        """Start the processes of these shards at once, and wait until Discord has them."""
        before = await self._identified()
        for shard in shards:
            self._processes[shard] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.bot.process"),
                *(str(self.line.port), str(self._config(shard)), str(self._shipped), str(LEASE_SECONDS)),
                stdout=asyncio.subprocess.DEVNULL,
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )

        async def are_there() -> bool:
            assert all(process.returncode is None for process in self._processes.values())
            return await self._identified() == before + len(shards)

        await until(are_there)

    async def kill(self, shard: int) -> None:
        """End one as a power cut would."""
        process = self._processes.pop(shard)
        process.kill()
        await process.wait()

    async def stop(self) -> None:
        """End all in order."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            await asyncio.wait_for(process.wait(), 30.0)

    def close(self) -> None:
        """End what is still there."""
        for process in self._processes.values():
            if process.returncode is None:
                process.kill()

    async def poem(self, shard: int) -> Record:
        """What a person gets for `/poem` from the process of that shard."""
        asked = await self.line.slash(1, "poem", start="月", direct=shard == DIRECT)
        return await self.line.wait(asked)

    async def keep(self, shown: Record, shard: int, person: int) -> None:
        """Let a person keep a poem, and see it confirmed."""
        [message] = shown.messages
        parts = [part["custom_id"] for row in message["components"] for part in row["components"]]
        [heart] = [part for part in parts if part.startswith("shiren:favorite:")]
        pressed = await self.line.click(person, int(message["id"]), heart, direct=shard == DIRECT)
        [said] = (await self.line.wait(pressed)).texts
        assert said.startswith("❤ Kept.")

    async def model(self, shard: int) -> str:
        """Which model the process of that shard writes with."""
        [message] = (await self.poem(shard)).messages
        return str(message["embeds"][0]["footer"]["text"]).rsplit(" ", 1)[1]

    async def _identified(self) -> int:
        return (await self.line.stats()).gateway.get("identifies", 0)

    def _config(self, shard: int) -> Path:
        settings, file = self._settings, self._folder / f"{shard}.toml"
        file.touch(mode=0o600)
        file.write_text(
            f'[discord]\ntoken = "{TOKEN}"\n[shards]\ncount = 2\nids = [{shard}]\n'
            f"[database]\n{database_line(settings)}\n"
            f'[model]\ndevice = "cpu"\nfolder = "{settings.model.folder}"\n'
            f'[retrain]\ncorpus = "{settings.retrain.corpus}"\ntolerance = 1.0\n'
        )
        return file


@asynccontextmanager
async def two_bots(settings: Settings, shipped: Path, folder: Path) -> AsyncIterator[Bots]:
    """The stand-in, and place for two."""
    async with StandIn.start("--token", TOKEN) as line:
        bots = Bots(line, settings, shipped, folder)
        try:
            yield bots
        finally:
            bots.close()


async def plan_dailies(sessions: Sessions) -> None:
    """Servers of both shards whose poems of today have been due for half a day."""
    now = datetime.now(UTC)
    # Where it is noon: no new day begins meanwhile.
    behind = now.hour - 12
    zone, local = f"Etc/GMT{behind:+d}", now - timedelta(hours=behind)
    async with sessions.begin() as session:
        for number in range(1, DAILIES + 1):
            session.add(
                DailyRow(
                    guild_id=number << 22,
                    channel_id=CHANNEL,
                    hour=0,
                    zone=zone,
                    last_date=local.date() - timedelta(days=1),
                )
            )


async def test_one_of_two_processes_is_killed_while_it_trains(
    settings: Settings, sessions: Sessions, shipped: Path, tmp_path: Path
) -> None:
    old = load_bundle(shipped).version
    await plan_dailies(sessions)
    async with two_bots(settings, shipped, tmp_path) as bots:
        line = bots.line
        await bots.start(DIRECT, GUILD)
        await bots.keep(await bots.poem(GUILD), GUILD, 1)
        await bots.keep(await bots.poem(DIRECT), DIRECT, 1)

        async def state() -> str:
            async with sessions() as session:
                return str(await session.scalar(select(TrainingRunRow.state)))

        async def has_saved() -> bool:
            assert await state() in {"waiting", "running"}
            return bool(list(settings.model.folder.glob("*.partial")))

        async def is_accepted() -> bool:
            found = await state()
            assert found in {"waiting", "running", "examining", "accepted"}
            return found == "accepted"

        await line.wait(await line.slash(OWNER, "retrain", epochs=EPOCHS))
        await until(has_saved)
        await bots.kill(GUILD)
        # Meanwhile the other answers its people.
        await bots.keep(await bots.poem(DIRECT), DIRECT, 1)
        await until(is_accepted)
        async with sessions() as session:
            new = await session.scalar(select(ModelVersionRow.version).where(ModelVersionRow.run_id.is_not(None)))
        assert await bots.model(DIRECT) == new != old
        training = load_bundle(next(settings.model.folder.glob("run-*/config.json")).parent).metadata["training"]
        assert training["config"]["epochs"] == EPOCHS

        # The one that was killed is back, and follows what the other does.
        await bots.start(GUILD)
        assert await bots.model(GUILD) == new
        await line.wait(await line.slash(OWNER, "model rollback", direct=True))
        assert await bots.model(DIRECT) == old

        async def has_followed() -> bool:
            return await bots.model(GUILD) == old

        await until(has_followed)
        await bots.stop()

        stats = await line.stats()
        assert stats.breaches == {}
        # Two that started together, and one that came later.
        assert stats.requests["put_commands"] == 1
        # Each server's poem, and the report of the training.
        assert stats.requests["send"] == DAILIES + 1
        posted = [message for message in await line.messages() if "Retraining" not in str(message["embeds"])]
        assert len([message for message in posted if message["type"] == 0 and message["embeds"]]) == DAILIES
        [report] = [message for message in await line.messages() if "Retraining" in str(message["embeds"])]
        assert str(new) in str(report["embeds"])
    async with sessions() as session:
        kept = (await session.execute(select(FavoriteRow.user_id, FavoriteRow.poem_id))).all()
        given = set(await session.scalars(select(DailyRow.last_date)))
        poems = (await session.scalars(select(PoemRow).where(PoemRow.user_id.is_(None)))).all()
    assert sorted(person for person, _ in kept) == [person_id(1)] * 3
    assert len(given) == 1
    assert sorted(poem.guild_id or 0 for poem in poems) == [number << 22 for number in range(1, DAILIES + 1)]
