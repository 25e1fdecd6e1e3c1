from dataclasses import replace

import pytest

from poetry_model.corpus import Dynasty, Verse
from poetry_model.holdout import Split
from poetry_model.material import Material
from poetry_model.training_config import TrainingConfig

CONFIG = TrainingConfig(song_share=0.25, favorites_share=0.2)


def _length(verses: list[Verse]) -> int:
    return sum(len(verse.text) for verse in verses)


def test_without_more_an_epoch_is_the_training_side(split: Split) -> None:
    assert Material(CONFIG, split.training).epoch(3) == list(split.training)


def test_every_song_poem_is_met_before_one_comes_back(split: Split) -> None:
    song = [Verse((*verse.lines[1:], verse.lines[0]), Dynasty.SONG) for verse in split.training]
    material = Material(CONFIG, split.training, song)
    epochs = [[verse for verse in material.epoch(number) if verse.dynasty is Dynasty.SONG] for number in range(4)]
    assert _length(epochs[0]) / _length(material.epoch(0)) == pytest.approx(0.25, abs=0.02)
    met = [verse for epoch in epochs for verse in epoch]
    assert set(met[: len(song)]) == set(song)
    assert len(met) > len(song)
    assert material.epoch(1) == Material(CONFIG, split.training, song).epoch(1)


def test_favorites_are_met_in_their_share_and_by_their_keepers(split: Split) -> None:
    one, two = (Verse(tuple(line[::-1] for line in verse.lines)) for verse in split.training[:2])
    config = replace(CONFIG, favorites_share=0.02)
    epochs = [Material(config, split.training, favorites=[(one, 1), (two, 3)]).epoch(number) for number in range(20)]
    liked = [verse for epoch in epochs for verse in epoch[len(split.training) :]]
    assert set(liked) == {one, two}
    assert _length(liked) / sum(map(_length, epochs)) == pytest.approx(0.02, rel=0.1)
    assert liked.count(two) / liked.count(one) == pytest.approx(3, rel=0.1)
