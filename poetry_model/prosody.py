"""What a corpus teaches of sound: the tone of each character, and which characters rhyme.

Nothing is looked up in a table of the trade. Tones come from the corpus's own `strains/` files. Rhymes come from the
verse: characters that stand at the ends of the even lines of one poem are linked, the links are weighed by pointwise
mutual information, and Louvain's method (Blondel et al. 2008, https://arxiv.org/abs/0803.0476) finds the communities.
On the poems of the Tang these are the rhymes of the Pingshui book.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import combinations
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from poetry_model.corpus import Verse
from poetry_model.errors import BundleError
from poetry_model.fields import from_table
from poetry_model.script import is_han

RHYMING_LENGTHS = (4, 8)
"""Poems of so many lines, 绝句 and 律诗, keep one rhyme: the book is learned from them."""

_SURE_TONE = 0.9
"""Share of a character's occurrences in one tone from which it is held to have no other."""

_SURE_RHYME = 0.6
"""Share of a character's links inside its class from which it surely belongs there."""

_DIGITS = 3
"""Of a share of tones."""

_RHYME_DIGITS = 6

SMALLEST_SHARE = 10**-_RHYME_DIGITS
"""Of all rhymes, those in a class: what is less is stored as 0."""

_TINY = 1e-9

_RESOLUTION = 2.0
"""Of Louvain's method: at 1 neighbouring rhymes of the Tang run together, at 2 they stand as in the Pingshui book."""

_SEED = 1


class Tone(IntEnum):
    """平 level, 仄 oblique. `ANY`: not given, or either."""

    ANY = 0
    LEVEL = 1
    OBLIQUE = 2

    @property
    def opposite(self) -> "Tone":
        """Level for oblique, oblique for level."""
        return _OPPOSITES[self]


_OPPOSITES = (Tone.ANY, Tone.OBLIQUE, Tone.LEVEL)


@dataclass(frozen=True, slots=True)
class RhymeClass:
    """Characters that rhyme with each other, the commonest first."""

    tone: Tone
    sure: str
    """Those whose rhymes are nearly all within the class."""
    loose: str
    """Those with a foot in another class."""
    share: float
    """Of all rhymes in the corpus, those in this class."""

    @property
    def name(self) -> str:
        """The class is called by its commonest character."""
        return (self.sure or self.loose)[0]


_Share = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, slots=True)
class _StoredClass:
    tone: Literal["level", "oblique"]
    sure: str
    loose: str
    share: _Share


@dataclass(frozen=True, slots=True)
class _Stored:
    level_shares: dict[str, _Share]
    classes: list[Any]


class Prosody:
    """Tones and rhyme classes; immutable."""

    def __init__(self, level_shares: Mapping[str, float], classes: Sequence[RhymeClass]) -> None:
        """`level_shares`: for each known character the share of its occurrences that were level."""
        self.level_shares = dict(level_shares)
        self.classes = tuple(classes)
        self._class_of = {
            character: number
            for number, rhymes in enumerate(self.classes, start=1)
            for character in rhymes.sure + rhymes.loose
        }

    def tone_of(self, character: str) -> Tone:
        """The character's one tone, or `ANY` for one that has both or is not known."""
        return self._tones.get(character, Tone.ANY)

    @cached_property
    def _tones(self) -> dict[str, Tone]:
        return {character: _tone(share) for character, share in self.level_shares.items()}

    def rhyme_of(self, character: str) -> int:
        """Number of the character's rhyme class, from 1; 0 when it is not known to rhyme."""
        return self._class_of.get(character, 0)

    def rhyme_of_verse(self, lines: Sequence[str]) -> int:
        """The class that the ends of all even lines share; 0 when they do not, or there is but one."""
        ends = [line[-1] for line in lines[1::2]]
        found = {self.rhyme_of(end) for end in ends}
        return found.pop() if len(ends) > 1 and len(found) == 1 else 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "level_shares": self.level_shares,
            "classes": [
                {
                    "tone": rhymes.tone.name.lower(),
                    "sure": rhymes.sure,
                    "loose": rhymes.loose,
                    "share": round(rhymes.share, _RHYME_DIGITS),
                }
                for rhymes in self.classes
            ],
        }

    @classmethod
    def from_dict(cls, content: object) -> "Prosody":
        """From what `as_dict` gave; raises `BundleError` for anything else."""
        try:
            stored = from_table(_Stored, content)
            classes = [from_table(_StoredClass, item) for item in stored.classes]
            if any(len(character) != 1 for character in stored.level_shares):
                raise ValueError("a tone is that of one character")  # noqa: TRY301 # one sentence for all damage
            rhyming = "".join(rhymes.sure + rhymes.loose for rhymes in classes)
            if len(set(rhyming)) != len(rhyming) or not all(map(is_han, rhyming)):
                raise ValueError("a character rhymes in one class")  # noqa: TRY301 # likewise
            if not all(rhymes.sure + rhymes.loose for rhymes in classes):
                raise ValueError("a class has no characters")  # noqa: TRY301 # likewise
        except ValueError as error:
            raise BundleError("The prosody of the bundle is damaged; install the bundle again.") from error
        return cls(
            stored.level_shares,
            [RhymeClass(Tone[rhymes.tone.upper()], rhymes.sure, rhymes.loose, rhymes.share) for rhymes in classes],
        )


