"""What the number of candidates and the temperature do to the verse of a model, each with the other at its default."""

from dataclasses import replace

from benchmarks.judge import Shape, Source
from benchmarks.sources import Sampling, network_source
from poetry_model.checkpoint import Bundle
from poetry_model.poem import Style

POEMS = 200
"""In each of the draws that a row is made of: some ten minutes on one core."""

SHAPES = (Shape(5, 4), Shape(7, 8))
"""The shortest poems and the longest."""

COLUMNS = ("poems", "under n-grams", "rhyme", "both", "repeated characters", "distinct lines", "AUC")
"""Of the report: those that move."""

_CANDIDATES = (1, 2, 4, 8)
_TEMPERATURES = (0.7, 0.8, 0.9, 1.0)


def settings(default: Sampling) -> list[Sampling]:
    """Every number of candidates, then every temperature; the default once."""
    varied = [
        *(replace(default, candidates=candidates) for candidates in _CANDIDATES),
        *(replace(default, temperature=temperature) for temperature in _TEMPERATURES),
    ]
    return list(dict.fromkeys(varied))


def sources(bundle: Bundle, default: Sampling) -> list[Source]:
    """The network of `bundle` as it ships, asked in every setting."""
    return [network_source(_name(sampling), bundle, Style.REGULATED, sampling) for sampling in settings(default)]


def _name(sampling: Sampling) -> str:
    several = "s" if sampling.candidates > 1 else ""
    return f"{sampling.candidates} candidate{several}, temperature {sampling.temperature:g}"
