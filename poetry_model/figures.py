"""The figures of verse, as `Definitions` in the design has them. Pure functions of poems in traditional characters.

A poem may have any lines: who samples line ends does not always end them where they should.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby, pairwise

from poetry_model.form import FORMS
from poetry_model.metre import nearest_pattern, rhyme_breaches
from poetry_model.prosody import Prosody, Tone
from poetry_model.script import is_han

Lines = tuple[str, ...]
"""One poem."""

_SHORTEST = 4
"""Lines; a shorter poem has too little to break, and counts as neither rhyming nor scanning."""


def format_kept(poems: Sequence[Lines], form: int, lines: int) -> float:
    """Share of the poems with exactly `lines` lines of `form` Han characters."""
    return _share(
        len(poem) == lines and all(len(line) == form and all(map(is_han, line)) for line in poem) for poem in poems
    )


def start_kept(poems: Sequence[Lines], starts: Sequence[str]) -> float:
    """Share of the poems that begin with the start asked of them."""
    return _share("".join(poem).startswith(start) for poem, start in zip(poems, starts, strict=True))


def rhyme_kept(poems: Sequence[Lines], prosody: Prosody, *, level: bool = False) -> float:
    """Share of the poems that rhyme; with `level`, of those that rhyme in a level tone."""
    return _share(rhymes(poem, prosody, level=level) for poem in poems)


def metre_kept(poems: Sequence[Lines], prosody: Prosody) -> float:
    """Share of the poems that keep a pattern throughout."""
    return _share(scans(poem, prosody) for poem in poems)


def both_kept(poems: Sequence[Lines], prosody: Prosody) -> float:
    """Share of the poems that keep a pattern and rhyme in a level tone."""
    return _share(scans(poem, prosody) and rhymes(poem, prosody, level=True) for poem in poems)


def rhymes(poem: Lines, prosody: Prosody, *, level: bool = False) -> bool:
    """Whether the even lines end in different characters of one rhyme class."""
    if len(poem) < _SHORTEST or rhyme_breaches(poem, prosody):
        return False
    return not level or prosody.classes[prosody.rhyme_of(poem[1][-1]) - 1].tone is Tone.LEVEL


def scans(poem: Lines, prosody: Prosody) -> bool:
    """Whether the lines are of five or of seven, and every decisive place has the tone of one of the four patterns."""
    regular = len(poem) >= _SHORTEST and {len(line) for line in poem} in ({form} for form in FORMS)
    return regular and not nearest_pattern(poem, prosody)[1]


def repeated_characters(poems: Sequence[Lines]) -> float:
    """Occurrences a poem beyond the first of each character, less those that double the one before (年年)."""
    return sum(map(_repeated, poems)) / len(poems)


def distinct_poems(poems: Sequence[Lines]) -> float:
    """Different poems over all."""
    return len(set(poems)) / len(poems)


def distinct_lines(poems: Sequence[Lines]) -> float:
    """Different lines over all."""
    lines = [line for poem in poems for line in poem]
    return len(set(lines)) / len(lines)


def distinct_bigrams(poems: Sequence[Lines]) -> float:
    """Different pairs of neighbours in a line over all."""
    pairs = [pair for poem in poems for line in poem for pair in pairwise(line)]
    # A source that writes single characters has no pairs.
    return len(set(pairs)) / max(len(pairs), 1)


def copied_lines(poems: Sequence[Lines], known: Collection[str]) -> float:
    """Share of the lines that are among the `known`."""
    return _share(line in known for poem in poems for line in poem)


def _repeated(poem: Lines) -> int:
    text = "".join(poem)
    # Each run pardons one: a third in a row is no doubling.
    doubled = sum(len(list(run)) > 1 for line in poem for _, run in groupby(line))
    return len(text) - len(set(text)) - doubled


def _share(kept: Iterable[bool]) -> float:
    values = list(kept)
    return sum(values) / len(values)
