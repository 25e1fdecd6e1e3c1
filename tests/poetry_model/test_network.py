import pytest
import torch
from torch import Tensor

from poetry_model.conditions import SIZES, conditions, sizes_with_controls
from poetry_model.dropout import Dropout
from poetry_model.network import Cell, NetworkConfig, PoetNetwork


@pytest.fixture
def network() -> PoetNetwork:
    torch.manual_seed(0)
    return PoetNetwork(NetworkConfig(9, embedding=6, hidden=8, layers=2)).eval()


@pytest.fixture
def characters() -> Tensor:
    return torch.tensor([[0, 2, 3, 4, 5], [0, 8, 7, 6, 5]])


@pytest.fixture
def told() -> Tensor:
    return torch.tensor([conditions(5, 1), conditions(5, 1)])


def test_every_place_gets_a_score_for_every_id(network: PoetNetwork, characters: Tensor, told: Tensor) -> None:
    scores, (hidden, cell) = network(characters, told)
    assert scores.shape == (2, 5, 9)
    assert hidden.shape == cell.shape == (2, 2, 8)


def test_place_by_place_gives_what_the_whole_gives(network: PoetNetwork, characters: Tensor, told: Tensor) -> None:
    whole, _ = network(characters, told)
    first, state = network(characters[:, :2], told[:, :2])
    rest, _ = network(characters[:, 2:], told[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, rest], dim=1), whole)


def test_no_place_sees_what_comes_after_it(network: PoetNetwork, characters: Tensor, told: Tensor) -> None:
    changed = characters.clone()
    changed[:, 3] = 2
    before, after = network(characters, told)[0], network(changed, told)[0]
    assert before[:, :3].equal(after[:, :3])
    assert not before[:, 3:].equal(after[:, 3:])


@pytest.mark.parametrize("column", range(len(SIZES)))
def test_each_condition_is_heard(network: PoetNetwork, characters: Tensor, told: Tensor, column: int) -> None:
    changed = told.clone()
    changed[..., column] = 1 - changed[..., column].clamp(max=1)
    assert not network(characters, told)[0].equal(network(characters, changed)[0])


def test_scores_are_made_with_the_embedding(network: PoetNetwork) -> None:
    features = torch.randn(3, 6)
    torch.nn.init.normal_(network.bias)
    torch.testing.assert_close(network.score(features), features @ network.characters.weight.T + network.bias)
    names = [name for name, _ in network.named_parameters()]
    assert sum(parameter.shape == (9, 6) for parameter in network.parameters()) == 1, names


def test_dropout_is_for_training_alone(network: PoetNetwork, characters: Tensor, told: Tensor) -> None:
    assert network(characters, told)[0].equal(network(characters, told)[0])
    network.train()
    assert not network(characters, told)[0].equal(network(characters, told)[0])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 3])
def test_training_drops_between_layers_and_changes_nothing_else(
    characters: Tensor, told: Tensor, cell: Cell, layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = PoetNetwork(NetworkConfig(9, embedding=6, hidden=8, layers=layers, cell=cell))
    widths: list[int] = []

    def keep(_: Dropout, inputs: Tensor) -> Tensor:
        widths.append(inputs.shape[-1])
        return inputs

    monkeypatch.setattr(Dropout, "forward", keep)
    trained, evaluated = network(characters, told), network.eval()(characters, told)
    torch.testing.assert_close(trained, evaluated)
    assert widths.count(8) == layers + 1


def test_one_layer_is_enough(characters: Tensor, told: Tensor) -> None:
    scores, _ = PoetNetwork(NetworkConfig(9, embedding=6, hidden=8, layers=1))(characters, told)
    assert scores.isfinite().all()


def test_the_first_scores_are_close_together(network: PoetNetwork, characters: Tensor, told: Tensor) -> None:
    assert network(characters, told)[0].abs().max() < 2


def test_the_architecture_survives_its_dictionary() -> None:
    config = NetworkConfig(9, embedding=6, hidden=8, layers=1, dropout=0.1)
    assert NetworkConfig(**config.as_dict()) == config  # type: ignore[arg-type] # as JSON gives it back


def test_a_network_that_grew_writes_as_before_until_it_is_trained(
    network: PoetNetwork, characters: Tensor, told: Tensor
) -> None:
    grown = network.grown(sizes_with_controls(4)).eval()
    assert dict(grown.config.conditions) == {**SIZES, "tone": 3, "rhyme": 5, "dynasty": 2}
    before, state = network(characters, told)
    for more in ((0, 0, 0), (1, 2, 1), (2, 4, 0)):
        controls = torch.tensor(more).expand(*told.shape[:2], 3)
        after, its_state = grown(characters, torch.cat([told, controls], dim=2))
        torch.testing.assert_close(after, before)
        torch.testing.assert_close(its_state, state)


def test_a_network_that_grew_can_learn_what_is_new(network: PoetNetwork, characters: Tensor, told: Tensor) -> None:
    network.requires_grad_(requires_grad=False)
    grown = network.grown(sizes_with_controls(4))
    controls = torch.ones(*told.shape[:2], 3, dtype=torch.long)
    grown(characters, torch.cat([told, controls], dim=2))[0].square().sum().backward()
    gradient = dict(grown.named_parameters())["recurrent.weight_ih_l0"].grad
    assert gradient is not None
    assert gradient[:, -3 * grown.config.condition :].abs().max() > 0
    assert network.config.conditions == SIZES
