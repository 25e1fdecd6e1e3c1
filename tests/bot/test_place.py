"""A database is named by a path or a URL, and no password of a URL is told."""

import json
import logging
import pickle
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.config import TOKEN_VARIABLE, URL_VARIABLE, DatabaseSettings, Settings, load_settings
from bot.db.migrate import upgrade
from bot.errors import ConfigError
from bot.place import Server, read_place
from tests.bot.postgresql import TestServer
from tests.bot.test_secrets import causes

SECRET = "a-made-up-password"
URL = f"postgresql+asyncpg://ann:{SECRET}@db.example:5433/poems?sslmode=require"

FORM = (
    "it must have the form postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE, with special signs of the password as in"
    " %40 for @"
)

TORN = [
    "mysql://ann:{}@db/poems",
    "postgresql://ann:{}@db",
    "postgresql://ann:{}@db/",
    "postgresql://ann:{}@db:x/poems",
    "postgresql://ann:{}/1@db/poems",
    "postgresql://ann:{}?1@db/poems",
    "postgresql://ann:{}#1@db/poems",
    "postgresql://ann:{} 1@db/poems",
    "postgresql://ann:[{}@db/poems",
    "{}",
]
"""No addresses of a database, most of them because the password holds a sign as it is."""


def test_a_server_is_told_without_its_password() -> None:
    server = Server.of(URL)
    assert str(server) == f"{server}" == "postgresql://ann@db.example:5433/poems"
    assert server.dsn.get_secret_value() == URL.replace("+asyncpg", "")
    assert server.has_password
    assert Server.of("postgres://db/poems?password=x").has_password
    assert not Server.of("postgres:///poems").has_password


@pytest.mark.parametrize("url", ["postgresql+asyncpg://db/poems", "postgresql://db/poems", "postgres:///poems"])
def test_what_is_typed_is_a_path_or_a_url(url: str) -> None:
    assert isinstance(read_place(url), Server)
    assert read_place("data/poems.sqlite3") == Path("data/poems.sqlite3")


@pytest.mark.parametrize("torn", TORN)
def test_a_url_that_leads_nowhere_is_refused_in_one_sentence_without_it(torn: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {URL_VARIABLE: torn.format(SECRET)})
    assert str(caught.value) == f"The environment: database.url: {FORM}."
    for error in causes(caught.value):
        assert SECRET not in f"{error} {error!r} {vars(error)}"
        assert SECRET.encode() not in pickle.dumps(error)


@pytest.mark.parametrize("torn", [torn for torn in TORN if "://" in torn])
def test_a_command_refuses_it_too(capsys: pytest.CaptureFixture[str], tmp_path: Path, torn: str) -> None:
    assert main(["db", "copy", torn.format(SECRET), str(tmp_path / "new")]) == 2
    assert capsys.readouterr() == ("", f"That URL names no database: {FORM}.\n")


def test_there_is_one_place(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[database]\nurl = "{URL}"')
    file.chmod(0o600)
    assert load_settings(file, {}).database.place == Server.of(URL)
    assert load_settings(None, {}).database.place == Path("data/shiren.sqlite3")
    file.write_text('[database]\npath = "x"\nurl = ""')
    assert load_settings(file, {}).database.place == Path("x")
    file.write_text(f'[database]\npath = "x"\nurl = "{URL}"')
    with pytest.raises(
        ConfigError, match=r"config\.toml: database: it has both a path and a url; leave one of them out"
    ):
        load_settings(file, {})


def test_the_url_of_the_environment_goes_before_both(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[database]\npath = "x"')
    assert load_settings(file, {URL_VARIABLE: URL}).database.place == Server.of(URL)


@pytest.mark.parametrize(
    "text",
    [f'[database]\nurl = "{URL}', f'[database]\n"{URL}" = 1', f'[database]\nurl = ["{URL}"]', f'database = "{URL}"'],
)
def test_no_refusal_of_the_settings_tells_the_password(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    for error in causes(caught.value):
        assert SECRET not in f"{error} {error!r} {vars(error)}"


def test_no_representation_tells_it() -> None:
    settings = load_settings(None, {URL_VARIABLE: URL})
    database = settings.database
    for value in (settings, database, database.url, database.place, settings.model_dump(), dict(settings)):
        assert SECRET not in f"{value} {value!r}"
    assert SECRET not in settings.model_dump_json()
    assert SECRET not in json.dumps(settings.model_dump(), default=str)


def test_a_file_with_a_password_that_others_can_open_draws_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[database]\nurl = "{URL}"')
    for mode, warnings in ((0o644, 1), (0o600, 0)):
        file.chmod(mode)
        caplog.clear()
        load_settings(file, {})
        assert len(caplog.records) == warnings
    file.write_text('[database]\nurl = "postgresql://db/poems"')
    file.chmod(0o644)
    load_settings(file, {})
    assert caplog.records == []
    assert SECRET not in caplog.text


@pytest.mark.parametrize("command", ["db", "run"])
def test_a_server_that_is_not_there_ends_the_start_with_one_sentence_without_the_password(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    command: str,
) -> None:
    pytest.importorskip("asyncpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(TOKEN_VARIABLE, "MTk4NjIy.secret.token")
    monkeypatch.setenv(URL_VARIABLE, f"postgresql://ann:{SECRET}@127.0.0.1:1/poems")
    with caplog.at_level(logging.DEBUG):
        assert main([command]) == 2
    out, told = capsys.readouterr()
    assert out == ""
    assert told.startswith("The database postgresql://ann@127.0.0.1:1/poems cannot be used (")
    assert told.endswith("; look whether its server runs and has it, and correct database.url or DATABASE_URL.\n")
    assert told.count("\n") == 1
    assert SECRET not in told + caplog.text


def test_nothing_that_hangs_on_its_error_tells_the_password() -> None:
    pytest.importorskip("asyncpg")
    with pytest.raises(ConfigError) as caught:
        upgrade(Server.of(f"postgresql://ann:{SECRET}@127.0.0.1:1/poems"))
    for error in causes(caught.value):
        assert SECRET not in f"{error} {error!r} {vars(error)}"


def test_a_server_that_is_there_logs_none_either(server: TestServer, caplog: pytest.LogCaptureFixture) -> None:
    with server.database("template0", "ENCODING 'UTF8'") as made, caplog.at_level(logging.DEBUG):
        # A server that asks for no password takes any.
        user, _, rest = made.dsn.get_secret_value().removeprefix("postgresql://").rpartition("@")
        upgrade(Server.of(f"postgresql://{user.partition(':')[0]}:{SECRET}@{rest}"))
    assert SECRET not in caplog.text


def test_without_the_driver_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        upgrade(Server.of(URL))
    assert str(caught.value) == 'PostgreSQL needs another package: pip install "shiren[postgresql]"'


def test_a_path_needs_no_driver(settings: Settings) -> None:
    assert DatabaseSettings(path=Path("x")).place == Path("x")
    assert settings.database.place
