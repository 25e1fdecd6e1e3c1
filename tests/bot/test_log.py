import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.attendance import attending
from bot.log import JsonFormatter, TextFormatter
from bot.services import Services
from tests.bot.world import World, told

ROOT = Path(__file__).parents[2]


def record(message: str = "a word", *values: object, failed: bool = False) -> logging.LogRecord:
    error = LookupError("not\nthere")
    caught = (type(error), error, None) if failed else None
    return logging.LogRecord("bot.here", logging.WARNING, "here.py", 1, message, values, caught)


def test_a_line_of_text_names_the_interaction_it_belongs_to_and_no_other() -> None:
    formatter = TextFormatter()
    with attending(123, "poem"):
        assert formatter.format(record()).endswith("WARNING bot.here: [123 poem] a word")
    assert formatter.format(record()).endswith("WARNING bot.here: a word")


def test_an_event_of_json_has_its_time_in_utc_its_place_and_its_interaction() -> None:
    with attending(1234567890123456789, "model use"):
        event = json.loads(JsonFormatter().format(record("%s of %d", "one", 2)))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", event.pop("time"))
    assert event == {
        "level": "WARNING",
        "logger": "bot.here",
        "message": "one of 2",
        "interaction": "1234567890123456789",
        "command": "model use",
    }


def test_an_exception_is_part_of_its_event() -> None:
    event = json.loads(JsonFormatter().format(record(failed=True)))
    assert event["exception"] == "LookupError: not\nthere"
    assert "interaction" not in event


@given(message=st.text())
def test_whatever_is_said_is_one_line_of_json(message: str) -> None:
    line = JsonFormatter().format(record("%s", message))
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == message


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def events() -> Iterator[list[str]]:
    kept = _Kept()
    logging.getLogger("bot").addHandler(kept)
    yield kept.lines
    logging.getLogger("bot").removeHandler(kept)


async def test_who_is_told_of_an_error_can_name_it_and_the_host_finds_it(
    world: World, monkeypatch: pytest.MonkeyPatch, events: list[str], logged_errors: list[str]
) -> None:
    async def fall(*_: object) -> None:
        raise RuntimeError("the roof came down")

    monkeypatch.setattr(type(world.services.favorites), "page", fall)
    sentence = told(await world.favorites())
    [number] = re.findall(r"`(\d+)`\.$", sentence)
    [event] = [json.loads(line) for line in events if number in line]
    assert (event["interaction"], event["command"], event["level"]) == (number, "favorites", "ERROR")
    assert "the roof came down" in event["exception"]
    logged_errors.clear()


async def test_what_happens_apart_from_any_interaction_names_none(services: Services, events: list[str]) -> None:
    logging.getLogger("bot.services").warning("by itself, %s", services.models.live_version)
    assert "interaction" not in json.loads(events[-1])


_SPEAKS = """
import logging, sys
from bot.log import set_up_log
{before}
set_up_log()
set_up_log({arguments})
logging.getLogger("bot.x").debug("small")
logging.getLogger("bot.x").info("said")
logging.getLogger("alembic").info("a migration")
"""


def said(before: str = "", arguments: str = "") -> list[str]:
    script = _SPEAKS.format(before=before, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stderr.splitlines()


def test_the_log_is_as_the_settings_say() -> None:
    [line] = said()
    assert line.endswith("INFO    bot.x: said")
    assert [json.loads(line)["message"] for line in said(arguments='"json", "debug"')] == ["small", "said"]
    assert said(arguments='"text", "error"') == []


def test_a_log_that_somebody_else_has_set_up_stays() -> None:
    before = 'logging.basicConfig(format="theirs: %(message)s", level=logging.INFO)'
    assert said(before, '"json", "debug"') == ["theirs: said", "theirs: a migration"]
