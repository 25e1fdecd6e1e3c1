"""❤ confirmed means committed: the bot is killed at random moments, and what people were told holds."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.config import Settings
from bot.place import Place
from tests.bot.conftest import Rows
from tests.bot.places import address

ROOT = Path(__file__).parents[2]

MOST_ANSWERS = 6
"""After as many at most a bot is killed; counted, so that a busy machine kills them no earlier."""

LONGEST_DELAY = 0.05
"""Seconds until then, at most: about what an answer takes."""

Favorite = tuple[int, int]
"""A person and a poem."""


@pytest.fixture
def keeper(settings: Settings, shipped: Path) -> Iterator[subprocess.Popen[str]]:
    """The process that starts bots; see `tests/bot/keeper.py`."""
    places = [shipped, address(settings.database.place), settings.model.folder]
    command = [sys.executable, "-m", "tests.bot.keeper", *places]
    # A process whose libraries have threads of their own could not be forked.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        cwd=ROOT,
        env=environment,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
    assert process.returncode == 0


def listen(keeper: subprocess.Popen[str]) -> list[Any]:
    """The next thing a bot says."""
    assert keeper.stdout is not None
    words = json.loads(keeper.stdout.readline() or '["nothing"]')
    assert isinstance(words, list)
    return words


@pytest.mark.parametrize("rounds", [10, pytest.param(200, marks=pytest.mark.soak)])
def test_what_was_confirmed_is_there_after_the_bot_was_killed_and_nothing_else(
    keeper: subprocess.Popen[str], rows: Rows, place: Place, rounds: int
) -> None:
    draw = random.Random(rounds)
    confirmed: set[Favorite] = set()
    doubtful: set[Favorite] = set()
    for _ in range(rounds):
        process, found = start(keeper, draw)
        assert found - doubtful == confirmed - doubtful
        confirmed = found
        # What is in flight when the bot dies may get through or not.
        doubtful = set()
        answers_left = draw.randint(0, MOST_ANSWERS)
        if not answers_left:
            kill(process, draw)
        while (words := listen(keeper))[0] != "dead":
            if words == ["done"]:
                confirmed ^= doubtful
                doubtful = set()
                answers_left -= 1
                if answers_left == 0:
                    kill(process, draw)
            else:
                action, favorite = words[0], (words[1], words[2])
                assert (favorite in confirmed) == (action == "remove")
                doubtful = {favorite}
        assert words == ["dead", -signal.SIGKILL]
    assert set(rows("SELECT user_id, poem_id FROM favorites")) - doubtful == confirmed - doubtful
    if isinstance(place, Path):
        assert rows("PRAGMA integrity_check") == [("ok",)]


def start(keeper: subprocess.Popen[str], draw: random.Random) -> tuple[int, set[Favorite]]:
    """Start a bot on what the last one left; returns its process and the favorites it finds."""
    assert keeper.stdin is not None
    keeper.stdin.write(f"{draw.randrange(2**32)}\n")
    ready, process, found = listen(keeper)
    assert ready == "ready"
    return process, {(user, poem) for user, poem in found}


def kill(process: int, draw: random.Random) -> None:
    """Somewhere on its way to the next answer, or just after it."""
    time.sleep(draw.uniform(0, LONGEST_DELAY))
    os.kill(process, signal.SIGKILL)
