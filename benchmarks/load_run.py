"""People who use the bot, many at once: the stand-in for Discord in one process, the bot in another."""

import asyncio
import contextlib
import json
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load_report import Report, Rest
from benchmarks.standin.bot import Sample
from benchmarks.standin.driver import Record, StandIn
from benchmarks.standin.payloads import OWNER, Json, person_id
from bot.i18n import Strings
from poetry_model.devices import Precision
from poetry_model.errors import PoetryError

_ROOT = Path(__file__).parents[1]
_TOKEN = "stand-in"  # noqa: S105 # nobody's

_STARTS = "春月山花風雲江秋"

_WARM_UP = 20
"""Poems, each with a heart, before anything is counted: buffers and connections that are made once are there then."""

_START = 1200.0
_STOP = 120.0
"""Seconds for a bot to come and to go, a training included: on busy cores it reads and judges for minutes first."""

_QUIET = 45.0
"""Seconds in which a bot comes to rest; connections to Discord stay open for a quarter of a minute."""

_LONGEST_LINE = 2**20


@dataclass(frozen=True, slots=True)
class Load:
    """Who asks for how much."""

    commands: int
    seconds: float
    people: int = 200
    hearts: float = 0.3
    """Share of the poems that somebody keeps."""
    patience: float = 600.0
    """Seconds for an answer."""
    model: Path | None = None
    precision: Precision = "auto"
    """`model.precision` of the bot."""
    together: int | None = None
    """Rows that the bot writes at once; None: as many as it does by itself."""
    corpus: Path | None = None
    """What a retraining reads meanwhile; None: there is none."""


@dataclass(slots=True)
class _Bot:
    process: asyncio.subprocess.Process
    log: Path
    samples: list[Sample] = field(default_factory=list)

    async def next_sample(self) -> Sample:
        """The next there is; raises `PoetryError` with the end of its log when the bot is gone."""
        known = len(self.samples)
        while len(self.samples) == known:
            if self.process.returncode is not None:
                raise PoetryError(f"The bot has stopped. Its log ends:\n{self.log.read_text()[-2000:]}")
            await asyncio.sleep(0.1)
        return self.samples[-1]


async def run_load(load: Load, folder: Path, say: Callable[[str], None], *, is_soak: bool = False) -> Report:
    """Do all of it, with the bot's data in `folder`; raises `PoetryError` when the bot does not come up."""
    config = folder / "config.toml"
    config.touch(mode=0o600)
    config.write_text(bot_settings(folder, load), encoding="utf-8")
    async with StandIn.start("--token", _TOKEN) as discord:
        async with running_bot(discord, config, load, folder / "bot.log") as bot:
            report = await _Crowd(discord, bot, load, say).run(is_soak=is_soak)
        report.errors = [error for sample in bot.samples for error in sample.errors]
        report.breaches = (await discord.stats()).breaches
    return report


