"""From scores to characters. Pure functions: the randomness is an argument."""

import numpy as np
import torch
from torch import Tensor

COLDEST = 1e-6
"""Below it the likeliest id is certain anyway."""

_FORBIDDEN = 1e-30
"""What is no likelier is never drawn."""

_SLACK = 0.5
"""Of the bound below which no id can be in the nucleus: sums are rounded."""


def choose(scores: Tensor, uniforms: Tensor, temperature: Tensor, nucleus: Tensor) -> Tensor:
    """One id a row, drawn from the nucleus of the softmax of `scores / temperature`.

    scores (rows, vocabulary), with -inf where an id is forbidden; they are overwritten. uniforms (rows,) in [0, 1): the
    draw of each row, so that a row's choice does not depend on its neighbours; temperature (rows,), above 0; nucleus
    (rows,), above 0 and at most 1. The nucleus is the smallest set of likeliest ids whose probability reaches `nucleus`
    (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751), and whatever is as likely as the last of them. Returns
    (rows,).
    """
    probabilities = torch.softmax(scores.div_(temperature[:, None].clamp(min=COLDEST)), dim=1, out=scores)
    # All ids together that are less likely than this have less than what the nucleus leaves out: none is in it.
    bound = ((1 - nucleus[:, None]) * (_SLACK / scores.shape[1])).clamp_(min=_FORBIDDEN)
    kept, ids, begins = _shortlist(probabilities, bound)
    descending = _descending(kept)
    before = descending.cumsum(dim=1) - descending
    # The likeliest id has nothing before it: it always stays.
    last = torch.searchsorted(before, nucleus[:, None]) - 1
    cumulative = kept.mul_(kept >= descending.gather(1, last)).cumsum(dim=1)
    total = cumulative[:, -1:]
    # Rounding may lift a draw just below 1 to the total, which no id is above.
    drawn = (uniforms[:, None] * total).minimum(total.nextafter(torch.zeros_like(total)))
    return ids[begins + torch.searchsorted(cumulative, drawn, right=True)[:, 0]] % scores.shape[1]


def _shortlist(probabilities: Tensor, bound: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What is above each row's bound, in the order of ids: there the vocabulary is some ten times shorter.

    Returns the probabilities, (rows, longest), 0 where a row has fewer; places in `probabilities` laid out flat, of all
    rows one after another; and where each row begins among them.
    """
    rows, vocabulary = probabilities.shape
    if probabilities.device.type != "cpu":
        every = torch.arange(probabilities.numel(), device=probabilities.device)
        return probabilities * (probabilities > bound), every, every[::vocabulary]
    # NumPy's masks are several times as fast as torch's on a CPU.
    flat = probabilities.numpy().reshape(-1)
    places = np.flatnonzero(probabilities.numpy() > bound.numpy())
    begins = np.searchsorted(places, np.arange(rows + 1) * vocabulary)
    counts = np.diff(begins)[:, None]
    kept = np.zeros((rows, counts.max()), dtype=np.float32)
    kept[np.arange(kept.shape[1]) < counts] = flat.take(places)
    return torch.from_numpy(kept), torch.from_numpy(places), torch.from_numpy(begins[:-1])


def _descending(probabilities: Tensor) -> Tensor:
    """The values of each row, the greatest first."""
    if probabilities.device.type == "cpu":
        # NumPy sorts bare values with vector instructions, some twenty times faster than torch sorts values and ids.
        return torch.from_numpy(np.sort(probabilities.numpy(), axis=-1)).flip(-1)
    return probabilities.sort(dim=-1, descending=True).values
