from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from poetry_model.checkpoint import load_bundle
from poetry_model.corpus import Verse
from poetry_model.errors import BundleError, PoetryError, RequestError
from poetry_model.manuscript import Written
from poetry_model.merit import merit
from poetry_model.metre import nearest_pattern, patterns, rhyme_breaches
from poetry_model.poem import MAX_SEED, Poem, PoemRequest, Style
from poetry_model.poet import Poet
from poetry_model.prosody import Prosody, Tone
from poetry_model.script import Script, is_han, simplify
from poetry_model.vocabulary import SPECIAL

_han = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF).filter(is_han) | st.sampled_from("月山雲云后後")
_requests = st.builds(
    PoemRequest,
    start=st.text(_han, min_size=1, max_size=5),
    form=st.sampled_from([5, 7]),
    lines=st.integers(1, 16),
    seed=st.integers(0, MAX_SEED),
    temperature=st.floats(0.1, 2),
    script=st.sampled_from(Script),
    style=st.sampled_from(Style),
    candidates=st.integers(1, 3),
)


def _assert_exact(poet: Poet, request: PoemRequest) -> None:
    [poem] = poet.compose([request])
    assert len(poem.lines) == request.lines
    assert all(len(line) == request.form and all(map(is_han, line)) for line in poem.lines)
    assert poem.request == request
    for typed, written in zip(request.start, poem.lines[0], strict=False):
        kept = written in (typed, simplify(typed))
        assert kept or (request.script is Script.TRADITIONAL and simplify(written) == typed)


@given(
    start=st.text() | st.text(_han, max_size=8),
    form=st.sampled_from([5, 7]) | st.integers(),
    lines=st.integers(1, 16) | st.integers(),
    seed=st.none() | st.integers(),
    temperature=st.none() | st.floats(0, 2) | st.floats(),
    script=st.sampled_from(Script),
)
def test_whatever_is_asked_for_is_refused_or_written_in_exact_form(
    poet: Poet, start: str, form: int, lines: int, seed: int | None, temperature: float | None, script: Script
) -> None:
    try:
        request = PoemRequest.checked(start, form, lines, seed=seed, temperature=temperature, script=script)
    except RequestError:
        return
    _assert_exact(poet, request)


@given(request=_requests)
@example(request=PoemRequest("月", temperature=5e-324))
def test_what_is_not_refused_is_written_in_exact_form(poet: Poet, request: PoemRequest) -> None:
    _assert_exact(poet, request)


@given(requests=st.lists(_requests, min_size=1, max_size=6))
def test_a_poem_does_not_depend_on_its_neighbours(poet: Poet, requests: list[PoemRequest]) -> None:
    together, alone = poet.compose(requests), [poem for request in requests for poem in poet.compose([request])]
    for one, other in zip(together, alone, strict=True):
        # The products of a larger batch are summed in another order.
        assert one.likelihood == pytest.approx(other.likelihood, rel=1e-4)
        assert replace(one, likelihood=0.0) == replace(other, likelihood=0.0)


def test_no_requests_give_no_poems(poet: Poet) -> None:
    assert poet.compose([]) == []


def test_a_seed_repeats_a_poem_and_other_seeds_give_others(poet: Poet) -> None:
    requests = [PoemRequest("月", 7, 8, seed) for seed in range(20)]
    poems = poet.compose(requests)
    assert poems == poet.compose(requests)
    assert len({poem.text for poem in poems}) == 20


def test_a_poem_tells_where_it_comes_from(poet: Poet) -> None:
    [poem] = poet.compose([PoemRequest.checked("云山", 7, 3, seed=5, script=Script.TRADITIONAL)])
    asked = poem.request
    assert (asked.start, asked.form, asked.seed, poem.model) == ("云山", 7, 5, poet.version)
    assert asked.script is Script.TRADITIONAL


@pytest.mark.parametrize("script", Script)
def test_an_unknown_character_opens_the_poem_as_typed(poet: Poet, script: Script) -> None:
    [poem] = poet.compose([PoemRequest.checked("月龘", script=script)])
    assert poem.lines[0].startswith("月龘")


