"""The questions of `poem` without a start: each by itself, and all of them on a real terminal."""

import codecs
import io
import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import poetry_model
from poetry_model.asking import Answers, ask

Command = Callable[..., tuple[int, str, str]]
Typed = Callable[..., tuple[Answers | None, list[str]]]

_LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")
_CTRL_C, _CTRL_D = "\x03", "\x04"
_PATIENCE = 120
"""Seconds until a process that says nothing has failed; importing torch takes some of them."""


@pytest.fixture(autouse=True)
def _no_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _LOCALES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Answer with some lines, of which the last is the end of the input; gives what was understood, and the prompts."""

    def run(*lines: str, form: int = 5, count: int = 4) -> tuple[Answers | None, list[str]]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(line + "\n" for line in lines)))
        answers = ask(form, count)
        out, told = capsys.readouterr()
        assert out == ""
        return answers, told.splitlines()

    return run


@pytest.mark.parametrize(
    ("lines", "understood"),
    [
        (("0", "8", "月"), Answers(5, 8, "月")),
        (("1", "4", "春江"), Answers(7, 4, "春江")),
        ((" １ ", "１６", "　月 "), Answers(7, 16, "月")),
    ],
)
def test_form_lines_and_first_character_are_asked_for(
    type_in: Typed, lines: tuple[str, ...], understood: Answers
) -> None:
    answers, told = type_in(*lines)
    assert answers == understood
    assert told == ["Form: 0 五言, five characters a line; 1 七言, seven [0]: Number of lines [4]: First character: "]


def test_an_empty_answer_takes_what_the_options_say(type_in: Typed) -> None:
    answers, told = type_in("", "", "月", form=7, count=8)
    assert answers == Answers(7, 8, "月")
    assert "[1]" in told[0]
    assert "[8]" in told[0]


@pytest.mark.parametrize("wrong", ["2", "-1", "seven", "五言", "0.5", "\x00"])
def test_a_form_that_is_none_is_asked_for_again(type_in: Typed, wrong: str) -> None:
    answers, told = type_in(wrong, "1", "4", "月")
    assert answers == Answers(7, 4, "月")
    assert told[0].endswith(": Type 0 or 1.")
    assert told[1].startswith("Form: ")


@pytest.mark.parametrize("wrong", ["0", "17", "-4", "four", "4.0", "1_6", "9" * 5000])
def test_a_number_of_lines_that_cannot_be_is_asked_for_again(type_in: Typed, wrong: str) -> None:
    answers, told = type_in("0", wrong, "16", "月")
    assert answers == Answers(5, 16, "月")
    assert told[0].endswith(": Type a whole number from 1 to 16.")


@pytest.mark.parametrize("wrong", ["", "moon", "月!", "月 山", "月山水花天秋", "-", "\udcff"])
def test_a_start_that_cannot_be_is_asked_for_again(type_in: Typed, wrong: str) -> None:
    answers, told = type_in("0", "4", wrong, "also none", "月山水花天")
    assert answers == Answers(5, 4, "月山水花天")
    assert len(told) == 3
    assert all(
        line.endswith(": Type one Chinese character, for example 月, or up to a line of them.") for line in told[:2]
    )


@pytest.mark.parametrize("lines", [(), ("1",), ("1", "4"), ("wrong",)])
def test_the_end_of_the_input_ends_the_questions(type_in: Typed, lines: tuple[str, ...]) -> None:
    answers, told = type_in(*lines)
    assert answers is None
    assert told[-1].endswith(": ")


@pytest.mark.parametrize(
    ("locales", "chinese"),
    [
        ({}, False),
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "zh_TW.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8"}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, True),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, False),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "", "LC_ALL": ""}, True),
        ({"LC_ALL": "C", "LC_MESSAGES": "zh_CN.UTF-8", "LANG": "zh_CN.UTF-8"}, False),
    ],
)
def test_the_language_is_that_of_the_messages(
    type_in: Typed, monkeypatch: pytest.MonkeyPatch, locales: dict[str, str], *, chinese: bool
) -> None:
    for name, value in locales.items():
        monkeypatch.setenv(name, value)
    _, told = type_in("2", "0", "17", "4", "moon", "月")
    assert ("体裁：0 五言，1 七言 [0]：请输入 0 或 1。" in told) == chinese
    assert bool(re.search("[A-Za-z]", "".join(told))) != chinese


@pytest.mark.parametrize("nobody", [io.StringIO("1\n4\n月\n"), None])
def test_where_nobody_can_be_asked_the_start_is_required(
    command: Command, monkeypatch: pytest.MonkeyPatch, nobody: io.StringIO | None
) -> None:
    monkeypatch.setattr(sys, "stdin", nobody)
    code, out, told = command("poem")
    assert (code, out) == (2, "")
    assert told.endswith("poem: error: the following arguments are required: start\n")


class _Terminal:
    """A `poem` command whose controlling terminal is `typed` on."""

    # A session's leader takes a terminal by this call; then Ctrl-C reaches it as from a keyboard.
    _PROGRAM = (
        "import fcntl, runpy, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        "runpy.run_module('poetry_model', run_name='__main__', alter_sys=True)"
    )

    def __init__(self, *arguments: object, locale: str = "C.UTF-8") -> None:
        self._screen, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", self._PROGRAM, "poem", *map(str, arguments)],
            cwd=Path(poetry_model.__file__).parents[1],
            env={**os.environ, "LC_ALL": locale, "PYTHONUTF8": "1"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        # A read may end within a character.
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.shown = ""

    def answer(self, question: str, typed: str) -> None:
        """Type once `question` is on the screen."""
        while question not in self.shown:
            assert self._read(), self.shown
        self.shown = ""
        os.write(self._screen, typed.encode())

    def end(self) -> int:
        """Wait until the command has ended, and give its exit code."""
        while self._read():
            pass
        return self.process.wait(_PATIENCE)

    def close(self) -> None:
        """End what has not ended by itself."""
        self.process.kill()
        self.process.wait()
        os.close(self._screen)

    def _read(self) -> bool:
        """Read what is shown; False when there is no more."""
        ready, _, _ = select.select([self._screen], [], [], _PATIENCE)
        assert ready, f"nothing after {self.shown!r}"
        try:
            read = os.read(self._screen, 1024)
        except OSError:  # Linux's way to say that nobody has the terminal open any more
            return False
        self.shown += self._decoder.decode(read)
        return bool(read)


@pytest.fixture
def terminal(bundle_folder: Path) -> Iterator[Callable[..., _Terminal]]:
    """Runs `poem` with the small model on a terminal of its own."""
    opened = []

    def run(*arguments: object, **settings: str) -> _Terminal:
        opened.append(_Terminal("--model", bundle_folder, "--device", "cpu", *arguments, **settings))
        return opened[-1]

    yield run
    for one in opened:
        one.close()


def test_a_terminal_is_asked_and_shown_the_poem(terminal: Callable[..., _Terminal]) -> None:
    asked = terminal("--seed", 3, "--script", "traditional", locale="zh_CN.UTF-8")
    asked.answer("体裁：0 五言，1 七言 [0]：", "1\n")
    asked.answer("行数 [4]：", "2\n")
    asked.answer("首字：", "moon\n")
    asked.answer("首字：", "云\n")
    assert asked.end() == 0
    assert re.search(r"\r\n雲\w{6}，\r\n\w{7}。\r\n\r\n$", asked.shown)


@pytest.mark.parametrize(("key", "code"), [(_CTRL_D, 0), (_CTRL_C, 130)])
def test_who_has_enough_of_questions_may_leave(terminal: Callable[..., _Terminal], key: str, code: int) -> None:
    asked = terminal()
    asked.answer("Form: ", "0\n")
    asked.answer("Number of lines [4]: ", key)
    assert asked.end() == code
    assert re.fullmatch(r"(\^[CD]|[\b ])*\r\n", asked.shown)


def test_options_that_cannot_be_are_refused_before_the_questions(terminal: Callable[..., _Terminal]) -> None:
    asked = terminal("--form", 6)
    assert asked.end() == 2
    assert asked.shown == "A line has 5 or 7 characters, not 6.\r\n"
