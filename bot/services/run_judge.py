"""Whether a new model may go live."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from bot.config import ExaminationSettings

PERPLEXITY = "perplexity"
COMPARISON = "comparison"
"""The figure that is missing when it could not be compared with the live model."""
EXAMINATION = "examination"
"""The figure that is missing when it wrote no examination poems."""

_PROSODY = ("rhyme", "metre")
"""Figures that a model without tones and rhymes cannot have."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A figure that is not what it must be."""

    figure: str
    """`perplexity`, one of `EXAMINATION_FIGURES`, `comparison` or `examination`."""
    value: float | None = None
    limit: float | None = None
    """The least, or for perplexity and copied lines the most, that it must be."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which knows no infinity and nothing that is no number."""
        is_number = self.value is not None and math.isfinite(self.value)
        return asdict(self) | {"value": self.value if is_number else None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """From what `as_dict` made."""
        shortfall = cls(**values)
        was_measured = shortfall.limit is not None
        return replace(shortfall, value=math.nan) if was_measured and shortfall.value is None else shortfall


EXAMINATION_FIGURES = tuple(ExaminationSettings.model_fields)
"""What is measured on the examination poems, each a share from 0 to 1."""


def judge(
    perplexity: float,
    live_perplexity: float | None,
    examination: Mapping[str, Any] | None,
    tolerance: float,
    wanted: ExaminationSettings,
) -> tuple[Shortfall, ...]:
    """Where a new model falls short; empty when it may go live.

    perplexity, live_perplexity: of the new and of the live model, on one held-back side; tolerance: how much worse the
    new one may be, as a share; examination: figures of its examination poems, `rhyme` and `metre` None for a model that
    knows neither. A figure that is no number falls short.
    """
    return (*_compare(perplexity, live_perplexity, tolerance), *_examine(examination, wanted))


def _compare(perplexity: float, live_perplexity: float | None, tolerance: float) -> Iterator[Shortfall]:
    if live_perplexity is None:
        yield Shortfall(COMPARISON)
    elif not perplexity <= (limit := live_perplexity * (1 + tolerance)):
        yield Shortfall(PERPLEXITY, perplexity, limit)


def _examine(examination: Mapping[str, Any] | None, wanted: ExaminationSettings) -> Iterator[Shortfall]:
    if examination is None:
        yield Shortfall(EXAMINATION)
        return
    for figure in EXAMINATION_FIGURES:
        value, limit = examination.get(figure), getattr(wanted, figure)
        if value is None and figure in _PROSODY:
            continue
        if value is None:
            yield Shortfall(EXAMINATION)
        elif not (value <= limit if figure == "copied_lines" else value >= limit):
            yield Shortfall(figure, value, limit)
