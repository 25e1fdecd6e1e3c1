from random import Random

import pytest

from poetry_model.metre import Pattern
from poetry_model.planning import Plan, Planner
from poetry_model.prosody import Prosody, RhymeClass, Tone
from poetry_model.vocabulary import PAD, UNK, Vocabulary

EAST, SUN = "東風中空紅同窮翁宮鴻蓬公", "香光霜鄉傷黃涼堂牀忘"
MOON, FEW = "月雪別絕歇發缺滅節說徹", "人春塵"
EITHER, STRANGE = "長思", "龘"
VOCABULARY = Vocabulary(EAST + SUN + MOON + FEW + EITHER + STRANGE)
PROSODY = Prosody(
    {
        **dict.fromkeys(EAST + SUN + FEW, 1.0),
        **dict.fromkeys(MOON, 0.0),
        **dict.fromkeys(EITHER, 0.5),
    },
    [
        RhymeClass(Tone.LEVEL, EAST + "雷長", "思", 0.4),  # 雷 is not in the vocabulary
        RhymeClass(Tone.LEVEL, SUN + "月", "", 0.3),  # 月 is oblique: it may not stand here
        RhymeClass(Tone.OBLIQUE, MOON, "", 0.2),
        RhymeClass(Tone.LEVEL, FEW, "", 0.1),
    ],
)
PLANNER = Planner(VOCABULARY, PROSODY)
SEEDS = range(40)


def _plans(form: int, lines: int, given: dict[int, str], rhyme: int = 1) -> list[Plan]:
    return [PLANNER.regulated(form, lines, given, rhyme, Random(seed)) for seed in SEEDS]


def _names(plans: list[Plan]) -> set[str]:
    return {plan.pattern.name for plan in plans if plan.pattern}


def _pattern(plan: Plan) -> Pattern:
    assert plan.pattern
    return plan.pattern


def _line(tones: str) -> dict[int, str]:
    return dict(enumerate(tones.replace("平", "東").replace("仄", "月")))


def _allowed(row: int) -> str:
    return "".join(VOCABULARY.character_of(number) for number in PLANNER.masks[row].nonzero().flatten().tolist())


def test_without_a_mask_any_character_may_stand_and_nothing_else() -> None:
    assert _allowed(0) == "".join(VOCABULARY.characters)
    assert not PLANNER.masks[:, [PAD, UNK]].any()
    assert PLANNER.masks.shape == (3 + len(PROSODY.classes), len(VOCABULARY))


def test_a_tone_forbids_only_what_cannot_carry_it() -> None:
    assert _allowed(Tone.LEVEL) == EAST + SUN + FEW + EITHER + STRANGE
    assert _allowed(Tone.OBLIQUE) == MOON + EITHER + STRANGE


def test_a_rhyme_allows_what_surely_belongs_to_it_and_has_its_tone() -> None:
    assert [_allowed(row) for row in range(3, 7)] == [EAST + "長", SUN, MOON, FEW]


def test_poems_rhyme_in_classes_that_are_large_enough() -> None:
    assert PLANNER.rhymes == {Tone.LEVEL: (1, 2), Tone.OBLIQUE: (3,)}


def test_where_nothing_is_given_every_pattern_is_chosen_sometimes() -> None:
    assert len(_names(_plans(5, 4, {}))) == 4


def test_chance_is_the_generators_alone() -> None:
    assert _plans(7, 8, {}) == _plans(7, 8, {})


@pytest.mark.parametrize(
    ("form", "given", "names"),
    [
        (5, {1: "月"}, {"仄起首句不入韻", "仄起首句入韻"}),
        (5, {1: "東"}, {"平起首句不入韻", "平起首句入韻"}),
        (7, {1: "月"}, {"仄起首句不入韻", "仄起首句入韻"}),
        (7, {1: "東"}, {"平起首句不入韻", "平起首句入韻"}),
        (5, _line("仄仄平平仄"), {"仄起首句不入韻"}),
        (5, _line("平平平仄仄"), {"平起首句不入韻"}),
        (5, _line("仄仄仄平平"), {"仄起首句入韻"}),
        (5, _line("平平仄仄平"), {"平起首句入韻"}),
        (7, _line("平平仄仄平平仄"), {"平起首句不入韻"}),
        (7, _line("仄仄平平平仄仄"), {"仄起首句不入韻"}),
        (7, _line("平平仄仄仄平平"), {"平起首句入韻"}),
        (7, _line("仄仄平平仄仄平"), {"仄起首句入韻"}),
        # 首句不入韻 as well: 月 in an even line's second place.
        (5, {6: "月"}, {"平起首句不入韻", "平起首句入韻"}),
    ],
)
def test_the_tones_that_are_given_force_the_pattern(form: int, given: dict[int, str], names: set[str]) -> None:
    assert _names(_plans(form, 4, given)) == names


