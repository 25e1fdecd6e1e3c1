"""How fast the network learns, beside the products of matrices that this takes.

As a command it learns a little and tells its memory: `python -m benchmarks.speed_training MODEL bfloat16 1 4096`.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import torch

from benchmarks.speed_limits import Products, interleaved, median_ratio, training_products, wait_for
from poetry_model.batches import batches, bucket
from poetry_model.checkpoint import Bundle, load_bundle
from poetry_model.controls import Controls
from poetry_model.corpus import Verse
from poetry_model.learners import TorchLearner
from poetry_model.training_config import TrainingConfig

SHAPES = ((5, 4), (7, 4), (5, 8), (7, 8))
"""Form and lines: four batches, one of each, make a round."""

_ROOT = Path(__file__).parents[1]
_RATE = 1e-4
_ROUNDS_FOR_MEMORY = 2
_KIB = 1024


@dataclass(frozen=True, slots=True)
class TrainingSpeed:
    """One type of number on one device."""

    characters: float
    """A second, the making of batches included."""
    products: float
    """Operations a second of the products alone, at the shapes of these steps, in the same type."""
    share: float
    """Of the time that the products alone take in bf16, in that of the training."""


def measure_training(
    bundle: Bundle, batch_characters: int, rounds: int, device: torch.device
) -> dict[torch.dtype, TrainingSpeed]:
    """fp32 and bf16 side by side, on verse without sense in the four commonest shapes."""
    verses = _nonsense(bundle, batch_characters)
    products = [
        product
        for indices in bucket(verses, batch_characters)
        for product in training_products(bundle.network.config, len(indices), len(verses[indices[0]].text))
    ]
    alone = {dtype: Products(products, dtype, device) for dtype in (torch.float32, torch.bfloat16)}
    calls: dict[str, Callable[[], object]] = {}
    for dtype, these in alone.items():
        calls[f"products {dtype}"] = these.run
        calls[f"training {dtype}"] = _round(bundle, verses, batch_characters, dtype, device)
    taken = interleaved(calls, rounds)
    characters = sum(len(verse.text) for verse in verses)
    return {
        dtype: TrainingSpeed(
            characters / statistics.median(taken[f"training {dtype}"]),
            alone[dtype].operations / statistics.median(taken[f"products {dtype}"]),
            median_ratio(taken[f"products {torch.bfloat16}"], taken[f"training {dtype}"]),
        )
        for dtype in alone
    }


def measure_memory(model: Path, dtype: torch.dtype, threads: int, batch_characters: int) -> dict[str, int]:
    """Bytes of a process that learns on the CPU: `before` it begins, and at its `peak`."""
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    name = str(dtype).removeprefix("torch.")
    command = [sys.executable, "-m", __name__, str(model), name, str(threads), str(batch_characters)]
    done = subprocess.run(  # noqa: S603 # this module itself
        command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    return {key: int(value) for key, value in json.loads(done.stdout).items()}


def main(arguments: Sequence[str]) -> None:
    """See the module."""
    model, name, threads, batch_characters = arguments
    torch.set_num_threads(int(threads))
    bundle = load_bundle(Path(model))
    verses = _nonsense(bundle, int(batch_characters))
    learn = _round(bundle, verses, int(batch_characters), getattr(torch, name), torch.device("cpu"))
    before = _peak()
    for _ in range(_ROUNDS_FOR_MEMORY):
        learn()
    print(json.dumps({"before": before, "peak": _peak()}))


def _round(
    bundle: Bundle, verses: Sequence[Verse], batch_characters: int, dtype: torch.dtype, device: torch.device
) -> Callable[[], None]:
    """Learns all of `verses` once."""
    network = deepcopy(bundle.network).to(device).requires_grad_(requires_grad=True).train()
    learner = TorchLearner(network, TrainingConfig(), device, dtype=dtype)
    given = partial(Controls(bundle.prosody).dropped, seed=1) if bundle.prosody else None

    def learn() -> None:
        for batch in batches(verses, bundle.vocabulary, batch_characters, given, seed=1):
            learner.step(batch, _RATE)
        wait_for(device)

    return learn


def _nonsense(bundle: Bundle, batch_characters: int) -> list[Verse]:
    """As many poems of each shape as fill a batch."""
    random = Random(1)
    verses: list[Verse] = []
    for form, lines in SHAPES:
        many = [Verse(("月" * form,) * lines)] * batch_characters
        poems = len(bucket(many, batch_characters)[0])
        text = "".join(random.choices(bundle.vocabulary.characters, k=poems * lines * form))
        cut = [text[at : at + form] for at in range(0, len(text), form)]
        verses += [Verse(tuple(cut[at : at + lines])) for at in range(0, len(cut), lines)]
    return verses


def _peak() -> int:
    """The most bytes that this process held."""
    try:
        # What getrusage tells of a process also holds what its parent held when it was started.
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
    return int(status.split("VmHWM:")[1].split()[0]) * _KIB


if __name__ == "__main__":
    main(sys.argv[1:])
