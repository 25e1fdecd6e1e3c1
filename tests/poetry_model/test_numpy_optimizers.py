import numpy as np
import pytest
import torch
from torch import nn

from poetry_model.numpy_lstm import Parameters
from poetry_model.numpy_optimizers import SGD, Adagrad, Optimizer, clip_gradients

_SHAPES = {"weight": (4, 3), "bias": (4,)}


def _random(seed: int, scale: float = 1.0) -> Parameters:
    generator = np.random.default_rng(seed)
    return {name: scale * generator.standard_normal(shape) for name, shape in _SHAPES.items()}


def _gradients(step: int) -> Parameters:
    """Of step `step`; one entry stays 0 throughout, as the embedding of a character that is never met does."""
    gradients = _random(10 + step, 3.0**-step)
    gradients["weight"][0, 0] = 0
    return gradients


@pytest.mark.parametrize(
    ("ours", "theirs"), [(SGD, torch.optim.SGD), (Adagrad, torch.optim.Adagrad)], ids=["sgd", "adagrad"]
)
def test_five_steps_are_pytorchs(
    ours: type[SGD | Adagrad], theirs: type[torch.optim.SGD | torch.optim.Adagrad]
) -> None:
    parameters, optimizer = _random(0), ours()
    tensors = {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in parameters.items()}
    oracle = theirs(tensors.values())
    for step in range(5):
        gradients, rate = _gradients(step), 0.3 / (1 + step)
        optimizer.step(parameters, gradients, rate)
        for name, tensor in tensors.items():
            tensor.grad = torch.from_numpy(gradients[name].copy())
        oracle.param_groups[0]["lr"] = rate
        oracle.step()
        for name, tensor in tensors.items():
            np.testing.assert_allclose(parameters[name], tensor.detach().numpy(), rtol=1e-14)


@pytest.mark.parametrize("kind", [SGD, Adagrad], ids=["sgd", "adagrad"])
def test_a_saved_optimizer_goes_on_as_if_it_had_never_stopped(kind: type[SGD | Adagrad]) -> None:
    parameters = _random(0)
    first: Optimizer = kind()
    for step in range(3):
        first.step(parameters, _gradients(step), 0.1)
    resumed = {name: array.copy() for name, array in parameters.items()}
    second: Optimizer = kind()
    second.state.update({name: array.copy() for name, array in first.state.items()})
    for step in range(3, 5):
        first.step(parameters, _gradients(step), 0.1)
        second.step(resumed, _gradients(step), 0.1)
    assert all(np.array_equal(resumed[name], array) for name, array in parameters.items())


def test_an_optimizer_changes_the_arrays_themselves_and_not_the_gradients() -> None:
    for optimizer in (SGD(), Adagrad()):
        parameters, gradients = _random(0), _gradients(0)
        before = dict(parameters)
        optimizer.step(parameters, gradients, 0.1)
        assert all(parameters[name] is array for name, array in before.items())
        assert all(np.array_equal(gradients[name], array) for name, array in _gradients(0).items())
        assert not np.array_equal(parameters["bias"], _random(0)["bias"])


@pytest.mark.parametrize("largest", [0.5, 5.0, 1000.0])
def test_clipping_is_pytorchs(largest: float) -> None:
    gradients = _random(1, 2.0)
    tensors = [torch.zeros(shape, dtype=torch.float64).requires_grad_() for shape in _SHAPES.values()]
    for tensor, gradient in zip(tensors, gradients.values(), strict=True):
        tensor.grad = torch.from_numpy(gradient.copy())
    expected = nn.utils.clip_grad_norm_(tensors, largest)
    assert clip_gradients(gradients, largest) == pytest.approx(expected.item(), rel=1e-14)
    for tensor, gradient in zip(tensors, gradients.values(), strict=True):
        assert tensor.grad is not None
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=1e-14)


def test_gradients_of_nought_stay_so() -> None:
    gradients = {"bias": np.zeros(3)}
    assert clip_gradients(gradients, 1.0) == 0
    assert not gradients["bias"].any()
