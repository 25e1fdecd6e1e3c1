"""The database fails for real: whoever asks gets one clear sentence, and the bot goes on."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.__main__ import main
from bot.config import TOKEN_VARIABLE, Settings
from bot.db.migrate import upgrade
from bot.i18n import Strings
from bot.services import Fault
from tests.bot.conftest import Rows
from tests.bot.db.files import another_process, flip_page, keep_poems
from tests.bot.world import World, embed_of, shown, told

pytestmark = pytest.mark.sqlite

FaultyDatabase = Callable[[World], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def on_every_connection(world: World, pragma: str) -> AsyncIterator[None]:
    """Let every connection of the bot have a setting of SQLite's."""
    engine: AsyncEngine = world.services.favorites._sessions.kw["bind"]

    def configure(connection: Any, *_: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine.sync_engine, "checkout", configure)
    yield
    event.remove(engine.sync_engine, "checkout", configure)
    await engine.dispose()


@asynccontextmanager
async def full(world: World) -> AsyncIterator[None]:
    """The file cannot grow, and its pages are full."""
    poem = (
        "INSERT INTO poems (user_id, start, form, traditional, script, seed, model, created_at)"
        " VALUES (0, '', 5, '', '', 0, '', '')"
    )
    favorite = "INSERT INTO favorites (user_id, poem_id, created_at) SELECT count(*), 1, '' FROM favorites"
    with closing(sqlite3.connect(world.settings.database.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA max_page_count = 1")  # SQLite raises it to what there is
        for insert in (poem, favorite):
            _repeat_until_full(connection, insert)
    async with on_every_connection(world, "max_page_count = 1"):
        yield


def _repeat_until_full(connection: sqlite3.Connection, insert: str) -> None:
    try:
        while True:
            connection.execute(insert)
    except sqlite3.OperationalError as error:
        assert error.sqlite_errorcode == sqlite3.SQLITE_FULL  # noqa: PT017 # a loop that ends by it


@asynccontextmanager
async def read_only(world: World) -> AsyncIterator[None]:
    """Nothing can be written."""
    async with on_every_connection(world, "query_only = ON"):
        yield


@asynccontextmanager
async def locked(world: World) -> AsyncIterator[None]:
    """Another process holds the file."""
    with another_process(world.settings.database.path, "BEGIN EXCLUSIVE"):
        async with on_every_connection(world, "busy_timeout = 100"):
            yield


@asynccontextmanager
async def damaged(world: World) -> AsyncIterator[None]:
    """A page of the file is garbage."""
    flip_page(world.settings.database.path, "poems")
    # What connections have read, they do not read again.
    async with on_every_connection(world, "cache_size = 0"):
        yield


@pytest.mark.parametrize(
    ("fault", "faulty", "reason"),
    [
        (Fault.FULL, full, "database or disk is full"),
        (Fault.READ_ONLY, read_only, "attempt to write a readonly database"),
        (Fault.LOCKED, locked, "database is locked"),
        (Fault.DAMAGED, damaged, "database disk image is malformed"),
    ],
)
async def test_poems_are_still_shown_and_a_heart_is_answered_with_what_is_wrong(
    world: World,
    strings: Strings,
    rows: Rows,
    logged_errors: list[str],
    fault: Fault,
    faulty: FaultyDatabase,
    reason: str,
) -> None:
    poem = shown(await world.poem())
    async with faulty(world):
        before = rows("SELECT count(*) FROM favorites")
        answer = shown(await world.poem())
        assert str(answer.embeds[0].description).startswith("月")
        assert (answer.content, answer.components) == (strings("poem.not_stored"), [])
        assert told(await world.bob.click(poem, label="Favorite")) == strings(f"error.database_{fault}")
        assert rows("SELECT count(*) FROM favorites") == before
        assert logged_errors == [f"A poem could not be stored: {reason}", f"The database cannot be used: {reason}"]
        logged_errors.clear()
    if fault is not Fault.DAMAGED:
        again = await world.poem()
        assert shown(again).components != []
        assert told(await world.bob.click(poem, label="Favorite")) == strings("poem.kept")
        assert embed_of(await world.favorites(world.bob)).fields[0].name == "1. 《月》"


async def test_what_a_flipped_page_does_not_touch_goes_on(
    world: World, strings: Strings, logged_errors: list[str]
) -> None:
    poem = shown(await world.poem())
    await world.alice.click(poem, label="Favorite")
    flip_page(world.settings.database.path, "favorites")
    async with on_every_connection(world, "cache_size = 0"):
        assert shown(await world.poem()).components != []
        assert told(await world.bob.click(poem, label="Favorite")) == strings("error.database_damaged")
        assert told(await world.favorites()) == strings("error.database_damaged")
    assert logged_errors == ["The database cannot be used: database disk image is malformed"] * 2
    logged_errors.clear()


def garbage(file: Path) -> None:
    file.write_bytes(b"not a database" * 1000)


def flipped(file: Path) -> None:
    flip_page(file, "favorites")


def cut_off(file: Path) -> None:
    with file.open("r+b") as disk:
        disk.truncate(file.stat().st_size // 2)


def foreign(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE songs (id INTEGER)")


def newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


DAMAGED = (
    "is damaged, or no database at all; stop the bot and put a backup in its place (python -m bot db restore BACKUP),"
    " or correct database.path."
)


UNKNOWN = (
    "is at revision 9999, which this version does not know; install the version that made it, or correct database.path."
)


@pytest.mark.parametrize("command", ["db", "run"])
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (garbage, DAMAGED),
        (flipped, DAMAGED),
        (cut_off, DAMAGED),
        (foreign, "is another program's; correct database.path."),
        (
            newer,
            UNKNOWN,
        ),
    ],
)
def test_a_file_that_cannot_be_used_ends_the_start_with_2_and_one_sentence(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    spoil: Callable[[Path], None],
    sentence: str,
) -> None:
    file = settings.database.path
    upgrade(file)
    keep_poems(file)
    spoil(file)
    spoiled = file.read_bytes()
    monkeypatch.chdir(file.parents[1])
    monkeypatch.setenv(TOKEN_VARIABLE, "MTk4NjIy.secret.token")
    assert main([command]) == 2
    assert capsys.readouterr() == ("", f"The database data/shiren.sqlite3 {sentence}\n")
    assert file.read_bytes() == spoiled
