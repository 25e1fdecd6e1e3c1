from collections.abc import Callable
from itertools import product

import pytest

from poetry_model.controls import Controls, not_given
from poetry_model.corpus import Verse
from poetry_model.prosody import Prosody, RhymeClass, Tone

PROSODY = Prosody(
    {**dict.fromkeys("東風山花", 1.0), **dict.fromkeys("月雪水雨", 0.0), "長": 0.25},
    [RhymeClass(Tone.OBLIQUE, "月雪", "", 0.5), RhymeClass(Tone.LEVEL, "東風", "", 0.5)],
)
CONTROLS = Controls(PROSODY)
# One poem and a thousand of its like: they differ in what they say, not in how they sound.
VERSE = Verse(("山水山花月", "水山水花東", "山山雨雨雪", "雨水花山風"))
LIKES = [
    Verse((one + "水山花月", two + "山水花東", three + "山雨雨雪", four + "水花山風"))
    for one, two, three, four in product("山水花雨月雪", repeat=4)
]


def _share(chosen: Callable[[Verse], bool]) -> float:
    return sum(map(chosen, LIKES)) / len(LIKES)


def test_each_place_is_given_the_tone_of_its_character_and_the_rhyme_of_the_poem() -> None:
    tones = "12112" + "21211" + "11222" + "22111"
    assert CONTROLS.given(VERSE) == [(int(tone), 2) for tone in tones]


def test_a_poem_that_does_not_rhyme_is_given_no_rhyme() -> None:
    verse = Verse((*VERSE.lines[:3], VERSE.lines[2]))
    assert {rhyme for _, rhyme in CONTROLS.given(verse)} == {0}
    assert {rhyme for _, rhyme in CONTROLS.given(Verse(VERSE.lines[:2]))} == {0}


def test_nothing_is_given_where_nothing_is_wanted() -> None:
    assert not_given(VERSE) == [(0, 0)] * 20


def test_a_character_with_two_tones_is_met_under_both_as_often_as_it_has_them() -> None:
    verse = Verse(("長" * 7,) * 16)
    tones = [tone for seed in range(20) for tone, _ in CONTROLS.given(verse, seed)]
    assert set(tones) == {Tone.LEVEL, Tone.OBLIQUE}
    assert tones.count(Tone.LEVEL) / len(tones) == pytest.approx(0.25, abs=0.03)


def test_an_unknown_character_is_met_under_both_tones() -> None:
    tones = [tone for tone, _ in CONTROLS.given(Verse(("龘" * 7,) * 16))]
    assert set(tones) == {Tone.LEVEL, Tone.OBLIQUE}


@pytest.mark.parametrize("make", [CONTROLS.given, CONTROLS.dropped])
def test_chance_depends_on_the_seed_and_the_verse_alone(make: Callable[[Verse, int], list[tuple[int, int]]]) -> None:
    verse = Verse(("長思聞山水",) * 4)
    again = Verse(("長思聞山水",) * 4)
    assert make(verse, 1) == make(again, 1)
    assert any(make(verse, 1) != make(verse, seed) for seed in range(2, 6))


def test_what_is_left_is_what_was_given() -> None:
    for seed in range(50):
        given, dropped = CONTROLS.given(VERSE, seed), CONTROLS.dropped(VERSE, seed)
        assert len(dropped) == len(given)
        for (tone, rhyme), (left, its_rhyme) in zip(given, dropped, strict=True):
            assert left in (0, tone)
            assert its_rhyme in (0, rhyme)
        assert len({rhyme for _, rhyme in dropped}) == 1


def test_three_poems_in_ten_are_given_no_tones() -> None:
    assert _share(lambda verse: not any(tone for tone, _ in CONTROLS.dropped(verse, 1))) == pytest.approx(0.3, abs=0.05)


def test_a_third_of_the_poems_are_given_no_rhyme() -> None:
    assert _share(lambda verse: CONTROLS.dropped(verse, 1)[0][1] == 0) == pytest.approx(0.35, abs=0.05)


def test_the_free_places_are_dropped_most() -> None:
    dropped = [[tone for tone, _ in CONTROLS.dropped(verse, 1)] for verse in LIKES]
    given = [tones for tones in dropped if any(tones)]
    kept = [sum(tones[place::5].count(0) for tones in given) / (4 * len(given)) for place in range(5)]
    # Of those given tones two in seven lose a place in ten anywhere, the others as a pattern would leave them out.
    free, ruled = (2 * 0.1 + 5 * 0.7) / 7, (2 * 0.1 + 5 * 0.03) / 7
    assert kept == pytest.approx([free, ruled, free, ruled, ruled], abs=0.04)
