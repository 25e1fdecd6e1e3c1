"""The controls of a place: the tone that is wanted there and the poem's rhyme class, or neither.

The tone belongs to the place, not to the character: a character that has both is met under both. In training controls
are dropped, poem by poem and place by place, so that one network writes with all of them, some, or none.
"""

from dataclasses import dataclass
from random import Random

from poetry_model.corpus import Verse
from poetry_model.metre import free_places
from poetry_model.prosody import Prosody, Tone

NOT_GIVEN = 0
"""Of either control."""

_WITHOUT_TONES = 0.3
"""Share of the poems in training whose tones are not given."""

_WITH_ALL_TONES = 0.5
"""Cumulative share of those whose tones are given nearly everywhere; the others' are given as a pattern gives them."""

_DROPPED_ANYWHERE = 0.1
_DROPPED_WHERE_FREE = 0.7
_DROPPED_WHERE_RULED = 0.03
_WITHOUT_RHYME = 0.2
_WITHOUT_RHYME_OR_TONES = 0.65
"""Share of the poems without tones that go without rhyme too."""


def not_given(verse: Verse) -> list[tuple[int, int]]:
    """No controls, for each place of `verse`."""
    return [(NOT_GIVEN, NOT_GIVEN)] * len(verse.text)


@dataclass(frozen=True, slots=True)
class Controls:
    """Makes the controls of verse whose characters are known.

    What is left to chance depends on the seed and the verse alone, so that a resumed run meets the same.
    """

    prosody: Prosody

    def given(self, verse: Verse, seed: int = 0) -> list[tuple[int, int]]:
        """Tone and rhyme class of every place."""
        random = _random(verse, seed)
        rhyme = self.prosody.rhyme_of_verse(verse.lines)
        return [(self._tone(character, random), rhyme) for character in verse.text]

    def dropped(self, verse: Verse, seed: int) -> list[tuple[int, int]]:
        """The same with some left out, for training."""
        random = _random(verse, seed)
        kind = random.random()
        without_rhyme = _WITHOUT_RHYME_OR_TONES if kind < _WITHOUT_TONES else _WITHOUT_RHYME
        rhyme = NOT_GIVEN if random.random() < without_rhyme else self.prosody.rhyme_of_verse(verse.lines)
        if kind < _WITHOUT_TONES:
            return [(NOT_GIVEN, rhyme)] * len(verse.text)
        free = free_places(verse.form)
        rates = [
            _DROPPED_ANYWHERE
            if kind < _WITH_ALL_TONES
            else _DROPPED_WHERE_FREE
            if place in free
            else _DROPPED_WHERE_RULED
            for place in range(verse.form)
        ]
        return [
            (NOT_GIVEN if random.random() < rate else self._tone(character, random), rhyme)
            for line in verse.lines
            for character, rate in zip(line, rates, strict=True)
        ]

    def _tone(self, character: str, random: Random) -> int:
        """The character's tone; of two, one by chance, as often as the character has it."""
        tone = self.prosody.tone_of(character)
        if tone is Tone.ANY:
            share = self.prosody.level_shares.get(character, 0.5)
            tone = Tone.LEVEL if random.random() < share else Tone.OBLIQUE
        return int(tone)


def _random(verse: Verse, seed: int) -> Random:
    return Random(f"{seed}/{verse.text}")
