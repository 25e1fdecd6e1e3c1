"""From weights to ids. Pure functions: the randomness is an argument."""

from random import Random

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

COLDEST = 1e-6
"""Below it the likeliest id is certain anyway."""

BLOCK = 128
"""Ids whose weights are added up together: an id is looked for in one block alone. Rows are as many blocks long."""

_DRAW = 2
"""Uniform numbers that a draw takes: one for the block, one within it."""

_TRIES = 3
"""Draws from all ids until one is in the nucleus. Then the nucleus is told apart, which takes the longer."""

UNIFORMS = _DRAW * (_TRIES + 1)
"""Uniform numbers that `choose` may need for one id."""


_BITS = 23
"""Of a uniform number: one bit less than fp32 holds, so that what is below 1 stays below what it is multiplied with."""


def uniforms(random: Random, ids: int) -> np.ndarray:
    """What `choose` needs for so many ids, (ids, UNIFORMS), fp32: multiples of 2**-23 in [0, 1)."""
    drawn = np.frombuffer(random.randbytes(4 * ids * UNIFORMS), dtype="<u4") >> (32 - _BITS)
    return (drawn * np.float32(2**-_BITS)).astype(np.float32).reshape(ids, UNIFORMS)


def probabilities(scores: Tensor, temperature: Tensor) -> Tensor:
    """The softmax of `scores / temperature`: scores (rows, ids), -inf where one is forbidden; temperature (rows,)."""
    return (scores / temperature[:, None].clamp(min=COLDEST)).softmax(1)


def sums(weights: Tensor) -> Tensor:
    """The sum of each block, (rows, blocks)."""
    return weights.reshape(len(weights), -1, BLOCK).sum(2)


def total(blocks: Tensor) -> Tensor:
    """Of each row the sum of its blocks, (rows,): one after the other, so that blocks of nothing change nothing."""
    return blocks.cumsum(1)[:, -1]


def choose(weights: Tensor, blocks: Tensor, uniforms: Tensor, nucleus: Tensor, room: Tensor) -> Tensor:
    """One id a row, drawn from the nucleus of the probabilities that `weights` are in proportion to.

    weights (rows, ids), ids a multiple of `BLOCK`: 0 where an id is forbidden, of any scale, above 0 somewhere in each
    row; blocks: their `sums`; uniforms (rows, UNIFORMS): those of each row, so that its choice does not depend on its
    neighbours; nucleus (rows,), above 0 and at most 1; room: of the shape of `weights`, to compute in. The nucleus is
    the smallest set of likeliest ids whose probability reaches `nucleus` (Holtzman et al. 2020,
    https://arxiv.org/abs/1904.09751), and whatever is as likely as the last of them. Returns (rows,).

    An id drawn from all, again and again until it is in the nucleus, is one drawn from the nucleus. Whether it is, one
    sum tells: of what is likelier. That is several times as fast as to sort.
    """
    chosen = torch.empty(len(weights), dtype=torch.long, device=weights.device)
    rows = torch.arange(len(weights), device=weights.device)
    for first in range(0, _DRAW * _TRIES, _DRAW):
        drawn = _drawn(weights, blocks, uniforms[:, first : first + _DRAW])
        chosen[rows] = drawn
        outside = (_likelier(weights, drawn, room) >= nucleus * total(blocks)).nonzero()[:, 0]
        if not len(outside):
            return chosen
        rows, weights, blocks, uniforms = rows[outside], weights[outside], blocks[outside], uniforms[outside]
        nucleus, room = nucleus[outside], room[: len(outside)]
    inside = weights * (weights >= _least(weights, nucleus))
    chosen[rows] = _drawn(inside, sums(inside), uniforms[:, -_DRAW:])
    return chosen


def _drawn(weights: Tensor, blocks: Tensor, uniforms: Tensor) -> Tensor:
    """One id a row, (rows,): a block by its sum, an id by its share of the block. Nothing of weight 0 is ever drawn."""
    within = torch.arange(BLOCK, device=weights.device)
    up_to = blocks.cumsum(1)
    first = torch.searchsorted(up_to, uniforms[:, :1] * up_to[:, -1:], right=True) * BLOCK
    shares = weights.gather(1, first + within).cumsum(1)
    return (first + torch.searchsorted(shares, uniforms[:, 1:] * shares[:, -1:], right=True))[:, 0]


def _likelier(weights: Tensor, ids: Tensor, room: Tensor) -> Tensor:
    """Of each row the weight of all that is likelier than its id, (rows,)."""
    own = weights.gather(1, ids[:, None])
    # One threshold for all rows takes a fifth of the time that one for each does.
    others = functional.threshold(torch.div(weights, own, out=room), 1.0, 0.0, inplace=True)
    return total(sums(others)) * own[:, 0]


def _least(weights: Tensor, nucleus: Tensor) -> Tensor:
    """The weight of the unlikeliest id in each row's nucleus, (rows, 1)."""
    descending = weights.sort(dim=1, descending=True).values
    up_to = descending.cumsum(1)
    # The likeliest id always stays.
    last = torch.searchsorted(up_to, nucleus[:, None] * up_to[:, -1:]).clamp_(max=weights.shape[1] - 1)
    return descending.gather(1, last)
