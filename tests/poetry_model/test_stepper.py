from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from poetry_model.conditions import SIZES, sizes_with_controls
from poetry_model.layout import NOBODY
from poetry_model.network import Cell, NetworkConfig, PoetNetwork
from poetry_model.stepper import Stepper

CPU = torch.device("cpu")
VOCABULARY, ROWS, PLACES = 23, 5, 6
IDS = torch.tensor([*range(7), NOBODY, *reversed(range(7, VOCABULARY)), NOBODY])
"""Of each column."""
EVERY = slice(len(IDS))
COLUMNS = torch.tensor([IDS.tolist().index(number) for number in range(VOCABULARY)])
"""Of each id."""


def _network(cell: Cell = "lstm", layers: int = 2, **settings: Any) -> PoetNetwork:
    torch.manual_seed(1)
    settings = {"conditions": sizes_with_controls(4), **settings}
    config = NetworkConfig(VOCABULARY, embedding=6, hidden=8, layers=layers, condition=3, cell=cell, **settings)
    network = PoetNetwork(config).eval()
    for parameter in network.parameters():
        # Biases are not 0 then: what is left out would show.
        torch.nn.init.normal_(parameter, std=0.4)
    return network


def _told(sizes: Mapping[str, int], rows: int = ROWS) -> Tensor:
    torch.manual_seed(2)
    columns = [torch.randint(size, (rows, PLACES)) for size in sizes.values()]
    return torch.stack(columns, dim=2) if columns else torch.zeros(rows, PLACES, 0, dtype=torch.long)


def _characters(rows: int = ROWS) -> Tensor:
    torch.manual_seed(3)
    return torch.randint(VOCABULARY, (rows, PLACES))


@torch.inference_mode()
def _stepped(stepper: Stepper, characters: Tensor, told: Tensor) -> Tensor:
    """The scores of every id at every place."""
    memory = stepper.memory(len(characters))
    steps = []
    for place in range(PLACES):
        stepper.step(memory, len(characters), COLUMNS[characters[:, place]], told[:, place])
        steps.append(stepper.scores(memory, torch.arange(len(characters)), EVERY).clone())
    return torch.stack(steps, dim=1)[..., COLUMNS]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("tied", [True, False])
def test_character_by_character_the_scores_are_the_networks(cell: Cell, layers: int, *, tied: bool) -> None:
    network = _network(cell, layers, tied=tied)
    told = _told(network.config.conditions)
    wanted, _ = network(_characters(), told)
    torch.testing.assert_close(_stepped(Stepper(network, IDS, CPU), _characters(), told), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("settings", [{"output_relu": True}, {"conditions": {}}, {"conditions": SIZES}])
def test_whatever_the_network_is_the_scores_are_its_own(settings: dict[str, Any]) -> None:
    network = _network(**settings)
    told = _told(network.config.conditions)
    wanted, _ = network(_characters(), told)
    torch.testing.assert_close(_stepped(Stepper(network, IDS, CPU), _characters(), told), wanted, rtol=1e-5, atol=1e-5)


def test_further_columns_of_what_is_told_are_not_looked_at() -> None:
    network = _network(conditions=SIZES)
    told = _told(sizes_with_controls(4))
    stepper = Stepper(network, IDS, CPU)
    assert _stepped(stepper, _characters(), told).equal(_stepped(stepper, _characters(), told[..., : len(SIZES)]))


@pytest.mark.parametrize(("dtype", "near"), [(torch.float16, 0.05), (torch.bfloat16, 0.4)])
def test_in_half_precision_the_scores_are_near_the_networks(dtype: torch.dtype, near: float) -> None:
    network = _network()
    told = _told(network.config.conditions)
    wanted, _ = network(_characters(), told)
    found = _stepped(Stepper(network, IDS, CPU, dtype), _characters(), told)
    assert found.dtype is dtype
    torch.testing.assert_close(found.float(), wanted, rtol=0, atol=near)
    assert not found.float().equal(wanted)


@pytest.mark.parametrize("settings", [{}, {"output_relu": True}])
def test_where_nobody_is_no_score_is_above_any(settings: dict[str, Any]) -> None:
    network = _network(**settings)
    stepper = Stepper(network, IDS, CPU)
    memory = stepper.memory(ROWS)
    with torch.inference_mode():
        stepper.step(memory, ROWS, COLUMNS[_characters()[:, 0]], _told(network.config.conditions)[:, 0])
        scores = stepper.scores(memory, torch.arange(ROWS), EVERY)
    assert scores.shape == (ROWS, len(IDS))
    assert (scores == -torch.inf).equal((IDS == NOBODY).expand(ROWS, -1))


def test_scores_come_of_the_rows_and_columns_that_are_asked_for() -> None:
    network = _network()
    stepper = Stepper(network, IDS, CPU)
    memory = stepper.memory(ROWS)
    with torch.inference_mode():
        stepper.step(memory, ROWS, COLUMNS[_characters()[:, 0]], _told(network.config.conditions)[:, 0])
        scores = stepper.scores(memory, torch.arange(ROWS), EVERY).clone()
        found = stepper.scores(memory, torch.tensor([3, 0, 4]), slice(5, 20))
        torch.testing.assert_close(found, scores[[3, 0, 4], 5:20])


def test_a_row_that_takes_the_place_of_another_brings_what_it_remembers() -> None:
    network = _network()
    stepper, characters, told = Stepper(network, IDS, CPU), _characters(), _told(network.config.conditions)
    wanted = _stepped(stepper, characters, told)
    memory = stepper.memory(ROWS)
    with torch.inference_mode():
        stepper.step(memory, ROWS, COLUMNS[characters[:, 0]], told[:, 0])
        for tensor in memory.kept:
            tensor[1] = tensor[ROWS - 1]
        stepper.step(memory, 2, COLUMNS[characters[[0, ROWS - 1], 1]], told[[0, ROWS - 1], 1])
        scores = stepper.scores(memory, torch.arange(2), EVERY)
    torch.testing.assert_close(scores[:, COLUMNS], wanted[[0, ROWS - 1], 1])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_lone_row_is_computed_as_it_is_among_others(cell: Cell) -> None:
    network = _network(cell)
    stepper, characters, told = Stepper(network, IDS, CPU), _characters(), _told(network.config.conditions)
    torch.testing.assert_close(
        _stepped(stepper, characters[:1], told[:1]), _stepped(stepper, characters, told)[:1], rtol=1e-6, atol=1e-6
    )


def test_in_half_precision_few_numbers_of_rows_are_computed_and_each_as_in_single() -> None:
    network = _network()
    single, half = Stepper(network, IDS, CPU), Stepper(network, IDS, CPU, torch.float16)
    assert {len(half.memory(rows).seen) for rows in range(1, 513)} == {
        2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512
    }  # fmt: skip # a series
    for rows in (1, 5, 7):
        characters, told = _characters(rows), _told(network.config.conditions, rows)
        torch.testing.assert_close(
            _stepped(half, characters, told).float(), _stepped(single, characters, told), rtol=0, atol=0.05
        )
