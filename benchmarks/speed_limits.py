"""What the machine can do at most: products of matrices, and reading memory. Everything else is held against it."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from poetry_model.loss import SLICE
from poetry_model.network import NetworkConfig

_GATES = {"rnn": 1, "gru": 3, "lstm": 4}

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Product:
    """(rows, inner) × (inner, columns), so many times. What is turned is stored the other way round."""

    rows: int
    inner: int
    columns: int
    times: int = 1
    turned: tuple[bool, bool] = (False, True)
    """As PyTorch's layers lie: the weights, on the right, are (columns, inner)."""

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.rows * self.inner * self.columns * self.times


class Products:
    """A list of products that can be run: nothing else is done, and no memory taken.

    What is multiplied several times is so at once, as fast as it can be: its operands stay in the caches.
    """

    def __init__(self, products: Sequence[Product], dtype: torch.dtype, device: torch.device = CPU) -> None:
        self.operations = sum(product.operations for product in products)
        self._device = device
        self._steps: list[tuple[Tensor, Tensor, Tensor, int]] = []
        for product in products:
            left, right = (
                torch.randn(shape[::-1] if turned else shape, device=device).to(dtype)
                for shape, turned in zip(
                    ((product.rows, product.inner), (product.inner, product.columns)), product.turned, strict=True
                )
            )
            out = torch.empty(product.rows, product.columns, dtype=dtype, device=device)
            left, right = (
                operand.T if turned else operand for operand, turned in zip((left, right), product.turned, strict=True)
            )
            self._steps.append((left, right, out, product.times))

    def run(self) -> None:
        """All of them, once."""
        for left, right, out, times in self._steps:
            for _ in range(times):
                torch.mm(left, right, out=out)
        wait_for(self._device)

    def rate(self, rounds: int) -> float:
        """Operations a second."""
        return self.operations / statistics.median(interleaved({"": self.run}, rounds)[""])


def square(side: int) -> list[Product]:
    """One large product."""
    return [Product(side, side, side, turned=(False, False))]


def character_products(network: NetworkConfig, batch: int) -> list[Product]:
    """What `batch` poems need for the next character of each."""
    products = []
    for inputs in _inputs(network):
        gates = _GATES[network.cell] * network.hidden
        products += [Product(batch, inputs, gates), Product(batch, network.hidden, gates)]
    if network.tied:
        products.append(Product(batch, network.hidden, network.embedding))
    return [*products, Product(batch, _width(network), network.vocabulary)]


def training_products(network: NetworkConfig, poems: int, places: int) -> list[Product]:
    """What a training step needs, forward and back: over all places at once where that can be, else place by place.

    The first layer's inputs get a gradient too, for the embeddings.
    """
    rows, gates, hidden = poems * places, _GATES[network.cell] * network.hidden, network.hidden
    products = []
    for inputs in _inputs(network):
        products += _forward_and_back(rows, inputs, gates)
        products += _forward_and_back(poems, hidden, gates, times=places)[:2]
        # All places' share in the gradient at once.
        products += _forward_and_back(rows, hidden, gates)[2:]
    if network.tied:
        products += _forward_and_back(rows, hidden, network.embedding)
    slices, rest = divmod(rows, SLICE)
    products += _forward_and_back(SLICE, _width(network), network.vocabulary, times=slices)
    return products + (_forward_and_back(rest, _width(network), network.vocabulary) if rest else [])


def _forward_and_back(rows: int, inputs: int, outputs: int, times: int = 1) -> list[Product]:
    """A linear layer: its outputs, the gradient of its inputs, the gradient of its weights."""
    return [
        Product(rows, inputs, outputs, times),
        Product(rows, outputs, inputs, times, turned=(False, False)),
        Product(outputs, rows, inputs, times, turned=(True, False)),
    ]


def _inputs(network: NetworkConfig) -> list[int]:
    first = network.embedding + network.condition * len(network.conditions)
    return [first] + [network.hidden] * (network.layers - 1)


def _width(network: NetworkConfig) -> int:
    return network.embedding if network.tied else network.hidden


class Reader:
    """Reads an array as fast as one of several ways can."""

    def __init__(self, size: int) -> None:
        """`size` in bytes: more than the caches hold."""
        # Written, or every page would be the one of zeros.
        self._array = torch.ones(size // 8 * 2)
        whole = self._array.numpy().view(np.int64)
        self._size = whole.nbytes
        self._ways: Sequence[Callable[[], object]] = (
            self._array.sum,
            self._array.amax,
            lambda: torch.dot(self._array, self._array),
            whole.sum,
            torch.from_numpy(whole).amax,
        )

    def rate(self) -> float:
        """Bytes a second."""
        return self._size / min(seconds(way) for way in self._ways)


def wait_for(device: torch.device) -> None:
    """Until `device` has done all that it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def interleaved(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call in each round. They take turns, so that whatever else the machine does falls on all.

    Where there are several, one before the first is not counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in calls}
    uncounted = int(rounds > 1)
    for number in range(uncounted + rounds):
        for name, call in calls.items():
            spent = seconds(call)
            if number >= uncounted:
                taken[name].append(spent)
    return taken


def median_ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """How many times `other` `one` is: the median over the rounds."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))
