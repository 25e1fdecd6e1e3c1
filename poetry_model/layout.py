"""In what order characters stand as columns of the scores: those that may stand at a place lie side by side.

First what is no character, then the level ones, those that are either, and the oblique ones. So a place that wants one
tone, as most of a regulated poem do, is drawn for from a span of the columns, in which nothing is forbidden.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor
from torch.nn import functional

from poetry_model.prosody import Tone
from poetry_model.sampling import BLOCK

NOBODY = -1
"""Stands where no id is."""


@dataclass(frozen=True, slots=True)
class Span:
    """Columns side by side."""

    begin: int
    end: int
    open: bool
    """Whether all that is in them may stand."""

    @property
    def columns(self) -> slice:
        """Of a tensor of all columns."""
        return slice(self.begin, self.end)

    def join(self, other: "Span") -> "Span":
        """One that holds both; of two that differ not all may stand."""
        return self if self == other else Span(min(self.begin, other.begin), max(self.end, other.end), open=False)


class Layout:
    """The columns, whole blocks of them to each group of characters."""

    def __init__(self, masks: Tensor, device: torch.device) -> None:
        """`masks`: which ids may stand, (kinds of place, vocabulary), bool; rows as `Planner.masks` has them, or one.

        `PAD`, which stands nowhere, is the first column as it is the first id. What is looked up in every step is kept
        on `device`.
        """
        level, oblique = masks[Tone.LEVEL : Tone.OBLIQUE + 1] if len(masks) > 1 else (masks[0], masks[0])
        groups = [
            _whole_blocks(group) for group in (~(level | oblique), level & ~oblique, level & oblique, oblique & ~level)
        ]
        self.ids = torch.cat(groups)
        """Of each column, (width,); `NOBODY` up to a whole number of blocks."""
        taken = self.ids != NOBODY
        self.columns = torch.empty(masks.shape[1], dtype=torch.long)
        """Of each id, (vocabulary,)."""
        self.columns[self.ids[taken]] = taken.nonzero()[:, 0]
        forbidden = torch.ones(len(masks), len(self.ids), dtype=torch.bool)
        forbidden[:, self.columns] = ~masks
        edges = [0, *accumulate(map(len, groups))]
        spans = [_span(closed, closed & taken, edges) for closed in forbidden]
        self.spans = tuple(dict.fromkeys(spans))
        """The columns that are weighed for a place."""
        self.span_of = torch.tensor([self.spans.index(span) for span in spans], device=device)
        """Which of the spans it is, (kinds of place,)."""
        self.forbidden = forbidden.to(device)
        """Which columns may not stand, (kinds of place, width)."""


def _span(forbidden: Tensor, characters: Tensor, edges: Sequence[int]) -> Span:
    """From the first group that a place allows something of to the last; `characters`: what is forbidden of them."""
    touched = [group for group in pairwise(edges) if not forbidden[slice(*group)].all()]
    begin, end = (touched[0][0], touched[-1][1]) if touched else (0, edges[-1])
    return Span(begin, end, open=not characters[begin:end].any())


def _whole_blocks(group: Tensor) -> Tensor:
    """The ids of a group, (ids,), bool, in order."""
    ids = group.nonzero()[:, 0]
    return functional.pad(ids, (0, -len(ids) % BLOCK), value=NOBODY)
