"""A training run on disk, from which it goes on as if it had never stopped."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from poetry_model.errors import TrainingError
from poetry_model.learners import Learner
from poetry_model.network import PoetNetwork
from poetry_model.storage import replacing

_COUNTERS = "state.json"
_TENSORS = "state.safetensors"
_DAMAGED = "The interrupted run in {} is damaged; delete the folder and start anew."


@dataclass(slots=True)
class Counters:
    """Where a run stands."""

    identity: dict[str, Any]
    """What must be the same when it is resumed: configuration, corpus digest, start."""
    epoch: int = 0
    """Epochs completed."""
    batch: int = 0
    """Batches of the present epoch completed."""
    seconds: float = 0.0
    """Time spent in earlier sessions and this one."""
    start: float | None = None
    """Held-back perplexity before the first step."""
    history: list[dict[str, float]] = field(default_factory=list)
    """A record an epoch: training loss, held-back perplexity."""
    best: float = float("inf")
    best_epoch: int = 0
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
    fields = {name: getattr(counters, name) for name in Counters.__slots__}
    with replacing(folder) as new:
        safetensors.torch.save_file(
            {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, new / _TENSORS
        )
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
        counters = Counters(**json.loads((folder / _COUNTERS).read_text(encoding="utf-8")))
        tensors = safetensors.torch.load_file(folder / _TENSORS)
        if not isinstance(counters.identity, dict):
            raise TypeError("the identity of the run is no table")  # noqa: TRY301 # one sentence for all damage
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise TrainingError(_DAMAGED.format(folder)) from error
    if counters.identity != identity:
        differing = ", ".join(sorted(key for key in identity if counters.identity.get(key) != identity[key]))
        raise TrainingError(
            f"The interrupted run in {folder} had another {differing}; resume it with what it was started with."
        )
    try:
        network.load_state_dict(_part(tensors, "network."))
        learner.load_state(_part(tensors, "learner."))
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random.cuda"])
    except (KeyError, ValueError, RuntimeError) as error:
        raise TrainingError(_DAMAGED.format(folder)) from error
    return counters, _part(tensors, "best.")


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
