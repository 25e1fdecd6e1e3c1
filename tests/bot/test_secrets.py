"""Discord's token is in nothing that anybody reads, whatever goes wrong."""

import asyncio
import base64
import json
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.standin.driver import StandIn
from bot.config import TOKEN_VARIABLE, DiscordSettings, Settings, load_settings
from bot.errors import ConfigError
from bot.preview import run_preview
from bot.services.training_process import TrainingOrder, TrainingProcess
from tests.bot.test_preview import page_at
from tests.bot.world import until

ROOT = Path(__file__).parents[2]

SECRET = "a-made-up-secret-0123456789"
TOKEN = f"MTIzNDU2Nzg5MDEyMzQ1Njc4.GfAkEd.{SECRET}"

_BOT = """
import pathlib, sys
import bot.services.models
from benchmarks.standin.driver import point_discord_at
from bot.__main__ import main
bundle, config, *ports = sys.argv[1:]
bot.services.models.PRETRAINED = pathlib.Path(bundle)
for port in ports:
    point_discord_at(int(port))
    print("exit code", main(["--config", config]), flush=True)
"""
"""The bot, on one Discord after the other."""


def tells(text: str) -> bool:
    """Whether the token, or the part of it that nobody can guess, stands in a text, plain or encoded."""
    encoded = base64.b64encode(TOKEN.encode()).decode().rstrip("=")
    return any(each in text for each in (TOKEN, SECRET, encoded))


def page(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refusal:
        return refusal.read().decode()


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE} | more


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and whatever hangs on it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("style", ["text", "json"])
async def test_the_bot_tells_its_token_to_discord_alone(tmp_path: Path, shipped: Path, style: str) -> None:
    log = f'[log]\nformat = "{style}"\nlevel = "debug"\n'
    # What can be asked of it is asked: nothing there tells it either.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monitor = f"[monitor]\nport = {address.rpartition(':')[2]}\nmetrics = true\n"
    config = written(tmp_path, f'[model]\ndevice = "cpu"\n[discord]\ntoken = "{TOKEN}"\n{log}{monitor}')
    # A pipe that nobody reads would hold up a bot that says so much.
    with socket.socket() as closed, (tmp_path / "log").open("wb") as err:
        closed.bind(("127.0.0.1", 0))
        nobody = closed.getsockname()[1]
        async with StandIn.start("--token", "another") as stranger, StandIn.start("--token", TOKEN) as standin:
            ports = [str(port) for port in (nobody, stranger.port, standin.port)]
            bot = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _BOT, str(shipped), str(config), *ports),
                stdout=subprocess.PIPE,
                stderr=err,
                cwd=tmp_path,
                env=environment(PYTHONPATH=str(ROOT), PYTHONASYNCIODEBUG="1"),
            )
            try:
                await standin.ready()
                for start in ("月", "x"):
                    await standin.wait(await standin.slash(1, "poem", start=start))
                pages = [await asyncio.to_thread(page, f"{address}/{name}") for name in ("readyz", "metrics")]
                bot.send_signal(signal.SIGTERM)
                out, _ = await asyncio.wait_for(bot.communicate(), 60)
            finally:
                if bot.returncode is None:
                    bot.kill()
    assert out.decode() == "exit code 1\nexit code 1\nexit code 0\n"
    said = (tmp_path / "log").read_text(encoding="utf-8")
    # All of it was logged, down to what goes over the line.
    for sign in ("Discord cannot be reached", "Discord refused the token", "IDENTIFY payload", "discord.http", "DEBUG"):
        assert sign in said
    assert '"database": true' in pages[0]
    assert "shiren_servers 1.0" in pages[1]
    assert not any(tells(text) for text in (said, *pages))


@pytest.mark.parametrize(
    "text",
    [
        f'[discord]\ntoken = "{TOKEN}',
        f"[discord]\ntoken = {TOKEN}",
        f'[discord]\n"{TOKEN}" = 1',
        f"[discord]\n{TOKEN} = 1",
        f'[discord]\n"{TOKEN}" = 1\n"{TOKEN}" = 2',
        f'["{TOKEN}"]',
        f'discord = "{TOKEN}"',
        f'[discord]\ntoken = ["{TOKEN}"]',
        f'[discord]\ntoken = {{ value = "{TOKEN}" }}',
        f'[discord]\ntoken = "{TOKEN}"\ntest_guild = "{TOKEN}"',
        f'[discord]\ntoken = "{TOKEN}诗"',
        f'[discord]\ntoken = "{TOKEN[:20]}\\n{TOKEN}"',
        f'[discord]\ntoken = "{TOKEN}"\n[retrain]\nepochs = 0',
        f'[discord]\ntoken = "{TOKEN}"\n\udcff',
    ],
)
def test_no_refusal_of_the_settings_tells_the_token_nor_carries_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    for error in causes(caught.value):
        assert not any(tells(told) for told in (str(error), repr(error), repr(vars(error))))
        assert SECRET.encode() not in pickle.dumps(error)


