from pathlib import Path
from typing import Any

import pytest
import torch

from poetry_model.batches import Batch
from poetry_model.errors import TrainingError
from poetry_model.learners import TorchLearner
from poetry_model.network import NetworkConfig, PoetNetwork
from poetry_model.training_config import TrainingConfig
from poetry_model.training_state import Counters, load_state, save_state

IDENTITY: dict[str, Any] = {"config": {"epochs": 2}, "corpus": "digest"}


def _made() -> tuple[PoetNetwork, TorchLearner]:
    network = PoetNetwork(NetworkConfig(5, embedding=4, hidden=6, layers=1))
    return network, TorchLearner(network, TrainingConfig(), torch.device("cpu"))


def _stepped() -> tuple[PoetNetwork, TorchLearner]:
    network, learner = _made()
    learner.step(Batch(torch.tensor([[2]]), torch.tensor([[[0, 0, 0]]]), torch.tensor([[3]])), 0.01)
    return network, learner


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    network, learner = _stepped()
    save_state(tmp_path / "state", Counters(IDENTITY), network, {}, learner)
    return tmp_path / "state"


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    network, learner = _stepped()
    best = {name: tensor + 1 for name, tensor in network.state_dict().items()}
    counters = Counters(IDENTITY, 1, 3, 2.5, 90.0, [{"loss": 1.0, "perplexity": 2.0}], 2.0, 1)
    save_state(tmp_path / "state", counters, network, best, learner)
    expected = torch.rand(3)

    other, its_learner = _made()
    loaded, its_best = load_state(tmp_path / "state", IDENTITY, other, its_learner)
    assert loaded == counters
    torch.testing.assert_close(its_best, best, rtol=0, atol=0)
    torch.testing.assert_close(dict(other.state_dict()), dict(network.state_dict()), rtol=0, atol=0)
    torch.testing.assert_close(its_learner.state(), learner.state(), rtol=0, atol=0)
    assert torch.rand(3).equal(expected)


def test_a_first_state_has_no_best_weights_and_no_limit(folder: Path) -> None:
    counters, best = load_state(folder, IDENTITY, *_made())
    assert best == {}
    assert counters.best == float("inf")


def test_no_state_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"There is no interrupted run in .*; start one without --resume"):
        load_state(tmp_path, IDENTITY, *_made())


def test_the_state_of_another_run_names_what_differs(folder: Path) -> None:
    with pytest.raises(TrainingError, match="had another config, corpus;"):
        load_state(folder, {"config": {"epochs": 3}, "corpus": "other"}, *_made())


@pytest.mark.parametrize("content", [b"", b"[]", b'{"identity": {}, "unknown": 1}', b"\xff", b'{"identity": []}'])
def test_damaged_counters_are_refused(folder: Path, content: bytes) -> None:
    (folder / "state.json").write_bytes(content)
    with pytest.raises(TrainingError, match="is damaged; delete the folder and start anew"):
        load_state(folder, IDENTITY, *_made())


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_truncated_tensors_are_refused(folder: Path, share: float) -> None:
    content = (folder / "state.safetensors").read_bytes()
    (folder / "state.safetensors").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(TrainingError, match="is damaged"):
        load_state(folder, IDENTITY, *_made())


def test_missing_tensors_are_refused(folder: Path) -> None:
    (folder / "state.safetensors").unlink()
    with pytest.raises(TrainingError, match="is damaged"):
        load_state(folder, IDENTITY, *_made())