def test_a_simplified_start_is_shown_in_the_script_of_the_reader(poet: Poet) -> None:
    simplified, traditional = poet.compose([PoemRequest("云", script=script) for script in Script])
    assert simplified.lines[0][0] == "云"
    assert traditional.lines[0][0] == "雲"


def test_the_script_changes_the_writing_and_not_the_poem(poet: Poet) -> None:
    request = PoemRequest("月", 7, 16, seed=3)
    simplified, traditional = poet.compose([replace(request, script=script) for script in Script])
    assert simplified.traditional == traditional.traditional == traditional.lines
    assert simplified.lines == tuple(map(simplify, traditional.lines))
    assert simplified.lines != traditional.lines


def _inclined(bundle_folder: Path, *wanted: str) -> Poet:
    """The small model, made to want some characters above all others."""
    bundle = load_bundle(bundle_folder)
    for name in wanted:
        number = SPECIAL.index(name) if name in SPECIAL else bundle.vocabulary.id_of(name)
        bundle.network.bias[number] = 100.0
    return Poet(bundle, torch.device("cpu"))


def test_ids_that_stand_for_no_character_are_never_written(bundle_folder: Path) -> None:
    _assert_exact(_inclined(bundle_folder, *SPECIAL), PoemRequest("月"))


@pytest.mark.parametrize("likelier", ["后", "後"])
def test_of_several_forms_of_a_character_the_likelier_is_written(bundle_folder: Path, likelier: str) -> None:
    [poem] = _inclined(bundle_folder, likelier).compose([PoemRequest("月后")])
    assert poem.traditional[0].startswith("月" + likelier)


def test_a_traditional_reader_gets_the_very_character_typed(poet: Poet) -> None:
    poems = poet.compose([PoemRequest(start, script=Script.TRADITIONAL) for start in ("后", "後")])
    assert [poem.lines[0][0] for poem in poems] == ["后", "後"]


def test_a_low_temperature_writes_the_same_whatever_the_seed(poet: Poet) -> None:
    # In free verse with its rhyme given nothing is left to chance.
    poems = poet.compose(
        [PoemRequest("月", seed=seed, temperature=1e-6, style=Style.FREE, rhyme="風") for seed in range(5)]
    )
    assert len({poem.text for poem in poems}) == 1


def test_several_threads_may_ask_at_once(poet: Poet) -> None:
    requests = [PoemRequest("月", 7, 8, seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda request: poet.compose([request])[0], requests))
    assert [poem.text for poem in together] == [poem.text for poem in poet.compose(requests)]


def test_a_poet_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="There is no model bundle"):
        Poet.load(tmp_path)


def test_a_device_that_is_not_there_is_refused(bundle_folder: Path) -> None:
    with pytest.raises(PoetryError, match="There is no device 'abacus'"):
        Poet.load(bundle_folder, "abacus")


def test_the_poet_knows_how_it_was_made(poet: Poet) -> None:
    assert set(poet.metadata) == {"corpus", "training", "metrics", "examination"}


STYLES = list(Style)
SHAPES = [(5, 4), (7, 4), (5, 8), (7, 8)]


@pytest.fixture(scope="module")
def prosody(bundle_folder: Path) -> Prosody:
    found = load_bundle(bundle_folder).prosody
    assert found
    return found


def _regulated(poet: Poet, form: int, lines: int, poems: int = 30) -> list[Poem]:
    starts = "月山水風雲花春天人秋"
    return poet.compose([PoemRequest(starts[seed % 10], form, lines, seed) for seed in range(poems)])


@pytest.mark.parametrize(("form", "lines"), [*SHAPES, (5, 2), (7, 6), (5, 16), (7, 3)])
def test_regulated_verse_keeps_tones_and_rhyme(poet: Poet, prosody: Prosody, form: int, lines: int) -> None:
    for poem in _regulated(poet, form, lines):
        assert poem.breaches == ()
        assert poem.pattern
        assert nearest_pattern(poem.traditional, prosody)[1] == ()
        assert rhyme_breaches(poem.traditional, prosody) == ()
        assert {prosody.tone_of(line[-1]) for line in poem.traditional[1::2]} == {Tone.LEVEL}


