"""How fast poems come: the first of a process, one at a time, many at once, and beside what others would be."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from benchmarks.speed_limits import Products, Reader, interleaved, seconds
from benchmarks.speed_peers import Peer
from poetry_model.network import PoetNetwork
from poetry_model.poem import Poem, PoemRequest, Style
from poetry_model.poet import Poet

_ROOT = Path(__file__).parents[1]
_STARTS = "春月山花風雲江秋"
_FLOAT = 4

SHORT, LONG = (5, 4), (7, 8)
"""Form and lines."""


def numbers_read(network: PoetNetwork) -> int:
    """Parameters that the next character of a poem needs.

    All of them, but of a table that is only looked up one row. Where embeddings are the output layer as well they are
    read whole for the scores, and one row again for the character before.
    """
    looked_up: list[Tensor] = list(network.conditions.parameters())
    again = network.config.embedding
    if not network.config.tied:
        looked_up.append(network.characters.weight)
        again = 0
    idle = sum(table.numel() - table.shape[1] for table in looked_up)
    return sum(parameter.numel() for parameter in network.parameters()) - idle + again


def bytes_read(network: PoetNetwork) -> int:
    """Of those in fp32: 4 a number."""
    return _FLOAT * numbers_read(network)


def operations(network: PoetNetwork) -> int:
    """What the next character costs: each number is multiplied and added once."""
    return 2 * numbers_read(network)


def requests(shape: tuple[int, int], count: int, candidates: int = 1) -> list[PoemRequest]:
    """Regulated poems of a form and lines; the same ones each time."""
    return [
        PoemRequest.checked(
            _STARTS[number % len(_STARTS)], *shape, seed=number, style=Style.REGULATED, candidates=candidates
        )
        for number in range(count)
    ]


def measure_cold(model: Path | None, rounds: int) -> dict[str, list[float]]:
    """Seconds of whole processes that write one poem (`poem`), and that only import torch (`torch`)."""
    named = ["--model", str(model)] if model else []
    commands = {"poem": ["-m", "poetry_model", "poem", "月", *named], "torch": ["-c", "import torch"]}
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))

    def run(command: Sequence[str]) -> None:
        subprocess.run(  # noqa: S603 # this interpreter
            [sys.executable, *command], check=True, capture_output=True, env={**os.environ, "PYTHONPATH": path}
        )

    return interleaved({name: partial(run, command) for name, command in commands.items()}, rounds)


@dataclass(frozen=True, slots=True)
class OnePoem:
    """A kind of poem, written one at a time."""

    shape: tuple[int, int]
    candidates: int
    seconds: Sequence[float]


def measure_one(poet: Poet, candidates: int, reader: Reader, rounds: int, poems: int) -> tuple[list[OnePoem], float]:
    """Poems of both shapes, one candidate and `candidates`, and the median of the bytes a second read meanwhile."""
    kinds = [(shape, number) for shape in (SHORT, LONG) for number in dict.fromkeys((1, candidates))]
    taken: dict[tuple[tuple[int, int], int], list[float]] = {kind: [] for kind in kinds}
    rates = []
    poet.compose(requests(SHORT, 1))
    for _ in range(rounds):
        rates.append(reader.rate())
        for kind in kinds:
            taken[kind] += [seconds(partial(poet.compose, [request])) for request in requests(kind[0], poems, kind[1])]
    return [OnePoem(*kind, times) for kind, times in taken.items()], sorted(rates)[len(rates) // 2]


def measure_many(poet: Poet, batches: Sequence[int], products: Products, rounds: int) -> dict[str, list[float]]:
    """Seconds of a batch of 5×4 by its size, as text, and of `products`."""
    calls: dict[str, Callable[[], object]] = {
        str(size): partial(poet.compose, requests(SHORT, size)) for size in batches
    }
    return interleaved({"products": products.run} | calls, rounds)


def share_kept(poems: Sequence[Poem]) -> float:
    """The share of poems that keep rhyme and metre to the last character."""
    return sum(not poem.breaches for poem in poems) / len(poems)


def share_alike(poet: Poet, poems: Sequence[Poem]) -> float:
    """The share of poems of a batch that are the same, to the last bit of their likelihood, when written alone."""
    return sum(poet.compose([poem.request]) == [poem] for poem in poems) / len(poems)


def measure_peers(poet: Poet, size: int, peers: Mapping[str, Peer], rounds: int) -> dict[str, list[float]]:
    """Seconds of a poem of each peer, and of one (`ours`) of a batch of `size`."""
    taken = interleaved({"ours": partial(poet.compose, requests(SHORT, size)), **peers}, rounds)
    return taken | {"ours": [spent / size for spent in taken["ours"]]}
