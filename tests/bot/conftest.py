"""What the tests of the bot share: settings in a temporary folder, the small model, and people who use the bot."""

import asyncio
import logging
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio

from bot.assembly import assemble
from bot.config import (
    SECRET_VARIABLES,
    LimitSettings,
    ModelSettings,
    PreviewSettings,
    RetrainSettings,
    Settings,
)
from bot.db.engine import Sessions, open_sessions
from bot.db.migrate import upgrade
from bot.i18n import Languages, Strings
from bot.place import Place
from bot.preview_locales import Locales
from bot.services import Services
from bot.services.training_process import TrainingOrder
from poetry_model.checkpoint import load_bundle, save_bundle
from tests.bot.places import settings_for
from tests.bot.postgresql import VARIABLE, TestServer
from tests.bot.world import World

Rows = Callable[..., list[tuple[Any, ...]]]


class _Errors(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.split(".")[0] in {"bot", "discord", "asyncio"}:
            self.messages.append(record.getMessage())


@pytest.fixture(autouse=True)
def logged_errors() -> Iterator[list[str]]:
    """What was logged as an error; a test takes out what it expects, whatever is left fails it."""
    errors = _Errors()
    logging.getLogger().addHandler(errors)
    yield errors.messages
    logging.getLogger().removeHandler(errors)
    assert errors.messages == []


@pytest.fixture(autouse=True)
def shipped(bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small model stands in for the one that ships, and no secret comes from outside."""
    monkeypatch.setattr("bot.services.models.PRETRAINED", bundle_folder)
    for variable in SECRET_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    return bundle_folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Where a server is given, each test that needs a database is run twice, unless it is about SQLite alone."""
    if "kind_of_database" not in metafunc.fixturenames:
        return
    kinds = [pytest.param("sqlite", id=pytest.HIDDEN_PARAM)]
    if any(metafunc.definition.iter_markers("postgresql")):
        # Without a server it is skipped.
        kinds = [pytest.param("postgresql", id=pytest.HIDDEN_PARAM)]
    elif os.environ.get(VARIABLE) and not any(metafunc.definition.iter_markers("sqlite")):
        kinds.append(pytest.param("postgresql"))
    metafunc.parametrize("kind_of_database", kinds, indirect=True)


@pytest.fixture
def kind_of_database(request: pytest.FixtureRequest) -> str:
    """`sqlite` or `postgresql`."""
    return str(request.param)


@pytest.fixture(scope="session")
def server() -> Iterator[TestServer]:
    """A PostgreSQL server."""
    if VARIABLE not in os.environ:
        pytest.skip(f"there is no PostgreSQL: {VARIABLE} names none")
    made = TestServer(os.environ[VARIABLE])
    yield made
    made.close()


@pytest.fixture
def place(kind_of_database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Where the test's own database is."""
    if kind_of_database == "sqlite":
        yield tmp_path / "data" / "shiren.sqlite3"
        return
    server: TestServer = request.getfixturevalue("server")
    with server.database() as made:
        yield made


@pytest.fixture
def settings(place: Place, tmp_path: Path, corpus_folder: Path) -> Settings:
    """Everything under a temporary folder; people may be as fast as they like, and any new model is good enough."""
    return Settings(
        database=settings_for(place),
        model=ModelSettings(device="cpu", folder=tmp_path / "models"),
        limits=LimitSettings(person_per_minute=0, guild_per_minute=0),
        retrain=RetrainSettings(corpus=corpus_folder, tolerance=1.0),
        preview=PreviewSettings(folder=tmp_path / "preview", port=0),
    )


@pytest.fixture(scope="session")
def languages() -> Languages:
    """The strings of every language."""
    return Languages.load()


@pytest.fixture(scope="session")
def strings(languages: Languages) -> Strings:
    """The English strings."""
    return languages.default


@pytest_asyncio.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    """The services without Discord."""
    async with assemble(settings) as made:
        yield made


@pytest_asyncio.fixture
async def sessions(settings: Settings) -> AsyncIterator[Sessions]:
    """Sessions on an empty database."""
    await asyncio.to_thread(upgrade, settings.database.place)
    async with open_sessions(settings.database.place) as made:
        yield made


@pytest.fixture
def rows(place: Place, request: pytest.FixtureRequest) -> Rows:
    """What a query finds in the database, read apart from the bot."""
    if not isinstance(place, Path):
        return partial(request.getfixturevalue("server").query, place)

    def query(sql: str, *values: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(place)
        try:
            with connection:
                return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    return query


@pytest_asyncio.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    """A server with people and Shiren in it."""
    made = World(settings)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def speaking(world: World) -> Locales:
    """Lets people have Discord in other languages, by what the page has for it."""
    return Locales(world.env)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that trains does not stand back: the test has nothing to do but wait for it."""
    monkeypatch.setattr("bot.services.training_process._lower_priority", lambda *_: None)


_CHILD = """
import json, os, shutil, signal, sys, time
out = sys.argv[1]
def say(event, **values):
    figures = dict(epoch=0, epochs=1, done=0.0, loss=None, characters_per_second=None, seconds_left=None)
    print(json.dumps({"event": event, "perplexity": None} | figures | values), flush=True)
def step(number):
    say("step", epoch=1, done=number / 10, loss=6.5, characters_per_second=1234.0, seconds_left=75.0)
def wait():
    say("start", perplexity=50.0)
    step(5)
    signal.pause()
"""


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the child process play a script instead of training: it can `say` events and put a bundle at `out`."""

    def play(script: str) -> None:
        monkeypatch.setattr(
            TrainingOrder, "command", lambda order: [sys.executable, "-c", _CHILD + script, str(order.out)]
        )

    return play


GOOD = {"poems": 200, "format": 1.0, "rhyme": 1.0, "metre": 0.98, "copied_lines": 0.0}
"""Figures of examination poems that pass."""


class MakeBundle(Protocol):
    """Writes a bundle like the one that ships, another version with other figures."""

    def __call__(
        self,
        before: float | None = 50.0,
        after: float = 40.0,
        examination: dict[str, Any] | None = ...,
        *,
        rival: tuple[str, float] | None = None,
        nudge: float = 0.01,
    ) -> Path:
        """`before`: of the model that ships, its parent, None without one; `rival`: another version and its perplexity;
        `nudge`: another one makes another version.
        """


@pytest.fixture
def made_bundle(bundle_folder: Path, tmp_path: Path) -> MakeBundle:
    """Bundles for a child to hand in."""

    def make(
        before: float | None = 50.0,
        after: float = 40.0,
        examination: dict[str, Any] | None = GOOD,
        *,
        rival: tuple[str, float] | None = None,
        nudge: float = 0.01,
    ) -> Path:
        bundle = load_bundle(bundle_folder)
        bundle.network.bias.add_(nudge)
        live_version, live_perplexity = rival or (None, None)
        figures = {
            "start_perplexity": before,
            "perplexity": after,
            "live_version": live_version,
            "live_perplexity": live_perplexity,
        }
        metadata = {
            **bundle.metadata,
            "metrics": {**bundle.metadata["metrics"], **figures},
            "training": {**bundle.metadata["training"], "parent": None if before is None else bundle.version},
            "examination": examination,
        }
        folder = tmp_path / f"made-{nudge}"
        save_bundle(folder, bundle.network, bundle.vocabulary, bundle.hold_out, metadata, bundle.prosody)
        return folder

    return make
