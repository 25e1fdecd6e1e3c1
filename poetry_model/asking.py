"""What a poem is asked for on a terminal, question by question, in Chinese or in English."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from typing import TypeVar

from poetry_model.errors import RequestError
from poetry_model.form import FORMS, MAX_LINES
from poetry_model.poem import PoemRequest

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered; all of it can be written."""

    form: int
    lines: int
    start: str


@dataclass(frozen=True, slots=True)
class _Words:
    """The questions of one language, and beside each what is said to an answer that is none."""

    form: tuple[str, str]
    lines: tuple[str, str]
    start: tuple[str, str]


_ENGLISH = _Words(
    form=("Form: 0 五言, five characters a line; 1 七言, seven [{}]: ", "Type 0 or 1."),
    lines=("Number of lines [{}]: ", f"Type a whole number from 1 to {MAX_LINES}."),
    start=("First character: ", "Type one Chinese character, for example 月, or up to a line of them."),
)
_CHINESE = _Words(
    form=("体裁：0 五言，1 七言 [{}]：", "请输入 0 或 1。"),
    lines=("行数 [{}]：", f"请输入 1 到 {MAX_LINES} 的整数。"),
    start=("首字：", "请输入一个汉字，例如“月”，最多一整行。"),
)


def ask(form: int, lines: int) -> Answers | None:
    """Ask for the form, the number of lines and the first character; None when the input ends before the last answer.

    An empty answer stands for `form` and `lines`, which can be written. Questions go to standard error, so that the
    poem can be sent elsewhere. Raises `KeyboardInterrupt`, on a new line of the terminal, when Ctrl-C is pressed.
    """
    words = _words(os.environ)
    if isinstance(sys.stdin, TextIOWrapper):
        # What is not UTF-8 is asked again like anything else that is not Han.
        sys.stdin.reconfigure(errors="surrogateescape")
    try:
        form = _answer(words.form, FORMS.index(form), lambda typed: FORMS[_whole(typed, 0, len(FORMS) - 1)])
        lines = _answer(words.lines, lines, lambda typed: _whole(typed, 1, MAX_LINES))
        start = _answer(words.start, "", lambda typed: PoemRequest.checked(typed, form, lines).start)
    except (EOFError, KeyboardInterrupt) as end:
        print(file=sys.stderr)
        if isinstance(end, KeyboardInterrupt):
            raise
        return None
    return Answers(form, lines, start)


def _words(environment: Mapping[str, str]) -> _Words:
    """In the language of messages as POSIX has it: the first of three variables that is not empty decides."""
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    return _CHINESE if locale.lower().startswith("zh") else _ENGLISH


def _answer(words: tuple[str, str], default: object, read: Callable[[str], _Answer]) -> _Answer:
    """What `read` makes of the first answer that it takes; an empty one stands for `default`."""
    question, correction = words
    while True:
        print(question.format(default), end="", file=sys.stderr, flush=True)
        typed = sys.stdin.readline()
        if not typed:
            raise EOFError
        try:
            return read(typed.strip() or str(default))
        except (RequestError, ValueError):
            print(correction, file=sys.stderr)


def _whole(typed: str, least: int, most: int) -> int:
    """The whole number that was typed, in digits of any width; `ValueError` for any other answer."""
    number = int(typed) if typed.isdecimal() else -1
    if not least <= number <= most:
        raise ValueError(typed)
    return number
