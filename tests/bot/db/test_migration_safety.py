"""Before a database is migrated it is backed up, and a migration that fails leaves it as it was."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from bot.db import backups, migrate
from bot.db.migrate import alembic_config, target_revision, upgrade
from bot.errors import ConfigError
from tests.bot.db.files import PAGE, all_of, keep_poems

ROOT = Path(__file__).parents[3]

AddMigration = Callable[[str], None]


def behind() -> str:
    """The revision before the newest."""
    newest = ScriptDirectory.from_config(alembic_config(Path())).get_revision("head")
    assert newest is not None
    return str(newest.down_revision)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database that is one revision behind, with poems in it."""
    file = tmp_path / "data" / "shiren.sqlite3"
    upgrade(file, behind())
    keep_poems(file)
    return file


@pytest.fixture
def add_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AddMigration:
    """Append a migration with `body` to a copy of the real ones."""
    package = tmp_path / "bot"
    shutil.copytree(Path(migrate.__file__).parents[2] / "migrations", package / "_migrations")

    def add(body: str) -> None:
        before = target_revision(alembic_config(tmp_path))
        monkeypatch.setattr(migrate, "_PACKAGE", package)
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        (package / "_migrations" / "versions" / "9999_bad.py").write_text(
            "import sqlite3\nfrom pathlib import Path\nfrom alembic import op\n"
            f"revision, down_revision = '9999', '{before}'\n\n\ndef upgrade() -> None:\n{lines}"
        )

    return add


DROPS = "op.drop_table('favorites')\nop.execute('DELETE FROM poems')\n"
COMMITS = "op.execute('COMMIT')\n"
FAILS = "raise RuntimeError('in the middle')"


def backups_of(database: Path) -> list[Path]:
    return sorted(file for file in database.parent.glob("shiren-*.sqlite3"))


def test_a_database_that_is_behind_is_backed_up_as_it_was(database: Path) -> None:
    before = all_of(database)
    upgrade(database)
    [backup] = backups_of(database)
    assert all_of(backup) == before != all_of(database)
    assert re.fullmatch(rf"shiren-{behind()}-\d{{8}}T\d{{12}}Z\.sqlite3", backup.name)


def test_nothing_is_backed_up_where_there_is_nothing_to_migrate(database: Path, tmp_path: Path) -> None:
    upgrade(database)
    upgrade(database)
    assert len(backups_of(database)) == 1
    upgrade(tmp_path / "new.sqlite3")
    assert {file.name for file in tmp_path.iterdir()} == {"data", "new.sqlite3"}


