import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from poetry_model.checkpoint import Bundle, load_bundle
from poetry_model.composing import Composing
from poetry_model.errors import BundleError
from poetry_model.poem import PoemRequest
from poetry_model.poet import Poet
from poetry_model.sampled import SampledPoet, make_poet
from poetry_model.script import Script, is_han
from poetry_model.training_config import TrainingConfig
from poetry_model.training_run import TrainingRun
from poetry_model.vocabulary import END, LINE_END
from tests.poetry_model.hostile import reseal

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def sampled_folder(corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that samples its line ends."""
    out = tmp_path_factory.mktemp("sampled") / "bundle"
    TrainingRun(
        corpus=corpus_folder,
        out=out,
        config=TrainingConfig(epochs=6, batch_characters=512, learning_rate=2e-2, held_back=5),
        device=CPU,
        architecture={"embedding": 16, "hidden": 32, "tied": False, "dropout": 0.0, "conditions": {}},
        composing=Composing(format="sampled", initial_state=0.5, repeats=True),
    ).execute(lambda _progress: None, lambda: False, lambda _line: None)
    return out


@pytest.fixture
def sampled(sampled_folder: Path) -> Bundle:
    """The model of `sampled_folder`."""
    return load_bundle(sampled_folder)


def test_the_vocabulary_has_line_ends_and_the_network_is_told_nothing(sampled: Bundle) -> None:
    assert sampled.vocabulary.line_ends
    assert sampled.prosody is None
    assert sampled.network.config.conditions == {}
    assert sampled.composing == Composing(format="sampled", initial_state=0.5, repeats=True)
    assert sampled.hold_out.one_in == 5


def test_lines_end_where_the_network_ends_them(sampled: Bundle) -> None:
    poet = make_poet(sampled, CPU)
    assert isinstance(poet, SampledPoet)
    poems = poet.compose([PoemRequest("月", 7, 4, seed, script=Script.TRADITIONAL) for seed in range(40)])
    lengths = {len(line) for poem in poems for line in poem.traditional}
    assert len(lengths) > 2
    for poem in poems:
        assert poem.traditional[0][0] == "月"
        assert 1 <= len(poem.traditional) <= 4
        assert len("".join(poem.traditional)) <= 32
        assert all(map(is_han, "".join(poem.traditional)))
    assert len({poem.traditional for poem in poems}) > 30


@pytest.mark.parametrize("temperature", [1e-3, 1e-44])
def test_however_cold_a_poem_comes(sampled: Bundle, temperature: float) -> None:
    requests = [PoemRequest("月", 7, 4, seed, temperature=temperature, script=Script.TRADITIONAL) for seed in range(3)]
    assert all(poem.traditional[0].startswith("月") for poem in make_poet(sampled, CPU).compose(requests))


def test_a_poem_depends_on_its_own_seed_alone(sampled: Bundle) -> None:
    poet = make_poet(sampled, CPU)
    requests = [PoemRequest("春", 5, 4, seed) for seed in range(5)]
    assert [poem.lines for poem in poet.compose(requests)] == [poet.compose([one])[0].lines for one in requests]
    assert poet.compose([]) == []


@pytest.mark.parametrize("inclined", [LINE_END, END])
def test_a_network_that_ends_everything_still_gives_the_start(sampled: Bundle, inclined: int) -> None:
    with torch.no_grad():
        sampled.network.output.bias[inclined] = 1e3
    [poem] = make_poet(sampled, CPU).compose([PoemRequest("春江", 5, 4, 1)])
    assert poem.lines == ("春江",)


def test_a_character_that_is_not_known_stands_as_typed(sampled: Bundle) -> None:
    [poem] = make_poet(sampled, CPU).compose([PoemRequest("龘月", 5, 4, 1, script=Script.TRADITIONAL)])
    assert poem.traditional[0].startswith("龘月")


def test_the_poet_of_exact_forms_refuses_it(sampled: Bundle) -> None:
    with pytest.raises(BundleError, match="samples its line ends"):
        Poet(sampled, CPU)


def test_a_bundle_whose_parts_disagree_on_line_ends_is_refused(bundle_folder: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "vocabulary.json", "prosody.json"):
        (tmp_path / name).write_bytes((bundle_folder / name).read_bytes())
    config = json.loads((bundle_folder / "config.json").read_text(encoding="utf-8"))
    config["composing"]["format"] = "sampled"
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    reseal(tmp_path)
    with pytest.raises(BundleError, match="line ends"):
        load_bundle(tmp_path)


def test_the_command_line_composes_with_it(sampled_folder: Path, command: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = command("poem", "月", "--model", sampled_folder, "--seed", 1, "--json")
    assert code == 0
    assert json.loads(out)["lines"][0].startswith("月")


def test_greed_takes_the_likeliest_and_repeats(toneless_bundle_folder: Path) -> None:
    bundle = replace(load_bundle(toneless_bundle_folder), composing=Composing(greedy=True, repeats=True))
    poet = make_poet(bundle, CPU)
    one, other = poet.compose([PoemRequest("月", 7, 8, seed) for seed in (1, 2)])
    assert one.lines == other.lines
    text = "".join(one.traditional)
    assert len(set(text)) < len(text)
