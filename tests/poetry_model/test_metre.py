"""Lines are written as their tones: 平 is level, 仄 oblique, 長 either."""

import pytest

from poetry_model.metre import (
    Breach,
    Pattern,
    free_places,
    nearest_pattern,
    patterns,
    rhyme_breaches,
    tone_breaches,
)
from poetry_model.prosody import Prosody, RhymeClass, Tone

SIGNS = {Tone.LEVEL: "平", Tone.OBLIQUE: "仄", Tone.ANY: "○"}
PROSODY = Prosody(
    {"平": 1.0, "仄": 0.0, "長": 0.5},
    [
        RhymeClass(Tone.LEVEL, "東風空", "紅", 0.5),
        RhymeClass(Tone.LEVEL, "香光", "", 0.5),
    ],
)
FIVE = {
    "仄起首句不入韻": ("仄仄平平仄", "平平仄仄平", "平平平仄仄", "仄仄仄平平"),
    "平起首句不入韻": ("平平平仄仄", "仄仄仄平平", "仄仄平平仄", "平平仄仄平"),
    "仄起首句入韻": ("仄仄仄平平", "平平仄仄平", "平平平仄仄", "仄仄仄平平"),
    "平起首句入韻": ("平平仄仄平", "仄仄仄平平", "仄仄平平仄", "平平仄仄平"),
}
SEVEN = {
    "平起首句不入韻": ("平平仄仄平平仄", "仄仄平平仄仄平", "仄仄平平平仄仄", "平平仄仄仄平平"),
    "仄起首句不入韻": ("仄仄平平平仄仄", "平平仄仄仄平平", "平平仄仄平平仄", "仄仄平平仄仄平"),
    "平起首句入韻": ("平平仄仄仄平平", "仄仄平平仄仄平", "仄仄平平平仄仄", "平平仄仄仄平平"),
    "仄起首句入韻": ("仄仄平平仄仄平", "平平仄仄仄平平", "平平仄仄平平仄", "仄仄平平仄仄平"),
}
QUATRAINS = [*((5, name, lines) for name, lines in FIVE.items()), *((7, name, lines) for name, lines in SEVEN.items())]


def _written(pattern: Pattern) -> tuple[str, ...]:
    return tuple("".join(SIGNS[tone] for tone in line.tones) for line in pattern.lines)


def _named(form: int, lines: int, name: str) -> Pattern:
    [pattern] = [pattern for pattern in patterns(form, lines) if pattern.name == name]
    return pattern


def _changed(lines: tuple[str, ...], line: int, place: int, sign: str) -> tuple[str, ...]:
    text = lines[line]
    return (*lines[:line], text[:place] + sign + text[place + 1 :], *lines[line + 1 :])


@pytest.mark.parametrize(("form", "name", "lines"), QUATRAINS)
def test_the_four_quatrains_are_those_of_the_books(form: int, name: str, lines: tuple[str, ...]) -> None:
    assert _written(_named(form, 4, name)) == lines


@pytest.mark.parametrize("form", [5, 7])
def test_there_are_four_patterns_each_with_its_name(form: int) -> None:
    assert {pattern.name for pattern in patterns(form, 4)} == set(FIVE)
    assert len(patterns(form, 4)) == 4


@pytest.mark.parametrize(("form", "name", "lines"), QUATRAINS)
def test_the_tone_of_the_second_place_gives_the_name(form: int, name: str, lines: tuple[str, ...]) -> None:
    assert len(lines[0]) == form
    assert name[0] == lines[0][1]
    assert ("不入韻" in name) == (lines[0][-1] == "仄")


@pytest.mark.parametrize("form", [5, 7])
@pytest.mark.parametrize("lines", [2, 4, 6, 8, 10, 12, 14, 16])
def test_couplets_oppose_within_and_agree_across(form: int, lines: int) -> None:
    for pattern in patterns(form, lines):
        second = [line.tones[1] for line in pattern.lines]
        fourth = [line.tones[3] for line in pattern.lines]
        assert len(second) == lines
        for line in range(0, lines, 2):
            assert second[line] is second[line + 1].opposite
            assert fourth[line] is fourth[line + 1].opposite
        for line in range(1, lines - 1, 2):
            assert second[line] is second[line + 1]


@pytest.mark.parametrize("form", [5, 7])
@pytest.mark.parametrize("lines", [1, 2, 3, 4, 7, 8, 16])
def test_even_lines_end_level_and_rhyme_and_odd_ones_but_the_first_do_neither(form: int, lines: int) -> None:
    for pattern in patterns(form, lines):
        rhyming = [line.rhymes for line in pattern.lines]
        assert [line.tones[-1] is Tone.LEVEL for line in pattern.lines] == rhyming
        assert rhyming[1:] == [number % 2 == 1 for number in range(1, lines)]
        assert rhyming[0] == ("不入韻" not in pattern.name)


