"""Migration 0004: what was somebody's may be nobody's, and the way back."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from bot.db.migrate import alembic_config, upgrade

POEM = (
    "INSERT INTO poems (user_id, guild_id, start, form, traditional, script, seed, model, created_at)"
    " VALUES (?, 2, '月', 5, '月', 'simplified', 1, 'm', '2026-01-01')"
)
RUN = (
    "INSERT INTO training_runs (user_id, channel_id, epochs, parent, state, started_at)"
    " VALUES (?, ?, 1, 'm', 'accepted', '2026-01-01')"
)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """One of before, with a poem, its favorite, a run and its model; a second poem and a second run were deleted."""
    file = tmp_path / "shiren.sqlite3"
    upgrade(file, "0003")
    for _ in range(2):
        ask(file, POEM, 1)
        ask(file, RUN, 1, 3)
    ask(file, "DELETE FROM poems WHERE id = 2")
    ask(file, "DELETE FROM training_runs WHERE id = 2")
    ask(file, "INSERT INTO favorites (user_id, poem_id, created_at) VALUES (5, 1, '2026-01-02')")
    ask(file, "INSERT INTO model_versions (version, folder, run_id) VALUES ('v', 'run-1', 1)")
    return file


def ask(database: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        return connection.execute(sql, values).fetchall()


def kept(database: Path) -> list[list[tuple[Any, ...]]]:
    return [
        ask(database, "SELECT id, user_id, guild_id, start FROM poems"),
        ask(database, "SELECT user_id, poem_id FROM favorites"),
        ask(database, "SELECT id, user_id, channel_id FROM training_runs"),
        ask(database, "SELECT version, run_id FROM model_versions"),
    ]


def test_everything_is_still_there_afterwards(database: Path) -> None:
    before = kept(database)
    upgrade(database)
    assert kept(database) == before


def test_poems_and_runs_can_be_nobodys(database: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        ask(database, "UPDATE poems SET user_id = NULL")
    upgrade(database)
    ask(database, "UPDATE poems SET user_id = NULL")
    ask(database, "UPDATE training_runs SET user_id = NULL, channel_id = NULL")


def test_on_the_way_back_what_is_nobodys_stays_with_its_keepers(database: Path) -> None:
    upgrade(database)
    ask(database, "UPDATE poems SET user_id = NULL")
    ask(database, "UPDATE training_runs SET user_id = NULL, channel_id = NULL")
    command.downgrade(alembic_config(database), "0003")
    assert kept(database) == [[(1, 0, 2, "月")], [(5, 1)], [(1, 0, 0)], [("v", 1)]]


@pytest.mark.parametrize("is_back", [False, True])
def test_no_id_of_a_row_that_is_gone_is_given_again(database: Path, is_back: bool) -> None:  # noqa: FBT001 # a case
    upgrade(database)
    if is_back:
        command.downgrade(alembic_config(database), "0003")
    ask(database, POEM, 1)
    ask(database, RUN, 1, 3)
    assert ask(database, "SELECT id FROM poems") == ask(database, "SELECT id FROM training_runs") == [(1,), (3,)]


def test_an_empty_database_counts_from_one(tmp_path: Path) -> None:
    file = tmp_path / "new.sqlite3"
    upgrade(file)
    ask(file, POEM, 1)
    assert ask(file, "SELECT id FROM poems") == [(1,)]


def test_what_a_person_asked_for_is_found_without_reading_every_poem(database: Path) -> None:
    upgrade(database)
    [(*_, plan)] = ask(database, "EXPLAIN QUERY PLAN SELECT * FROM poems WHERE user_id = 1")
    assert "USING INDEX ix_poems_user_id" in plan
