"""The two engines that learn: PyTorch, and the LSTM by hand in NumPy. The loop that drives them knows neither."""

import math
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from poetry_model.batches import Batch
from poetry_model.devices import has_fast_bfloat16
from poetry_model.distributed import ALONE, Ranks
from poetry_model.errors import TrainingError
from poetry_model.loss import linear_cross_entropy
from poetry_model.network import NetworkConfig, PoetNetwork
from poetry_model.numpy_lstm import NumpyNetwork
from poetry_model.numpy_optimizers import SGD, Adagrad, clip_gradients
from poetry_model.tensors import check_tensors
from poetry_model.training_config import TrainingConfig

_MOMENTS = {"adamw": ("exp_avg", "exp_avg_sq"), "adagrad": ("sum",), "sgd": ()}
"""What each of PyTorch's optimisers remembers of a parameter, beside the number of steps; descent remembers nothing."""

_NEVER_NEGATIVE = {"step", "exp_avg_sq", "sum"}

_DIVERGED = "The loss is no longer a number; start again with a lower learning rate."


class Learner(Protocol):
    """Learns from batches on behalf of one network."""

    def step(self, batch: Batch, rate: float) -> float:
        """Learn from one batch at a learning rate; its mean loss before, in nats.

        Raises `TrainingError` when the loss is no longer a number.
        """

    def settle(self) -> None:
        """Bring the network to what was learned."""

    def state(self) -> dict[str, Tensor]:
        """What it must be given, beside the network's weights, to go on as if never stopped."""

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state`, with the network's weights as they were then.

        Raises `ValueError` for what no learner of its kind remembers of such a network.
        """


class _MeanLoss(nn.Module):
    """The mean loss of a batch, in nats."""

    def __init__(self, network: PoetNetwork, dtype: torch.dtype) -> None:
        super().__init__()
        self._network = network
        self._dtype = dtype

    def forward(self, batch: Batch) -> Tensor:
        mask = batch.mask
        narrow = self._dtype is not torch.float32
        with torch.autocast(mask.device.type, self._dtype) if narrow else nullcontext():
            features, _ = self._network.features(batch.previous, batch.conditions)
        features, targets = features[mask], batch.targets[mask]
        if self._network.config.output_relu:
            return functional.cross_entropy(self._network.score(features.float()), targets)
        return linear_cross_entropy(features, *self._network.output_layer, targets, self._dtype)


class TorchLearner:
    """Learns with PyTorch; where `ranks` are several, each from its part of a batch."""

    def __init__(
        self,
        network: PoetNetwork,
        config: TrainingConfig,
        device: torch.device,
        ranks: Ranks = ALONE,
        dtype: torch.dtype | None = None,
    ) -> None:
        """`dtype`: that of the matrix products; None: bfloat16 where that is fast, else float32."""
        self._network = network
        self._device = device
        self._ranks = ranks
        self._clip = config.clip
        dtype = dtype or (torch.bfloat16 if has_fast_bfloat16(device) else torch.float32)
        self._loss = ranks.parallel(_MeanLoss(network, dtype))
        self._optimizer = _optimizer(network, config)
        self._moments = _MOMENTS[config.optimizer]

    def step(self, batch: Batch, rate: float) -> float:
        """See `Learner`."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        loss = self._loss(batch.to(self._device)) * batch.weight
        self._optimizer.zero_grad(set_to_none=True)
        with self._ranks.connected():
            loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        nn.utils.clip_grad_norm_(self._network.parameters(), self._clip)
        value = self._ranks.mean(loss.item())
        if not math.isfinite(value):
            raise TrainingError(_DIVERGED)
        self._optimizer.step()
        return value

    def settle(self) -> None:
        """The network itself learns."""

    def state(self) -> dict[str, Tensor]:
        """See `Learner`."""
        moments = self._optimizer.state_dict()["state"]
        return {f"{number}.{name}": tensor for number, state in moments.items() for name, tensor in state.items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """See `Learner`."""
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in state.items():
            number, _, key = name.partition(".")
            moments.setdefault(int(number), {})[key] = tensor
        parameters = list(self._network.parameters())
        for index, found in moments.items():
            if not 0 <= index < len(parameters):
                raise ValueError(f"the network has no parameter {index}")
            like = dict.fromkeys(self._moments, parameters[index]) | {"step": torch.zeros(())}
            check_tensors(found, like)
            _require_never_negative(found[name] for name in found.keys() & _NEVER_NEGATIVE)
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": moments, "param_groups": groups})


class NumpyLearner:
    """Learns by the LSTM by hand, in float64 on the CPU."""

    def __init__(self, network: PoetNetwork, config: TrainingConfig) -> None:
        """Raises `TrainingError` for a network that the LSTM by hand is not, or an optimiser it lacks."""
        _check_by_hand(network.config, config)
        self._network = network
        self._clip = config.clip
        self._by_hand = NumpyNetwork({name: tensor.double().numpy() for name, tensor in network.state_dict().items()})
        self._optimizer = SGD() if config.optimizer == "sgd" else Adagrad()

    def step(self, batch: Batch, rate: float) -> float:
        """See `Learner`."""
        loss, gradients = self._by_hand.loss_and_gradients(batch.previous.numpy(), batch.targets.numpy())
        if not math.isfinite(loss):
            raise TrainingError(_DIVERGED)
        clip_gradients(gradients, self._clip)
        self._optimizer.step(self._by_hand.parameters, gradients, rate)
        return loss

    def settle(self) -> None:
        """See `Learner`."""
        weights = {name: torch.from_numpy(array).float() for name, array in self._by_hand.parameters.items()}
        self._network.load_state_dict(weights)

    def state(self) -> dict[str, Tensor]:
        """See `Learner`; the weights too: the network's are rounded to fp32."""
        parts = {"parameters": self._by_hand.parameters, "optimizer": self._optimizer.state}
        return {
            f"{part}.{name}": torch.from_numpy(array)
            for part, arrays in parts.items()
            for name, array in arrays.items()
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """See `Learner`."""
        parts: dict[str, dict[str, Tensor]] = {"parameters": {}, "optimizer": {}}
        for name, tensor in state.items():
            part, _, key = name.partition(".")
            parts[part][key] = tensor
        weights = {name: torch.from_numpy(array) for name, array in self._by_hand.parameters.items()}
        check_tensors(parts["parameters"], weights)
        # Nothing is remembered before the first step, nor by plain descent.
        check_tensors(parts["optimizer"], weights if parts["optimizer"] else {})
        _require_never_negative(parts["optimizer"].values())
        for arrays, part in ((self._by_hand.parameters, "parameters"), (self._optimizer.state, "optimizer")):
            arrays.update({key: tensor.numpy().copy() for key, tensor in parts[part].items()})


def _require_never_negative(tensors: Iterable[Tensor]) -> None:
    if any((tensor < 0).any() for tensor in tensors):
        raise ValueError("a step or a sum of squares is below 0")


def make_learner(network: PoetNetwork, config: TrainingConfig, device: torch.device, ranks: Ranks = ALONE) -> Learner:
    """The learner of the engine that `config` names; raises `TrainingError` where it cannot train as it is asked to."""
    if config.engine == "torch":
        return TorchLearner(network, config, device, ranks)
    if ranks.size > 1:
        raise TrainingError("The numpy engine trains in one process; start it without torchrun.")
    return NumpyLearner(network, config)


def _optimizer(network: PoetNetwork, config: TrainingConfig) -> torch.optim.Optimizer:
    if config.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), lr=config.learning_rate)
    if config.optimizer == "adagrad":
        return torch.optim.Adagrad(network.parameters(), lr=config.learning_rate)
    return torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )


def _check_by_hand(network: NetworkConfig, config: TrainingConfig) -> None:
    if network.cell != "lstm" or network.tied or network.conditions or network.dropout or network.output_relu:
        raise TrainingError(
            "The numpy engine trains a plain LSTM: untied, told nothing of form or tones, without dropout or ReLU; "
            "leave those options out."
        )
    if config.optimizer not in {"sgd", "adagrad"}:
        raise TrainingError("The numpy engine knows sgd and adagrad; choose one with --optimizer.")
