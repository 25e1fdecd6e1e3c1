"""Lines are written as their tones: 平 is level, 仄 oblique, 長 either; 東風 and 香光 rhyme."""

import pytest

from poetry_model.metre_view import Fault, Rule, kind_name, rhyme_name, view_metre
from poetry_model.prosody import Prosody, RhymeClass, Tone

PROSODY = Prosody(
    {**dict.fromkeys("平東風空紅香光", 1.0), **dict.fromkeys("仄月雪", 0.0), "長": 0.5},
    [
        RhymeClass(Tone.LEVEL, "東風空", "紅", 0.5),
        RhymeClass(Tone.LEVEL, "香光", "", 0.4),
        RhymeClass(Tone.OBLIQUE, "月雪", "", 0.1),
    ],
)
REGULAR = ("仄仄平平仄", "平平仄仄東", "平平平仄仄", "仄仄仄平風")
LEVEL, OBLIQUE, ANY = Tone.LEVEL, Tone.OBLIQUE, Tone.ANY


def faults(*lines: str, regulated: bool = True) -> tuple[Fault, ...]:
    return view_metre(lines, PROSODY, regulated=regulated).faults


def test_a_regular_poem_has_its_pattern_its_tones_and_no_faults() -> None:
    view = view_metre(REGULAR, PROSODY)
    assert view.pattern is not None
    assert view.pattern.name == "仄起首句不入韻"
    assert view.tones[1] == (LEVEL, LEVEL, OBLIQUE, OBLIQUE, LEVEL)
    assert view.faults == ()


def test_rhyming_places_carry_their_class() -> None:
    view = view_metre(REGULAR, PROSODY)
    assert view.rhymes == (None, 1, None, 1)
    assert view.rhyme == 1


def test_a_first_line_that_rhymes_too_carries_its_class() -> None:
    rhyming = ("仄仄仄平空", *REGULAR[1:])
    assert view_metre(rhyming, PROSODY).rhymes == (1, 1, None, 1)
    assert view_metre(("仄仄仄平香", *REGULAR[1:]), PROSODY).rhymes == (None, 1, None, 1)


def test_a_wrong_tone_is_named_with_what_is_wanted() -> None:
    lines = (REGULAR[0], "平平仄平東", *REGULAR[2:])
    assert faults(*lines) == (Fault(Rule.TONE, 1, 3, wanted=OBLIQUE, found=LEVEL),)


def test_either_tone_and_free_places_are_no_faults() -> None:
    assert faults("平仄平平仄", "平長仄仄東", *REGULAR[2:]) == ()


def test_lines_that_do_not_hang_together_are_named_before_their_tones() -> None:
    # The second couplet repeats the first: it does not take up line 2, but opposes itself.
    found = faults(*REGULAR[:2], "仄仄平平仄", "平平仄仄風")
    assert found[0] == Fault(Rule.ADHESION, 2, 1, wanted=LEVEL, found=OBLIQUE)
    assert {fault.rule for fault in found[1:]} == {Rule.TONE}
    assert Fault(Rule.OPPOSITION, 1, 1, wanted=LEVEL, found=OBLIQUE) in faults("仄仄平平仄", "仄仄仄平東")


def test_a_lone_level_and_three_tones_alike_are_named() -> None:
    assert faults(REGULAR[0], "仄平仄仄東", *REGULAR[2:]) == (
        Fault(Rule.LONE_LEVEL, 1, 0, wanted=LEVEL, found=OBLIQUE),
    )
    assert faults(*REGULAR[:3], "仄仄平平風") == (Fault(Rule.THREE_ALIKE, 3, 4, wanted=OBLIQUE, found=LEVEL),)


def test_a_rhyme_that_is_left_and_one_that_comes_twice_are_named() -> None:
    assert faults(*REGULAR[:3], "仄仄仄平香") == (Fault(Rule.RHYME, 3, 4),)
    assert faults(*REGULAR[:3], "仄仄仄平東") == (Fault(Rule.REPEATED_RHYME, 3, 4),)
    assert faults(*REGULAR[:3], "仄仄仄平平") == (Fault(Rule.RHYME, 3, 4),)


def test_a_first_rhyme_that_is_not_known_makes_no_fault_of_the_others() -> None:
    assert faults(REGULAR[0], "平平仄仄平", *REGULAR[2:]) == (Fault(Rule.RHYME, 1, 4),)
    assert view_metre((REGULAR[0], "平平仄仄平", *REGULAR[2:]), PROSODY).rhyme == 1


def test_one_line_alone_need_not_rhyme() -> None:
    assert faults(REGULAR[0], "平平仄仄平") == ()
    assert view_metre(REGULAR[:1], PROSODY).rhymes == (None,)
    assert view_metre(REGULAR[:1], PROSODY).rhyme == 0


def test_of_free_verse_the_rhyme_alone_is_looked_at() -> None:
    view = view_metre(("平平平平平", "仄仄仄仄月", "平平平平平", "平平平平香"), PROSODY, regulated=False)
    assert view.pattern is None
    assert view.faults == (Fault(Rule.RHYME, 3, 4),)


def test_the_pattern_a_poem_was_written_in_goes_before_the_nearest() -> None:
    view = view_metre(REGULAR, PROSODY, pattern="平起首句不入韻")
    assert view.pattern is not None
    assert view.pattern.name == "平起首句不入韻"
    assert view.faults != ()
    unknown = view_metre(REGULAR, PROSODY, pattern="no such pattern")
    assert unknown.pattern is not None
    assert unknown.pattern.name == "仄起首句不入韻"


def test_faults_are_in_the_order_of_the_lines() -> None:
    found = faults("平平仄仄平", "平平平平香", "仄仄仄仄仄", "平仄平平東")
    assert [fault.line for fault in found] == sorted(fault.line for fault in found)


def test_a_rhyme_class_is_called_by_its_commonest_characters() -> None:
    assert [rhyme_name(number, PROSODY) for number in (1, 2, 3)] == ["東風空紅", "香光", "月雪"]


@pytest.mark.parametrize(
    ("form", "lines", "regulated", "name"),
    [
        (5, 4, True, "五言絕句"),
        (7, 8, True, "七言律詩"),
        (5, 12, True, "五言排律"),
        (7, 11, True, "七言"),
        (5, 2, True, "五言"),
        (7, 4, False, "七言古體"),
    ],
)
def test_verse_is_called_what_it_is(form: int, lines: int, name: str, *, regulated: bool) -> None:
    assert kind_name(form, lines, regulated=regulated) == name
