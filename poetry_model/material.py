"""What a training meets in each epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from poetry_model.corpus import Verse
from poetry_model.favorites import mix
from poetry_model.training_config import TrainingConfig


@dataclass(frozen=True)
class Material:
    """The verse to learn: the training side in every epoch, and beside it a share of Song verse and of favorites."""

    config: TrainingConfig
    """Its shares and its seed."""
    training: Sequence[Verse]
    song: Sequence[Verse] = ()
    favorites: Sequence[tuple[Verse, int]] = ()
    """Poems and how many people keep each."""

    def epoch(self, number: int) -> list[Verse]:
        """The verse of epoch `number`, from 0; the same at every call."""
        seed = self.config.seed + number
        liked = mix(self._characters, self.favorites, self.config.favorites_share, seed)
        return [*self.training, *self._song_of(number), *liked]

    def _song_of(self, number: int) -> list[Verse]:
        """The next part of the Song verse: none comes again before all were met."""
        share, song = self.config.song_share, self._shuffled_song
        wanted = share / (1 - share) * self._characters
        count = round(wanted / (sum(len(verse.text) for verse in song) or 1) * len(song))
        return [song[at % len(song)] for at in range(number * count, (number + 1) * count)]

    @cached_property
    def _shuffled_song(self) -> list[Verse]:
        return Random(self.config.seed).sample(self.song, len(self.song))

    @cached_property
    def _characters(self) -> int:
        return sum(len(verse.text) for verse in self.training)
