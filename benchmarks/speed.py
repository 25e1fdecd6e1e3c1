"""How fast it is, beside what the machine could do: `python benchmarks/speed.py` prints one table.

The machine's limits are measured first, and again beside what they bound, in turns: a ratio is a median over rounds.
The floor of one poem is the time to read the network once a character: all of it in fp32, the embeddings whole as the
output layer. The floor of many is their arithmetic, two operations for each of those numbers a character, at the rate
of a large product in fp32. Of training the measure is the time that the step's own products alone would take in bf16.
Goals are printed beside what was measured; they are figures, no gate.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

import torch

from benchmarks.retrain_interference import percentile
from benchmarks.speed_limits import CPU, Products, Reader, character_products, median_ratio, square
from benchmarks.speed_peers import LARGE, LARGE_CELLS, TRANSFORMER, make_peers
from benchmarks.speed_poems import (
    SHORT,
    bytes_read,
    measure_cold,
    measure_many,
    measure_one,
    measure_peers,
    operations,
    requests,
    share_alike,
    share_kept,
)
from benchmarks.speed_training import measure_memory, measure_training
from poetry_model.checkpoint import PRETRAINED, Bundle, load_bundle
from poetry_model.devices import Precision
from poetry_model.errors import PoetryError
from poetry_model.mood import CANDIDATES
from poetry_model.network import PoetNetwork
from poetry_model.poet import Poet

Say = Callable[[str], None]

PARTS = ("machine", "cold", "one", "many", "peers", "training", "memory")
"""Of the table, from above."""

_COLD, _FLOORS, _TRAINING_SHARE = 1.3, 3.0, 0.4
_TIMES_THE_PEERS = {LARGE: 100.0, LARGE_CELLS: 25.0, TRANSFORMER: 800.0}

_APART = 64
"""Poems of a batch that are written again, each alone."""

_GIGA, _MIB, _MILLI = 1e9, 2**20, 1e3
_TYPES = {torch.float32: "fp32", torch.bfloat16: "bf16"}


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    rounds: int
    poems: int
    """One at a time, of each kind in each round."""
    side: int
    """Of the large product."""
    array: int
    """Bytes that are read."""
    batches: Sequence[int]
    batch_characters: int
    peer_scale: int
    """The peers are made so many times narrower."""


_WHOLE = Effort(9, 10, 2048, 2**30, tuple(2**power for power in range(10)), 4096, 1)
_QUICK = Effort(1, 1, 64, 2**16, (1, 2), 256, 16)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    what: str
    measured: str
    beside: str = ""
    """What it is held against."""
    ratio: float | None = None
    goal: float | None = None
    at_most: bool = True
    """Whether the goal is the most, and not the least, that the ratio should be."""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None or self.ratio is None:
            return None
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal

    def as_markdown(self) -> str:
        """A line of Markdown."""
        goal = "" if self.goal is None else f"{'≤' if self.at_most else '≥'} {self.goal:g}: "
        told = goal + {None: "", True: "met", False: "missed"}[self.is_met]
        ratio = "" if self.ratio is None else f"{self.ratio:.3g}"
        return f"| {self.what} | {self.measured} | {self.beside} | {ratio} | {told} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.threads < 1 or (options.rounds is not None and options.rounds < 1):
        parser.error("--rounds and --threads must be at least 1")
    begin = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - begin:6.0f} s  {what}", file=sys.stderr, flush=True)

    effort = _QUICK if options.quick else _WHOLE
    if options.rounds:
        effort = replace(effort, rounds=options.rounds)
    threads = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        rows = measure(options.model, options.only, effort, say, options.precision)
    except PoetryError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        torch.set_num_threads(threads)
    settings = {
        "threads": options.threads,
        "precision of the poems": options.precision,
        "torch": torch.__version__,
        "rounds": effort.rounds,
        "quick": options.quick,
    }
    print("| | measured | beside | ratio | goal |\n| --- | ---: | ---: | ---: | --- |")
    print("\n".join(row.as_markdown() for row in rows))
    print(f"\nSettings: {', '.join(f'{name} {value}' for name, value in settings.items())}.")
    if options.json:
        table = {"settings": settings, "rows": [asdict(row) | {"met": row.is_met} for row in rows]}
        options.json.write_text(json.dumps(table, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


def measure(model: Path | None, parts: Sequence[str], effort: Effort, say: Say, precision: Precision) -> list[Row]:
    """Those of `PARTS` that are named. Raises `BundleError` for a model that cannot compose."""
    bundle = load_bundle(model or PRETRAINED)
    poet = Poet.load(model, "cpu", precision)
    best = effort.batches[-1]
    rows: list[Row] = []
    for part in (part for part in PARTS if part in parts):
        say(part)
        if part == "machine":
            rows += _limits(bundle.network, effort)
        elif part == "cold":
            rows.append(_cold(model, effort))
        elif part == "one":
            rows += _one(poet, bundle.network, effort)
        elif part == "many":
            many, best = _many(poet, bundle.network, effort)
            rows += many
        elif part == "peers":
            rows += _peers(poet, best, len(bundle.vocabulary), effort)
        elif part == "training":
            for device in (CPU, *([torch.device("cuda")] if torch.cuda.is_available() else [])):
                rows += _training(bundle, device, effort)
        else:
            rows += _memory(model or PRETRAINED, effort)
    say("done")
    return rows


def _limits(network: PoetNetwork, effort: Effort) -> list[Row]:
    rows = []
    for dtype, name in _TYPES.items():
        rate = Products(square(effort.side), dtype).rate(effort.rounds)
        rows.append(Row(f"matrix product {effort.side}³, {name}", _giga(rate, "flop/s")))
        for batch in effort.batches:
            products = Products(character_products(network.config, batch), dtype)
            own = products.rate(effort.rounds)
            rows.append(
                Row(f"a character's products, batch {batch}, {name}", _giga(own, "flop/s"), "of large", own / rate)
            )
    reader = Reader(effort.array)
    rates = [reader.rate() for _ in range(effort.rounds)]
    rows.append(Row(f"reading {effort.array / _MIB:g} MiB", _giga(statistics.median(rates), "B/s")))
    again = Reader(bytes_read(network))
    own = statistics.median(again.rate() for _ in range(effort.rounds))
    what = f"reading what a character needs, {bytes_read(network) / 1e6:.1f} MB, again and again"
    return [*rows, Row(what, _giga(own, "B/s"), "of reading far more", own / statistics.median(rates))]


def _cold(model: Path | None, effort: Effort) -> Row:
    taken = measure_cold(model, effort.rounds)
    poem, torch_alone = (statistics.median(taken[name]) for name in ("poem", "torch"))
    return Row(
        "cold: `python -m poetry_model poem 月`",
        f"{poem:.2f} s",
        f"`import torch` {torch_alone:.2f} s",
        median_ratio(taken["poem"], taken["torch"]),
        _COLD,
    )


def _one(poet: Poet, network: PoetNetwork, effort: Effort) -> list[Row]:
    kinds, rate = measure_one(poet, CANDIDATES, Reader(effort.array), effort.rounds, effort.poems)
    rows = []
    for kind in kinds:
        form, lines = kind.shape
        floor = form * lines * bytes_read(network) / rate
        name = f"one poem {form}×{lines}, " + (
            "one candidate" if kind.candidates == 1 else f"best of {kind.candidates}"
        )
        for share in (0.5, 0.95):
            taken = percentile(kind.seconds, share)
            is_goal = kind.shape == SHORT and kind.candidates == 1 and share == 0.5  # noqa: PLR2004 # the median
            rows.append(
                Row(
                    f"{name}, p{100 * share:g}",
                    f"{_MILLI * taken:.1f} ms",
                    f"floor {_MILLI * floor:.1f} ms",
                    taken / floor,
                    _FLOORS if is_goal else None,
                )
            )
    return rows


def _many(poet: Poet, network: PoetNetwork, effort: Effort) -> tuple[list[Row], int]:
    """The rows, and the batch that brings the most poems a second."""
    products = Products(square(effort.side), torch.float32)
    taken = measure_many(poet, effort.batches, products, effort.rounds)
    form, lines = SHORT
    rows, rates = [], {}
    for size in effort.batches:
        spent = taken[str(size)]
        rates[size] = size / statistics.median(spent)
        arithmetic = form * lines * size * operations(network) / products.operations
        floor = [arithmetic * alone for alone in taken["products"]]
        rows.append(
            Row(
                f"many: 5×4 in batches of {size}",
                f"{rates[size]:.1f} poems/s",
                f"floor {size / statistics.median(floor):.0f} poems/s",
                median_ratio(spent, floor),
            )
        )
    best = max(rates, key=lambda size: rates[size])
    asked = requests(SHORT, effort.batches[-1])
    poems = poet.compose(asked)
    return [
        *rows,
        Row("of these, rhyme and metre kept", f"{100 * share_kept(poems):.1f} %"),
        Row(f"of {_APART} of these, the same alone", f"{100 * share_alike(poet, poems[:_APART]):.1f} %"),
    ], best


def _peers(poet: Poet, best: int, vocabulary: int, effort: Effort) -> list[Row]:
    taken = measure_peers(poet, best, make_peers(vocabulary, effort.peer_scale), effort.rounds)
    ours = taken.pop("ours")
    return [
        Row(
            f"against {name}, one at a time",
            f"{1 / statistics.median(ours):.1f} poems/s in batches of {best}",
            f"{1 / statistics.median(theirs):.1f} poems/s",
            median_ratio(theirs, ours),
            _TIMES_THE_PEERS.get(name),
            at_most=False,
        )
        for name, theirs in taken.items()
    ]


def _training(bundle: Bundle, device: torch.device, effort: Effort) -> list[Row]:
    speeds = measure_training(bundle, effort.batch_characters, effort.rounds, device)
    products = speeds[torch.bfloat16].products
    rows = [
        Row(f"a training step's products, {device.type}, {_TYPES[dtype]}", _giga(speed.products, "flop/s"))
        for dtype, speed in speeds.items()
    ]
    return rows + [
        Row(
            f"training, {device.type}, {_TYPES[dtype]}",
            f"{speed.characters:,.0f} characters/s",
            f"its products in bf16 alone, {_giga(products, 'flop/s')}",
            speed.share,
            _TRAINING_SHARE if dtype is torch.bfloat16 and device.type == "cpu" else None,
            at_most=False,
        )
        for dtype, speed in speeds.items()
    ]


def _memory(model: Path, effort: Effort) -> list[Row]:
    rows = []
    for dtype, name in _TYPES.items():
        used = measure_memory(model, dtype, torch.get_num_threads(), effort.batch_characters)
        before, peak = used["before"] / _MIB, used["peak"] / _MIB
        rows.append(Row(f"training, cpu, {name}: peak memory", f"{peak:.0f} MiB", f"before {before:.0f} MiB"))
    return rows


def _giga(rate: float, unit: str) -> str:
    return f"{rate / _GIGA:,.{0 if rate >= 100 * _GIGA else 1}f} G{unit}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="speed.py", description="Measure how fast poems and trainings are.")
    parser.add_argument("--model", type=Path, help="bundle (default: the one that ships)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1, as the bot comes)")
    parser.add_argument(
        "--precision", choices=get_args(Precision), default="auto", help="in which poems are written (default: auto)"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, help=f"of all that takes turns (default: {_WHOLE.rounds})")
    parser.add_argument("--quick", action="store_true", help="measure next to nothing, to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
