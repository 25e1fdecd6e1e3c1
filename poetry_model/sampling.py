"""From scores to characters. Pure functions: the randomness is an argument."""

import numpy as np
import torch
from torch import Tensor

COLDEST = 1e-6
"""Below it the likeliest id is certain anyway."""


def choose(scores: Tensor, uniforms: Tensor, temperature: Tensor, nucleus: Tensor) -> Tensor:
    """One id a row, drawn from the nucleus of the softmax of `scores / temperature`.

    scores (rows, vocabulary), with -inf where an id is forbidden; uniforms (rows,) in [0, 1): the draw of each row, so
    that a row's choice does not depend on its neighbours; temperature (rows,), above 0; nucleus (rows,), above 0 and at
    most 1. The nucleus is the smallest set of likeliest ids whose probability reaches `nucleus` (Holtzman et al. 2020,
    https://arxiv.org/abs/1904.09751), and whatever is as likely as the last of them. Returns (rows,).
    """
    # Shifted first: however cold, the likeliest stays at 0 and nothing overflows to a difference of infinities.
    heated = (scores - scores.amax(dim=-1, keepdim=True)) / temperature[:, None].clamp(min=COLDEST)
    probabilities = heated.softmax(dim=-1)
    descending = _descending(probabilities)
    before = descending.cumsum(dim=-1) - descending
    # The likeliest id has nothing before it: it always stays.
    last = (before < nucleus[:, None]).sum(dim=-1, keepdim=True) - 1
    kept = probabilities.masked_fill(probabilities < descending.gather(-1, last), 0)
    cumulative = kept.cumsum(dim=-1)
    total = cumulative[:, -1:]
    # Rounding may lift a draw just below 1 to the total, which no id is above.
    drawn = (uniforms[:, None] * total).minimum(total.nextafter(torch.zeros_like(total)))
    return torch.searchsorted(cumulative, drawn, right=True)[:, 0]


def _descending(probabilities: Tensor) -> Tensor:
    """The values of each row, the greatest first."""
    if probabilities.device.type == "cpu":
        # NumPy sorts bare values with vector instructions, some twenty times faster than torch sorts values and ids.
        return torch.from_numpy(np.sort(probabilities.numpy(), axis=-1)).flip(-1)
    return probabilities.sort(dim=-1, descending=True).values
