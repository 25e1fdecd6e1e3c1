"""The hand-written LSTM held to PyTorch, to finite differences, and to hostile numbers."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from poetry_model.errors import BundleError
from poetry_model.numpy_lstm import Array, Ids, NumpyNetwork, Parameters, State, log_softmax, shapes, sigmoid, uniform
from poetry_model.numpy_optimizers import SGD, Adagrad, clip_gradients
from poetry_model.vocabulary import PAD


def _network(layers: int, vocabulary: int = 11, embedding: int = 5, hidden: int = 6) -> NumpyNetwork:
    generator = np.random.default_rng(layers)
    return NumpyNetwork(uniform(shapes(vocabulary, embedding, hidden, layers), generator))


def _batch(lengths: list[int], vocabulary: int = 11) -> tuple[Ids, Ids]:
    """Ids before and at each place; rows shorter than the longest end in `<pad>`, and many ids stand several times."""
    generator = np.random.default_rng(len(lengths))
    targets = generator.integers(1, vocabulary, (len(lengths), max(lengths)))
    targets[np.arange(max(lengths)) >= np.array(lengths)[:, np.newaxis]] = PAD
    return np.pad(targets, ((0, 0), (1, 0)), constant_values=PAD)[:, :-1], targets


def _oracle(parameters: Parameters) -> nn.ModuleDict:
    """PyTorch's own embedding, LSTM and linear layer in float64 with these parameters."""
    (vocabulary, embedding), hidden = parameters["characters.weight"].shape, parameters["output.weight"].shape[1]
    layers = sum("weight_hh" in name for name in parameters)
    network = nn.ModuleDict(
        {
            "characters": nn.Embedding(vocabulary, embedding),
            "recurrent": nn.LSTM(embedding, hidden, layers, batch_first=True),
            "output": nn.Linear(hidden, vocabulary),
        }
    ).double()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in parameters.items()})
    return network


def _oracle_forward(oracle: nn.ModuleDict, previous: Ids) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    outputs, state = oracle["recurrent"](oracle["characters"](torch.from_numpy(previous)))
    return oracle["output"](outputs).log_softmax(dim=-1), state


def _oracle_backward(oracle: nn.ModuleDict, previous: Ids, targets: Ids) -> float:
    oracle.zero_grad()
    scores, _ = _oracle_forward(oracle, previous)
    loss = nn.functional.nll_loss(scores.flatten(0, 1), torch.from_numpy(targets).flatten(), ignore_index=PAD)
    loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    return loss.item()


def _oracle_gradients(oracle: nn.ModuleDict) -> Parameters:
    return {name: parameter.grad.numpy() for name, parameter in oracle.named_parameters() if parameter.grad is not None}


def _error(ours: Array, expected: Array) -> float:
    """As a share of the norm of what is expected; where that is 0, anything but 0 is infinitely wrong."""
    difference, norm = np.linalg.norm(ours - expected), np.linalg.norm(expected)
    return float(difference / norm) if norm else float("inf" if difference else 0)


def _pre_activations(network: NumpyNetwork, previous: Ids) -> list[Array]:
    return [
        trace.inputs @ network.parameters[f"recurrent.weight_ih_l{layer}"].T
        + trace.hiddens[:-1] @ network.parameters[f"recurrent.weight_hh_l{layer}"].T
        + network.parameters[f"recurrent.bias_ih_l{layer}"]
        + network.parameters[f"recurrent.bias_hh_l{layer}"]
        for layer, trace in enumerate(network.forward(previous)[2])
    ]


_LAYERS = pytest.mark.parametrize("layers", [1, 2])
_LENGTHS = pytest.mark.parametrize(
    "lengths", [[7], [6, 6, 6], [3, 9, 1, 5], [18] * 30], ids=["one row", "no padding", "padding", "several slices"]
)
_OPTIMIZERS = pytest.mark.parametrize(
    ("ours", "theirs"), [(SGD, torch.optim.SGD), (Adagrad, torch.optim.Adagrad)], ids=["sgd", "adagrad"]
)


@_LAYERS
@_LENGTHS
def test_the_forward_pass_is_pytorchs(layers: int, lengths: list[int]) -> None:
    network, (previous, _) = _network(layers), _batch(lengths)
    with torch.no_grad():
        expected, (hidden, cell) = _oracle_forward(_oracle(network.parameters), previous)
    scores, state, _ = network.forward(previous)
    assert scores.shape == (*previous.shape, 11)
    assert _error(scores, expected.numpy()) < 1e-9
    assert _error(state[0], hidden.numpy()) < 1e-9
    assert _error(state[1], cell.numpy()) < 1e-9


