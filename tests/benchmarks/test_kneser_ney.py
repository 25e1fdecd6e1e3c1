import math
from random import Random

import pytest

from benchmarks.kneser_ney import KneserNey
from poetry_model.vocabulary import Vocabulary

_POEMS = (("春風來", "花月新"), ("春風去", "花月明"), ("秋風來", "江月明"), ("春山遠", "江水新"))


@pytest.fixture
def model() -> KneserNey:
    return KneserNey(_POEMS, Vocabulary.from_texts(("".join(poem) for poem in _POEMS), minimum=1))


@pytest.mark.parametrize("before", ["", "春", "春風", "春風來", "月月", "鳥"])
def test_probabilities_sum_to_one_after_any_history(model: KneserNey, before: str) -> None:
    found = model.distribution(before)

    assert math.isclose(sum(found.values()), 1)
    assert min(found.values()) > 0


def test_every_character_of_the_vocabulary_and_the_unknown_one_can_follow(model: KneserNey) -> None:
    assert set(model.distribution("春")) == {"<unk>", *"".join("".join(poem) for poem in _POEMS)}


def test_a_bigram_model_is_as_computed_by_hand() -> None:
    # Poems 山山, 山水 and 水山 in one line each; too few counts of counts, so the discounts are 0.5, 1 and 1.5.
    model = KneserNey((("山山",), ("山水",), ("水山",)), Vocabulary(("山", "水")), order=2)

    # Single characters: 山 follows 3 different ones (beginning, 山, 水), 水 follows 2 (beginning, 山).
    # (3 - 1.5) / 5 and (2 - 1) / 5, the 2.5 / 5 taken away shared by 山, 水 and <unk>.
    level, water, unknown = 0.3 + 0.5 / 3, 0.2 + 0.5 / 3, 0.5 / 3
    first = model.distribution("")
    # Poems begin with 山 twice and 水 once: (2 - 1) / 3, (1 - 0.5) / 3, and 1.5 / 3 passed on.
    assert math.isclose(first["山"], 1 / 3 + 0.5 * level)
    assert math.isclose(first["水"], 0.5 / 3 + 0.5 * water)
    assert math.isclose(first["<unk>"], 0.5 * unknown)
    # 水 was followed by 山, once: half is kept, half passed on.
    assert math.isclose(model.distribution("水")["水"], 0.5 * water)


def test_a_history_that_was_never_seen_leaves_all_to_the_shorter_one() -> None:
    model = KneserNey((("山山",), ("山水",), ("水山",)), Vocabulary(("山", "水")), order=3)

    # 水水 is in no poem; 水 then 山 alone, after the beginning.
    assert model.distribution("水水") == model.distribution("山水水")
    assert model.distribution("水水")["山"] > model.distribution("水水")["水"]


def test_perplexity_is_that_of_the_characters_alone() -> None:
    model = KneserNey((("山山",), ("山水",), ("水山",)), Vocabulary(("山", "水")), order=2)
    likelihood = model.distribution("")["水"] * model.distribution("水")["水"]

    assert math.isclose(model.perplexity([("水水",)]), likelihood ** (-1 / 2))


def test_a_line_begins_after_a_boundary_not_after_the_last_character(model: KneserNey) -> None:
    # 花 and 江 begin second lines, and nothing else does.
    assert model.perplexity([("春風來", "花月新")]) < model.perplexity([("春風來花", "月新")])


def test_lines_of_any_length_are_scored_each_from_its_own_boundary() -> None:
    model = KneserNey((("山山", "水"), ("山水", "水山"), ("水", "山山水")), Vocabulary(("山", "水")), order=2)

    # Two neighbours are all it looks at, and these are the same ones.
    assert model.perplexity([("山", "水", "水山")]) == pytest.approx(model.perplexity([("山", "水山", "水")]))
    assert model.perplexity([("山", "水", "水山")]) != pytest.approx(model.perplexity([("山水", "水山")]))


def test_unknown_characters_are_scored(model: KneserNey) -> None:
    assert math.isfinite(model.perplexity([("鳥鳥鳥",)]))


def test_written_poems_keep_form_and_start_and_repeat_with_their_seed(model: KneserNey) -> None:
    poems = [model.write("春", 3, 2, Random(seed)) for seed in range(50)]

    assert all([len(line) for line in poem] == [3, 3] and poem[0][0] == "春" for poem in poems)
    assert poems == [model.write("春", 3, 2, Random(seed)) for seed in range(50)]
    assert not any("<" in line for poem in poems for line in poem)


def test_a_poem_may_begin_with_an_unknown_character(model: KneserNey) -> None:
    assert model.write("鳥", 3, 2, Random(1))[0][0] == "鳥"


def test_characters_are_drawn_as_often_as_they_are_likely(model: KneserNey) -> None:
    found = model.distribution("春")
    drawn = [model.write("春", 2, 1, Random(seed))[0][1] for seed in range(4000)]

    for character in "風山月":
        expected = found[character] / (1 - found["<unk>"])
        assert drawn.count(character) / len(drawn) == pytest.approx(expected, abs=0.03)
