import pytest

from poetry_model.errors import RequestError
from poetry_model.mood import CANDIDATES, TEMPERATURE, Mood
from poetry_model.poem import MAX_SEED, Poem, PoemRequest, Style, bare, in_script, seed_of
from poetry_model.script import Script


def test_a_request_for_a_character_asks_for_four_lines_of_five() -> None:
    request = PoemRequest.checked("月")
    assert (request.start, request.form, request.lines) == ("月", 5, 4)
    assert request.temperature == TEMPERATURE
    assert request.script is Script.SIMPLIFIED


def test_what_is_given_is_kept() -> None:
    request = PoemRequest.checked("月山", 7, 16, seed=MAX_SEED, temperature=2, script=Script.TRADITIONAL)
    assert request == PoemRequest("月山", 7, 16, MAX_SEED, 2, Script.TRADITIONAL)


def test_white_space_around_the_start_goes_and_compatibility_ideographs_are_unified() -> None:
    assert PoemRequest.checked("\u3000\uf9d1\n").start == "六"


def test_seeds_are_drawn_when_none_is_given() -> None:
    seeds = {PoemRequest.checked("月").seed for _ in range(10)}
    assert len(seeds) == 10
    assert all(0 <= seed <= MAX_SEED for seed in seeds)


@pytest.mark.parametrize("form", [5, 7])
def test_a_start_may_fill_the_line_and_no_more(form: int) -> None:
    assert PoemRequest.checked("月" * form, form).start == "月" * form
    with pytest.raises(RequestError, match=f"{form} characters here; it has {form + 1}") as refusal:
        PoemRequest.checked("月" * (form + 1), form)
    assert refusal.value.code == "start_too_long"
    assert refusal.value.details == {"form": form, "length": form + 1}


@pytest.mark.parametrize("start", ["", " ", "\u3000\n"])
def test_an_empty_start_is_refused(start: str) -> None:
    with pytest.raises(RequestError, match="Give the Chinese character") as refusal:
        PoemRequest.checked(start)
    assert refusal.value.code == "start_empty"


@pytest.mark.parametrize(
    ("start", "foreign"),
    [("moon", "m"), ("月a", "a"), ("月 山", " "), ("月，", "，"), ("🌙", "🌙"), ("\ud800", "\ud800")],
)
def test_the_first_character_that_is_not_han_is_named(start: str, foreign: str) -> None:
    with pytest.raises(RequestError, match="is none; try 月") as refusal:
        PoemRequest.checked(start)
    assert refusal.value.code == "start_not_han"
    assert refusal.value.details == {"character": foreign}


@pytest.mark.parametrize("form", [-5, 0, 4, 6, 8])
def test_lines_have_five_or_seven_characters(form: int) -> None:
    with pytest.raises(RequestError, match=f"5 or 7 characters, not {form}") as refusal:
        PoemRequest.checked("月", form)
    assert refusal.value.code == "form"


@pytest.mark.parametrize("lines", [-1, 0, 17])
def test_poems_have_one_to_sixteen_lines(lines: int) -> None:
    with pytest.raises(RequestError, match=f"1 to 16 lines, not {lines}") as refusal:
        PoemRequest.checked("月", 5, lines)
    assert refusal.value.code == "lines"


@pytest.mark.parametrize("temperature", [0.0, -1.0, 2.01, float("inf"), float("nan")])
def test_temperatures_out_of_range_are_refused(temperature: float) -> None:
    with pytest.raises(RequestError, match="above 0 and at most 2") as refusal:
        PoemRequest.checked("月", temperature=temperature)
    assert refusal.value.code == "temperature"


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1])
def test_seeds_out_of_range_are_refused(seed: int) -> None:
    with pytest.raises(RequestError, match="A seed is from 0") as refusal:
        PoemRequest.checked("月", seed=seed)
    assert refusal.value.code == "seed"


@pytest.mark.parametrize(
    ("traditional", "start", "shown"),
    [
        ("雲山", "云", "云山"),
        ("雲山", "雲", "云山"),
        ("乾坤", "乾", "乾坤"),
        ("幹山", "干", "干山"),
        ("後雲", "后", "后云"),
        ("龘雲", "龘", "龘云"),
    ],
)
def test_simplified_readers_see_simplified_characters_and_their_own_start(
    traditional: str, start: str, shown: str
) -> None:
    assert in_script((traditional, "雲山"), {0: start}, Script.SIMPLIFIED) == (shown, "云山")


def test_characters_given_further_on_are_shown_as_typed() -> None:
    assert in_script(("雲山", "乾坤"), {0: "雲", 2: "乾"}, Script.SIMPLIFIED) == ("云山", "乾坤")


def test_traditional_readers_see_what_the_network_wrote() -> None:
    assert in_script(("雲山", "後雲"), {0: "云"}, Script.TRADITIONAL) == ("雲山", "後雲")


