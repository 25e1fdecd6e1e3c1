import math
from collections import Counter
from pathlib import Path

import pytest

from poetry_model.checkpoint import PRETRAINED, load_bundle
from poetry_model.corpus import read_corpus
from poetry_model.merit import COMMONNESS, REPETITION, _log_frequency, merit
from poetry_model.metre import Breach
from poetry_model.poem import Poem, PoemRequest
from poetry_model.vocabulary import Vocabulary

# In this order: 月 is the commonest.
_VOCABULARY = Vocabulary("月山水風雲花春天人秋" + "".join(map(chr, range(0x7A00, 0x8200))))
_COMMON = ("月山水風雲", "花春天人秋")
_RARE = ("".join(map(chr, range(0x8000, 0x8005))), "".join(map(chr, range(0x8100, 0x8105))))


def _poem(lines: tuple[str, ...], likelihood: float = -4.0, breaches: int = 0, temperature: float = 1.0) -> Poem:
    broken = tuple(Breach(0, place, "tone") for place in range(breaches))
    return Poem(PoemRequest(lines[0][0], temperature=temperature), lines, "", likelihood, breaches=broken)


def _score(lines: tuple[str, ...], likelihood: float = -4.0) -> float:
    return merit(_poem(lines, likelihood), _VOCABULARY)[1]


def test_fewer_breaches_go_before_all_else() -> None:
    whole, broken = _poem(_COMMON, -9.0, breaches=1), _poem(_RARE, -1.0, breaches=2)
    assert merit(whole, _VOCABULARY) > merit(broken, _VOCABULARY)


def test_of_the_same_characters_the_likelier_poem_is_better_by_its_likelihood() -> None:
    assert _score(_COMMON, -3.0) - _score(_COMMON[::-1], -4.0) == pytest.approx(1.0)


def test_a_temperature_is_taken_back() -> None:
    scores = [
        merit(_poem(_COMMON, likelihood, temperature=heat), _VOCABULARY)
        for likelihood, heat in [(-4.0, 1.0), (-8.0, 0.5), (-2.0, 2.0)]
    ]
    assert len(set(scores)) == 1


def test_common_characters_are_worth_less_than_rare_ones_that_are_as_likely() -> None:
    assert _score(_RARE) > _score(_COMMON)
    # What the ten commonest are more often than those, by hand; the likelihood pays it back.
    ranks = [_VOCABULARY.characters.index(character) + 1 for character in "".join(_RARE)]
    common = sum(_log_frequency(rank) for rank in range(1, 11)) - sum(map(_log_frequency, ranks))
    assert _score(_COMMON, -4.0 + COMMONNESS * common / 10) == pytest.approx(_score(_RARE))


def test_what_comes_again_is_counted_against_a_poem_but_for_doubling() -> None:
    def cost(lines: tuple[str, ...], same: tuple[str, ...]) -> float:
        assert sorted("".join(lines)) == sorted("".join(same))
        return (_score(same) - _score(lines)) * len("".join(lines))

    assert cost(("月山水月花", "春天人秋雲"), ("月月山水花", "春天人秋雲")) == pytest.approx(REPETITION)
    # 月 comes again, and two lines begin with it.
    assert cost(("月山水風花", "月天人秋雲"), ("月月山水風", "花天人秋雲")) == pytest.approx(2 * REPETITION)


def test_a_character_that_is_not_known_is_no_trouble() -> None:
    assert _score(("龘山水風雲", "花春天人秋"), -3.0) > _score(("龘山水風雲", "花春天人秋"), -4.0)


def test_the_commoner_of_two_ranks_is_the_likelier() -> None:
    assert all(_log_frequency(rank) > _log_frequency(rank + 1) for rank in range(7000))


def test_the_law_of_ranks_is_that_of_real_verse(real_corpus_folder: Path) -> None:
    bundle = load_bundle(PRETRAINED)
    counts = Counter(
        character
        for verse in bundle.hold_out.split(read_corpus(real_corpus_folder).verses).training
        for character in verse.text
        if character in bundle.vocabulary
    )
    total = counts.total()
    laws = [_log_frequency(rank) for rank in range(1, len(bundle.vocabulary.characters) + 1)]
    scale = math.log(sum(map(math.exp, laws)))
    divergence = sum(
        counts[character] / total * (math.log(counts[character] / total) - (law - scale))
        for character, law in zip(bundle.vocabulary.characters, laws, strict=True)
        if counts[character]
    )
    assert 0 <= divergence < 0.005
