"""What servers cost: `python benchmarks/sizing.py` measures memory and disk, and computes the rest, as Markdown.

The bot, as it is, joins servers on the stand-in for Discord (see load.py), all over one connection; what memory it then
has is measured at each of `--servers`. What a poem and a favorite take on disk is measured on a SQLite file. How many
poems a core composes is `--poems-per-core`, from load.py or speed.py. Linux alone.
"""

import argparse
import asyncio
import json
import math
import os
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import linear_regression, median
from tempfile import TemporaryDirectory

from benchmarks.load_run import Load, bot_settings, running_bot
from benchmarks.standin.driver import StandIn
from bot.db.engine import open_sessions
from bot.db.migrate import upgrade
from bot.db.tables import FavoriteRow, PoemRow
from poetry_model.errors import PoetryError

POEMS_PER_CORE = 67.0
"""Poems a second on one core, many at once: half of load.py's 134 on two, while a retraining went on beside them."""

SERVERS_PER_SHARD = 2500
"""Discord's limit (https://discord.com/developers/docs/events/gateway#sharding)."""

SHARDS_PER_PROCESS = 4
"""So that a process has no more servers than were measured: 10,000."""

KEPT = 0.3
"""Favorites a poem, an assumption: load.py's."""

BUSY = 0.7
"""Share of a core that composes at the busiest hour: poems must not wait for each other for long."""

