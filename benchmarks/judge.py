"""All figures of one source of verse in one shape."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from benchmarks.classifier import FOLDS, separability
from benchmarks.kneser_ney import KneserNey
from benchmarks.writers import Writer
from poetry_model import figures
from poetry_model.corpus import Verse, first_characters
from poetry_model.figures import Lines
from poetry_model.holdout import Split
from poetry_model.prosody import Prosody

_STARTS = 100
"""The commonest first characters, each asked for equally often."""

_DRAWS = 5
"""Of the poems that the classifier sees."""

_DRAWS_IN_SHORT = 2
"""Where a source is measured in short."""

FEWEST = 2 * FOLDS
"""Held-back poems without which a shape cannot be judged: two samples, each with a poem in every fold."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Characters a line, lines a poem."""

    form: int
    lines: int

    def __str__(self) -> str:
        return f"{self.form}×{self.lines}"


SHAPES = tuple(Shape(form, lines) for lines in (4, 8) for form in (5, 7))


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares are from 0 to 1. None: the figure means nothing here."""

    poems: int
    perplexity: float | None
    """Of the held-back poems under the source's own model."""
    ngram_perplexity: float
    """Of the source's poems under the n-gram model."""
    format: float
    start: float | None
    rhyme: float
    """In a level tone for regulated verse, in any for the others."""
    metre: float
    both: float
    repeated_characters: float
    distinct_poems: float
    distinct_lines: float
    """At equal sample size, as the next."""
    distinct_bigrams: float
    """Over those of the held-back poems."""
    equal_sample: int
    """Poems in the sample of equal size."""
    copied_lines: float | None
    """None for the held-back poems: they are the corpus."""
    auc: float
    auc_poems: int
    """On either side of the classifier."""


@dataclass(frozen=True, slots=True)
class Source:
    """Whose poems a row of the table measures."""

    name: str
    writer: Writer
    perplexity: Callable[[Sequence[Verse]], float]
    """Of human poems under the source's model."""
    regulated: bool = False


Pair = tuple[list[Lines], list[Lines]]
"""Two sets of poems, of one size, that the classifier has to tell apart."""


class Judge:
    """Knows the people's poems, and measures others against them. Same seed, same figures."""

    def __init__(self, split: Split, prosody: Prosody, ngrams: KneserNey, poems: int, seed: int) -> None:
        """`poems`: to ask of each source in each shape."""
        self._prosody = prosody
        self._ngrams = ngrams
        self._seed = seed
        self._verses = _without_variants(split.held_back)
        self._known = frozenset(line for verse in (*split.training, *split.held_back) for line in verse.lines)
        commonest = first_characters(split.training)[:_STARTS]
        self._starts = [commonest[number % len(commonest)] for number in range(poems)]

    def verses(self, shape: Shape) -> list[Verse]:
        """The held-back poems of `shape`, of those that share a line one alone."""
        return [verse for verse in self._verses if (verse.form, len(verse.lines)) == (shape.form, shape.lines)]

    def people(self, shape: Shape) -> Figures:
        """The figures of the held-back poems; the classifier has to tell one half of them from the other."""
        poems = self._people(shape)
        size = min(len(poems) // 2, len(self._starts))
        drawn = [self._random(shape, draw).sample(poems, 2 * size) for draw in range(_DRAWS)]
        return self._measure(shape, poems, [(sample[:size], sample[size:]) for sample in drawn])

    def machine(self, shape: Shape, source: Source) -> Figures:
        """The figures of what `source` writes."""
        poems = self._write(shape, source, self._starts, None)
        made = self._measure(shape, poems, self._pairs(shape, source, _DRAWS), source)
        return replace(
            made, perplexity=source.perplexity(self.verses(shape)), start=figures.start_kept(poems, self._starts)
        )

    def machine_in_short(self, shape: Shape, source: Source) -> Figures:
        """Those of fewer poems, the ones that the classifier sees; without `perplexity` and `start`."""
        pairs = self._pairs(shape, source, _DRAWS_IN_SHORT)
        return self._measure(shape, [poem for written, _ in pairs for poem in written], pairs, source)

    def _pairs(self, shape: Shape, source: Source, draws: int) -> list[Pair]:
        """Poems of `source` and those of people that begin with the same characters."""
        people = self._people(shape)
        size = min(len(people), len(self._starts))
        drawn = [self._random(shape, draw).sample(people, size) for draw in range(draws)]
        return [
            (self._write(shape, source, [poem[0][0] for poem in sample], draw), sample)
            for draw, sample in enumerate(drawn)
        ]

    def _write(self, shape: Shape, source: Source, starts: Sequence[str], draw: int | None) -> list[Lines]:
        return source.writer.write(starts, shape.form, shape.lines, f"{self._seed}/{shape}/{draw}")

    def _measure(
        self, shape: Shape, poems: list[Lines], pairs: Sequence[Pair], source: Source | None = None
    ) -> Figures:
        people = self._people(shape)
        equal = min(len(poems), len(people))
        sample, human = (self._random(shape, "equal").sample(side, equal) for side in (poems, people))
        aucs = [separability(*pair, seed=self._seed + draw) for draw, pair in enumerate(pairs)]
        return Figures(
            poems=len(poems),
            perplexity=None,
            ngram_perplexity=self._ngrams.perplexity(poems),
            format=figures.format_kept(poems, shape.form, shape.lines),
            start=None,
            rhyme=figures.rhyme_kept(poems, self._prosody, level=source is not None and source.regulated),
            metre=figures.metre_kept(poems, self._prosody),
            both=figures.both_kept(poems, self._prosody),
            repeated_characters=figures.repeated_characters(poems),
            distinct_poems=figures.distinct_poems(poems),
            distinct_lines=figures.distinct_lines(sample),
            distinct_bigrams=figures.distinct_bigrams(sample) / figures.distinct_bigrams(human),
            equal_sample=equal,
            copied_lines=figures.copied_lines(poems, self._known) if source else None,
            auc=sum(aucs) / len(aucs),
            auc_poems=len(pairs[0][0]),
        )

    def _people(self, shape: Shape) -> list[Lines]:
        return [verse.lines for verse in self.verses(shape)]

    def _random(self, shape: Shape, what: object) -> Random:
        return Random(f"{self._seed}/{shape}/{what}")


def _without_variants(verses: Sequence[Verse]) -> list[Verse]:
    """The first of those that share a line.

    The split brings all variants of a poem to one side. A classifier that has seen one knows the others, and their
    lines would count as repeated.
    """
    seen: set[str] = set()
    kept = []
    for verse in verses:
        if seen.isdisjoint(verse.lines):
            kept.append(verse)
        seen.update(verse.lines)
    return kept
