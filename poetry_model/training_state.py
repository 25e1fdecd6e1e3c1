"""A training run on disk, from which it goes on as if it had never stopped."""

import json
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Annotated, Any

import safetensors.torch
import torch
from annotated_types import Ge, Lt
from torch import Tensor

from poetry_model.errors import TrainingError
from poetry_model.fields import from_table
from poetry_model.learners import Learner
from poetry_model.network import PoetNetwork
from poetry_model.reading import LARGEST_JSON, digest, parse_json, read_file
from poetry_model.storage import replacing
from poetry_model.tensors import LONGEST_HEADER, check_tensors, read_tensors

_COUNTERS = "state.json"
_TENSORS = "state.safetensors"
_CHECKSUMS = "sha256"

_MOST_BYTES = 32
"""Of a saved run for each parameter: the network and the best in full precision take eight, what a learner remembers
eight more, and sixteen where it works in double precision. A few kilobytes of random state come on top."""

_DAMAGED = "The interrupted run in {} is damaged; delete the folder and start anew."


@dataclass(slots=True)
class Counters:
    """Where a run stands."""

    identity: dict[str, Any]
    """What must be the same when it is resumed: configuration, corpus digest, start."""
    epoch: Annotated[int, Ge(0)] = 0
    """Epochs completed."""
    batch: Annotated[int, Ge(0)] = 0
    """Batches of the present epoch completed."""
    seconds: Annotated[float, Ge(0), Lt(float("inf"))] = 0.0
    """Time spent in earlier sessions and this one."""
    start: float | None = None
    """Held-back perplexity before the first step."""
    history: list[dict[str, float]] = field(default_factory=list)
    """A record an epoch: training loss, held-back perplexity."""
    best: float = float("inf")
    best_epoch: Annotated[int, Ge(0)] = 0
    loss: float | None = None
    """Smoothed training loss."""


def save_state(
    folder: Path, counters: Counters, network: PoetNetwork, best: dict[str, Tensor], learner: Learner
) -> None:
    """Write everything to `folder`, whole or not at all."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    tensors |= {f"learner.{name}": tensor for name, tensor in learner.state().items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    fields: dict[str, Any] = {name: getattr(counters, name) for name in Counters.__slots__}
    with replacing(folder) as new:
        safetensors.torch.save_file(
            {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, new / _TENSORS
        )
        with (new / _TENSORS).open("rb") as written:
            fields[_CHECKSUMS] = {_COUNTERS: digest(fields), _TENSORS: file_digest(written, "sha256").hexdigest()}
        (new / _COUNTERS).write_text(json.dumps(fields, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def load_state(
    folder: Path, identity: dict[str, Any], network: PoetNetwork, learner: Learner
) -> tuple[Counters, dict[str, Tensor]]:
    """Bring `network` and `learner` to the state in `folder`; returns the counters and the best weights so far.

    Raises `TrainingError` when there is none, when it is damaged, or when it belongs to another run.
    """
    if not (folder / _COUNTERS).is_file():
        raise TrainingError(f"There is no interrupted run in {folder}; start one without --resume.")
    try:
        counters, checksum = _read_counters(folder / _COUNTERS)
        # The tensors of another run would seem damaged.
        _require_same_run(folder, counters.identity, identity)
        largest = _MOST_BYTES * sum(parameter.numel() for parameter in network.parameters()) + LONGEST_HEADER
        content = read_file(folder / _TENSORS, largest)
        if checksum not in {None, sha256(content).hexdigest()}:
            raise ValueError("the tensors are not those that were saved")  # noqa: TRY301 # one sentence for all damage
        tensors = read_tensors(content)
        best = _part(tensors, "best.")
        _check_progress(counters, best, network)
        weights = _part(tensors, "network.")
        check_tensors(weights, network.state_dict())
        network.load_state_dict(weights)
        learner.load_state(_part(tensors, "learner."))
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random.cuda"])
    except (OSError, LookupError, TypeError, ValueError, RuntimeError, MemoryError) as error:
        raise TrainingError(_DAMAGED.format(folder)) from error
    return counters, best


def _read_counters(file: Path) -> tuple[Counters, str | None]:
    """What the file says, and the checksum of the tensors; earlier runs were saved without."""
    table = parse_json(read_file(file, LARGEST_JSON))
    if _CHECKSUMS not in table:
        return from_table(Counters, table), None
    checksums = table.pop(_CHECKSUMS)
    if checksums[_COUNTERS] != digest(table):
        raise ValueError("the counters are not those that were saved")
    return from_table(Counters, table), str(checksums[_TENSORS])


def _require_same_run(folder: Path, found: dict[str, Any], expected: dict[str, Any]) -> None:
    if found != expected:
        differing = ", ".join(sorted(key for key in expected if found.get(key) != expected[key]))
        raise TrainingError(
            f"The interrupted run in {folder} had another {differing}; resume it with what it was started with."
        )


def _check_progress(counters: Counters, best: dict[str, Tensor], network: PoetNetwork) -> None:
    """`ValueError` unless each epoch left its record, and the first of them weights."""
    kinds = {"loss", "perplexity"}
    if len(counters.history) != counters.epoch or any(record.keys() != kinds for record in counters.history):
        raise ValueError("the history is not that of the epochs")
    if not (1 <= counters.best_epoch <= counters.epoch if counters.epoch else counters.best_epoch == 0):
        raise ValueError("the best epoch is none of those that were")
    check_tensors(best, network.state_dict() if counters.epoch else {})


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
