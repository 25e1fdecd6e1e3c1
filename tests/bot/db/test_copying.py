"""`python -m bot db copy`, between files and, where there is one, a server."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.__main__ import main
from bot.db import copying
from bot.db.copying import copy_everything
from bot.db.engine import open_sessions
from bot.db.migrate import upgrade
from bot.db.tables import (
    Base,
    DailyRow,
    FavoriteRow,
    GuildPreferenceRow,
    LeaseRow,
    LinkedLineRow,
    LinkedPoemRow,
    ModelVersionRow,
    PersonPreferenceRow,
    PoemRow,
    RemovedFavoriteRow,
    TrainingRunRow,
)
from bot.errors import ConfigError
from bot.place import Place
from tests.bot.db.files import all_of
from tests.bot.places import address

PERSON, SERVER = 2**63 - 1, 1234567890123456789
WHEN = datetime(2026, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)


def poem(**values: Any) -> PoemRow:
    wanted = {
        "user_id": PERSON,
        "start": "月",
        "form": 5,
        "traditional": "月明山水長\n𠮷",
        "script": "simplified",
        "seed": 2**63 - 1,
        "model": "m",
        "created_at": WHEN,
    }
    return PoemRow(**(wanted | values))


def something_of_everything() -> list[Sequence[Base]]:
    """Rows of every table, those that others point at first."""
    run = {"epochs": 1, "parent": "m", "state": "accepted", "started_at": WHEN, "told": True}
    lease = {"holder": "h", "user_id": 1, "run_id": 1, "since": WHEN, "expires_at": WHEN, "stop_requested": False}
    chosen = {"language": "zh-TW", "is_out_of_top": True}
    return [
        [poem(), poem(user_id=None, shown="月", is_taken_away=True), poem(guild_id=SERVER)],
        [FavoriteRow(user_id=1, poem_id=1, created_at=WHEN), FavoriteRow(user_id=PERSON, poem_id=3, created_at=WHEN)],
        [RemovedFavoriteRow(user_id=1, poem_id=2, kept_at=WHEN, removed_at=WHEN)],
        [TrainingRunRow(**run, user_id=1, perplexity=0.1 + 0.2, minutes=1e-9, note="'\"\\ ; --", finished_at=WHEN)],
        [
            ModelVersionRow(version="shipped"),
            ModelVersionRow(version="v", folder="f", run_id=1, shortfalls=[{"a": 0.1}], examination={"詩": [1, None]}),
        ],
        # No language sorts these as Unicode does.
        [LeaseRow(name=name, **lease) for name in ("b", "B", "a", "A", "ä", "詩", "_")],
        [DailyRow(guild_id=SERVER, channel_id=2, hour=7, zone="UTC", last_date=date(2026, 1, 2), created_at=WHEN)],
        [PersonPreferenceRow(user_id=PERSON, script="simplified", **chosen)],
        [GuildPreferenceRow(guild_id=SERVER, **chosen)],
        [
            LinkedPoemRow(
                channel_id=1,
                form=5,
                lines=8,
                mode="easy",
                script="simplified",
                language="en-US",
                written=1,
                touched_at=WHEN,
            )
        ],
        [LinkedLineRow(linked_id=1, number=0, by_bot=True, shown="月", traditional="月")],
    ]


async def store(place: Place, parts: Sequence[Sequence[Base]]) -> None:
    async with open_sessions(place) as sessions:
        for part in parts:
            async with sessions.begin() as session:
                session.add_all(part)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file with rows in every table, in which the last poem was deleted."""
    file = tmp_path / "old.sqlite3"
    upgrade(file)
    asyncio.run(store(file, something_of_everything()))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM poems WHERE id = 3")
        connection.execute("DELETE FROM favorites WHERE poem_id = 3")
        for table in Base.metadata.tables:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchall() != [(0,)]
    return file


def rows_of(file: Path) -> list[str]:
    """All rows of a file, and the last ids that were given, as SQL."""
    return sorted(line for line in all_of(file) if line.startswith("INSERT"))


def count(place: Place) -> int:
    """Rows of all tables."""

    async def ask() -> int:
        async with open_sessions(place) as sessions, sessions() as session:
            found = [
                await session.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables
            ]
        return sum(each or 0 for each in found)

    return asyncio.run(ask())