def test_the_text_of_a_poem_is_its_lines_with_punctuation() -> None:
    poem = Poem(PoemRequest("云"), ("雲山水雲風", "花春秋江天"), "v", -3.5)
    assert poem.lines == ("云山水云风", "花春秋江天")
    assert poem.text == "云山水云风，\n花春秋江天。"


def test_a_request_is_regulated_and_rhymes_as_it_likes_when_nothing_is_said() -> None:
    request = PoemRequest.checked("月")
    assert (request.style, request.rhyme, request.candidates) == (Style.REGULATED, "", CANDIDATES)


@pytest.mark.parametrize("rhyme", ["風月", "a", "，"])
def test_a_rhyme_is_one_han_character(rhyme: str) -> None:
    with pytest.raises(RequestError, match="one Chinese character to rhyme with") as refusal:
        PoemRequest.checked("月", rhyme=rhyme)
    assert (refusal.value.code, refusal.value.details) == ("rhyme", {"rhyme": rhyme})


@pytest.mark.parametrize("candidates", [-1, 0, 17])
def test_the_candidates_are_one_to_sixteen(candidates: int) -> None:
    with pytest.raises(RequestError, match=f"1 to 16 candidates, not {candidates}") as refusal:
        PoemRequest.checked("月", candidates=candidates)
    assert refusal.value.code == "candidates"


def test_what_is_given_stands_at_its_place() -> None:
    assert PoemRequest.checked("月山", 7).given == {0: "月", 1: "山"}
    assert PoemRequest.acrostic("春江花", 7).given == {0: "春", 7: "江", 14: "花"}


def test_an_acrostic_has_a_line_for_each_head() -> None:
    request = PoemRequest.acrostic(" 春江花月\n", 7, seed=3, style=Style.FREE)
    assert (request.start, request.heads, request.form, request.lines) == ("春", "春江花月", 7, 4)
    assert (request.seed, request.style) == (3, Style.FREE)


@pytest.mark.parametrize("heads", ["月", "月" * 17])
def test_an_acrostic_has_two_to_sixteen_heads(heads: str) -> None:
    with pytest.raises(RequestError, match=f"2 to 16 characters, not {len(heads)}") as refusal:
        PoemRequest.acrostic(heads)
    assert refusal.value.code == "heads"


@pytest.mark.parametrize(("heads", "code"), [("", "start_empty"), ("月a", "start_not_han")])
def test_heads_are_han_characters(heads: str, code: str) -> None:
    with pytest.raises(RequestError) as refusal:
        PoemRequest.acrostic(heads)
    assert refusal.value.code == code


@pytest.mark.parametrize(("line", "form"), [("床前看月光", 5), (" 床前看月光，\n", 5), ("山山水水月月花。", 7)])
def test_a_first_line_tells_the_form(line: str, form: int) -> None:
    request = PoemRequest.continued(line, 8, seed=2)
    assert (len(request.start), request.form, request.lines, request.seed) == (form, form, 8, 2)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("床前看月", "line"),
        ("床前看明月光", "line"),
        ("", "start_empty"),
        ("，", "start_empty"),
        ("moons", "start_not_han"),
    ],
)
def test_a_first_line_of_another_length_is_refused(line: str, code: str) -> None:
    with pytest.raises(RequestError) as refusal:
        PoemRequest.continued(line)
    assert refusal.value.code == code


@pytest.mark.parametrize("mood", Mood)
def test_a_mood_is_a_temperature_and_candidates_where_nothing_else_is_said(mood: Mood) -> None:
    request = PoemRequest.checked("月", mood=mood)
    assert (request.mood, request.temperature, request.candidates) == (mood, mood.temperature, mood.candidates)
    said = PoemRequest.checked("月", mood=mood, temperature=0.3, candidates=1)
    assert (said.mood, said.temperature, said.candidates) == (mood, 0.3, 1)


def test_the_lively_mood_is_what_ships() -> None:
    assert PoemRequest.checked("月", seed=1, mood=Mood.LIVELY) == PoemRequest.checked("月", seed=1)


@pytest.mark.parametrize(("text", "seed"), [("0", 0), (" 42\n", 42), ("４２", 42), (str(MAX_SEED), MAX_SEED)])
def test_a_number_is_its_own_seed(text: str, seed: int) -> None:
    assert seed_of(text) == seed


def test_a_word_is_a_seed_that_can_be_typed_again_as_a_number() -> None:
    seeds = {word: seed_of(word) for word in ("moon", "月", "-1", "1.5", str(MAX_SEED + 1), "9" * 5000, "", "\ud800")}
    assert len(set(seeds.values())) == len(seeds)
    assert all(seed_of(str(seed)) == seed for seed in seeds.values())
    assert seed_of(" Moon ") == seeds["moon"]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("床前看月光，", "床前看月光"),
        (" 床前 看月光 ", "床前看月光"),
        ("「月」…！\u200b", "月"),
        ("a月", "a月"),
        ("", ""),
    ],
)
def test_a_bare_line_is_without_punctuation_and_white_space(line: str, left: str) -> None:
    assert bare(line) == left
