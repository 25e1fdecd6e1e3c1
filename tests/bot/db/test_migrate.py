import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from bot.db import migrate
from bot.db.migrate import alembic_config, upgrade
from bot.db.tables import Base

TABLES = {"poems", "favorites", "training_runs", "model_versions"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "shiren.sqlite3"


def tables(database: Path) -> set[str]:
    """The bot's own tables."""
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name for (name,) in found} - {"alembic_version", "sqlite_sequence"}


def schema(database: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


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