_SECONDS_A_DAY = 86_400
_DAYS_A_YEAR = 365
_LOT = 250
"""Servers that the bot joins before it is asked whether it is there yet."""
_SETTLED = 5
"""Samples, one a second, whose median is the memory."""
_TABLE = (1, 100, 1_000, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run found; all in bytes."""

    memory: dict[int, float]
    """Of the process, by how many servers it is in."""
    poem: float
    """On disk, indices included."""
    favorite: float

    @property
    def at_start(self) -> float:
        """Memory without servers, by the line through what was measured."""
        return self._line[1]

    @property
    def per_server(self) -> float:
        """Memory that each server adds."""
        return self._line[0]

    @property
    def _line(self) -> tuple[float, float]:
        slope, intercept = linear_regression(list(self.memory), list(self.memory.values()))
        return slope, intercept


@dataclass(frozen=True, slots=True)
class Usage:
    """What people ask for; assumptions, to be replaced by what the metrics tell."""

    poems: float = 5.0
    """A server and day."""
    peak: float = 5.0
    """How many times the mean the busiest hour is."""
    poems_per_core: float = POEMS_PER_CORE


@dataclass(frozen=True, slots=True)
class Size:
    """What so many servers need."""

    servers: int
    shards: int
    processes: int
    memory: float
    """Bytes, of all processes."""
    poems: float
    """A second, at the busiest hour."""
    cores: float
    """For those poems."""
    disk: float
    """Bytes a year."""


def size_of(servers: int, measured: Measured, usage: Usage) -> Size:
    """The arithmetic, as `_ARITHMETIC` says it."""
    shards = math.ceil(servers / SERVERS_PER_SHARD)
    poems = servers * usage.poems / _SECONDS_A_DAY * usage.peak
    cores = poems / (usage.poems_per_core * BUSY)
    processes = max(math.ceil(shards / SHARDS_PER_PROCESS), math.ceil(cores))
    return Size(
        servers=servers,
        shards=shards,
        processes=processes,
        memory=processes * measured.at_start + servers * measured.per_server,
        poems=poems,
        cores=cores,
        disk=servers * usage.poems * _DAYS_A_YEAR * (measured.poem + KEPT * measured.favorite),
    )


_ARITHMETIC = """\
shards = ⌈servers / {per_shard:,}⌉ · poems a second = servers × {poems:g} / 86,400 × {peak:g} · \
cores = poems a second / ({per_core:g} × {busy:g}) ·
processes = the larger of ⌈shards / {shards}⌉ and ⌈cores⌉ ·
memory = processes × {start:.0f} MiB + servers × {server:.1f} KiB ·
disk = servers × {poems:g} × 365 × ({poem:.0f} + {kept:g} × {favorite:.0f} bytes)"""


def as_markdown(measured: Measured, usage: Usage) -> str:
    """What was measured, what was computed of it, and how."""
    sizes = [size_of(servers, measured, usage) for servers in _TABLE]
    figures = [
        *(
            (f"memory, servers: {servers:,}", f"{memory / 2**20:.0f} MiB")
            for servers, memory in measured.memory.items()
        ),
        ("memory at the start, by the line through these", f"{measured.at_start / 2**20:.0f} MiB"),
        ("memory of 1,000 servers more", f"{1000 * measured.per_server / 2**20:.1f} MiB"),
        ("a poem on disk, a favorite on disk", f"{measured.poem:.0f} bytes, {measured.favorite:.0f} bytes"),
    ]
    arithmetic = _ARITHMETIC.format(
        per_shard=SERVERS_PER_SHARD,
        poems=usage.poems,
        peak=usage.peak,
        per_core=usage.poems_per_core,
        busy=BUSY,
        shards=SHARDS_PER_PROCESS,
        start=measured.at_start / 2**20,
        server=measured.per_server / 2**10,
        poem=measured.poem,
        kept=KEPT,
        favorite=measured.favorite,
    )
    return "\n".join(
        [
            "| measured | |",
            "| --- | ---: |",
            *(f"| {name} | {value} |" for name, value in figures),
            "",
            "| servers | shards | processes | memory | poems a second, at the peak | cores for them | disk a year |",
            "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *(
                f"| {size.servers:,} | {size.shards} | {size.processes} | {_amount(size.memory)} | {size.poems:.2g} |"
                f" {size.cores:.2g} | {_amount(size.disk)} |"
                for size in sizes
            ),
            "",
            arithmetic,
        ]
    )


def _amount(size: float) -> str:
    units = iter(("KiB", "MiB", "GiB", "TiB"))
    size, unit = size / 1024, next(units)
    while size >= 1000:  # noqa: PLR2004 # four digits are read worse than a larger unit
        size, unit = size / 1024, next(units)
    return f"{size:.1f} {unit}" if size < 10 else f"{size:.0f} {unit}"  # noqa: PLR2004 # two digits that count


async def measure_memory(
    steps: Sequence[int], folder: Path, *, channels: int, roles: int, emojis: int, model: Path | None = None
) -> dict[int, float]:
    """Memory of the bot in so many servers, in bytes, with its data in `folder`."""
    load = Load(commands=0, seconds=0, model=model)
    config = folder / "config.toml"
    config.touch(mode=0o600)
    config.write_text(bot_settings(folder, load), encoding="utf-8")
    memory: dict[int, float] = {}
    async with (
        StandIn.start("--token", "stand-in") as discord,
        running_bot(discord, config, load, folder / "log") as bot,
    ):
        # The one where people speak.
        joined = 1
        await bot.next_sample()
        await discord.ready(600)
        for servers in sorted(steps):
            while joined < servers:
                lot = min(_LOT, servers - joined)
                await discord.grow(joined, lot, channels=channels, roles=roles, emojis=emojis)
                joined += lot
                # It is answered when all that came before it was read.
                await discord.wait(await discord.slash(1, "help"), 600)
            memory[servers] = median([(await bot.next_sample()).memory for _ in range(_SETTLED)])
    return memory


async def measure_disk(folder: Path, count: int = 10_000) -> tuple[float, float]:
    """What a poem of five characters by four, and a favorite, take in a SQLite file, in bytes."""
    file = folder / "sizing.sqlite3"
    await asyncio.to_thread(upgrade, file)
    sizes = [_pages(file)]
    async with open_sessions(file) as sessions:
        for kind in ("poem", "favorite"):
            async with sessions.begin() as session:
                for number in range(1, count + 1):
                    session.add(_poem(number) if kind == "poem" else _favorite(number))
            sizes.append(_pages(file))
    empty, poems, favorites = sizes
    return (poems - empty) / count, (favorites - poems) / count


def _poem(number: int) -> PoemRow:
    # As people's and servers' ids are spread, and seeds drawn.
    return PoemRow(
        user_id=2**60 + number * 7919 % 5003,
        guild_id=2**60 + number * 104_729 % 997,
        start="月",
        form=5,
        traditional="\n".join(["月山水雲風"] * 4),
        script="simplified",
        style="regulated",
        pattern="平起首句入韻",
        seed=2**50 + number * 7919,
        model="0123456789ab",
        kind="poem",
        mood="lively",
    )


def _favorite(number: int) -> FavoriteRow:
    return FavoriteRow(user_id=2**60 + number * 7919 % 5003, poem_id=number)


def _pages(file: Path) -> int:
    connection = sqlite3.connect(file)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    return file.stat().st_size


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code."""
    options = _parser().parse_args(arguments)
    shape = {name: getattr(options, name) for name in ("channels", "roles", "emojis")}
    try:
        with TemporaryDirectory(prefix="shiren-") as name:
            folder = Path(name)
            memory = asyncio.run(measure_memory(options.servers, folder, model=options.model, **shape))
            poem, favorite = asyncio.run(measure_disk(folder))
    except PoetryError as error:
        print(error, file=sys.stderr)
        return 1
    measured = Measured(memory, poem, favorite)
    usage = Usage(options.poems, options.peak, options.poems_per_core)
    if options.json:
        table = [asdict(size_of(servers, measured, usage)) for servers in _TABLE]
        print(json.dumps({"measured": asdict(measured), "usage": asdict(usage), "sizes": table}))
    else:
        print(as_markdown(measured, usage))
        print("\nA server: " + ", ".join(f"{count} {what}" for what, count in shape.items()) + ".")
        print(f"{os.cpu_count()} cores.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sizing.py", description="Measure and compute what servers cost.")
    parser.add_argument(
        "--servers", type=int, nargs="+", default=[1, 1000, 5000, 10000], help="where memory is measured; two at least"
    )
    parser.add_argument("--channels", type=int, default=30, help="of a server (default: %(default)s)")
    parser.add_argument("--roles", type=int, default=20, help="of a server (default: %(default)s)")
    parser.add_argument("--emojis", type=int, default=20, help="of a server (default: %(default)s)")
    parser.add_argument("--poems", type=float, default=5.0, help="a server and day (default: %(default)g)")
    parser.add_argument("--peak", type=float, default=5.0, help="the busiest hour, in means (default: %(default)g)")
    parser.add_argument(
        "--poems-per-core", type=float, default=POEMS_PER_CORE, help="a second, many at once (default: %(default)g)"
    )
    parser.add_argument("--model", type=Path, help="bundle (default: the one that ships)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
