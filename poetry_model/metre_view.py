"""The metre of a poem, place by place: its tones, its rhymes, the pattern it is in, and where it breaks them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from poetry_model.metre import (
    Pattern,
    ending_breaches,
    nearest_pattern,
    patterns,
    rhyme_breaches,
    tone_breaches,
)
from poetry_model.prosody import Prosody, Tone

_SECOND = 1
"""The place whose tone tells how lines and couplets hang together."""

_SHOWN = 4
"""Characters that stand for a rhyme class, the commonest."""

_FORMS = {5: "五言", 7: "七言"}

_LENGTHS = {4: "絕句", 8: "律詩"}

_LONG = 10
"""Lines from which on regulated verse of whole couplets is a 排律."""


class Rule(StrEnum):
    """What a poem can break."""

    TONE = "tone"
    LONE_LEVEL = "lone_level"
    """孤平: in 平平仄仄平 the only level foot is broken."""
    THREE_ALIKE = "three_alike"
    """三平尾, 三仄尾: a line ends in three like tones."""
    OPPOSITION = "opposition"
    """失對: the two lines of a couplet do not oppose each other."""
    ADHESION = "adhesion"
    """失粘: a couplet does not take up the last line before it."""
    RHYME = "rhyme"
    REPEATED_RHYME = "repeated_rhyme"


@dataclass(frozen=True, slots=True)
class Fault:
    """A place that does not keep a rule; line and place are counted from 0."""

    rule: Rule
    line: int
    place: int
    wanted: Tone = Tone.ANY
    """The tone that should stand there, where it is a matter of tone."""
    found: Tone = Tone.ANY


@dataclass(frozen=True, slots=True)
class MetreView:
    """What can be said of a poem's sound."""

    lines: tuple[str, ...]
    """In traditional characters."""
    tones: tuple[tuple[Tone, ...], ...]
    """Of each character; `ANY` for one that has both, or is not known."""
    pattern: Pattern | None
    """None in free verse."""
    rhymes: tuple[int | None, ...]
    """For each line the number of its last character's rhyme class, 0 where that is not known; None where nothing
    rhymes."""
    faults: tuple[Fault, ...]
    """By line; what concerns the whole line first."""

    @property
    def rhyme(self) -> int:
        """The class that the poem rhymes in, that of its first rhyme that has one; 0 where none has."""
        return next((number for number in self.rhymes[1::2] if number), 0)


def view_metre(
    lines: Sequence[str], prosody: Prosody, *, pattern: str | None = None, regulated: bool = True
) -> MetreView:
    """How `lines`, in traditional characters and all of five or all of seven, sound.

    pattern: its name, where the poem was written in one; None: the one that the lines break least. regulated: False
    for free verse, of which the rhyme alone is looked at.
    """
    lines = tuple(lines)
    tones = tuple(tuple(prosody.tone_of(character) for character in line) for line in lines)
    ruled = _pattern(lines, prosody, pattern) if regulated else None
    rhymes = _rhymes(lines, prosody)
    faults = [*_rhyme_faults(lines, rhymes, prosody)]
    if ruled is not None:
        faults += [*_joint_faults(tones), *_tone_faults(lines, tones, ruled, prosody)]
    order = list(Rule)
    joints = (Rule.OPPOSITION, Rule.ADHESION)
    faults.sort(key=lambda fault: (fault.line, fault.rule not in joints, fault.place, order.index(fault.rule)))
    return MetreView(lines, tones, ruled, rhymes, tuple(faults))


def rhyme_name(number: int, prosody: Prosody) -> str:
    """The commonest characters of a rhyme class, in traditional form; a class is known by the first."""
    rhymes = prosody.classes[number - 1]
    return (rhymes.sure + rhymes.loose)[:_SHOWN]


def kind_name(form: int, lines: int, *, regulated: bool) -> str:
    """What such verse is called, in traditional characters: 五言絕句, 七言排律, 五言古體."""
    if not regulated:
        return _FORMS[form] + "古體"
    if lines >= _LONG and lines % 2 == 0:
        return _FORMS[form] + "排律"
    return _FORMS[form] + _LENGTHS.get(lines, "")


def _pattern(lines: Sequence[str], prosody: Prosody, name: str | None) -> Pattern:
    known = (pattern for pattern in patterns(len(lines[0]), len(lines)) if pattern.name == name)
    return next(known, None) or nearest_pattern(lines, prosody)[0]


def _rhymes(lines: Sequence[str], prosody: Prosody) -> tuple[int | None, ...]:
    """Even lines rhyme; so may the first one."""
    found: list[int | None] = [prosody.rhyme_of(line[-1]) if number % 2 else None for number, line in enumerate(lines)]
    if len(lines) > 1 and (first := prosody.rhyme_of(lines[0][-1])) and first == found[1]:
        found[0] = first
    return tuple(found)


def _rhyme_faults(lines: Sequence[str], rhymes: Sequence[int | None], prosody: Prosody) -> Iterator[Fault]:
    even = rhymes[1::2]
    main = next((number for number in even if number), 0)
    # One line alone has nothing to rhyme with.
    for breach in rhyme_breaches(lines, prosody) if len(even) > 1 else ():
        if breach.rule == "repeated rhyme":
            yield Fault(Rule.REPEATED_RHYME, breach.line, breach.place)
        # A first rhyme that is not known does not make faults of those that agree after it.
        elif not main or rhymes[breach.line] != main:
            yield Fault(Rule.RHYME, breach.line, breach.place)


def _joint_faults(tones: Sequence[Sequence[Tone]]) -> Iterator[Fault]:
    for number in range(1, len(tones)):
        before, found = tones[number - 1][_SECOND], tones[number][_SECOND]
        wanted = before.opposite if number % 2 else before
        if Tone.ANY not in (wanted, found) and wanted is not found:
            yield Fault(Rule.OPPOSITION if number % 2 else Rule.ADHESION, number, _SECOND, wanted, found)


def _tone_faults(
    lines: Sequence[str], tones: Sequence[Sequence[Tone]], pattern: Pattern, prosody: Prosody
) -> Iterator[Fault]:
    for breach in tone_breaches(lines, pattern, prosody):
        wanted = pattern.lines[breach.line].tones[breach.place]
        yield Fault(Rule.TONE, breach.line, breach.place, wanted, tones[breach.line][breach.place])
    for breach in ending_breaches(lines, pattern, prosody):
        found = tones[breach.line][breach.place]
        rule = Rule.LONE_LEVEL if breach.rule == "lone level" else Rule.THREE_ALIKE
        yield Fault(rule, breach.line, breach.place, found.opposite, found)