@pytest.mark.parametrize("form", [5, 7])
def test_longer_patterns_begin_as_shorter_ones(form: int) -> None:
    for short, long in zip(patterns(form, 3), patterns(form, 16), strict=True):
        assert short.lines == long.lines[:3]
        assert short.name == long.name


def test_odd_places_but_the_last_are_free() -> None:
    assert free_places(5) == {0, 2}
    assert free_places(7) == {0, 2, 4}


@pytest.mark.parametrize("form", [5, 7])
def test_what_is_wanted_leaves_no_line_three_like_tones_at_its_end_and_no_level_foot_alone(form: int) -> None:
    for pattern in patterns(form, 8):
        for line in pattern.lines:
            ends = line.wanted[-3:]
            assert {Tone.LEVEL, Tone.OBLIQUE} <= set(ends)
            if "".join(SIGNS[tone] for tone in line.tones[-5:]) == "平平仄仄平":
                assert line.wanted[-5:-3] == (Tone.LEVEL, Tone.LEVEL)


@pytest.mark.parametrize("form", [5, 7])
def test_a_free_place_wants_what_the_pattern_writes_or_nothing(form: int) -> None:
    for pattern in patterns(form, 8):
        for line in pattern.lines:
            for place, (tone, wanted) in enumerate(zip(line.tones, line.wanted, strict=True)):
                assert wanted is tone or (wanted is Tone.ANY and place in free_places(form))


@pytest.mark.parametrize(("form", "name", "lines"), QUATRAINS)
def test_verse_that_keeps_a_pattern_is_told_it_and_breaks_nothing(form: int, name: str, lines: tuple[str, ...]) -> None:
    pattern, breaches = nearest_pattern(lines, PROSODY)
    assert (len(lines[0]), pattern.name, breaches) == (form, name, ())


@pytest.mark.parametrize(("form", "name", "lines"), QUATRAINS)
def test_each_wrong_tone_is_named_at_its_place_unless_the_place_is_free(
    form: int, name: str, lines: tuple[str, ...]
) -> None:
    pattern = _named(form, 4, name)
    for line in range(4):
        for place in range(form):
            other = "仄" if lines[line][place] == "平" else "平"
            changed = _changed(lines, line, place, other)
            expected = () if place in free_places(form) else (Breach(line, place, "tone"),)
            assert tone_breaches(changed, pattern, PROSODY) == expected
            nearest, breaches = nearest_pattern(changed, PROSODY)
            if (line, place) == (0, form - 1):
                # The two patterns of one beginning differ in this place alone, but for free ones.
                assert (nearest.name[0], breaches) == (name[0], ())
                assert nearest.name != name
            else:
                assert (nearest.name, breaches) == (name, expected)


@pytest.mark.parametrize(("form", "name", "lines"), QUATRAINS)
def test_a_character_with_two_tones_breaks_nothing_anywhere(form: int, name: str, lines: tuple[str, ...]) -> None:
    pattern = _named(form, 4, name)
    for line in range(4):
        for place in range(form):
            assert tone_breaches(_changed(lines, line, place, "長"), pattern, PROSODY) == ()
    assert tone_breaches(("長" * form,) * 4, pattern, PROSODY) == ()


def test_several_breaches_come_in_order() -> None:
    lines = ("仄平平平仄", "平平仄平平", "平平平仄仄", "仄仄仄平仄")
    pattern, breaches = nearest_pattern(lines, PROSODY)
    assert pattern.name == "仄起首句不入韻"
    assert breaches == (Breach(0, 1, "tone"), Breach(1, 3, "tone"), Breach(3, 4, "tone"))


def test_an_unknown_character_breaks_no_tone() -> None:
    assert nearest_pattern(("龘" * 7,) * 8, PROSODY)[1] == ()


@pytest.mark.parametrize(
    ("ends", "breaches"),
    [
        ("東風", ()),
        ("東紅", ()),
        ("東香", (Breach(3, 4, "rhyme"),)),
        ("東東", (Breach(3, 4, "repeated rhyme"),)),
        ("東仄", (Breach(3, 4, "rhyme"),)),
        ("龘東", (Breach(1, 4, "rhyme"), Breach(3, 4, "rhyme"))),
        ("東風空紅", ()),
        ("東香風光", (Breach(3, 4, "rhyme"), Breach(7, 4, "rhyme"))),
        ("東風空東", (Breach(7, 4, "repeated rhyme"),)),
    ],
)
def test_a_broken_rhyme_is_named_at_its_place(ends: str, breaches: tuple[Breach, ...]) -> None:
    lines = [line for end in ends for line in ("平平平仄仄", "仄仄仄平" + end)]
    assert rhyme_breaches(lines, PROSODY) == breaches


def test_one_line_has_nothing_to_rhyme_with() -> None:
    assert rhyme_breaches(("平平平仄仄",), PROSODY) == ()