def test_everything_comes_through_and_back_as_it_was(source: Path, place: Place, tmp_path: Path) -> None:
    back = tmp_path / "back.sqlite3"
    rows = copy_everything(source, place)
    assert rows == count(place) == 19
    assert copy_everything(place, back) == rows
    assert rows_of(back) == rows_of(source)


def test_an_id_that_was_given_is_not_given_again(source: Path, place: Place) -> None:
    copy_everything(source, place)
    new = poem()
    asyncio.run(store(place, [[new], [FavoriteRow(user_id=1, poem_id=2)]]))
    assert new.id == 4


def test_many_rows_are_copied_some_at_a_time(
    source: Path, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_AT_ONCE", 3)
    asyncio.run(store(source, [[poem() for _ in range(10)]]))
    copy_everything(source, place)
    copy_everything(place, tmp_path / "back.sqlite3")
    assert rows_of(tmp_path / "back.sqlite3") == rows_of(source)


def test_what_is_written_meanwhile_is_not_half_in_it(
    source: Path, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_everything(source, place)
    number_on = copying._number_on

    async def write_first(*arguments: Any) -> None:
        await store(place, [[poem()], [FavoriteRow(user_id=9, poem_id=1)]])
        monkeypatch.setattr(copying, "_number_on", number_on)
        await number_on(*arguments)

    monkeypatch.setattr(copying, "_number_on", write_first)
    before = count(place)
    assert copy_everything(place, tmp_path / "back.sqlite3") == before
    assert count(place) == before + 2


@pytest.mark.parametrize("is_lost", [False, True])
def test_what_did_not_come_through_is_told_and_nothing_is_copied(
    source: Path, place: Place, monkeypatch: pytest.MonkeyPatch, *, is_lost: bool
) -> None:
    insert = copying._insert

    async def spoil(connection: Any, target: Place, table: Any, rows: Any) -> None:
        if table.name == "poems":
            rows = rows[1:] if is_lost else [rows[0], (*rows[1][:-1], False)]
        await insert(connection, target, table, rows)

    monkeypatch.setattr(copying, "_insert", spoil)
    monkeypatch.setattr(copying, "_TABLES", (PoemRow.__table__,))
    with pytest.raises(ConfigError) as caught:
        copy_everything(source, place)
    assert str(caught.value) == f"{place} would not hold what {source} holds: " + (
        "poems has 1 rows there and 2 here; nothing was copied."
        if is_lost
        else "in poems, the row with id 2 would not be the same; nothing was copied."
    )
    monkeypatch.undo()
    assert count(place) == 0
    assert copy_everything(source, place) == 19


def test_a_target_with_rows_is_left_alone(source: Path, place: Place) -> None:
    copy_everything(source, place)
    with pytest.raises(ConfigError, match=r"has rows in \w+ already; name a database that is empty\."):
        copy_everything(source, place)
    assert count(place) == 19


@pytest.mark.postgresql
def test_a_row_that_the_target_does_not_take_is_told_and_nothing_is_copied(source: Path, place: Place) -> None:
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE training_runs SET note = ?", ("x" * 201,))
    with pytest.raises(ConfigError) as caught:
        copy_everything(source, place)
    assert str(caught.value) == (
        f"A row of training_runs cannot be written to {place} (value too long for type character varying(200)), so"
        " nothing was copied; correct it, and copy again."
    )
    assert count(place) == 0


def test_a_value_that_cannot_be_read_is_told(source: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE dailies SET created_at = 'yesterday'")
    with pytest.raises(ConfigError, match=r"^A row of dailies in .* cannot be read \(.*\), so nothing was copied; "):
        copy_everything(source, tmp_path / "new.sqlite3")


def test_the_command_copies_and_says_how_much(source: Path, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "copy", str(source), address(place)]) == 0
    assert capsys.readouterr() == (f"{place} holds what {source} holds: 19 rows, compared one by one\n", "")


def test_it_refuses_what_is_not_there_or_not_up_to_date_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    none, old, new = (tmp_path / name for name in ("none", "old.sqlite3", "new.sqlite3"))
    upgrade(old, "0002")
    for source, target, sentence in (
        (none, new, f"There is no {none}; "),
        (old, new, f"{old} is at revision 0002, and "),
        (old, old, f"{old} is where everything is already; name another place to copy it to."),
    ):
        assert main(["db", "copy", str(source), str(target)]) == 2
        out, told = capsys.readouterr()
        assert (out, told.count("\n")) == ("", 1)
        assert told.startswith(sentence)
    assert {file.name for file in tmp_path.glob("n*")} == set()