def _tone(level_share: float) -> Tone:
    if level_share >= _SURE_TONE:
        return Tone.LEVEL
    return Tone.OBLIQUE if 1 - level_share >= _SURE_TONE - _TINY else Tone.ANY


def learn_prosody(verses: Sequence[Verse], strains: Iterable[tuple[str, str]]) -> Prosody:
    """Tones from `strains`, pairs of a line and its tones (平, 仄, ○ either); the rhyme book from `verses`."""
    shares = _level_shares(strains)
    return Prosody(shares, _rhyme_classes(verses, shares))


def _level_shares(strains: Iterable[tuple[str, str]]) -> dict[str, float]:
    counts: dict[str, Counter[str]] = {}
    for line, tones in strains:
        if len(line) == len(tones):
            for character, tone in zip(line, tones, strict=True):
                counts.setdefault(character, Counter())[tone] += 1
    shares = {}
    for character, seen in sorted(counts.items()):
        level, oblique, either = seen["平"], seen["仄"], seen["○"]
        # A tone is a Chinese character's; strains give signs and notes one too.
        if (total := level + oblique + either) and is_han(character):
            # As it will be stored, so that training and composing see the same.
            shares[character] = round((level + either / 2) / total, _DIGITS)
    return shares


def _rhyme_classes(verses: Sequence[Verse], shares: Mapping[str, float]) -> list[RhymeClass]:
    # Louvain's method alone is needed, and only to train: composing does without the import.
    import networkx as nx  # noqa: PLC0415

    links = _links(verses)
    counts: Counter[str] = Counter()
    for (first, second), count in links.items():
        counts[first] += count
        counts[second] += count
    total = links.total()
    graph: nx.Graph[str] = nx.Graph()
    for (first, second), count in sorted(links.items()):
        information = math.log(count * 2 * total / (counts[first] * counts[second]))
        if information > 0:
            graph.add_edge(first, second, weight=information * math.sqrt(count))
    communities = nx.community.louvain_communities(graph, weight="weight", resolution=_RESOLUTION, seed=_SEED)
    neighbours: dict[str, Counter[str]] = {}
    for (first, second), count in links.items():
        neighbours.setdefault(first, Counter())[second] += count
        neighbours.setdefault(second, Counter())[first] += count
    classes = []
    for community in sorted(communities, key=lambda members: (-sum(counts[item] for item in members), min(members))):
        members = sorted(community, key=lambda item: (-counts[item], item))
        level = sum(counts[item] * shares.get(item, 0.5) for item in members) / sum(counts[item] for item in members)
        tone = Tone.LEVEL if level > 1 / 2 else Tone.OBLIQUE
        inside = {
            item: sum(count for other, count in neighbours[item].items() if other in community) / counts[item]
            for item in members
        }
        sure = "".join(item for item in members if inside[item] >= _SURE_RHYME)
        loose = "".join(item for item in members if item not in sure)
        share = sum(counts[item] for item in members) / counts.total()
        classes.append(RhymeClass(tone, sure, loose, share))
    return classes


def _links(verses: Sequence[Verse]) -> Counter[tuple[str, str]]:
    """How often two characters rhyme with each other."""
    links: Counter[tuple[str, str]] = Counter()
    for verse in verses:
        if len(verse.lines) in RHYMING_LENGTHS:
            ends = [line[-1] for line in verse.lines[1::2]]
            links.update((min(pair), max(pair)) for pair in combinations(ends, 2) if pair[0] != pair[1])
    return links
