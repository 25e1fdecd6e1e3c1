import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_model.errors import BundleError
from poetry_model.vocabulary import PAD, UNK, Vocabulary


def test_characters_seen_twice_are_known_the_commonest_first() -> None:
    vocabulary = Vocabulary.from_texts(["山月月", "水月山", "雲"])
    assert vocabulary.characters == ("月", "山")
    assert len(vocabulary) == 4


def test_equal_counts_are_ordered_by_code_point() -> None:
    assert Vocabulary.from_texts(["風山月", "月山風"]).characters == tuple(sorted("風山月"))


def test_the_least_count_may_be_chosen() -> None:
    assert set(Vocabulary.from_texts(["月山山"], minimum=1).characters) == {"月", "山"}


def test_the_first_two_ids_are_special() -> None:
    vocabulary = Vocabulary("月")
    assert vocabulary.character_of(PAD) == "<pad>"
    assert vocabulary.character_of(UNK) == "<unk>"
    assert vocabulary.encode("月龘") == [2, UNK]


def test_only_known_characters_are_contained() -> None:
    vocabulary = Vocabulary("月山")
    assert "月" in vocabulary
    assert "水" not in vocabulary
    assert "<unk>" not in vocabulary


@given(characters=st.lists(st.characters(), unique=True), data=st.data())
def test_what_is_known_comes_back_as_it_went_in(characters: list[str], data: st.DataObject) -> None:
    text = data.draw(st.text(st.sampled_from(characters)) if characters else st.just(""))
    vocabulary = Vocabulary(characters)
    assert vocabulary.decode(vocabulary.encode(text)) == text


@pytest.mark.parametrize("characters", [["月", "月"], ["月山"], [""]])
def test_a_table_with_doubles_or_with_more_than_characters_is_refused(characters: list[str]) -> None:
    with pytest.raises(BundleError, match="The vocabulary holds"):
        Vocabulary(characters)