@pytest.mark.parametrize(("form", "lines"), SHAPES)
def test_no_line_of_regulated_verse_ends_in_three_like_tones(poet: Poet, form: int, lines: int) -> None:
    for poem in _regulated(poet, form, lines):
        assert not any(line.endswith(("平平平", "仄仄仄")) for line in poem.tones)


@pytest.mark.parametrize(("form", "lines"), SHAPES)
def test_no_level_foot_of_regulated_verse_stands_alone(poet: Poet, form: int, lines: int) -> None:
    met = 0
    for poem in _regulated(poet, form, lines):
        [pattern] = [pattern for pattern in patterns(form, lines) if pattern.name == poem.pattern]
        for line, tones in zip(pattern.lines, poem.tones, strict=True):
            if line.tones[-5:-3] == (Tone.LEVEL, Tone.LEVEL) and line.rhymes:
                met += 1
                # Level but for the rhyme: the foot of two, or one and the place after it.
                assert sum(tone != "仄" for tone in tones[-5:-1]) >= 2
    assert met


def test_a_head_that_breaks_the_level_foot_is_given_company(poet: Poet) -> None:
    poems = poet.compose([PoemRequest.acrostic("水水水水", seed=seed) for seed in range(20)])
    for poem in poems:
        assert {breach.place for breach in poem.breaches} <= {0}
        for tones in poem.tones:
            if tones[1] == "平" and tones[3:] == "仄平":
                assert tones[2] != "仄"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("form", "lines"), SHAPES)
def test_no_character_comes_twice_but_doubled(poet: Poet, form: int, lines: int, style: Style) -> None:
    for poem in poet.compose([PoemRequest("春", form, lines, seed, style=style) for seed in range(30)]):
        text = "".join(poem.traditional)
        for place, character in enumerate(text):
            if character in text[:place]:
                assert text[place - 1] == character
                assert text.count(character) == 2


@pytest.mark.parametrize("style", STYLES)
def test_the_report_of_a_poem_tells_how_it_sounds(poet: Poet, prosody: Prosody, style: Style) -> None:
    [poem] = poet.compose([PoemRequest("月", 7, 4, style=style)])
    signs = {Tone.LEVEL: "平", Tone.OBLIQUE: "仄", Tone.ANY: "○"}
    assert poem.tones == tuple("".join(signs[prosody.tone_of(item)] for item in line) for line in poem.traditional)
    assert poem.rhyme == prosody.classes[prosody.rhyme_of(poem.traditional[1][-1]) - 1].name
    assert poem.likelihood < 0
    if style is Style.REGULATED:
        assert poem.pattern in {pattern.name for pattern in patterns(7, 4)}
    else:
        assert poem.pattern is None


@pytest.mark.parametrize(("form", "lines"), SHAPES)
def test_even_lines_of_free_verse_rhyme(poet: Poet, prosody: Prosody, form: int, lines: int) -> None:
    poems = poet.compose([PoemRequest("月", form, lines, seed, style=Style.FREE) for seed in range(40)])
    for poem in poems:
        assert rhyme_breaches(poem.traditional, prosody) == poem.breaches == ()
    assert {prosody.tone_of(poem.traditional[1][-1]) for poem in poems} == {Tone.LEVEL, Tone.OBLIQUE}


def test_poems_take_many_patterns_and_rhymes(poet: Poet) -> None:
    poems = _regulated(poet, 5, 4, 60)
    assert len({poem.pattern for poem in poems}) == 4
    assert len({poem.rhyme for poem in poems}) == 3


@pytest.mark.parametrize(("rhyme", "style"), [("霜", Style.REGULATED), ("霜", Style.FREE), ("雪", Style.FREE)])
def test_a_rhyme_that_is_asked_for_is_kept(poet: Poet, prosody: Prosody, rhyme: str, style: Style) -> None:
    poems = poet.compose([PoemRequest.checked("月", 5, 8, seed=seed, rhyme=rhyme, style=style) for seed in range(10)])
    for poem in poems:
        assert {prosody.rhyme_of(line[-1]) for line in poem.traditional[1::2]} == {prosody.rhyme_of(rhyme)}
        assert poem.rhyme == prosody.classes[prosody.rhyme_of(rhyme) - 1].name
        assert poem.breaches == ()


