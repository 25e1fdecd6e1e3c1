import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from bot.db import migrate
from bot.db.migrate import alembic_config, upgrade
from bot.db.tables import Base

TABLES = {
    "poems",
    "favorites",
    "training_runs",
    "model_versions",
    "leases",
    "dailies",
    "person_preferences",
    "guild_preferences",
    "removed_favorites",
    "linked_poems",
    "linked_lines",
}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "shiren.sqlite3"


def tables(database: Path) -> set[str]:
    """The bot's own tables."""
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name for (name,) in found} - {"alembic_version", "sqlite_sequence"}


def schema(database: Path) -> dict[str, set[str]]:
    """What each table and index is made of; where Alembic copies a table, its constraints come in any order."""
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master").fetchall()
    return {name: {line.strip(" ,\t") for line in (sql or "").splitlines()} for name, sql in found}


def test_migrations_go_up_and_down_and_up_again(database: Path) -> None:
    upgrade(database)
    first = schema(database)
    assert tables(database) == TABLES
    command.downgrade(alembic_config(database), "base")
    assert tables(database) == set()
    upgrade(database)
    assert schema(database) == first


def test_the_migrated_database_matches_the_mapped_tables(database: Path) -> None:
    upgrade(database)
    command.check(alembic_config(database))
    assert set(Base.metadata.tables) == TABLES


def test_migrating_twice_changes_nothing_and_keeps_what_is_there(database: Path) -> None:
    upgrade(database)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO poems (user_id, start, form, traditional, script, seed, model, created_at)"
            " VALUES (1, '月', 5, '月', 'simplified', 1, 'm', '2026-01-01')"
        )
    upgrade(database)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT start FROM poems").fetchall() == [("月",)]


def test_runs_and_versions_of_before_are_kept(database: Path) -> None:
    upgrade(database, "0002")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO training_runs"
            " (id, user_id, channel_id, message_id, epochs, parent, state, version, perplexity, started_at)"
            " VALUES (5, 1, 2, 3, 4, 'old', 'accepted', 'new', 9.5, '2026-01-01')"
        )
        connection.execute(
            "INSERT INTO model_versions (version, folder, run_id, activated_at)"
            " VALUES ('new', 'run-5', 5, '2026-01-02')"
        )
    upgrade(database)
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(
            "SELECT id, source, minutes, note, said, told, version FROM training_runs"
        ).fetchall() == [(5, "corpus", None, None, None, 1, "new")]
        assert connection.execute(
            "SELECT version, state, folder, run_id, activated_at FROM model_versions"
        ).fetchall() == [("new", "accepted", "run-5", 5, "2026-01-02")]
        # What 0002 could not hold goes; no run will take the id of another.
        connection.execute("INSERT INTO model_versions (version, state) VALUES ('shipped', 'accepted')")
    command.downgrade(alembic_config(database), "0002")
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute("SELECT version FROM model_versions").fetchall() == [("new",)]
        connection.execute(
            "INSERT INTO training_runs (user_id, channel_id, epochs, parent, state, started_at)"
            " VALUES (1, 2, 4, 'new', 'failed', '2026-01-03')"
        )
        connection.execute("DELETE FROM training_runs WHERE id = 6")
        connection.execute(
            "INSERT INTO training_runs (user_id, channel_id, epochs, parent, state, started_at)"
            " VALUES (1, 2, 4, 'new', 'failed', '2026-01-03')"
        )
        assert connection.execute("SELECT id FROM training_runs").fetchall() == [(5,), (7,)]
    upgrade(database)
    command.check(alembic_config(database))


def test_a_migration_that_fails_leaves_the_database_as_it_was(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import op  # noqa: PLC0415 # patched as the migration finds it

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(op, "create_index", fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        upgrade(database)
    assert tables(database) == set()


def test_every_migration_can_be_reached_from_the_first_in_one_line(database: Path) -> None:
    scripts = ScriptDirectory.from_config(alembic_config(database))
    assert len(scripts.get_heads()) == len(scripts.get_bases()) == 1


def test_a_checkout_finds_its_migrations_beside_the_package(database: Path) -> None:
    location = Path(str(alembic_config(database).get_main_option("script_location")))
    assert location == Path(migrate.__file__).parents[2] / "migrations"
    assert (location / "env.py").is_file()


def test_a_wheel_finds_its_migrations_inside_the_package(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "bot" / "_migrations"
    inside.mkdir(parents=True)
    monkeypatch.setattr(migrate, "_PACKAGE", tmp_path / "bot")
    assert alembic_config(database).get_main_option("script_location") == str(inside)


def test_a_path_with_signs_of_its_own_is_taken_as_it_is(tmp_path: Path) -> None:
    database = tmp_path / "50%(done)s ?x=1" / "诗 #1.sqlite3"
    upgrade(database)
    assert tables(database) == TABLES
