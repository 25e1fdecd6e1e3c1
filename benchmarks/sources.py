"""Whose poems are measured beside people's: the n-grams, the network as it is asked, and other models."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.judge import Source
from benchmarks.kneser_ney import KneserNey
from benchmarks.writers import NetworkWriter, NgramWriter, without_controls
from poetry_model.checkpoint import Bundle, load_bundle
from poetry_model.controls import Controls
from poetry_model.corpus import Verse
from poetry_model.devices import Precision
from poetry_model.errors import BundleError
from poetry_model.evaluation import perplexity
from poetry_model.holdout import Split
from poetry_model.poem import Style
from poetry_model.sampled import make_poet

PEOPLE = "people, held back"
NGRAMS = "Kneser-Ney 4-gram"
UNCONTROLLED = "this model, controls off"
REGULATED = "this model, regulated"
OWN_NAMES = (PEOPLE, NGRAMS, UNCONTROLLED, REGULATED)
"""The rows that are in every table."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How networks are asked for poems."""

    temperature: float
    nucleus: float
    candidates: int
    device: torch.device
    precision: Precision = "single"


@dataclass(frozen=True, slots=True)
class Baseline:
    """Another model to stand beside this one."""

    name: str
    folder: Path

    @classmethod
    def parsed(cls, text: str) -> "Baseline":
        """`NAME=BUNDLE` as it is typed."""
        name, _, folder = text.partition("=")
        if not (name and folder):
            raise argparse.ArgumentTypeError(f"{text!r} is not NAME=BUNDLE")
        if name in OWN_NAMES:
            raise argparse.ArgumentTypeError(f"{name!r} names a row already")
        return cls(name, Path(folder))


def ngram_source(model: KneserNey) -> Source:
    """The n-gram model in the exact form."""
    return Source(NGRAMS, NgramWriter(model), lambda verses: model.perplexity([verse.lines for verse in verses]))


def own_sources(bundle: Bundle, sampling: Sampling) -> list[Source]:
    """The network of `bundle` without its controls, and as it ships."""
    return [
        network_source(UNCONTROLLED, without_controls(bundle), Style.FREE, sampling),
        network_source(REGULATED, bundle, Style.REGULATED, sampling),
    ]


def baseline_source(baseline: Baseline, verses: Sequence[Verse], judged_by: Split, sampling: Sampling) -> Source:
    """Another bundle, which composes as it was made to.

    verses: the corpus. The model may hold back more of it than is judged by; raises `BundleError` when it learned a
    poem that is judged by.
    """
    bundle = load_bundle(baseline.folder)
    learned = set(bundle.hold_out.split(verses).training)
    if seen := sum(verse in learned for verse in judged_by.held_back):
        raise BundleError(
            f"{baseline.name} learned {seen} of the {len(judged_by.held_back)} poems that are held back here; "
            "train it with the --held-back of this model, or one that divides it."
        )
    # A model without prosody plans nothing in either style.
    return network_source(baseline.name, bundle, Style.REGULATED if bundle.prosody else Style.FREE, sampling)


def network_source(name: str, bundle: Bundle, style: Style, sampling: Sampling) -> Source:
    """The network of `bundle`; it is given the controls it has prosody for."""
    given = Controls(bundle.prosody).given if bundle.prosody else None
    poet = make_poet(bundle, sampling.device, sampling.nucleus, sampling.precision)

    def surprise(verses: Sequence[Verse]) -> float:
        return perplexity(bundle.network, bundle.vocabulary, verses, sampling.device, given).perplexity

    writer = NetworkWriter(poet, style, sampling.temperature, sampling.candidates)
    return Source(name, writer, surprise, regulated=style is Style.REGULATED)
