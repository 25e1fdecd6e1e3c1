import pytest

from poetry_model import figures
from poetry_model.prosody import Prosody, RhymeClass, Tone

_LEVEL = "平東中風空"
_OBLIQUE = "仄月水去暮"


@pytest.fixture
def prosody() -> Prosody:
    """Characters of one tone each, two level rhymes and an oblique one; 看 has both tones."""
    shares = dict.fromkeys(_LEVEL, 1.0) | dict.fromkeys(_OBLIQUE, 0.0) | {"看": 0.5}
    classes = [
        RhymeClass(Tone.LEVEL, "東中風", "", 0.6),
        RhymeClass(Tone.LEVEL, "平", "", 0.2),
        RhymeClass(Tone.OBLIQUE, "去暮", "", 0.2),
    ]
    return Prosody(shares, classes)


# 仄仄平平仄，平平仄仄平。平平平仄仄，仄仄仄平平。
_REGULATED = ("月月平平仄", "平平月月東", "平平平月水", "月月水平中")


def test_format_counts_lines_and_characters() -> None:
    poems = [("春江潮", "月夜人"), ("春江潮",), ("春江潮", "月夜"), ("春江潮", "月夜a")]

    assert figures.format_kept(poems, 3, 2) == 1 / 4


def test_a_start_may_be_longer_than_one_character() -> None:
    assert figures.start_kept([("春江潮", "月夜人"), ("江春潮", "月夜人")], ["春江", "春"]) == 1 / 2


def test_even_lines_rhyme_in_one_class_with_different_characters(prosody: Prosody) -> None:
    ends = ("東中", "東東", "東平", "東水", "去暮")
    poems = [("月", end[0], "月", end[1]) for end in ends]

    assert [figures.rhymes(poem, prosody) for poem in poems] == [True, False, False, False, True]
    assert figures.rhyme_kept(poems, prosody) == 2 / 5
    assert figures.rhyme_kept(poems, prosody, level=True) == 1 / 5


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_what_is_shorter_than_a_quatrain_neither_rhymes_nor_scans(prosody: Prosody, lines: int) -> None:
    assert figures.rhymes(_REGULATED, prosody)
    assert figures.scans(_REGULATED, prosody)
    assert not figures.rhymes(_REGULATED[:lines], prosody)
    assert not figures.scans(_REGULATED[:lines], prosody)


@pytest.mark.parametrize(
    "lines", [(*_REGULATED[:3], "月水平中"), ("月", *_REGULATED[1:]), tuple(line[1:] for line in _REGULATED)]
)
def test_lines_of_any_length_may_rhyme_and_do_not_scan(prosody: Prosody, lines: figures.Lines) -> None:
    assert figures.rhymes(lines, prosody, level=True)
    assert not figures.scans(lines, prosody)
    assert figures.both_kept([lines], prosody) == 0


def test_more_lines_than_were_asked_for_may_scan(prosody: Prosody) -> None:
    assert figures.scans((*_REGULATED, *_REGULATED), prosody)


def test_metre_is_of_the_whole_poem(prosody: Prosody) -> None:
    broken = (*_REGULATED[:3], "月平水平中")

    assert figures.metre_kept([_REGULATED, broken], prosody) == 1 / 2


def test_the_first_and_third_place_are_free_and_a_polyphone_is_either_tone(prosody: Prosody) -> None:
    assert figures.scans(("平月月看仄", *_REGULATED[1:]), prosody)


def test_both_wants_a_level_rhyme(prosody: Prosody) -> None:
    assert figures.both_kept([_REGULATED], prosody) == 1
    assert figures.both_kept([(*_REGULATED[:3], "月月水平平")], prosody) == 0


def test_repeated_characters_leave_doubling_out() -> None:
    assert figures.repeated_characters([("年年花", "月年江")]) == 1
    assert figures.repeated_characters([("年年花", "月江春")]) == 0
    assert figures.repeated_characters([("年花年", "花江春"), ("春江潮", "月夜人")]) == 1


def test_a_third_in_a_row_is_repeated() -> None:
    assert figures.repeated_characters([("年年年", "春江花")]) == 1
    assert figures.repeated_characters([("年年春春", "江花花水")]) == 0


def test_doubling_does_not_reach_over_the_end_of_a_line() -> None:
    assert figures.repeated_characters([("春江月", "月夜人")]) == 1


def test_distinct_poems_lines_and_bigrams() -> None:
    poems = [("春江潮", "月夜人"), ("春江潮", "月夜長"), ("春江潮", "月夜長")]

    assert figures.distinct_poems(poems) == 2 / 3
    assert figures.distinct_lines(poems) == 3 / 6
    assert figures.distinct_bigrams(poems) == 5 / 12


def test_single_characters_have_no_bigrams() -> None:
    assert figures.distinct_bigrams([("春", "江")]) == 0


def test_copied_lines_are_those_known_word_for_word() -> None:
    assert figures.copied_lines([("春江潮", "月夜人")], {"月夜人", "江潮"}) == 1 / 2