@_LAYERS
@_LENGTHS
def test_the_loss_and_every_gradient_are_pytorchs(layers: int, lengths: list[int]) -> None:
    network, (previous, targets) = _network(layers), _batch(lengths)
    oracle = _oracle(network.parameters)
    expected = _oracle_backward(oracle, previous, targets)
    loss, gradients = network.loss_and_gradients(previous, targets)
    assert loss == pytest.approx(expected, rel=1e-12)
    assert network.loss(previous, targets) == pytest.approx(expected, rel=1e-12)
    assert list(gradients) == list(network.parameters)
    errors = {name: _error(gradients[name], gradient) for name, gradient in _oracle_gradients(oracle).items()}
    assert errors.keys() == gradients.keys()
    assert max(errors.values()) < 1e-9, errors


@_LAYERS
def test_every_entry_of_every_gradient_is_what_central_differences_give(layers: int) -> None:
    network, (previous, targets) = _network(layers, 6, 3, 4), _batch([5, 2, 4], 6)
    _, gradients = network.loss_and_gradients(previous, targets)
    step = 1e-5
    for name, parameter in network.parameters.items():
        differences = np.empty_like(parameter)
        for at in np.ndindex(parameter.shape):
            value = parameter[at]
            parameter[at] = value + step
            above = network.loss(previous, targets)
            parameter[at] = value - step
            differences[at] = (above - network.loss(previous, targets)) / (2 * step)
            parameter[at] = value
        assert _error(gradients[name], differences) < 1e-6, name


@_LAYERS
def test_the_state_carries_a_poem_from_one_call_to_the_next(layers: int) -> None:
    network, (previous, _) = _network(layers), _batch([9, 9, 9])
    whole, whole_state, _ = network.forward(previous)
    first, between, _ = network.forward(previous[:, :4])
    rest, after, _ = network.forward(previous[:, 4:], between)
    np.testing.assert_allclose(np.concatenate([first, rest], axis=1), whole, rtol=1e-12)
    np.testing.assert_allclose(after, whole_state, rtol=1e-12)
    alone, _, _ = network.forward(previous[:, 4:])
    assert not np.allclose(alone, rest)


@_LAYERS
def test_poems_of_a_batch_do_not_see_one_another_nor_what_fills_a_short_row(layers: int) -> None:
    network, (previous, targets) = _network(layers), _batch([3, 9, 1, 5])
    alone = [network.loss(previous[[row]], targets[[row]]) for row in range(4)]
    assert network.loss(previous, targets) == pytest.approx(np.average(alone, weights=[3, 9, 1, 5]), rel=1e-12)
    filled = previous.copy()
    filled[2, 1:] = 7
    assert network.loss(filled, targets) == network.loss(previous, targets)


@pytest.mark.parametrize(
    "huge",
    [
        ["characters.weight"],
        ["recurrent.weight_ih_l0", "recurrent.weight_ih_l1"],
        ["recurrent.weight_hh_l0", "recurrent.weight_hh_l1"],
        ["recurrent.bias_ih_l0", "recurrent.bias_hh_l1"],
        ["output.weight", "output.bias"],
    ],
    ids=lambda names: names[0],
)
def test_numbers_of_ten_thousand_and_more_leave_loss_and_gradients_finite_and_right(huge: list[str]) -> None:
    network, (previous, targets) = _network(2), _batch([3, 9, 1, 5])
    for name in huge:
        network.parameters[name] *= 1e6
    # Underflow is let pass: an id a thousand nats below the best, or the slope of a saturated gate, is 0 to the last
    # bit that float64 has, and 0 is a sound value for either.
    with np.errstate(all="raise", under="ignore"):
        scores, state, _ = network.forward(previous)
        loss, gradients = network.loss_and_gradients(previous, targets)
    reached = [np.abs(values).max() for values in (*_pre_activations(network, previous), scores)]
    assert max(reached) >= 1e4
    assert np.isfinite(loss)
    assert all(np.isfinite(values).all() for values in (scores, *state, *gradients.values()))
    oracle = _oracle(network.parameters)
    assert loss == pytest.approx(_oracle_backward(oracle, previous, targets), rel=1e-9)
    errors = {name: _error(gradients[name], gradient) for name, gradient in _oracle_gradients(oracle).items()}
    assert max(errors.values()) < 1e-9, errors


@pytest.mark.parametrize("sign", [1, -1])
def test_all_gates_at_ten_thousand_at_once_leave_loss_and_gradients_finite(sign: int) -> None:
    network, (previous, targets) = _network(2), _batch([3, 9, 1, 5])
    for layer in range(2):
        network.parameters[f"recurrent.bias_ih_l{layer}"][:] = sign * 1.1e4
    with np.errstate(all="raise", under="ignore"):
        loss, gradients = network.loss_and_gradients(previous, targets)
    for values in _pre_activations(network, previous):
        assert (sign * values).min() >= 1e4
    assert np.isfinite(loss)
    assert all(np.isfinite(gradient).all() for gradient in gradients.values())


