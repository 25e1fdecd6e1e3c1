import pytest

from poetry_model.errors import RequestError
from poetry_model.poem import MAX_SEED, TEMPERATURE, Poem, PoemRequest, in_script
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
    assert in_script((traditional, "雲"), start, Script.SIMPLIFIED) == (shown, "云")


def test_traditional_readers_see_what_the_network_wrote() -> None:
    assert in_script(("雲山", "後雲"), "云", Script.TRADITIONAL) == ("雲山", "後雲")


def test_the_text_of_a_poem_is_its_lines_with_punctuation() -> None:
    poem = Poem("云", 5, ("雲山水雲風", "花春秋江天"), 1, "v", Script.SIMPLIFIED)
    assert poem.lines == ("云山水云风", "花春秋江天")
    assert poem.text == "云山水云风，\n花春秋江天。"