def test_a_rhyme_may_be_asked_for_in_simplified_characters(poet: Poet, prosody: Prosody) -> None:
    [poem] = poet.compose([PoemRequest.checked("月", rhyme="风")])
    assert prosody.rhyme_of(poem.traditional[1][-1]) == prosody.rhyme_of("風")


@pytest.mark.parametrize(
    ("rhyme", "style"), [("雪", Style.REGULATED), ("龘", Style.REGULATED), ("龘", Style.FREE), ("水", Style.FREE)]
)
def test_a_rhyme_that_cannot_be_kept_is_refused_in_one_sentence(poet: Poet, rhyme: str, style: Style) -> None:
    with pytest.raises(RequestError, match=f"cannot rhyme with {rhyme}; .*\\.$") as refusal:
        poet.compose([PoemRequest.checked("月", rhyme=rhyme, style=style)])
    assert (refusal.value.code, refusal.value.details) == ("rhyme_closed", {"rhyme": rhyme})


def test_a_start_whose_tones_fit_one_pattern_alone_is_given_it(poet: Poet) -> None:
    # 水 一 不 日 are oblique, 山 花 天 level.
    poems = poet.compose([PoemRequest("水日山花不", seed=seed) for seed in range(10)])
    assert {poem.pattern for poem in poems} == {"仄起首句不入韻"}
    assert {poem.breaches for poem in poems} == {()}


def test_a_start_that_fits_no_pattern_is_kept_and_its_breaches_are_told(poet: Poet) -> None:
    for poem in poet.compose([PoemRequest("水日不一夜", 5, 8, seed) for seed in range(10)]):
        assert poem.lines[0] == "水日不一夜"
        told = [(breach.line, breach.place, breach.rule) for breach in poem.breaches]
        assert told == [(0, 3, "tone"), (0, 4, "three alike")]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("heads", "form"), [("春江花月", 7), ("山山", 5), ("一二三四五六七八", 5), ("云后" * 8, 7)])
def test_every_line_of_an_acrostic_begins_with_its_head(poet: Poet, heads: str, form: int, style: Style) -> None:
    for poem in poet.compose([PoemRequest.acrostic(heads, form, seed=seed, style=style) for seed in range(5)]):
        assert "".join(line[0] for line in poem.lines) == heads
        assert {len(line) for line in poem.lines} == {form}
        assert {breach.place for breach in poem.breaches if breach.rule == "tone"} <= {0}


@given(heads=st.text(_han, min_size=2, max_size=16), form=st.sampled_from([5, 7]), script=st.sampled_from(Script))
def test_whatever_the_heads_they_are_kept(poet: Poet, heads: str, form: int, script: Script) -> None:
    [poem] = poet.compose([PoemRequest.acrostic(heads, form, seed=1, script=script)])
    for typed, line in zip(heads, poem.lines, strict=True):
        assert line[0] in (typed, simplify(typed)) or simplify(line[0]) == typed


def test_a_head_is_kept_for_its_line(poet: Poet) -> None:
    for seed in range(20):
        [poem] = poet.compose([PoemRequest.acrostic("春江花天山雲秋人", seed=seed, style=Style.FREE)])
        text = "".join(poem.traditional)
        assert all(text.count(head) == 1 or head * 2 in text for head in "春江花天山雲秋人")


@pytest.mark.parametrize("style", STYLES)
def test_a_continuation_keeps_its_first_line_and_form(poet: Poet, verses: tuple[Verse, ...], style: Style) -> None:
    lines = [verse.lines[0] for verse in verses[:30]]
    requests = [PoemRequest.continued(line, 8, seed=1, style=style, script=Script.TRADITIONAL) for line in lines]
    for line, poem in zip(lines, poet.compose(requests), strict=True):
        assert poem.lines[0] == line
        assert [len(other) for other in poem.lines] == [len(line)] * 8
        # What comes after the line that was given keeps all rules.
        assert {breach.line for breach in poem.breaches} <= {0}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("line", ["水日不花風", "水日一山霜"])