@pytest.mark.parametrize("token", [f"{TOKEN}诗", f"{TOKEN}\nX: y", f"{TOKEN}\x7f"])
def test_a_token_that_cannot_be_sent_is_refused_with_what_to_do(token: str) -> None:
    with pytest.raises(ConfigError, match=r"^The environment: discord\.token: .*; copy it once more\.$"):
        load_settings(None, {TOKEN_VARIABLE: token})


@pytest.mark.parametrize(
    "text", [f'[discord]\n"{TOKEN}" = 1', f'[discord]\ntoken = "{TOKEN}诗"', f'[discord]\ntoken = "{TOKEN}']
)
def test_the_command_line_does_not_tell_it_either(tmp_path: Path, text: str) -> None:
    config = written(tmp_path, text)
    done = subprocess.run(
        [sys.executable, "-m", "bot", "--config", config],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(DISCORD_TOKEN=TOKEN) if "诗" not in text else environment(),
        check=False,
    )
    assert done.returncode == 2
    assert "config.toml" in done.stderr
    assert not tells(done.stdout + done.stderr)


def test_no_representation_of_the_settings_tells_the_token() -> None:
    settings = load_settings(None, {TOKEN_VARIABLE: TOKEN})
    assert settings.token == TOKEN
    for value in (settings, settings.discord, settings.discord.token):
        assert not any(tells(text) for text in (repr(value), str(value), f"{value}", f"{value!a}"))
    assert not tells(settings.model_dump_json())
    assert not tells(json.dumps(settings.model_dump(), default=str))
    assert not tells(repr(dict(settings)))


async def test_the_page_does_not_tell_it(
    settings: Settings, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    stop, said = asyncio.Event(), ""
    with_token = settings.model_copy(update={"discord": DiscordSettings.model_validate({"token": TOKEN})})
    with caplog.at_level(logging.DEBUG):
        running = asyncio.create_task(run_preview(with_token, stop))

        def is_up() -> bool:
            nonlocal said
            said += capsys.readouterr().out
            return "http://" in said or running.done()

        await until(is_up)
        page = await asyncio.to_thread(page_at, said)
        stop.set()
        await running
    assert "<html" in page
    assert not any(tells(text) for text in (page, said, caplog.text))


async def test_the_process_that_trains_is_not_given_it(
    tmp_path: Path, child: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    child("print(json.dumps({'environment': dict(os.environ)}), flush=True)")
    order = TrainingOrder(tmp_path, tmp_path / "out", None, 1, 1, "cpu")
    async with TrainingProcess(order) as process:
        [event] = [event async for event in process.events()]
        assert await process.wait() == 0
    assert TOKEN_VARIABLE not in event["environment"]
    assert "PATH" in event["environment"]


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Callable[[Path], list[str]]:
    """What is warned of when the settings are read."""

    def read(file: Path) -> list[str]:
        caplog.clear()
        load_settings(file, {})
        assert not tells(caplog.text)
        return [record.getMessage() for record in caplog.records]

    return read


posix = pytest.mark.skipif(os.name != "posix", reason="elsewhere the bits do not say who may read")


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o666])
def test_a_file_with_the_token_that_others_can_open_draws_one_warning(
    tmp_path: Path, warned: Callable[[Path], list[str]], mode: int
) -> None:
    file = written(tmp_path, f'[discord]\ntoken = "{TOKEN}"', mode)
    [warning] = warned(file)
    assert warning == f"{file} holds the bot's token and is open to others on this machine; run: chmod 600 {file}"


@posix
def test_the_way_out_can_be_pasted_whatever_the_file_is_called(
    tmp_path: Path, warned: Callable[[Path], list[str]]
) -> None:
    folder = tmp_path / "my bot; rm -rf x"
    folder.mkdir()
    file = written(folder, f'[discord]\ntoken = "{TOKEN}"', 0o644)
    [warning] = warned(file)
    subprocess.run(["/bin/sh", "-c", warning.partition("; run: ")[2]], check=True)
    assert warned(file) == []


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_with_the_token_that_is_its_owners_alone_draws_none(
    tmp_path: Path, warned: Callable[[Path], list[str]], mode: int
) -> None:
    assert warned(written(tmp_path, f'[discord]\ntoken = "{TOKEN}"', mode)) == []


@pytest.mark.parametrize("text", ["", "[discord]\n", '[discord]\ntoken = ""', "[retrain]\nepochs = 2"])
def test_a_file_without_the_token_may_be_read_by_anybody(
    tmp_path: Path, warned: Callable[[Path], list[str]], text: str
) -> None:
    assert warned(written(tmp_path, text, 0o644)) == []


def test_a_token_of_the_environment_is_none_of_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = written(tmp_path, "[retrain]\nepochs = 2", 0o644)
    assert load_settings(file, {TOKEN_VARIABLE: TOKEN}).token == TOKEN
    assert caplog.records == []


def test_on_windows_nobody_is_warned(
    tmp_path: Path, warned: Callable[[Path], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, f'[discord]\ntoken = "{TOKEN}"', 0o644)
    monkeypatch.setattr("bot.config.os.name", "nt")
    messages = warned(file)
    monkeypatch.undo()
    assert messages == []
