import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import discord
import pytest

from bot.__main__ import main
from bot.client import Shiren
from bot.config import TOKEN_VARIABLE
from bot.services.runs import RunState, Snapshot, Wish
from tests.bot.world import until

TOKEN = "MTk4NjIy.secret.token"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config(tmp_path: Path, corpus_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose data stays in the temporary folder."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "config.toml"
    file.write_text(f'[model]\ndevice = "cpu"\n[retrain]\ncorpus = "{corpus_folder}"\n[preview]\nport = 0\n')
    return file


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the bot's command line; gives its exit code, its output and what it said on standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


def connects(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Shiren, str], object]) -> None:
    """In place of Discord: while the bot is connected, something happens; it stays until it is closed."""

    async def start(self: Shiren, token: str, *, reconnect: bool = True) -> None:  # noqa: ARG001 # discord.py's signature
        happening = meanwhile(self, token)
        if asyncio.iscoroutine(happening):
            await happening
        await until(self.is_closed)

    monkeypatch.setattr(Shiren, "start", start)


def terminate(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("command", ["run", "preview", "db"])
def test_settings_that_cannot_be_used_end_every_command_with_2_and_one_sentence(
    run: Run, config: Path, command: str
) -> None:
    config.write_text("[retrain]\nepochs = 0")
    code, out, told = run(command, "--config", config)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"[^\n]*config\.toml: retrain\.epochs: [^\n]+\.\n", told)


def test_db_migrates_the_database(run: Run, config: Path) -> None:
    code, out, _ = run("db", "--config", config)
    assert (code, out) == (0, "data/shiren.sqlite3 is up to date\n")
    with closing(sqlite3.connect(config.parent / "data" / "shiren.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM favorites").fetchone() == (0,)


def test_favorites_are_exported(run: Run, config: Path, tmp_path: Path) -> None:
    run("db", "--config", config)
    with closing(sqlite3.connect(config.parent / "data" / "shiren.sqlite3")) as connection, connection:
        connection.execute(
            "INSERT INTO poems (user_id, start, form, traditional, script, seed, model, created_at)"
            " VALUES (1, '月', 5, '月明山水長', 'simplified', 1, 'm', '2026-01-01')"
        )
        connection.execute("INSERT INTO favorites (user_id, poem_id, created_at) VALUES (2, 1, '2026-01-02')")
    file = tmp_path / "favorites.json"
    assert run("favorites", "export", file, "--config", config)[:2] == (0, f"1 poems in {file}\n")
    assert json.loads(file.read_text(encoding="utf-8"))["poems"] == [{"lines": ["月明山水長"], "keepers": 1}]
    assert run("--config", config, "favorites", "export", file)[0] == 0


def test_what_is_to_be_done_with_favorites_must_be_said(run: Run) -> None:
    with pytest.raises(SystemExit) as caught:
        run("favorites")
    assert caught.value.code == 2


def test_an_unknown_command_is_bad_usage(run: Run) -> None:
    with pytest.raises(SystemExit) as caught:
        run("dance")
    assert caught.value.code == 2


def test_with_a_token_the_bot_connects_and_ends_in_order(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[str] = []

    def note(_: Shiren, token: str) -> None:
        tokens.append(token)
        terminate()

    connects(monkeypatch, note)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    code, out, told = run("--config", config)
    assert (code, tokens) == (0, [TOKEN])
    assert TOKEN not in out + told


def test_a_token_that_discord_refuses_is_told_in_one_sentence_without_it(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise discord.LoginFailure("Improper token has been passed.")

    monkeypatch.setattr(Shiren, "start", refuse)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    code, out, told = run("--config", config)
    assert code == 1
    assert told == "Discord refused the token; correct discord.token or DISCORD_TOKEN.\n"
    assert TOKEN not in out + told + caplog.text


def test_a_discord_that_cannot_be_reached_is_told_in_one_sentence(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("nobody is there")

    monkeypatch.setattr(Shiren, "start", fail)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    code, _, told = run("--config", config)
    assert code == 1
    assert told == "Discord cannot be reached (nobody is there); check the connection and start again.\n"


def test_without_a_token_the_page_comes_up(run: Run, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(_: object, stop: asyncio.Event) -> None:
        print("the page")
        stop.set()

    monkeypatch.setattr("bot.preview.run_preview", look)
    assert run("--config", config)[:2] == (0, "the page\n")
    assert run("preview", "--config", config)[:2] == (0, "the page\n")


def test_preview_shows_the_page_though_there_is_a_token(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(*_: object) -> None:
        print("the page")

    monkeypatch.setattr("bot.preview.run_preview", look)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert run("preview", "--config", config)[:2] == (0, "the page\n")


def test_without_a_token_and_without_the_page_one_sentence_says_what_to_do(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "bot.preview", raising=False)
    monkeypatch.setitem(sys.modules, "simcord", None)
    code, _, told = run("--config", config)
    assert code == 2
    assert told == ("There is no Discord token and no local page: set DISCORD_TOKEN, or install shiren[preview].\n")


def test_a_device_that_is_not_there_is_told_in_one_sentence(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config.write_text('[model]\ndevice = "cuda"\n[preview]\nport = 0\n')
    code, _, told = run("preview", "--config", config)
    assert code == 2
    assert told == "No CUDA device is available; choose device auto or cpu.\n"


@pytest.mark.parametrize("command", ["db", "run"])
def test_a_database_that_cannot_be_opened_is_told_in_one_sentence(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    connects(monkeypatch, terminate)
    (config.parent / "file").write_text("no folder")
    config.write_text('[model]\ndevice = "cpu"\n[database]\npath = "file/shiren.sqlite3"')
    code, _, told = run(command, "--config", config)
    assert code == 2
    assert re.fullmatch(r"[^\n]*file/shiren\.sqlite3[^\n]+\.\n", told)


def test_a_retraining_is_told_to_be_interrupted_while_discord_can_still_be_reached(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch, child: Callable[[str], None]
) -> None:
    child("wait()")
    seen: list[tuple[RunState, bool]] = []

    async def train(client: Shiren, _: str) -> None:
        async def show(snapshot: Snapshot) -> bool:
            seen.append((snapshot.state, client.is_closed()))
            return True

        retraining = client.services.retraining
        retraining.attach(show)
        reserved = await retraining.reserve(1, 2, Wish())
        await retraining.launch(reserved.run_id, 2, 3)
        await until(lambda: bool(seen))
        terminate()

    connects(monkeypatch, train)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert run("--config", config)[0] == 0
    assert seen[-1] == (RunState.INTERRUPTED, False)
