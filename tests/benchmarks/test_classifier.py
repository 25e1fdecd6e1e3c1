from random import Random

import pytest

from benchmarks.classifier import separability
from poetry_model.figures import Lines

_HAN = "月山水雲風花春秋江天人日夜雨雪松竹石鳥馬"


def _nonsense(characters: str, seed: int) -> list[Lines]:
    random = Random(seed)
    return [tuple("".join(random.choices(characters, k=5)) for _ in range(4)) for _ in range(100)]


def test_one_source_cannot_be_told_from_itself() -> None:
    found = [separability(_nonsense(_HAN, seed), _nonsense(_HAN, seed + 1), seed) for seed in range(0, 10, 2)]

    assert sum(found) / len(found) == pytest.approx(0.5, abs=0.07)


def test_different_sources_are_told_apart() -> None:
    assert separability(_nonsense(_HAN[:14], 1), _nonsense(_HAN[6:], 2), 1) > 0.95


def test_the_same_seed_gives_the_same_area() -> None:
    first, second = _nonsense(_HAN, 1), _nonsense(_HAN[3:], 2)

    assert separability(first, second, 7) == separability(first, second, 7)


def test_sets_of_different_size_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        separability(_nonsense(_HAN, 1), _nonsense(_HAN, 2)[1:], 1)
