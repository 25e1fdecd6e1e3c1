import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from bot.config import Settings, load_settings
from bot.errors import ConfigError
from tests.poetry_model.hostile import toml_words

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
TOKEN = "MTk4NjIy.secret.token"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(file: Path, environment: dict[str, str] | None = None) -> str:
    """The sentence with which the settings are refused."""
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environment or {})
    sentence = str(caught.value)
    assert re.fullmatch(r"[^\n]+\.", sentence)
    return sentence


def test_without_a_file_everything_has_a_default(tmp_path: Path) -> None:
    assert load_settings(None, {}) == load_settings(tmp_path / "none.toml", {}) == Settings()
    assert Settings().token == ""


def test_the_example_is_valid_and_shows_the_defaults() -> None:
    assert load_settings(EXAMPLE, {}) == Settings()


def test_the_example_shows_every_setting() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for section, model in Settings.model_fields.items():
        assert f"[{section}]" in text
        assert model.annotation is not None
        for name in model.annotation.model_fields:
            assert re.search(rf"^(# )?{name} = ", text, re.MULTILINE), name


def test_what_the_file_says_is_taken(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
        discord = { token = " a.b.c ", test_guild = 5 }
        database.path = "x/y.sqlite3"
        model = { device = "cpu", folder = "m" }
        retrain = { corpus = "c", admins = [1, 2], admin_guilds = [3], epochs = 4, threads = 5, tolerance = 0.5 }
        preview = { folder = "p", port = 0 }
        """.replace("\n        ", "\n"),
    )
    settings = load_settings(file, {})
    assert (settings.token, settings.discord.test_guild) == ("a.b.c", 5)
    assert settings.database.path == Path("x/y.sqlite3")
    assert (settings.model.device, settings.model.folder) == ("cpu", Path("m"))
    assert settings.retrain.model_dump(exclude_unset=True) == {
        "corpus": Path("c"),
        "admins": frozenset({1, 2}),
        "admin_guilds": frozenset({3}),
        "epochs": 4,
        "threads": 5,
        "tolerance": 0.5,
    }
    assert (settings.preview.folder, settings.preview.port) == (Path("p"), 0)


def test_the_token_of_the_environment_goes_first(tmp_path: Path) -> None:
    file = written(tmp_path, '[discord]\ntoken = "from the file"')
    assert load_settings(file, {"DISCORD_TOKEN": TOKEN}).token == TOKEN
    assert load_settings(file, {"DISCORD_TOKEN": ""}).token == "from the file"
    assert load_settings(None, {"DISCORD_TOKEN": TOKEN}).token == TOKEN


def test_the_process_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    assert load_settings(None).token == TOKEN


def test_an_empty_corpus_is_none(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, '[retrain]\ncorpus = ""'), {}).retrain.corpus is None


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ('[model]\ndevice = "tpu"', "model.device"),
        ("[retrain]\nepochs = 0", "retrain.epochs"),
        ("[retrain]\nepochs = 1.5", "retrain.epochs"),
        ("[retrain]\ntolerance = -0.1", "retrain.tolerance"),
        ("[retrain]\ntolerance = nan", "retrain.tolerance"),
        ("[retrain]\nlearning_rate = 0", "retrain.learning_rate"),
        ("[retrain]\nfavorites_share = 1", "retrain.favorites_share"),
        ("[retrain]\nniceness = 20", "retrain.niceness"),
        ("[retrain]\nkeep = 0", "retrain.keep"),
        ("[retrain]\nexamination = { rhyme = 97 }", "retrain.examination.rhyme"),
        ("[retrain]\nexamination = { rime = 0.9 }", "retrain.examination.rime"),
        ('[retrain]\nadmins = ["somebody"]', "retrain.admins"),
        ("[retrain]\nadmins = [0]", "retrain.admins"),
        ("[retrain]\nadmin_guilds = [-1]", "retrain.admin_guilds"),
        ("[limits]\nperson_burst = 0", "limits.person_burst"),
        ("[limits]\nguild_per_minute = -1", "limits.guild_per_minute"),
        ("[limits]\nqueue = 0", "limits.queue"),
        ("[preview]\nport = 65536", "preview.port"),
        ("[discord]\ntest_guild = 9223372036854775808", "discord.test_guild"),
        ("[retrain]\nepoch = 3", "retrain.epoch"),
        ("[retrian]\nepochs = 3", "retrian"),
        ("database = 3", "database"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_in_one_sentence(tmp_path: Path, text: str, setting: str) -> None:
    file = written(tmp_path, text)
    assert refusal(file).startswith(f"{file}: {setting}")


def test_shards_are_divided_among_processes(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, "[shards]\ncount = 4\nids = [3, 0]"), {})
    assert (settings.shards.count, settings.shards.ids) == (4, (3, 0))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ids = [0]", "shards.ids: shards.count must say of how many, the same in every process"),
        ("count = 4\nids = [4, 5]", "shards.ids: there is no shard 4 of 4, which are numbered from 0"),
        ("count = 4\nids = [1, 2, 1]", "shards.ids: each shard is named once"),
    ],
)
def test_shards_that_there_are_not_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    file = written(tmp_path, f"[shards]\n{text}")
    assert refusal(file) == f"{file}: {problem}."


@pytest.mark.parametrize("text", ["count = -1", "count = 2\nids = [-1]", "ids = 3"])
def test_shards_that_are_no_numbers_are_refused(tmp_path: Path, text: str) -> None:
    assert ": shards." in refusal(written(tmp_path, f"[shards]\n{text}"))


@pytest.mark.parametrize(
    "content",
    [b"[discord", b"a = = 1", b"\xff\xfe", b'token = "x"\ntoken = "y"', b"a = " + b"9" * 5000, b"a = " + b"[" * 5000],
)
def test_a_file_that_is_not_toml_is_named_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    assert refusal(file).startswith(f"{file} is not valid TOML: ")


def test_a_folder_in_place_of_the_file_is_told_in_one_sentence(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith(f"{tmp_path} cannot be read: ")


@pytest.mark.parametrize(
    "text",
    [
        f'[discord]\ntoken = ["{TOKEN}"]',
        f'[discord]\ntoken = {{ value = "{TOKEN}" }}',
        f'[discord]\ntokn = "{TOKEN}"',
        f'discord = "{TOKEN}"',
        f'[discord]\ntoken = "{TOKEN}"\ntest_guild = "x"',
        f'[discord]\ntoken = "{TOKEN}',
        f"[discord]\ntoken = {TOKEN}",
    ],
)
def test_no_refusal_tells_the_token(tmp_path: Path, text: str) -> None:
    assert TOKEN not in refusal(written(tmp_path, text))


def test_a_refusal_does_not_tell_the_token_of_the_environment(tmp_path: Path) -> None:
    file = written(tmp_path, "discord = 3")
    assert TOKEN not in refusal(file, {"DISCORD_TOKEN": TOKEN})


def test_the_token_is_in_no_representation_of_the_settings() -> None:
    settings = load_settings(None, {"DISCORD_TOKEN": TOKEN})
    representations: list[Any] = [repr(settings), str(settings), settings.model_dump(), settings.model_dump_json()]
    assert not any(TOKEN in str(each) for each in representations)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().retrain.epochs = 2


@given(words=toml_words("[discord]", "[retrain]", "[[model]]", "token", "admins", '"cpu"'))
def test_whatever_stands_in_the_file_gives_settings_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("config")
    for begin in ("", "[retrain]\nadmins = ", "[discord]\n"):
        file = folder / "config.toml"
        file.write_bytes((begin + "".join(words)).encode(errors="surrogatepass"))
        try:
            load_settings(file, {})
        except ConfigError as error:
            refusal = str(error)
            assert len(refusal.splitlines()) == 1
            assert len(refusal) < 1000