def test_a_continuation_rhymes_with_its_first_line(poet: Poet, prosody: Prosody, line: str, style: Style) -> None:
    for poem in poet.compose([PoemRequest.continued(line, seed=seed, style=style) for seed in range(5)]):
        ends = {prosody.rhyme_of(other[-1]) for other in (poem.traditional[0], *poem.traditional[1::2])}
        assert ends == {prosody.rhyme_of(poem.traditional[0][-1])}
        assert poem.breaches == ()


def _written(poet: Poet, request: PoemRequest) -> list[Poem]:
    """All candidates, in order."""
    manuscript, drafts = poet.manuscript(), poet.drafts(request)
    manuscript.add([draft.row for draft in drafts])
    written: list[Written] = []
    while manuscript:
        written += manuscript.step()
    return [poet.poem(draft, done) for draft, done in zip(drafts, written, strict=True)]


def test_the_first_candidate_is_the_same_however_many_there_are(poet: Poet) -> None:
    request = PoemRequest("月", 7, 4, seed=5)
    first, four = (replace(request, candidates=candidates) for candidates in (1, 4))
    [alone], candidates = _written(poet, first), _written(poet, four)
    assert alone.traditional == candidates[0].traditional == poet.compose([first])[0].traditional
    assert len({poem.traditional for poem in candidates}) == 4


def test_the_best_candidate_is_kept(poet: Poet, bundle_folder: Path) -> None:
    request = PoemRequest("水日不一夜", 5, 8, seed=3, candidates=6)
    candidates = _written(poet, request)
    [kept] = poet.compose([request])
    vocabulary = load_bundle(bundle_folder).vocabulary
    assert kept.traditional == max(candidates, key=lambda poem: merit(poem, vocabulary)).traditional
    assert kept.traditional != candidates[0].traditional


def test_more_candidates_leave_the_neighbours_alone(poet: Poet) -> None:
    one, other = PoemRequest("月", seed=1), PoemRequest("山", seed=2)
    [_, alone] = poet.compose([one, other])
    [_, beside] = poet.compose([replace(one, candidates=8), other])
    assert beside.traditional == alone.traditional


def test_a_first_character_may_be_doubled_whoever_the_neighbours_are(bundle_folder: Path) -> None:
    eager = _inclined(bundle_folder, "山")
    request = PoemRequest("山", style=Style.FREE)
    [alone] = eager.compose([request])
    [beside, _] = eager.compose([request, PoemRequest("水日花天月", style=Style.FREE)])
    assert alone.traditional == beside.traditional
    assert alone.traditional[0].startswith("山山")


@pytest.mark.parametrize("style", STYLES)
def test_a_model_without_prosody_composes_all_the_same(toneless_poet: Poet, style: Style) -> None:
    requests = [
        PoemRequest("月", 7, 8, seed=1, style=style, candidates=3),
        PoemRequest.acrostic("春江花天", seed=1, style=style),
        PoemRequest.continued("水日花天月", seed=1, style=style),
    ]
    poems = toneless_poet.compose(requests)
    for request, poem in zip(requests, poems, strict=True):
        assert [len(line) for line in poem.lines] == [request.form] * request.lines
        assert (poem.pattern, poem.rhyme, poem.tones, poem.breaches) == (None, None, (), ())
        assert poem.likelihood < 0
    assert "".join(line[0] for line in poems[1].lines) == "春江花天"
    assert poems[2].lines[0] == "水日花天月"


def test_a_model_without_prosody_refuses_a_rhyme(toneless_poet: Poet) -> None:
    with pytest.raises(RequestError, match="cannot rhyme with 風"):
        toneless_poet.compose([PoemRequest.checked("月", rhyme="風")])


def test_rhymes_so_rare_that_they_were_stored_as_none_can_be_written_in(bundle_folder: Path) -> None:
    bundle = load_bundle(bundle_folder)
    assert bundle.prosody is not None
    rare = [replace(rhymes, share=0.0) for rhymes in bundle.prosody.classes]
    poet = Poet(replace(bundle, prosody=Prosody(bundle.prosody.level_shares, rare)), torch.device("cpu"))
    _assert_exact(poet, PoemRequest("月", seed=1))
