"""Going on from several lines, and what a next line must keep."""

import pytest

from poetry_model.errors import RequestError
from poetry_model.metre import nearest_pattern, patterns
from poetry_model.metre_view import Rule
from poetry_model.next_line import view_next_line
from poetry_model.poem import PoemRequest
from poetry_model.poet import Poet
from poetry_model.prosody import Prosody
from poetry_model.script import Script

TRADITIONAL = Script.TRADITIONAL


@pytest.fixture
def prosody(poet: Poet) -> Prosody:
    assert poet.prosody is not None
    return poet.prosody


def test_a_poem_goes_on_line_by_line_and_keeps_every_rule(poet: Poet, prosody: Prosody) -> None:
    for seed in range(5):
        [whole] = poet.compose([PoemRequest.checked("月", 5, 8, seed=seed, script=TRADITIONAL)])
        written = list(whole.traditional[:1])
        while len(written) < 8:
            request = PoemRequest.resumed(written, whole.traditional[len(written)], 5, 8, seed=seed, script=TRADITIONAL)
            [poem] = poet.compose([request])
            assert poem.traditional[: len(written) + 1] == (*written, whole.traditional[len(written)])
            written = list(poem.traditional[: len(written) + 2])
        pattern, breaches = nearest_pattern(written, prosody)
        assert breaches == (), pattern
        assert len({prosody.rhyme_of(line[-1]) for line in written[1::2]}) == 1


def test_what_is_given_of_the_even_lines_sets_the_rhyme(poet: Poet, prosody: Prosody) -> None:
    for end in "風霜春":
        request = PoemRequest.resumed(["水日不花月"], f"山花一日{end}", 5, 8, seed=3, script=TRADITIONAL)
        [poem] = poet.compose([request])
        assert {prosody.rhyme_of(line[-1]) for line in poem.traditional[1::2]} == {prosody.rhyme_of(end)}


def test_lines_that_are_written_are_not_understood_anew(poet: Poet) -> None:
    # 后 is written in either script, and stands for 後 too in simplified Chinese alone.
    for character in "后後":
        written = f"水日不{character}月"
        [poem] = poet.compose([PoemRequest.resumed([written], "山花一日风", 5, 4, script=Script.SIMPLIFIED)])
        assert poem.traditional[0] == written
        assert poem.traditional[1] == "山花一日風"


def test_the_whole_can_be_given(poet: Poet) -> None:
    lines = ["水日不花月", "山花一日風", "月水山花日"]
    [poem] = poet.compose([PoemRequest.resumed(lines, "人来一日风", 5, 4)])
    assert poem.traditional == (*lines, "人來一日風")


def test_punctuation_and_white_space_around_a_line_do_not_count() -> None:
    request = PoemRequest.resumed(["水日不花月"], " 山花，一日 風。", 5, 4)
    assert (request.start, request.settled, request.lines) == ("水日不花月山花一日風", 5, 4)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("山花一日", "line_length"),
        ("山花一日風風", "line_length"),
        ("。", "line_length"),
        ("山花一日x", "line_not_han"),
    ],
)
def test_a_line_that_has_not_the_form_is_refused(line: str, code: str) -> None:
    with pytest.raises(RequestError) as refusal:
        PoemRequest.resumed(["水日不花月"], line, 5, 4)
    assert refusal.value.code == code


class TestTheNextLine:
    def test_one_that_keeps_the_rules_has_no_fault(self, poet: Poet, prosody: Prosody) -> None:
        requests = [PoemRequest("月", form, 8, seed) for form in (5, 7) for seed in range(5)]
        for poem in poet.compose(requests):
            for number, line in enumerate(poem.traditional):
                assert view_next_line(poem.traditional[:number], line, prosody).faults == ()

    def test_one_that_does_not_is_told_where(self, poet: Poet, prosody: Prosody) -> None:
        [poem] = poet.compose([PoemRequest("月", 5, 4, seed=1)])
        one, two, _, four = poem.traditional
        assert [fault.rule for fault in view_next_line([one], two[:1] + one[1] + two[2:], prosody).faults] == [
            Rule.OPPOSITION,
            Rule.TONE,
        ]
        other = next(
            each.sure[0] for each in prosody.classes if each.tone.name == "LEVEL" and four[-1] not in each.sure
        )
        off = view_next_line(poem.traditional[:3], four[:-1] + other, prosody)
        assert [(fault.rule, fault.line, fault.place) for fault in off.faults] == [(Rule.RHYME, 3, 4)]
        again = view_next_line(poem.traditional[:3], four[:-1] + two[-1], prosody)
        assert [fault.rule for fault in again.faults] == [Rule.REPEATED_RHYME]

    def test_the_lines_before_choose_the_pattern(self, prosody: Prosody) -> None:
        # 仄仄平平仄 is followed by 平平仄仄平; the first line of another pattern is no second line of this one.
        first, wrong = "水日山花月", "水日山花月"
        view = view_next_line([first], wrong, prosody)
        assert view.pattern is not None
        assert view.pattern.lines[0].kind == "a"
        assert {fault.line for fault in view.faults} == {1}
        assert view.faults

    def test_faults_of_the_lines_before_are_nobody_s_now(self, poet: Poet, prosody: Prosody) -> None:
        [poem] = poet.compose([PoemRequest("月", 5, 4, seed=2)])
        broken = poem.traditional[0][:1] + "月" * 4
        view = view_next_line([broken], poem.traditional[1], prosody)
        assert all(fault.line == 1 for fault in view.faults)
        assert view.pattern in patterns(5, 2)


def test_a_poet_without_prosody_goes_on_too(toneless_poet: Poet) -> None:
    [poem] = toneless_poet.compose([PoemRequest.resumed(["水日不花月"], "山花一日風", 5, 4, script=TRADITIONAL)])
    assert poem.traditional[:2] == ("水日不花月", "山花一日風")