class _Crowd:
    def __init__(self, discord: StandIn, bot: _Bot, load: Load, say: Callable[[str], None]) -> None:
        strings = Strings.load()
        self._discord = discord
        self._bot = bot
        self._load = load
        self._say = say
        self._kept = strings("poem.kept")
        self._running = strings("retrain.status.title")
        self._sentences: Counter[str] = Counter()
        self._confirmed: set[tuple[int, int]] = set()
        """Who keeps which poem, as they were told."""
        self._last = 0.0
        self._report = Report(load.commands)

    async def run(self, *, is_soak: bool) -> Report:
        load = self._load
        await self._come_up()
        self._say("warming up")
        await asyncio.gather(*(self._ask(number, heart=True) for number in range(min(_WARM_UP, load.commands))))
        await self._rest(None)
        warm = self._confirmed
        report = self._report = Report(load.commands, before=await self._rest(None))
        self._sentences, self._confirmed = Counter(), set()
        if load.corpus is not None:
            await self._retrain()
        self._say(f"{load.commands} commands in {load.seconds:g} s")
        sampled, begin = len(self._bot.samples), time.monotonic()
        async with asyncio.TaskGroup() as people:
            for number in range(load.commands):
                await asyncio.sleep(max(begin + number * load.seconds / load.commands - time.monotonic(), 0))
                people.create_task(self._ask(number, heart=self._wants_heart(number)))
        report.seconds = self._last - begin
        await self._bot.next_sample()
        report.samples = self._bot.samples[sampled:]
        if load.corpus is not None:
            report.training = await self._training_state()
        report.after = await self._rest(report.before if is_soak else None)
        report.sentences = dict(self._sentences)
        report.confirmed = len(self._confirmed)
        kept = await asyncio.to_thread(_favorites, self._bot.log.parent / "shiren.sqlite3")
        report.missing = len((self._confirmed | warm) - kept)
        return report

    def _wants_heart(self, number: int) -> bool:
        """Spread evenly."""
        share = self._load.hearts
        return int((number + 1) * share) > int(number * share)

    async def _ask(self, number: int, *, heart: bool) -> None:
        """One person's `/poem`, and perhaps another's ❤ under it."""
        # Everybody but the owner.
        person = 1 + number % self._load.people
        interaction = await self._discord.slash(person, "poem", start=_STARTS[number % len(_STARTS)])
        record = await self._discord.wait(interaction, self._load.patience)
        self._note_acknowledgement(record)
        self._last = time.monotonic()
        if record.answered is None:
            self._report.unanswered += 1
            return
        self._report.answered.append(record.answered)
        self._report.doubled += len(record.messages) > 1
        buttons = [button["custom_id"] for row in record.messages[-1]["components"] for button in row["components"]]
        if not record.messages[-1]["embeds"]:
            self._sentences[record.texts[-1]] += 1
            return
        self._report.poems += 1
        if heart and buttons:
            await self._keep(1 + (number + 1) % self._load.people, int(record.messages[-1]["id"]), buttons[0])

    async def _keep(self, person: int, message: int, button: str) -> None:
        self._report.hearts += 1
        record = await self._discord.wait(await self._discord.click(person, message, button), self._load.patience)
        self._note_acknowledgement(record)
        if record.texts == [self._kept]:
            self._confirmed.add((person_id(person), int(button.rpartition(":")[2])))

    def _note_acknowledgement(self, record: Record) -> None:
        if record.acknowledged is None:
            self._report.unacknowledged += 1
        else:
            self._report.acknowledged.append(record.acknowledged)

    async def _come_up(self) -> None:
        self._say("the bot comes up")
        listening = asyncio.create_task(self._discord.ready(_START))
        try:
            while not listening.done():
                await self._bot.next_sample()
            await listening
        finally:
            listening.cancel()

    async def _rest(self, wanted: Rest | None) -> Rest:
        """The bot when it has come to rest: as far as `wanted`, where that is given, or as far as it goes."""
        end = time.monotonic() + _QUIET
        while True:
            sample = await self._bot.next_sample()
            rest = Rest(sample.tasks, sample.descriptors, sample.memory)
            if wanted is None or time.monotonic() > end:
                return rest
            if rest.tasks <= wanted.tasks and rest.descriptors <= wanted.descriptors:
                return rest

    async def _retrain(self) -> None:
        """Let the owner start a retraining, and wait until it learns."""
        self._say("the retraining starts")
        record = await self._discord.wait(await self._discord.slash(OWNER, "retrain", epochs=_EPOCHS), _START)
        end = time.monotonic() + _START
        while time.monotonic() < end:
            if _BAR in (await self._progress())["description"]:
                return
            await self._bot.next_sample()
        raise PoetryError(f"The retraining did not start: {' '.join(record.texts)}")

    async def _training_state(self) -> str:
        return "still running" if _BAR in (await self._progress())["description"] else "ended too soon"

    async def _progress(self) -> Json:
        """The embed that shows the retraining."""
        embeds = [message["embeds"][0] for message in await self._discord.messages() if message["embeds"]]
        return next((embed for embed in reversed(embeds) if embed["title"] == self._running), {"description": ""})


_BAR = "▱"
"""In the message of a retraining that learns and is not at its end."""

_EPOCHS = 100
"""More than any load can take."""


@asynccontextmanager
async def running_bot(discord: StandIn, config: Path, load: Load, log: Path) -> AsyncIterator[_Bot]:
    """The bot in a process of its own, told to stop at the end of the block."""
    command = [sys.executable, "-m", "benchmarks.standin.bot", "--port", str(discord.port), "--config", str(config)]
    if load.model is not None:
        command += ["--model", str(load.model)]
    if load.together is not None:
        command += ["--together", str(load.together)]
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=file, cwd=_ROOT, limit=_LONGEST_LINE
        )
    assert process.stdout is not None  # noqa: S101 # asked for above
    bot = _Bot(process, log)
    listening = asyncio.create_task(_listen(process.stdout, bot.samples))
    try:
        yield bot
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await listening


async def _listen(said: asyncio.StreamReader, samples: list[Sample]) -> None:
    while line := await said.readline():
        samples.append(Sample(**json.loads(line)))


def bot_settings(folder: Path, load: Load) -> str:
    """Limits per person and per server are lifted; the queue is as it comes."""
    lines = [
        "[discord]",
        f"token = {json.dumps(_TOKEN)}",
        "[database]",
        f"path = {json.dumps(str(folder / 'shiren.sqlite3'))}",
        "[model]",
        'device = "cpu"',
        f"precision = {json.dumps(load.precision)}",
        f"folder = {json.dumps(str(folder / 'models'))}",
        "[limits]",
        "person_per_minute = 0",
        "guild_per_minute = 0",
    ]
    if load.corpus is not None:
        lines += ["[retrain]", f"corpus = {json.dumps(str(load.corpus.resolve()))}"]
    return "\n".join(lines)


def _favorites(database: Path) -> set[tuple[int, int]]:
    """Who keeps which poem, read apart from the bot."""
    connection = sqlite3.connect(database)
    try:
        return set(connection.execute("SELECT user_id, poem_id FROM favorites"))
    finally:
        connection.close()
