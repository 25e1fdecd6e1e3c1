"""What keeps the bot running fits the bot: its commands, its settings, its files, its time to stop."""

import configparser
import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot.__main__ import _parser
from bot.config import TOKEN_VARIABLE, load_settings
from bot.stopping import STOP_SECONDS
from tests.test_docs import _faults

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "shiren.service"


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    """The systemd unit."""
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign] # names as they are
    parser.read(UNIT, encoding="utf-8")
    return parser


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """The instructions of the container file, and what follows each."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Containerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(name, words.strip()) for name, _, words in (line.partition(" ") for line in lines if line.strip())]


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    # It looks for the program, which is not installed.
    file = tmp_path / UNIT.name
    file.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/shiren/.venv/bin/python", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, complaints) == (0, [])


def test_the_unit_runs_a_command_there_is(unit: configparser.ConfigParser) -> None:
    program, *words = shlex.split(unit["Service"]["ExecStart"])
    assert (program, words[:2]) == ("/opt/shiren/.venv/bin/python", ["-m", "bot"])
    assert _parser().parse_args(words[2:]).command == "run"


def test_the_bot_has_more_time_to_stop_than_it_takes(unit: configparser.ConfigParser) -> None:
    assert float(unit["Service"]["TimeoutStopSec"]) >= 2 * STOP_SECONDS
    page = (DEPLOY / "README.md").read_text(encoding="utf-8")
    assert float(re.findall(r"--stop-timeout (\d+)", page)[0]) >= 2 * STOP_SECONDS


def test_the_unit_gives_the_bot_no_more_than_it_needs(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    wanted = {"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "Restart": "on-failure"}
    assert {name: service[name] for name in wanted} == wanted
    assert service["StateDirectory"] == "shiren"
    # A wrong setting ends with 2, and would end so again.
    assert service["RestartPreventExitStatus"] == "2"
    assert TOKEN_VARIABLE not in service["Environment"]
    assert service["EnvironmentFile"] == "/etc/shiren/token.env"


def test_the_container_runs_a_command_there_is_as_an_ordinary_user(steps: list[tuple[str, str]]) -> None:
    told = dict(steps)
    assert json.loads(told["ENTRYPOINT"]) == ["python", "-m", "bot"]
    assert _parser().parse_args(json.loads(told["CMD"])).command == "run"
    assert int(told["USER"]) > 0
    assert told["VOLUME"] == "/var/lib/shiren"


def test_the_settings_of_the_container_are_settings(steps: list[tuple[str, str]]) -> None:
    settings = load_settings(DEPLOY / "container.toml", {})
    assert settings.token == ""
    for path in (settings.database.path, settings.model.folder):
        assert path.is_relative_to(dict(steps)["VOLUME"])
    [port, path_] = re.findall(
        r"127\.0\.0\.1:(\d+)(/\w+)'", next(words for name, words in steps if name == "HEALTHCHECK")
    )[0]
    assert (int(port), path_) == (settings.monitor.port, "/healthz")


def test_the_container_has_the_torch_of_the_project(steps: list[tuple[str, str]]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [torch] = [each for each in project["dependencies"] if each.startswith("torch")]
    [install] = [words for name, words in steps if name == "RUN" and "TORCH_INDEX" in words]
    assert install.endswith(torch)
    [extras] = [re.findall(r'"\.\[([\w,]+)\]"', words)[0] for _, words in steps if '".[' in words]
    assert set(extras.split(",")) <= project["optional-dependencies"].keys()


def test_what_the_container_copies_is_there_and_nothing_else_goes_to_its_builder(steps: list[tuple[str, str]]) -> None:
    copied = [
        source for name, words in steps if name == "COPY" and "--from" not in words for source in words.split()[:-1]
    ]
    lines = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert set(copied) == let_through
    assert all((ROOT / source).exists() for source in copied)
    for secret in ("config.toml", "token.env", "data", ".git", ".venv"):
        assert not any(fnmatch.fnmatch(secret, each) for each in let_through)


def test_no_layer_of_the_container_holds_the_token(steps: list[tuple[str, str]]) -> None:
    assert not [words for _, words in steps if TOKEN_VARIABLE in words]
    assert "discord" not in tomllib.loads((DEPLOY / "container.toml").read_text(encoding="utf-8"))


def test_the_page_links_to_what_is_there_and_shows_commands_there_are() -> None:
    page = DEPLOY / "README.md"
    assert list(_faults(page)) == []
    commands = re.findall(r"-m bot (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert commands
    for command in commands:
        _parser().parse_args(shlex.split(command))


def test_the_healthcheck_says_no_where_nobody_answers(steps: list[tuple[str, str]]) -> None:
    [words] = [words for name, words in steps if name == "HEALTHCHECK"]
    _, *command = json.loads(words.partition("CMD ")[2])
    # Another port, on which nobody listens.
    done = subprocess.run(
        [sys.executable, *(word.replace(":9464", ":1") for word in command)],
        capture_output=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 1
