"""What a user would pick instead, in shape: random weights, the state kept from character to character.

Each writes the characters of a 5×4 poem with its punctuation, one poem at a time, and draws each from its softmax. They
have the vocabulary of our model, and keep neither form nor rhyme.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

CHARACTERS = 24
"""Of four lines of five, with four signs of punctuation."""

_HEADS = 12

Peer = Callable[[], list[int]]
"""Writes a poem: its ids."""

NUMPY_REPORT, TORCH_REPORT = "first report: 1×100 LSTM in NumPy", "second report: 2×128 LSTM"
STATEFUL = "stateful 2×128 LSTM"
LARGE, LARGE_CELLS = "3×512 LSTM, `nn.LSTM`", "3×512 LSTM, cells"
TRANSFORMER = "transformer, 12×768, keys and values kept"


def make_peers(vocabulary: int, scale: int = 1) -> Mapping[str, Peer]:
    """All peers by name; for tests a `scale`th of their widths."""
    peers: dict[str, Peer] = {NUMPY_REPORT: NumpyReport(vocabulary, 100 // scale).write}
    networks: dict[str, Stacked | Cells | Transformer] = {
        TORCH_REPORT: Stacked(vocabulary, 100 // scale, 128 // scale, 2, relu=True, first=0.5),
        STATEFUL: Stacked(vocabulary, 128 // scale, 128 // scale, 2),
        LARGE: Stacked(vocabulary, 512 // scale, 512 // scale, 3),
        LARGE_CELLS: Cells(vocabulary, 512 // scale, 512 // scale, 3),
        TRANSFORMER: Transformer(vocabulary, _HEADS * (768 // scale // _HEADS), 12),
    }
    return peers | {name: _poet(network.eval()) for name, network in networks.items()}


def _poet(network: "Stacked | Cells | Transformer") -> Peer:
    def write() -> list[int]:
        written = [0]
        with torch.inference_mode():
            step = network.begin()
            for _ in range(CHARACTERS):
                shares = step(torch.tensor([written[-1]])).softmax(dim=-1)
                written.append(int(torch.multinomial(shares, 1)))
        return written[1:]

    return write


Step = Callable[[Tensor], Tensor]
"""Id of a character (1,) → scores of the next (1, vocabulary); it remembers what came before."""


class Stacked(nn.Module):
    """An LSTM as its users run it: `nn.LSTM`, called a character at a time."""

    def __init__(
        self, vocabulary: int, embedding: int, hidden: int, layers: int, *, relu: bool = False, first: float = 0.0
    ) -> None:
        """`first`: standard deviation of the first state; `relu`: whether scores below 0 are cut off."""
        super().__init__()
        self._characters = nn.Embedding(vocabulary, embedding)
        self._recurrent = nn.LSTM(embedding, hidden, layers, batch_first=True)
        self._output = nn.Linear(hidden, vocabulary)
        self._relu = relu
        self._first = first

    def begin(self) -> Step:
        """A poem's beginning."""
        size = (self._recurrent.num_layers, 1, self._recurrent.hidden_size)
        state = (self._first * torch.randn(size), self._first * torch.randn(size))

        def step(character: Tensor) -> Tensor:
            nonlocal state
            outputs, state = self._recurrent(self._characters(character)[None], state)
            scores: Tensor = self._output(outputs[:, 0])
            return functional.log_softmax(functional.relu(scores), dim=-1) if self._relu else scores

        return step


class Cells(nn.Module):
    """The same at its best: `nn.LSTMCell`, which does not pack its weights anew at each call."""

    def __init__(self, vocabulary: int, embedding: int, hidden: int, layers: int) -> None:
        super().__init__()
        self._characters = nn.Embedding(vocabulary, embedding)
        self._cells = nn.ModuleList(nn.LSTMCell(hidden if layer else embedding, hidden) for layer in range(layers))
        self._output = nn.Linear(hidden, vocabulary)
        self._hidden = hidden

    def begin(self) -> Step:
        """A poem's beginning."""
        nothing = torch.zeros(1, self._hidden)
        states = [(nothing, nothing)] * len(self._cells)

        def step(character: Tensor) -> Tensor:
            outputs = self._characters(character)
            for layer, cell in enumerate(self._cells):
                states[layer] = cell(outputs, states[layer])
                outputs = states[layer][0]
            scores: Tensor = self._output(outputs)
            return scores

        return step


class Transformer(nn.Module):
    """A decoder that normalises first, as GPT-2 does."""

    def __init__(self, vocabulary: int, width: int, layers: int) -> None:
        super().__init__()
        self._characters = nn.Embedding(vocabulary, width)
        self._places = nn.Embedding(CHARACTERS, width)
        self._blocks = nn.ModuleList(_Block(width) for _ in range(layers))
        self._norm = nn.LayerNorm(width)
        self._output = nn.Linear(width, vocabulary, bias=False)

    def begin(self) -> Step:
        """A poem's beginning."""
        place = 0
        width = self._norm.normalized_shape[0]
        kept = [torch.empty(2, 1, _HEADS, CHARACTERS, width // _HEADS) for _ in self._blocks]

        def step(character: Tensor) -> Tensor:
            nonlocal place
            inputs = self._characters(character) + self._places.weight[place]
            place += 1
            for block, memory in zip(self._blocks, kept, strict=True):
                inputs = block(inputs, memory, place)
            scores: Tensor = self._output(self._norm(inputs))
            return scores

        return step


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self._before_looking, self._before_thinking = nn.LayerNorm(width), nn.LayerNorm(width)
        self._asked, self._seen = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self._wide, self._narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, inputs: Tensor, memory: Tensor, place: int) -> Tensor:
        """`inputs` (1, width); `memory` (2, 1, heads, places, width of a head): keys and values; `place` from 1."""
        parts = self._asked(self._before_looking(inputs)).view(3, 1, _HEADS, 1, -1)
        memory[:, :, :, place - 1 : place] = parts[1:]
        seen = functional.scaled_dot_product_attention(parts[0], *memory[:, :, :, :place])
        inputs = inputs + self._seen(seen.flatten(1))
        outputs: Tensor = inputs + self._narrow(functional.gelu(self._wide(self._before_thinking(inputs))))
        return outputs


class NumpyReport:
    """The first report's LSTM: one layer, a matrix for all gates; it takes the likeliest, always."""

    def __init__(self, vocabulary: int, width: int) -> None:
        random = np.random.default_rng(1)
        bound = width**-0.5
        self._characters = random.normal(size=(vocabulary, width))
        self._gates = random.uniform(-bound, bound, (4 * width, 2 * width))
        self._output = random.uniform(-bound, bound, (vocabulary, width))
        self._width = width

    def write(self) -> list[int]:
        """A poem."""
        hidden, cell, written = np.zeros(self._width), np.zeros(self._width), [0]
        for _ in range(CHARACTERS):
            drive = self._gates @ np.concatenate([self._characters[written[-1]], hidden])
            entry, forget, out = np.split(1 / (1 + np.exp(-drive[: 3 * self._width])), 3)
            cell = forget * cell + entry * np.tanh(drive[3 * self._width :])
            hidden = out * np.tanh(cell)
            scores = np.exp(self._output @ hidden)
            written.append(int((scores / scores.sum()).argmax()))
        return written[1:]
