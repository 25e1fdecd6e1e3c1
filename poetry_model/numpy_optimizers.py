"""What the NumPy engine does with a gradient: clip it, then step by plain descent or by Adagrad.

Each equals its namesake in PyTorch, without momentum and weight decay.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from poetry_model.numpy_lstm import Array, Parameters

_EPSILON = 1e-10
"""Keeps Adagrad's divisor from 0; PyTorch's default."""

_CLIP_EPSILON = 1e-6
"""Added to the norm before it divides, as PyTorch does."""


class Optimizer(Protocol):
    """Changes parameters in place by their gradients."""

    state: Parameters
    """What it remembers from step to step, live: a checkpoint keeps it, and a later run puts it back here."""

    def step(self, parameters: Parameters, gradients: Mapping[str, Array], rate: float) -> None:
        """One step with the learning rate `rate`; both dictionaries have the same names and shapes."""


class SGD:
    """θ ← θ − rate · g, as `torch.optim.SGD`."""

    def __init__(self) -> None:
        self.state: Parameters = {}
        """Empty: every step stands alone."""

    def step(self, parameters: Parameters, gradients: Mapping[str, Array], rate: float) -> None:
        """See `Optimizer`."""
        for name, parameter in parameters.items():
            np.subtract(parameter, rate * gradients[name], out=parameter)


class Adagrad:
    """G ← G + g², θ ← θ − rate · g / (√G + 1e-10), as `torch.optim.Adagrad` (Duchi et al. 2011)."""

    def __init__(self) -> None:
        self.state: Parameters = {}
        """G by the parameters' names; empty before the first step."""

    def step(self, parameters: Parameters, gradients: Mapping[str, Array], rate: float) -> None:
        """See `Optimizer`."""
        if not self.state:
            self.state.update({name: np.zeros_like(parameter) for name, parameter in parameters.items()})
        for name, parameter in parameters.items():
            gradient, squares = gradients[name], self.state[name]
            squares += gradient**2
            np.subtract(parameter, rate * gradient / (np.sqrt(squares) + _EPSILON), out=parameter)


def clip_gradients(gradients: Mapping[str, Array], largest: float) -> float:
    """Scale all gradients in place so that their joint norm is at most `largest`; returns the norm they had.

    As `torch.nn.utils.clip_grad_norm_`.
    """
    norm = float(np.sqrt(sum(np.vdot(gradient, gradient) for gradient in gradients.values())))
    share = largest / (norm + _CLIP_EPSILON)
    if share < 1:
        for gradient in gradients.values():
            np.multiply(gradient, share, out=gradient)
    return norm
