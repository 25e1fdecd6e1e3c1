import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import poetry_model
from poetry_model import writing
from poetry_model.errors import PoetryError

Command = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sing"],
        ["poem"],
        ["poem", "月", "--count", "0"],
        ["poem", "月", "--form", "five"],
        ["poem", "月", "--script", "runic"],
        ["poem", "月", "--style", "baroque"],
        ["poem", "月", "--candidates", "0"],
        ["acrostic"],
        ["acrostic", "春江", "--lines", "4"],
        ["continue"],
        ["continue", "山花水月天", "--form", "5"],
        ["poem", "月", "--device", "abacus"],
        ["train", "--out", "model"],
        ["train", "--corpus", "verse", "--out", "model", "--epochs", "many"],
        ["evaluate"],
        ["evaluate", "--corpus", "verse", "--split", "half"],
        ["corpus"],
        ["corpus", "check"],
        ["corpus", "download"],
    ],
)
def test_bad_usage_is_explained_and_exits_with_2(command: Command, arguments: list[str]) -> None:
    code, out, told = command(*arguments)
    assert code == 2
    assert out == ""
    assert told.startswith("usage: python -m poetry_model")


@pytest.mark.parametrize(
    "arguments",
    [
        ["-h"],
        ["poem", "-h"],
        ["acrostic", "-h"],
        ["continue", "-h"],
        ["train", "-h"],
        ["evaluate", "-h"],
        ["corpus", "-h"],
        ["corpus", "download", "-h"],
    ],
)
def test_help_is_at_hand(command: Command, arguments: list[str]) -> None:
    code, out, _ = command(*arguments)
    assert code == 0
    assert out.startswith("usage: python -m poetry_model")


@pytest.mark.parametrize(
    ("raised", "exit_code", "said"),
    [(PoetryError("No verse today."), 2, "No verse today.\n"), (KeyboardInterrupt(), 130, "")],
)
def test_what_goes_wrong_is_one_sentence_and_an_exit_code(
    command: Command, monkeypatch: pytest.MonkeyPatch, raised: BaseException, exit_code: int, said: str
) -> None:
    def fail(_: object) -> int:
        raise raised

    monkeypatch.setattr(writing, "poem", fail)
    assert command("poem", "月") == (exit_code, "", said)


def test_help_does_not_wait_for_torch() -> None:
    script = "import sys; from poetry_model.__main__ import _parser; _parser(); sys.exit('torch' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", script], cwd=Path(poetry_model.__file__).parents[1], check=False)
    assert finished.returncode == 0
