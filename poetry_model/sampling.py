"""From scores to characters. Pure functions: the randomness is an argument."""

from torch import Tensor

COLDEST = 1e-6
"""Below it the likeliest id is certain anyway."""


def choose(scores: Tensor, uniforms: Tensor, temperature: Tensor, nucleus: float) -> Tensor:
    """One id a row, drawn from the nucleus of the softmax of `scores / temperature`.

    scores (rows, vocabulary), with -inf where an id is forbidden; uniforms (rows,) in [0, 1): the draw of each row, so
    that a row's choice does not depend on its neighbours; temperature (rows,), above 0. The nucleus is the smallest set
    of likeliest ids whose probability reaches `nucleus` (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751).
    Returns (rows,).
    """
    # Shifted first: however cold, the likeliest stays at 0 and nothing overflows to a difference of infinities.
    heated = (scores - scores.amax(dim=-1, keepdim=True)) / temperature[:, None].clamp(min=COLDEST)
    probabilities, ids = heated.softmax(dim=-1).sort(dim=-1, descending=True)
    before = probabilities.cumsum(dim=-1) - probabilities
    # The likeliest id has nothing before it: it always stays.
    kept = probabilities * (before < nucleus)
    cumulative = kept.cumsum(dim=-1)
    threshold = uniforms[:, None] * cumulative[:, -1:]
    position = (cumulative <= threshold).sum(dim=-1, keepdim=True)
    # Rounding may put a draw just below 1 past the last id kept.
    last = (kept > 0).sum(dim=-1, keepdim=True) - 1
    return ids.gather(-1, position.minimum(last))[:, 0]
