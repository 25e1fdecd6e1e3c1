"""What a poem will be before its first character is written: its pattern, its rhyme, and what each place may hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random

import torch
from torch import Tensor

from poetry_model.metre import Line, Pattern, patterns
from poetry_model.prosody import Prosody, Tone
from poetry_model.vocabulary import PAD, UNK, Vocabulary

_SMALLEST_CLASS = 10
"""Characters a rhyme must have in the vocabulary to be chosen for a poem."""

_ANYTHING = 0
"""Row of the table of masks that forbids only what is no character."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The controls of each place, and which row of the masks holds there; all of one length, form * lines."""

    pattern: Pattern | None
    """None in free verse."""
    rhyme: int
    """Class that the even lines share, from 1; 0 for none."""
    tones: tuple[int, ...]
    """The tone wanted at each place; 0 where it is free."""
    masks: tuple[int, ...]


class Planner:
    """Plans for one vocabulary and its prosody."""

    def __init__(self, vocabulary: Vocabulary, prosody: Prosody) -> None:
        self._vocabulary = vocabulary
        self._prosody = prosody

    @cached_property
    def masks(self) -> Tensor:
        """Which ids may stand, (3 + rhyme classes, vocabulary), bool.

        Row 0 allows every character; row 1 all that can be level, row 2 all that can be oblique; the row of a rhyme
        class those that surely belong to it and have its tone.
        """
        rows = torch.zeros(len(Tone) + len(self._prosody.classes), len(self._vocabulary), dtype=torch.bool)
        tones = torch.tensor([self._prosody.tone_of(character) for character in self._vocabulary.characters])
        rows[_ANYTHING, UNK + 1 :] = True
        rows[Tone.LEVEL, UNK + 1 :] = tones != Tone.OBLIQUE
        rows[Tone.OBLIQUE, UNK + 1 :] = tones != Tone.LEVEL
        for row, rhymes in enumerate(self._prosody.classes, start=len(Tone)):
            ids = [self._vocabulary.id_of(character) for character in rhymes.sure]
            rows[row, ids] = True
            rows[row] &= rows[rhymes.tone]
        rows[:, [PAD, UNK]] = False
        for tone in (Tone.LEVEL, Tone.OBLIQUE):
            if not rows[tone].any():
                # Of a small vocabulary none may have the tone, and something must stand.
                rows[tone] = rows[_ANYTHING]
        return rows

    @cached_property
    def rhymes(self) -> dict[Tone, tuple[int, ...]]:
        """The classes large enough to rhyme in, by tone."""
        large = [
            number
            for number in range(1, len(self._prosody.classes) + 1)
            if int(self.masks[self._row(number)].sum()) >= _SMALLEST_CLASS
        ]
        return {
            tone: tuple(number for number in large if self._prosody.classes[number - 1].tone is tone)
            for tone in (Tone.LEVEL, Tone.OBLIQUE)
        }

    def regulated(self, form: int, lines: int, given: Mapping[int, str], rhyme: int, random: Random) -> Plan:
        """A plan in one of the four patterns, among those that the `given` characters (by place) break least.

        `rhyme` is the class the poem keeps.
        """
        by_breaches: dict[int, list[Pattern]] = {}
        for pattern in patterns(form, lines):
            by_breaches.setdefault(self._breaches(given, pattern, rhyme), []).append(pattern)
        pattern = random.choice(by_breaches[min(by_breaches)])
        tones, masks = [], []
        for number, line in enumerate(pattern.lines):
            for place, tone in enumerate(self._wanted(line, given, number * form)):
                ends = line.rhymes and place == form - 1
                tones.append(int(tone))
                masks.append(self._row(rhyme) if ends and rhyme else int(tone))
        return Plan(pattern, rhyme, tuple(tones), tuple(masks))

    def free(self, form: int, lines: int, rhyme: int) -> Plan:
        """A plan without tones; the even lines rhyme."""
        tones = [0] * (form * lines)
        masks = [_ANYTHING] * (form * lines)
        for line in range(1, lines, 2):
            end = line * form + form - 1
            if rhyme:
                tones[end] = int(self._prosody.classes[rhyme - 1].tone)
                masks[end] = self._row(rhyme)
        return Plan(None, rhyme, tuple(tones), tuple(masks))

    def _row(self, rhyme: int) -> int:
        return len(Tone) - 1 + rhyme if rhyme else _ANYTHING

    def _wanted(self, line: Line, given: Mapping[int, str], begin: int) -> list[Tone]:
        """The tones wanted in a line that begins at the place `begin`."""
        wanted = list(line.wanted)
        foot = len(wanted) - 5
        head = given.get(begin + foot)
        if head is not None and wanted[foot] is Tone.LEVEL and self._prosody.tone_of(head) is Tone.OBLIQUE:
            # 仄平仄仄平 would leave one level foot alone; a level third place gives it company.
            wanted[foot + 2] = Tone.LEVEL
        return wanted

    def _breaches(self, given: Mapping[int, str], pattern: Pattern, rhyme: int) -> int:
        """How many of the given characters do not carry what the pattern wants of their place."""
        form = len(pattern.lines[0].wanted)
        wrong = 0
        for at, character in given.items():
            line, place = pattern.lines[at // form], at % form
            tone = line.wanted[place]
            wrong += tone is not Tone.ANY and self._prosody.tone_of(character) is tone.opposite
            wrong += line.rhymes and place == form - 1 and self._prosody.rhyme_of(character) != rhyme
        return wrong
