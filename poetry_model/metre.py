"""The regulated patterns of recent-style verse (近體), as data, and what a poem breaks of them.

After Wang Li, 漢語詩律學: four line types; within a couplet the lines oppose each other (對), from couplet to couplet
the second places agree (粘), and the first line may rhyme or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from poetry_model.prosody import Prosody, Tone

_LINE_TYPES = {
    5: {"a": "仄仄平平仄", "b": "平平仄仄平", "c": "平平平仄仄", "d": "仄仄仄平平"},
    7: {"a": "平平仄仄平平仄", "b": "仄仄平平仄仄平", "c": "仄仄平平平仄仄", "d": "平平仄仄仄平平"},
}
"""In seven characters each type is that of five with an opposite foot before it."""

_OPENINGS = ("ab", "cd", "db", "bd")
"""First couplets: the two whose first line does not rhyme, then the two whose first line does."""

_TONES = {"平": Tone.LEVEL, "仄": Tone.OBLIQUE}

_NAMES = {Tone.LEVEL: "平起", Tone.OBLIQUE: "仄起"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a pattern."""

    kind: str
    """a 仄仄平平仄, b 平平仄仄平, c 平平平仄仄, d 仄仄仄平平, or those of seven characters."""
    tones: tuple[Tone, ...]
    """What the pattern writes at each place."""
    wanted: tuple[Tone, ...]
    """What a place must carry: as `tones`, but `ANY` where the pattern leaves it free."""
    rhymes: bool


@dataclass(frozen=True, slots=True)
class Pattern:
    """The tones of a whole poem."""

    name: str
    """仄起首句不入韻, say: the tone of the first line's second place, and whether the first line rhymes."""
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Breach:
    """One place that does not keep the rules; both counted from 0."""

    line: int
    place: int
    rule: str
    """`tone`, `lone level`, `three alike`, `rhyme`, or `repeated rhyme`."""


def free_places(form: int) -> frozenset[int]:
    """Places, from 0, whose tone does not decide whether a line is regular (一三五不論)."""
    return frozenset({0, 2} if form == 5 else {0, 2, 4})  # noqa: PLR2004 # 五言


@cache
def patterns(form: int, lines: int) -> tuple[Pattern, ...]:
    """The four patterns for a poem of that shape; with an odd number of lines the last couplet is cut."""
    return tuple(_pattern(form, lines, opening) for opening in _OPENINGS)


def nearest_pattern(lines: Sequence[str], prosody: Prosody) -> tuple[Pattern, tuple[Breach, ...]]:
    """The pattern that `lines` break least, and where they break its tones; a character with two tones breaks none."""
    found = [(pattern, tone_breaches(lines, pattern, prosody)) for pattern in patterns(len(lines[0]), len(lines))]
    return min(found, key=lambda item: len(item[1]))


def tone_breaches(lines: Sequence[str], pattern: Pattern, prosody: Prosody) -> tuple[Breach, ...]:
    """The decisive places of `lines` that carry the wrong tone."""
    free = free_places(len(lines[0]))
    return tuple(
        Breach(number, place, "tone")
        for number, (line, ruled) in enumerate(zip(lines, pattern.lines, strict=True))
        for place, (character, tone) in enumerate(zip(line, ruled.tones, strict=True))
        if place not in free and prosody.tone_of(character) is tone.opposite
    )


def ending_breaches(lines: Sequence[str], pattern: Pattern, prosody: Prosody) -> tuple[Breach, ...]:
    """Lines that break what the free places must still keep.

    Their last three characters may not be alike in tone, and in 平平仄仄平 the foot before the last three may not lose
    its first level without a level after it (孤平). Neither counts in the metre of a poem as it is measured.
    """
    breaches = []
    for number, (line, ruled) in enumerate(zip(lines, pattern.lines, strict=True)):
        tones = [prosody.tone_of(character) for character in line]
        last = len(tones) - 1
        if len(set(tones[-3:])) == 1 and tones[-1] is not Tone.ANY:
            breaches.append(Breach(number, last, "three alike"))
        if ruled.kind == "b" and tones[last - 4] is Tone.OBLIQUE and tones[last - 2] is Tone.OBLIQUE:
            breaches.append(Breach(number, last - 4, "lone level"))
    return tuple(breaches)


def rhyme_breaches(lines: Sequence[str], prosody: Prosody) -> tuple[Breach, ...]:
    """The ends of even lines that leave the rhyme of the first of them, or repeat its character."""
    ends = [(number, line[-1]) for number, line in enumerate(lines) if number % 2]
    last = len(lines[0]) - 1
    breaches = []
    for position, (number, end) in enumerate(ends):
        if end in [other for _, other in ends[:position]]:
            breaches.append(Breach(number, last, "repeated rhyme"))
        elif prosody.rhyme_of(end) == 0 or prosody.rhyme_of(end) != prosody.rhyme_of(ends[0][1]):
            breaches.append(Breach(number, last, "rhyme"))
    return tuple(breaches)


def _pattern(form: int, lines: int, opening: str) -> Pattern:
    types = list(opening)
    while len(types) < lines:
        # 粘: the next couplet's second place agrees with the last line's; 對: its own two lines oppose each other.
        types += ["c", "d"] if types[-1] == "b" else ["a", "b"]
    made = tuple(_line(form, kind) for kind in types[:lines])
    name = _NAMES[made[0].tones[1]] + ("首句入韻" if made[0].rhymes else "首句不入韻")
    return Pattern(name, made)


def _line(form: int, kind: str) -> Line:
    tones = tuple(_TONES[tone] for tone in _LINE_TYPES[form][kind])
    free = free_places(form)
    wanted = [Tone.ANY if place in free else tone for place, tone in enumerate(tones)]
    last = form - 1
    # Three like tones may not end a line, and the one level foot of 平平仄仄平 may not be broken (孤平).
    if kind in "cd":
        wanted[last - 2] = tones[last - 2]
    if kind == "b":
        wanted[last - 4] = tones[last - 4]
    return Line(kind, tones, tuple(wanted), rhymes=kind in "bd")
