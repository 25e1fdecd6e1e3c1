from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from poetry_model.checkpoint import load_bundle
from poetry_model.errors import BundleError, PoetryError, RequestError
from poetry_model.poem import MAX_SEED, PoemRequest
from poetry_model.poet import Poet
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
)


def _assert_exact(poet: Poet, request: PoemRequest) -> None:
    [poem] = poet.compose([request])
    assert len(poem.lines) == request.lines
    assert all(len(line) == request.form and all(map(is_han, line)) for line in poem.lines)
    assert poem.start == request.start
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
    assert poet.compose(requests) == [poem for request in requests for poem in poet.compose([request])]


def test_no_requests_give_no_poems(poet: Poet) -> None:
    assert poet.compose([]) == []


def test_a_seed_repeats_a_poem_and_other_seeds_give_others(poet: Poet) -> None:
    requests = [PoemRequest("月", 7, 8, seed) for seed in range(20)]
    poems = poet.compose(requests)
    assert poems == poet.compose(requests)
    assert len({poem.text for poem in poems}) == 20


def test_a_poem_tells_where_it_comes_from(poet: Poet) -> None:
    [poem] = poet.compose([PoemRequest.checked("云山", 7, 3, seed=5, script=Script.TRADITIONAL)])
    assert (poem.start, poem.form, poem.seed, poem.model) == ("云山", 7, 5, poet.version)
    assert poem.script is Script.TRADITIONAL


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
    poems = poet.compose([PoemRequest("月", seed=seed, temperature=1e-6) for seed in range(5)])
    assert len({poem.text for poem in poems}) == 1


def test_several_threads_may_ask_at_once(poet: Poet) -> None:
    requests = [PoemRequest("月", 7, 8, seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda request: poet.compose([request])[0], requests))
    assert together == poet.compose(requests)


def test_a_poet_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="There is no model bundle"):
        Poet.load(tmp_path)


def test_a_device_that_is_not_there_is_refused(bundle_folder: Path) -> None:
    with pytest.raises(PoetryError, match="There is no device 'abacus'"):
        Poet.load(bundle_folder, "abacus")


def test_the_poet_knows_how_it_was_made(poet: Poet) -> None:
    assert set(poet.metadata) == {"corpus", "training", "metrics"}