def test_the_last_backups_are_kept_and_no_other_file_is_touched(database: Path) -> None:
    old = [
        database.with_name(f"shiren-{name}.sqlite3") for name in ("0001-20200101T000000000000Z", "mine", "0002-2020")
    ]
    for file in old:
        file.write_text("old")
    for _ in range(3):
        with closing(backups.connect(database)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '0001'")
        backups.keep_beside(database, "0001")
        backups.forget_old(database)
    assert [file.exists() for file in old] == [False, True, True]
    assert len(backups_of(database)) == 2 + 3


@pytest.mark.parametrize("body", [DROPS + FAILS, DROPS + COMMITS + FAILS], ids=["rolled back", "committed"])
def test_a_migration_that_drops_a_table_and_raises_leaves_everything_as_it_was(
    database: Path, add_migration: AddMigration, body: str
) -> None:
    before = all_of(database)
    add_migration(body)
    with pytest.raises(ConfigError) as caught:
        upgrade(database)
    [backup] = backups_of(database)
    assert str(caught.value) == (
        f"The database {database} could not be migrated (in the middle), and is as it was before; go back to the"
        f" version that made it, or report this. A backup is {backup}."
    )
    assert all_of(database) == all_of(backup) == before


def test_what_was_never_committed_is_not_put_back(
    database: Path, add_migration: AddMigration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "put_back", lambda *_: pytest.fail("what others wrote since then would be lost"))
    add_migration(DROPS + FAILS)
    with pytest.raises(ConfigError):
        upgrade(database)


def test_the_migrations_before_the_one_that_fails_are_taken_back_too(
    database: Path, add_migration: AddMigration
) -> None:
    before = all_of(database)
    add_migration(FAILS)
    with pytest.raises(ConfigError):
        upgrade(database)
    assert all_of(database) == before


def test_a_process_that_has_the_file_open_sees_it_put_back_and_goes_on(
    database: Path, add_migration: AddMigration
) -> None:
    add_migration(DROPS + COMMITS + FAILS)
    with closing(sqlite3.connect(database)) as other, other:
        count = other.execute("SELECT count(*) FROM favorites").fetchall()
        with pytest.raises(ConfigError):
            upgrade(database)
        assert other.execute("SELECT count(*) FROM favorites").fetchall() == count
        other.execute("DELETE FROM favorites WHERE user_id = 1")
    # What was in the write-ahead log of either did not get lost or mixed up.
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM poems").fetchall() == [(300,)]
        assert connection.execute("SELECT count(*) FROM favorites").fetchall() == [(0,)]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_nobody_else_can_write_between_the_backup_and_the_end(database: Path, add_migration: AddMigration) -> None:
    add_migration(
        f"other = sqlite3.connect({str(database)!r}, timeout=0)\n"
        "try:\n"
        "    other.execute('DELETE FROM favorites')\n"
        "finally:\n"
        "    other.close()"
    )
    with pytest.raises(ConfigError, match=r"could not be migrated .*database is locked"):
        upgrade(database)


def test_where_it_cannot_be_put_back_the_command_that_does_it_later_is_named(
    database: Path, add_migration: AddMigration, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = all_of(database)
    monkeypatch.setattr(backups, "_PATIENCE", 0.1)
    with closing(sqlite3.connect(database, isolation_level=None, check_same_thread=False)) as other:
        # Somebody writes as soon as the migration has let go.
        monkeypatch.setattr(backups, "put_back", _after(lambda: other.execute("BEGIN IMMEDIATE"), backups.put_back))
        add_migration(DROPS + COMMITS + FAILS)
        with pytest.raises(ConfigError) as caught:
            upgrade(database)
    [backup] = database.parent.glob("needed-shiren-*.sqlite3")
    assert str(caught.value).endswith(f"stop every program that uses it, then: python -m bot db restore {backup}")
    for _ in range(4):
        with pytest.raises(ConfigError):
            upgrade(database)
    assert len(backups_of(database)) == 3
    backups.replace(database, backup)
    assert all_of(database) == before


def _after(first: Callable[[], object], then: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
    def run(backup: Path, path: Path) -> None:
        first()
        then(backup, path)

    return run


def test_without_room_for_a_backup_nothing_is_migrated(database: Path, tmp_path: Path) -> None:
    # A disk of its own, as small as can be: a namespace lets ordinary people mount one.
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f"""
        mount -t tmpfs -o size={2 * database.stat().st_size - PAGE} none {disk} || exit 77
        cp {database} {disk}/shiren.sqlite3 && cd {disk} && ls > before && sha256sum shiren.sqlite3 > sum
        echo '[database]\npath = "shiren.sqlite3"' > config.toml
        PYTHONPATH={ROOT} {sys.executable} -m bot db; echo $?
        rm config.toml && ls && sha256sum --check sum
    """
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("nothing may be mounted here")
    assert re.fullmatch(
        rf"shiren-{behind()}-\w+\.sqlite3 cannot be written: its disk is full; make room, or name another\.\n",
        done.stderr,
    )
    assert done.stdout.split("\n") == ["2", "before", "shiren.sqlite3", "sum", "shiren.sqlite3: OK", ""]


def test_a_file_that_may_not_be_written_is_told(database: Path) -> None:
    database.chmod(0o444)
    command = [sys.executable, "-m", "bot", "db"]
    if os.geteuid() == 0:  # who may write everything, unless that is taken away
        command = ["setpriv", "--bounding-set", "-dac_override", *command]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=database.parents[1],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    except FileNotFoundError:
        pytest.skip("there is no setpriv")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "The database data/shiren.sqlite3 cannot be written; correct its permissions or database.path.\n"
    )
