from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_model.composing import Composing
from poetry_model.errors import TrainingError
from poetry_model.network import NetworkConfig
from poetry_model.recipe import FINE_TUNING, SETTINGS, make_recipe, read_settings
from poetry_model.training_config import TrainingConfig
from tests.poetry_model.hostile import toml_words

CONFIGS = Path(__file__).parents[2] / "configs"


def _written(folder: Path, text: str) -> Path:
    file = folder / "recipe.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_nothing_said_gives_the_defaults() -> None:
    recipe = make_recipe({})
    assert recipe.network == {}
    assert recipe.training == TrainingConfig()
    assert recipe.composing == Composing()
    assert make_recipe({}, fine_tuning=True).training == FINE_TUNING


def test_no_two_tables_share_a_setting() -> None:
    assert len(SETTINGS) == sum(len(fields(kind)) for kind in (NetworkConfig, TrainingConfig, Composing)) - 1


def test_a_file_says_what_differs(tmp_path: Path) -> None:
    file = _written(
        tmp_path, '[network]\ncell = "gru"\nhidden = 8\n[training]\nepochs = 3\n[composing]\ngreedy = true\n'
    )
    recipe = make_recipe(read_settings(file))
    assert recipe.network == {"cell": "gru", "hidden": 8}
    assert recipe.training == TrainingConfig(epochs=3)
    assert recipe.composing == Composing(greedy=True)


def test_the_engine_by_hand_brings_what_it_needs() -> None:
    recipe = make_recipe({"engine": "numpy", "learning_rate": 0.1})
    assert recipe.network == {"tied": False, "dropout": 0.0, "conditions": {}}
    assert (recipe.training.optimizer, recipe.training.schedule) == ("adagrad", "halve_on_rise")
    assert recipe.training.learning_rate == 0.1


def test_a_model_that_samples_its_line_ends_is_told_nothing() -> None:
    assert make_recipe({"format": "sampled"}).network == {"conditions": {}}
    with pytest.raises(TrainingError, match="set conditions to false"):
        make_recipe({"format": "sampled", "conditions": True})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("song_share", 1.0),
        ("dropout", 1.0),
        ("hidden", "wide"),
        ("cell", "cnn"),
        ("schedule", "never"),
        ("conditions", "all"),
        ("initial_state", -1.0),
        ("held_back", 1),
    ],
)
def test_what_cannot_be_is_named_in_one_sentence(name: str, value: object) -> None:
    with pytest.raises(TrainingError, match=rf"^{name} cannot be {value!r}: [^\n]+\.$"):
        make_recipe({name: value})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[network\n", "is not valid TOML"),
        ("[poem]\nlines = 4\n", r"there is no table 'poem'"),
        ("epochs = 3\n", r"there is no table 'epochs'"),
        ("[training]\nhidden = 3\n", r"\[training\] has no 'hidden'; it has .*epochs"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(TrainingError, match=told):
        read_settings(_written(tmp_path, text))


def test_a_file_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot be read"):
        read_settings(tmp_path / "none.toml")


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.toml")), ids=lambda file: file.stem)
def test_the_recipes_that_ship_are_valid(file: Path) -> None:
    assert make_recipe(read_settings(file)).training.held_back == 5


def test_a_number_is_taken_as_the_number_it_stands_for(tmp_path: Path) -> None:
    recipe = make_recipe(read_settings(_written(tmp_path, '[network]\nhidden = "8"\nembedding = 16.0\n')))
    assert recipe.network == {"hidden": 8, "embedding": 16}
    assert type(recipe.network["embedding"]) is int


@given(
    words=toml_words("[network]", "[training]", "[composing]", "[[network]]", *SETTINGS, '"lstm"'),
    name=st.sampled_from(list(SETTINGS)),
)
def test_whatever_stands_in_a_recipe_makes_one_or_is_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], name: str
) -> None:
    folder = tmp_path_factory.mktemp("recipe")
    for text in ("".join(words), f"[{SETTINGS[name]}]\n{name} = {''.join(words)}"):
        file = folder / "recipe.toml"
        file.write_bytes(text.encode(errors="surrogatepass"))
        try:
            make_recipe(read_settings(file))
        except TrainingError as error:
            refusal = str(error)
            assert len(refusal.splitlines()) == 1
            assert len(refusal) < 1000


@pytest.mark.parametrize("value", [10**5000, "x" * 10**6, [[[["x"]]]] * 1000], ids=["number", "text", "lists"])
def test_a_value_that_fills_pages_is_not_shown_whole(value: object) -> None:
    for name in SETTINGS:
        with pytest.raises(TrainingError, match=r"^[^\n]{1,400}$"):
            make_recipe({name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("hidden", 10**9), ("embedding", 4096), ("layers", 100), ("condition", 300)]
)
def test_a_network_that_no_machine_could_hold_is_refused(name: str, value: int) -> None:
    with pytest.raises(TrainingError, match=f"{name} cannot be {value}: input should be less than or equal to"):
        make_recipe({name: value})
