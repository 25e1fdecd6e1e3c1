"""How much a retraining slows `/poem`: `python benchmarks/retrain_interference.py --corpus DIR` prints p50 and p95.

What is timed is what answers `/poem`: the composer's thread writes a poem and the database keeps it. The training is
the bot's own child process, at the bot's priority. Phases without and with it take turns and ask for the same poems, so
that whatever else the machine does falls on both.
"""

import argparse
import asyncio
import math
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from bot.config import RetrainSettings
from bot.db.engine import open_sessions
from bot.db.migrate import upgrade
from bot.services.composer import Composer
from bot.services.poems import Poems
from bot.services.training_process import TrainingOrder, TrainingProcess
from poetry_model.checkpoint import PRETRAINED
from poetry_model.corpus import corpus_files
from poetry_model.errors import PoetryError, TrainingError
from poetry_model.poem import PoemRequest
from poetry_model.poet import Poet

_STARTS = "春月山花風雲江秋"

_WARM_UP = 5
"""Poems before anything is timed."""

_EPOCHS = 100
"""More than any phase can take."""


@dataclass(slots=True)
class Timings:
    """Seconds from asking to answering, of every poem."""

    without: list[float] = field(default_factory=list)
    during: list[float] = field(default_factory=list)

    def as_markdown(self) -> str:
        """A table, with how many times longer it takes during a training."""
        rows = [("without a training", self.without), ("during a training", self.during)]
        lines = ["| `/poem` | poems | p50 | p95 |", "| --- | ---: | ---: | ---: |"]
        for name, seconds in rows:
            p50, p95 = (1000 * percentile(seconds, share) for share in (0.5, 0.95))
            lines.append(f"| {name} | {len(seconds)} | {p50:.0f} ms | {p95:.0f} ms |")
        p50, p95 = (percentile(self.during, share) / percentile(self.without, share) for share in (0.5, 0.95))
        return "\n".join([*lines, f"| ratio | | {p50:.2f} | {p95:.2f} |"])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code."""
    options = _parser().parse_args(arguments)
    begin = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - begin:6.0f} s  {what}", file=sys.stderr, flush=True)

    try:
        # Told at once, and not by the child after a minute.
        corpus_files(options.corpus)
        with TemporaryDirectory(prefix="shiren-") as folder:
            poet = Poet.load(options.model, "cpu")
            timings = asyncio.run(_run(poet, options, Path(folder), say))
    except PoetryError as error:
        print(error, file=sys.stderr)
        return 1
    print(timings.as_markdown())
    print(
        f"\nModel {poet.version}, {os.cpu_count()} cores, {torch.get_num_threads()} threads compose, "
        f"{options.threads} train at niceness {options.niceness}; "
        f"{options.rounds} × 2 phases of {options.seconds:g} s, {options.pause:g} s between two poems."
    )
    return 0


async def _run(poet: Poet, options: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> Timings:
    database = folder / "poems.sqlite3"
    await asyncio.to_thread(upgrade, database)
    composer = Composer(poet)
    timings = Timings()
    try:
        async with open_sessions(database) as sessions:
            poems = Poems(composer, sessions)
            for number in range(_WARM_UP):
                await _ask(poems, number)
            for number in range(options.rounds):
                say(f"round {number + 1} of {options.rounds}, without a training")
                timings.without += await _measure(poems, options)
                order = TrainingOrder(
                    corpus=options.corpus,
                    parent=options.model,
                    out=folder / f"run-{number}",
                    epochs=_EPOCHS,
                    threads=options.threads,
                    device="cpu",
                    niceness=options.niceness,
                )
                say("the training starts")
                async with _training(order):
                    say(f"round {number + 1} of {options.rounds}, during a training")
                    timings.during += await _measure(poems, options)
    finally:
        composer.close()
    return timings


@asynccontextmanager
async def _training(order: TrainingOrder) -> AsyncIterator[None]:
    """A training that has taken its first step, and goes on to the end of the block.

    Raises `TrainingError` when it ends by itself.
    """
    async with TrainingProcess(order) as process:
        begun = asyncio.Event()

        async def listen() -> None:
            async for event in process.events():
                if event["event"] == "step":
                    begun.set()

        # Read to the end: a child whose words nobody takes in stops and waits.
        listening = asyncio.create_task(listen())
        beginning = asyncio.create_task(begun.wait())
        try:
            await asyncio.wait({listening, beginning}, return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                yield
            if listening.done():
                said = await asyncio.to_thread(order.log.read_text, encoding="utf-8", errors="replace")
                raise TrainingError(
                    said.strip() or "The training was over too soon; use more verse or fewer --seconds."
                )
        finally:
            beginning.cancel()
            listening.cancel()


async def _measure(poems: Poems, options: argparse.Namespace) -> list[float]:
    """Seconds a poem, for as long as a phase lasts; each phase asks for the same poems."""
    taken: list[float] = []
    end = time.perf_counter() + options.seconds
    while not taken or time.perf_counter() < end:
        begin = time.perf_counter()
        await _ask(poems, len(taken))
        taken.append(time.perf_counter() - begin)
        await asyncio.sleep(options.pause)
    return taken


async def _ask(poems: Poems, number: int) -> None:
    """What `/poem` does when nothing is said but the start."""
    request = PoemRequest.checked(_STARTS[number % len(_STARTS)], seed=number)
    await poems.write(request, user_id=1, guild_id=None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="retrain_interference.py", description="Measure how much a retraining slows /poem."
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder in chinese-poetry's layout")
    parser.add_argument("--model", type=Path, default=PRETRAINED, help="bundle (default: the one that ships)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each phase (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="of a phase without and one with (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between two poems (default: %(default)s)")
    for name, default in (("--threads", RetrainSettings().threads), ("--niceness", RetrainSettings().niceness)):
        parser.add_argument(name, type=int, default=default, help="of the training (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
