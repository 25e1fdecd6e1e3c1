import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_model.corpus import Verse
from poetry_model.errors import CorpusError
from poetry_model.favorites import MOST_KEEPERS, MOST_REPEATS, mix, read_favorites

A, B = "月山水雲風", "花春秋江門"
SEVEN = "長東馬鳥魚龍書"


def write(folder: Path, content: object) -> Path:
    file = folder / "favorites.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def of(*poems: object) -> dict[str, Any]:
    return {"format": 1, "poems": list(poems)}


def verse(number: int) -> Verse:
    """One of many different couplets."""
    return Verse((A, f"{B[:4]}{chr(ord('一') + number)}"))


def characters(verses: list[Verse]) -> int:
    return sum(len(verse.text) for verse in verses)


def test_verses_come_with_their_keepers_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, of({"lines": [A, B], "keepers": 3}, {"lines": [SEVEN], "keepers": 1}))
    assert read_favorites(file) == [(Verse((A, B)), 3), (Verse((SEVEN,)), 1)]


def test_a_poem_that_stands_there_twice_is_one_poem(tmp_path: Path) -> None:
    file = write(tmp_path, of({"lines": [A], "keepers": 3}, {"lines": [f"{A} "], "keepers": 2}))
    assert read_favorites(file) == [(Verse((A,)), 5)]


def test_compatibility_ideographs_become_the_unified_ones(tmp_path: Path) -> None:
    file = write(tmp_path, of({"lines": ["\uf9d1山水雲風"], "keepers": 1}))
    assert read_favorites(file) == [(Verse(("六山水雲風",)), 1)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "does not hold favorites of format 1"),
        ({"poems": []}, "does not hold favorites of format 1"),
        ({"format": 2, "poems": []}, "does not hold favorites of format 1"),
        ({"format": True, "poems": []}, "does not hold favorites of format 1"),
        ({"format": 1}, 'no list of poems under "poems"'),
        ({"format": 1, "poems": {}}, 'no list of poems under "poems"'),
        (of(), "There is no poem in"),
        (of("poem"), "Poem 1 of .* is no object"),
        (of({"lines": [A], "keepers": 1}, {"keepers": 1}), 'Poem 2 of .* no list of strings under "lines"'),
        (of({"lines": A, "keepers": 1}), 'no list of strings under "lines"'),
        (of({"lines": [5], "keepers": 1}), 'no list of strings under "lines"'),
        (of({"lines": [], "keepers": 1}), "has 0 lines; a poem has 1 to 16"),
        (of({"lines": [A] * 17, "keepers": 1}), "has 17 lines"),
        (of({"lines": ["月山"], "keepers": 1}), "The lines of poem 1 .* not all of five or all of seven"),
        (of({"lines": [A, SEVEN], "keepers": 1}), "not all of five or all of seven"),
        (of({"lines": ["月山水雲a"], "keepers": 1}), "holds 'a'; its lines must be Chinese characters alone"),
        (of({"lines": ["月山水雲，"], "keepers": 1}), "holds '，'"),
        (of({"lines": [A]}), 'has None under "keepers"; give a whole number from 1'),
        (of({"lines": [A], "keepers": 0}), 'has 0 under "keepers"'),
        (of({"lines": [A], "keepers": 1.5}), 'has 1.5 under "keepers"'),
        (of({"lines": [A], "keepers": True}), 'has True under "keepers"'),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_sentence(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(CorpusError, match=said) as caught:
        read_favorites(write(tmp_path, content))
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "favorites.json") in str(caught.value)


@pytest.mark.parametrize("content", [b'{"format": 1', b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "favorites.json"
    file.write_bytes(content)
    with pytest.raises(CorpusError, match="is not valid JSON"):
        read_favorites(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"none\.json cannot be read \(No such file"):
        read_favorites(tmp_path / "none.json")


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_the_favorites_are_their_share_of_the_epoch(share: float) -> None:
    favorites = [(verse(number), 1 + number % 5) for number in range(1000)]
    mixed = characters(mix(20_000, favorites, share, 1))
    assert abs(mixed / (20_000 + mixed) - share) < 0.001


def test_a_poem_comes_in_proportion_to_its_keepers() -> None:
    favorites = [(verse(number), keepers) for number, keepers in enumerate((1, 2, 5))]
    counts = Counter(mix(4000, favorites, 0.1, 1))
    # 444 characters are wanted: 44 poems, shared out as 1 : 2 : 5.
    assert [counts[verse(number)] for number in range(3)] == pytest.approx([5.6, 11.1, 27.8], abs=1)


def test_more_keepers_than_count_count_no_more() -> None:
    few = mix(40_000, [(verse(0), MOST_KEEPERS), (verse(1), 1)], 0.01, 1)
    many = mix(40_000, [(verse(0), 10**6), (verse(1), 1)], 0.01, 1)
    assert few == many
    assert Counter(many)[verse(1)] > 0


def test_a_few_favorites_are_not_learned_by_heart() -> None:
    counts = Counter(mix(2_000_000, [(verse(number), 2 + number % 2) for number in range(5)], 0.1, 1))
    assert max(counts.values()) <= MOST_REPEATS + 1
    assert counts[verse(0)] == pytest.approx(counts[verse(1)] * 2 / 3, abs=2)


def test_what_is_wanted_less_than_once_an_epoch_comes_in_some_epochs() -> None:
    favorites = [(verse(number), 1) for number in range(100)]
    # 111 characters are wanted an epoch: eleven of the hundred poems.
    epochs = [mix(1000, favorites, 0.1, seed) for seed in range(400)]
    assert {len(epoch) for epoch in epochs} <= {11, 12}
    counts = Counter(verse for epoch in epochs for verse in epoch)
    assert all(20 < counts[verse(number)] < 80 for number in range(100))
    assert counts.total() / 400 == pytest.approx(11.11, abs=0.1)


def test_an_epoch_can_be_mixed_again_and_the_next_is_another() -> None:
    favorites = [(verse(number), 1) for number in range(100)]
    assert mix(1000, favorites, 0.1, 1) == mix(1000, favorites, 0.1, 1)
    assert Counter(mix(1000, favorites, 0.1, 1)) != Counter(mix(1000, favorites, 0.1, 2))


def test_without_favorites_nothing_is_added() -> None:
    assert mix(1000, [], 0.1, 1) == []


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=30),
    st.integers(0, 5000),
    st.floats(0.001, 0.99),
    st.integers(0, 9),
)
def test_the_mix_never_exceeds_its_share_by_more_than_a_poem(
    keepers: list[int], training: int, share: float, seed: int
) -> None:
    mixed = mix(training, [(verse(number), count) for number, count in enumerate(keepers)], share, seed)
    assert characters(mixed) <= share / (1 - share) * training + 10
    assert max(Counter(mixed).values(), default=0) <= MOST_REPEATS + 1
