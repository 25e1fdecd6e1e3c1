"""The two engines, side by side, and what the recipes promise of them."""

import math
from collections import Counter
from collections.abc import Sequence

import pytest
import torch

from poetry_model.batches import Batch, batches
from poetry_model.errors import TrainingError
from poetry_model.holdout import Split
from poetry_model.learners import NumpyLearner, TorchLearner
from poetry_model.network import Cell, NetworkConfig, PoetNetwork
from poetry_model.training_config import TrainingConfig
from poetry_model.vocabulary import Vocabulary

CPU = torch.device("cpu")


def _network(vocabulary: Vocabulary, **config: object) -> PoetNetwork:
    torch.manual_seed(3)
    plain = {
        "embedding": 12,
        "hidden": 16,
        "dropout": 0.0,
        "tied": False,
        "conditions": {},
        "initialisation": "uniform",
    }
    return PoetNetwork(NetworkConfig(len(vocabulary), **(plain | config)))  # type: ignore[arg-type] # by name


@pytest.fixture(scope="module")
def steps(split: Split, vocabulary: Vocabulary) -> list[Batch]:
    """Twenty batches of about twenty poems."""
    found = list(batches(split.training, vocabulary, 100, poems=20, seed=1)) * 3
    assert len(found) >= 20
    return found[:20]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.5), ("adagrad", 0.05)])
def test_both_engines_have_the_same_loss_step_for_step(
    steps: Sequence[Batch],
    vocabulary: Vocabulary,
    optimizer: str,
    rate: float,
    layers: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("poetry_model.learners.has_fast_bfloat16", lambda _device: False)
    config = TrainingConfig(optimizer=optimizer, clip=0.5)  # type: ignore[arg-type] # one of its names
    by_torch = TorchLearner(_network(vocabulary, layers=layers), config, CPU)
    by_hand = NumpyLearner(_network(vocabulary, layers=layers), config)
    losses = [(by_torch.step(batch, rate), by_hand.step(batch, rate)) for batch in steps]
    for torch_loss, hand_loss in losses:
        assert hand_loss == pytest.approx(torch_loss, rel=2e-5)
    assert losses[-1][1] < losses[0][1] - 0.1


def test_what_is_learned_by_hand_reaches_the_network(steps: Sequence[Batch], vocabulary: Vocabulary) -> None:
    network = _network(vocabulary)
    learner = NumpyLearner(network, TrainingConfig(optimizer="adagrad"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    learner.step(steps[0], 0.1)
    assert all(tensor.equal(before[name]) for name, tensor in network.state_dict().items())
    learner.settle()
    assert not any(tensor.equal(before[name]) for name, tensor in network.state_dict().items())


def test_a_learner_by_hand_goes_on_from_its_state(steps: Sequence[Batch], vocabulary: Vocabulary) -> None:
    config = TrainingConfig(optimizer="adagrad")
    one, other = (NumpyLearner(_network(vocabulary), config) for _ in range(2))
    one.step(steps[0], 0.1)
    kept = {name: tensor.clone() for name, tensor in one.state().items()}
    loss = one.step(steps[1], 0.1)
    other.load_state(kept)
    assert other.step(steps[1], 0.1) == loss


@pytest.mark.parametrize(
    ("network", "optimizer"),
    [
        ({"cell": "gru"}, "sgd"),
        ({"dropout": 0.1}, "sgd"),
        ({"tied": True}, "sgd"),
        ({"output_relu": True}, "sgd"),
        ({}, "adamw"),
    ],
)
def test_what_is_not_written_by_hand_is_refused(
    vocabulary: Vocabulary, network: dict[str, object], optimizer: str
) -> None:
    with pytest.raises(TrainingError, match="numpy engine"):
        NumpyLearner(_network(vocabulary, **network), TrainingConfig(optimizer=optimizer))  # type: ignore[arg-type] # by name


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("initialisation", ["default", "uniform", "xavier"])
def test_every_cell_learns_from_every_start_but_zeros(
    steps: Sequence[Batch], vocabulary: Vocabulary, cell: Cell, initialisation: str
) -> None:
    network = _network(vocabulary, cell=cell, initialisation=initialisation)
    learner = TorchLearner(network, TrainingConfig(), CPU)
    losses = [learner.step(batch, 0.02) for batch in steps]
    assert losses[-1] < losses[0] - 0.3


def test_from_zeros_all_hidden_units_stay_equal_and_only_the_frequencies_are_learned(
    split: Split, vocabulary: Vocabulary
) -> None:
    network = _network(vocabulary, initialisation="zeros")
    learner = TorchLearner(network, TrainingConfig(clip=1e9), CPU)
    [everything] = batches(split.training, vocabulary, 10**9, poems=10**6)
    for _ in range(400):
        loss = learner.step(everything, 0.05)
    counts = Counter(character for verse in split.training for character in verse.text)
    total = counts.total()
    unknown = sum(count for character, count in counts.items() if character not in vocabulary)
    known = [count for character, count in counts.items() if character in vocabulary]
    entropy = -sum(count / total * math.log(count / total) for count in [*known, unknown] if count)
    assert loss == pytest.approx(entropy, abs=0.01)
    for name, weights in network.named_parameters():
        if name != "output.bias":
            assert weights.abs().max() == 0, name
    # From other weights the same network does better than any single character can.
    other = _network(vocabulary)
    free = TorchLearner(other, TrainingConfig(), CPU)
    for _ in range(200):
        learned = free.step(everything, 0.03)
    assert learned < entropy - 0.1
