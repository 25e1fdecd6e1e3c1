import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poetry_model.batches import Batch, batches, bucket, collate
from poetry_model.conditions import conditions
from poetry_model.corpus import Dynasty, Verse
from poetry_model.vocabulary import PAD, UNK, Vocabulary

FIVE, SEVEN = Verse(("月山水雲風",)), Verse(("花春秋江天人日", "月月月月月月龘"))
VOCABULARY = Vocabulary("月山水雲風花春秋江天人日")
_verses = st.lists(
    st.tuples(st.sampled_from([5, 7]), st.integers(1, 8)).map(lambda shape: Verse(("月" * shape[0],) * shape[1])),
    max_size=30,
)


def test_short_poems_are_filled_up_to_the_longest() -> None:
    batch = collate([FIVE, SEVEN], VOCABULARY)
    assert batch.targets.tolist() == [
        [2, 3, 4, 5, 6, *[PAD] * 9],
        [7, 8, 9, 10, 11, 12, 13, 2, 2, 2, 2, 2, 2, UNK],
    ]
    assert batch.mask.sum(dim=1).tolist() == [5, 14]


def test_the_character_before_each_place_is_fed_and_nothing_before_the_first() -> None:
    batch = collate([FIVE, SEVEN], VOCABULARY)
    assert batch.previous[:, 0].tolist() == [PAD, PAD]
    assert batch.previous[:, 1:].equal(batch.targets[:, :-1])


def test_each_place_has_its_conditions() -> None:
    batch = collate([FIVE, SEVEN], VOCABULARY)
    assert batch.conditions[0, :5].tolist() == [list(row) for row in conditions(5, 1)]
    assert batch.conditions[1].tolist() == [list(row) for row in conditions(7, 2)]


def test_controls_and_the_dynasty_follow_the_conditions() -> None:
    song = Verse(SEVEN.lines, Dynasty.SONG)
    batch = collate([FIVE, song], VOCABULARY, lambda verse: [(place % 3, 4) for place in range(len(verse.text))])
    assert batch.conditions[0, 0].tolist() == [*conditions(5, 1)[0], 0, 4, Dynasty.TANG]
    assert batch.conditions[1].tolist() == [
        [*row, place % 3, 4, Dynasty.SONG] for place, row in enumerate(conditions(7, 2))
    ]
    assert batch.conditions[0, 5:].eq(0).all()


def test_a_batch_moves_whole() -> None:
    moved = collate([FIVE], VOCABULARY).to(torch.device("meta"))
    assert {moved.previous.device.type, moved.conditions.device.type, moved.targets.device.type} == {"meta"}


@given(verses=_verses, characters=st.integers(1, 200), seed=st.none() | st.integers(0, 9))
def test_every_poem_is_in_one_batch_and_no_batch_is_too_large(
    verses: list[Verse], characters: int, seed: int | None
) -> None:
    buckets = bucket(verses, characters, seed)
    assert sorted(index for indices in buckets for index in indices) == list(range(len(verses)))
    for indices in buckets:
        assert len(indices) == 1 or len(indices) * max(len(verses[index].text) for index in indices) <= characters


@pytest.mark.parametrize(("characters", "poems"), [(35, 7), (44, 8), (79, 8), (80, 16), (119, 16)])
def test_a_batch_with_room_for_eight_is_filled_by_eights(characters: int, poems: int) -> None:
    assert [len(indices) for indices in bucket([FIVE] * 50, characters)[:3]] == [poems] * 3
    assert [len(indices) for indices in bucket([FIVE] * 50, characters, poems=9)[:3]] == [9] * 3


@given(verses=_verses, seed=st.integers(0, 9))
def test_the_number_of_batches_does_not_depend_on_the_seed(verses: list[Verse], seed: int) -> None:
    assert len(bucket(verses, 60, seed)) == len(bucket(verses, 60))


def test_a_seed_repeats_a_shuffle_and_another_gives_another(verses: tuple[Verse, ...]) -> None:
    assert bucket(verses, 300, 1) == bucket(verses, 300, 1)
    assert bucket(verses, 300, 1) != bucket(verses, 300, 2)


def test_without_a_seed_poems_come_by_length(verses: tuple[Verse, ...]) -> None:
    lengths = [len(verses[index].text) for indices in bucket(verses, 300) for index in indices]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize("skip", [0, 3])
def test_skipped_batches_leave_the_rest_as_it_was(verses: tuple[Verse, ...], skip: int) -> None:
    def targets(made: list[Batch]) -> list[list[list[int]]]:
        return [batch.targets.tolist() for batch in made]

    whole = list(batches(verses, VOCABULARY, 1000, seed=1))
    assert targets(list(batches(verses, VOCABULARY, 1000, seed=1, skip=skip))) == targets(whole[skip:])
