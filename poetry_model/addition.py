"""Learning to carry: the recurrent stack alone, shown sums digit by digit, learns to add numbers of any length.

The digits of both numbers come in least significant first, so the carry is all that has to be remembered. What was
learned is a rule and no table: it holds for numbers far longer than any that were shown.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from poetry_model.network import Cell, recurrent_stack

Pair = tuple[int, int]
"""Two numbers from 0 on, to be added."""

_BASE = 10
_EMBEDDING = 32
_HIDDEN = 64

_STEPS = 400
_BATCH = 128
_PEAK_RATE = 0.03
_WARMUP = 0.1
"""Share of the steps."""
_CLIP = 0.1
"""Low enough to cut most gradients: AdamW divides by their size anyway, and no step may outweigh the others. With 1 a
GRU sees to it that a carry lasts as long as its examples, and loses it after some twenty places."""
_WEIGHT_DECAY = 0.1
"""More, and carries fade again; less, and one sum of thirty digits in two hundred is wrong."""


class AddingNetwork(nn.Module):
    """Both digits of a place → embeddings, side by side → recurrent layer → dense → scores of the sum's digit."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.digits = nn.Embedding(_BASE, _EMBEDDING)
        self.recurrent = recurrent_stack(cell, 2 * _EMBEDDING, _HIDDEN, layers=1)
        self.output = nn.Linear(_HIDDEN, _BASE)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Scores (batch, places, 10) of the digits (batch, places) of two numbers, least significant first."""
        outputs, _ = self.recurrent(torch.cat([self.digits(first), self.digits(second)], dim=-1))
        scores: Tensor = self.output(outputs)
        return scores


def draw_pairs(count: int, digits: int, seed: int) -> list[Pair]:
    """Pairs of numbers of `digits` digits, where the first may be 0.

    Evenly drawn digits seldom carry far. So every second pair is bent, each by shares of its own: some digits of the
    first number repeat the one before them, and some of the second make nine with the first's, so that a carry which
    meets them runs on. 999…9 + 1 is the extreme of both.
    """
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randint(_BASE, (2, count, digits), generator=generator)
    shares = torch.rand(2, count, 1, generator=generator)
    shares[:, ::2] = 0
    repeats, complements = torch.rand(2, count, digits, generator=generator) < shares
    origins = torch.arange(digits).where(~repeats, 0).cummax(dim=1).values
    first = first.gather(1, origins)
    second = (_BASE - 1 - first).where(complements, second)
    return list(zip(_from_digits(first), _from_digits(second), strict=True))


def learn_to_add(cell: Cell, pairs: Sequence[Pair], seed: int = 1) -> AddingNetwork:
    """A network that has learned the sums of `pairs`; the same seed gives the same network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = AddingNetwork(cell)
    generator = torch.Generator().manual_seed(seed)
    first, second = _inputs(pairs)
    targets = _to_digits([one + other for one, other in pairs], first.shape[1])
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _PEAK_RATE, _STEPS, pct_start=_WARMUP, cycle_momentum=False
    )
    for _ in range(_STEPS):
        rows = torch.randint(len(pairs), (_BATCH,), generator=generator)
        scores = network(first[rows], second[rows])
        loss = functional.cross_entropy(scores.flatten(0, 1), targets[rows].flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimizer.step()
        schedule.step()
    return network.eval()


def sums(network: AddingNetwork, pairs: Sequence[Pair]) -> list[int]:
    """What the network takes for the sum of each pair."""
    with torch.inference_mode():
        return _from_digits(network(*_inputs(pairs)).argmax(dim=-1))


def _inputs(pairs: Sequence[Pair]) -> tuple[Tensor, Tensor]:
    """The digits of the first and of the second numbers, each (batch, places); the last carry has a place to go to."""
    places = len(str(max(max(pair) for pair in pairs))) + 1
    first, second = zip(*pairs, strict=True)
    return _to_digits(first, places), _to_digits(second, places)


def _to_digits(numbers: Sequence[int], places: int) -> Tensor:
    """(batch, places), least significant first."""
    return torch.tensor([[int(digit) for digit in reversed(f"{number:0{places}}")] for number in numbers])


def _from_digits(digits: Tensor) -> list[int]:
    """Numbers of (batch, places)."""
    return [int("".join(map(str, reversed(row)))) for row in digits.tolist()]