def test_the_sigmoid_is_one_over_one_plus_the_power_and_never_leaves_nought_to_one() -> None:
    near = np.linspace(-30, 30, 601)
    np.testing.assert_allclose(sigmoid(near), 1 / (1 + np.exp(-near)), rtol=1e-15)
    with np.errstate(all="raise", under="ignore"):
        far = sigmoid(np.array([-np.inf, -1e308, -1e4, 0.0, 1e4, 1e308, np.inf]))
    assert far.tolist() == [0, 0, 0, 0.5, 1, 1, 1]


def test_the_log_softmax_of_hostile_scores_is_that_of_the_same_scores_moved() -> None:
    with np.errstate(all="raise", under="ignore"):
        scores = log_softmax(np.array([[1e4, 1e4], [-1e4, -1e4], [1e4, -1e4], [-1e308, -1e308]]))
    np.testing.assert_allclose(scores[[0, 1, 3]], -np.log(2))
    assert scores[2].tolist() == [0, -2e4]


@_LAYERS
def test_the_first_weights_have_the_names_and_shapes_of_pytorchs_and_fill_the_bounds(layers: int) -> None:
    table = shapes(40, 25, 16, layers)
    parameters = uniform(table, np.random.default_rng(1))
    state = nn.ModuleDict(
        {
            "characters": nn.Embedding(40, 25),
            "recurrent": nn.LSTM(25, 16, layers),
            "output": nn.Linear(16, 40),
        }
    ).state_dict()
    assert {name: array.shape for name, array in parameters.items()} == {
        name: tuple(tensor.shape) for name, tensor in state.items()
    }
    assert list(parameters) == list(state)
    for array in parameters.values():
        assert array.dtype == np.float64
        assert np.abs(array).max() <= 0.25
        assert array.max() > 0.2
        assert array.min() < -0.2
    again = uniform(table, np.random.default_rng(1))
    assert all(np.array_equal(again[name], array) for name, array in parameters.items())


def test_a_network_computes_in_float64_on_copies_of_what_it_is_given() -> None:
    given = {name: array.astype(np.float32) for name, array in _network(1).parameters.items()}
    network = NumpyNetwork(given)
    assert all(array.dtype == np.float64 for array in network.parameters.values())
    network.parameters["output.bias"] += 1
    assert np.abs(given["output.bias"]).max() < 1
    same = {name: array.copy() for name, array in network.parameters.items()}
    NumpyNetwork(network.parameters).parameters["output.bias"] += 1
    assert np.array_equal(network.parameters["output.bias"], same["output.bias"])


@pytest.mark.parametrize(
    "change",
    [
        {"output.weight": None},
        {"characters.weight": None},
        {"recurrent.weight_hh_l0": None},
        {"recurrent.weight_hh_l1": None},
        {"conditions.0.weight": (3, 2)},
        {"recurrent.weight_ih_l0": (24, 9)},
        {"output.weight": (11, 7)},
        {"output.bias": (12,)},
    ],
    ids=str,
)
def test_weights_of_another_network_are_refused_in_one_sentence(change: dict[str, tuple[int, ...] | None]) -> None:
    parameters = _network(2).parameters
    for name, shape in change.items():
        parameters.pop(name, None)
        if shape is not None:
            parameters[name] = np.zeros(shape)
    with pytest.raises(BundleError, match="not those of a plain LSTM"):
        NumpyNetwork(parameters)


@_LAYERS
@_OPTIMIZERS
def test_twenty_steps_of_training_go_as_pytorchs_do(
    ours: type[SGD | Adagrad], theirs: type[torch.optim.SGD | torch.optim.Adagrad], layers: int
) -> None:
    network, optimizer = _network(layers), ours()
    oracle = _oracle(network.parameters)
    their_optimizer = theirs(oracle.parameters(), lr=0.1)
    for step in range(20):
        previous, targets = _batch([2 + step % 3, 8, 5, 7, 3][: 3 + step % 3])
        loss, gradients = network.loss_and_gradients(previous, targets)
        norm = clip_gradients(gradients, 0.3)
        optimizer.step(network.parameters, gradients, 0.1)
        assert loss == pytest.approx(_oracle_backward(oracle, previous, targets), rel=1e-9)
        assert norm == pytest.approx(nn.utils.clip_grad_norm_(oracle.parameters(), 0.3).item(), rel=1e-9)
        their_optimizer.step()
        if step == 0:
            batch, before = (previous, targets), loss
    assert network.loss(*batch) < before
    expected = {name: parameter.detach().numpy() for name, parameter in oracle.named_parameters()}
    assert max(_error(network.parameters[name], array) for name, array in expected.items()) < 1e-9


def test_a_state_of_zeros_is_no_state() -> None:
    network, (previous, _) = _network(2), _batch([4, 6])
    state: State = np.zeros((2, 2, 6)), np.zeros((2, 2, 6))
    assert np.array_equal(network.forward(previous, state)[0], network.forward(previous)[0])