@pytest.mark.parametrize("given", [{0: "月"}, {1: "長"}, {1: "龘"}])
def test_a_free_place_or_a_character_with_two_tones_forces_none(given: dict[int, str]) -> None:
    assert len(_names(_plans(7, 4, given))) == 4


def test_where_nothing_fits_the_fewest_places_are_relaxed() -> None:
    # 平平仄仄平 is broken once by five level tones, the others twice.
    assert _names(_plans(5, 4, _line("平平平平平"))) == {"平起首句入韻"}
    # A first line that ends level but does not rhyme is one place worse.
    assert _names(_plans(5, 4, {**_line("仄仄仄平平"), 4: "香"})) <= {"仄起首句入韻", "仄起首句不入韻"}


@pytest.mark.parametrize(("form", "lines"), [(5, 4), (7, 4), (5, 8), (7, 16), (5, 1), (7, 3)])
def test_each_place_wants_what_its_pattern_wants_and_is_masked_by_it(form: int, lines: int) -> None:
    for plan in _plans(form, lines, {}, rhyme=2):
        wanted = [tone for line in _pattern(plan).lines for tone in line.wanted]
        assert list(plan.tones) == wanted
        for place, (tone, mask) in enumerate(zip(plan.tones, plan.masks, strict=True)):
            line, column = divmod(place, form)
            rhymes = column == form - 1 and _pattern(plan).lines[line].rhymes
            assert mask == (4 if rhymes else tone)
        assert plan.rhyme == 2


def test_without_a_rhyme_the_ends_keep_their_tone() -> None:
    for plan in _plans(5, 4, {}, rhyme=0):
        assert plan.masks == plan.tones


@pytest.mark.parametrize("form", [5, 7])
def test_lines_cannot_end_in_three_like_tones(form: int) -> None:
    for plan in _plans(form, 8, {}):
        for begin in range(0, form * 8, form):
            assert {Tone.LEVEL, Tone.OBLIQUE} <= set(plan.tones[begin + form - 3 : begin + form])


@pytest.mark.parametrize("form", [5, 7])
def test_a_level_foot_that_is_given_broken_gets_company(form: int) -> None:
    foot = form - 5
    met = 0
    for plan in _plans(form, 8, {line * form + foot: "月" for line in range(8)}):
        for number, line in enumerate(_pattern(plan).lines):
            tones = plan.tones[number * form + foot : (number + 1) * form]
            if line.tones[foot:] == (Tone.LEVEL, Tone.LEVEL, Tone.OBLIQUE, Tone.OBLIQUE, Tone.LEVEL):
                assert tones[2] == Tone.LEVEL
                met += 1
    assert met


@pytest.mark.parametrize(("form", "lines"), [(5, 4), (7, 8), (7, 3), (5, 1)])
@pytest.mark.parametrize("rhyme", [0, 1, 3])
def test_free_verse_wants_its_even_lines_to_rhyme_and_nothing_else(form: int, lines: int, rhyme: int) -> None:
    plan = PLANNER.free(form, lines, rhyme)
    assert (plan.pattern, plan.rhyme) == (None, rhyme)
    ends = [line * form + form - 1 for line in range(1, lines, 2)] if rhyme else []
    tone = PROSODY.classes[rhyme - 1].tone if rhyme else 0
    assert plan.tones == tuple(int(tone) if place in ends else 0 for place in range(form * lines))
    assert plan.masks == tuple(2 + rhyme if place in ends else 0 for place in range(form * lines))


def test_where_no_character_has_a_tone_any_may_stand() -> None:
    masks = Planner(Vocabulary(EAST), PROSODY).masks
    assert masks[Tone.OBLIQUE].equal(masks[0])
    assert masks[Tone.OBLIQUE].any()
