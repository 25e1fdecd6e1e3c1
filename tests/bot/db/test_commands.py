"""`python -m bot db …` on real files."""

import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.db import backups
from bot.db.migrate import upgrade
from tests.bot.db.files import PAGE, all_of, another_process, flip_page, keep_poems

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database with poems, where the settings' default expects it."""
    monkeypatch.chdir(tmp_path)
    file = Path("data/shiren.sqlite3")
    upgrade(file)
    keep_poems(file)
    return file


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a `db` command; gives its exit code, its output and what it said on standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main(["db", *(str(argument) for argument in arguments)])
        return code, *capsys.readouterr()

    return call


@pytest.mark.parametrize("arguments", [[], ["migrate"]])
def test_db_alone_and_migrate_make_and_migrate(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == (0, "data/shiren.sqlite3 is up to date\n", "")
    assert run("check") == (0, "data/shiren.sqlite3 is whole and up to date\n", "")


class TestBackup:
    def test_a_backup_holds_everything_in_one_file(self, run: Run, database: Path) -> None:
        database.chmod(0o640)
        assert run("backup", "copy.sqlite3") == (0, "data/shiren.sqlite3 is backed up in copy.sqlite3\n", "")
        assert [file.name for file in Path().iterdir() if file.is_file()] == ["copy.sqlite3"]
        # No log stands beside it (sqlite.org/fileformat.html, "file format version numbers").
        assert Path("copy.sqlite3").read_bytes()[18:20] == bytes([1, 1])
        # No more people can read it than the database.
        assert stat.S_IMODE(Path("copy.sqlite3").stat().st_mode) == 0o640
        assert all_of(Path("copy.sqlite3")) == all_of(database)

    def test_what_is_only_in_the_write_ahead_log_is_in_it(self, run: Run, database: Path) -> None:
        with closing(sqlite3.connect(database)) as bot:
            with bot:
                bot.execute("DELETE FROM favorites WHERE poem_id > 7")
            assert database.with_name("shiren.sqlite3-wal").stat().st_size > 0
            run("backup", "copy.sqlite3")
            with closing(sqlite3.connect("copy.sqlite3")) as copy:
                assert copy.execute("SELECT count(*) FROM favorites").fetchall() == [(7,)]

    def test_while_others_write_it_is_what_was_there_at_one_moment(self, run: Run, database: Path) -> None:
        stop = threading.Event()

        def write() -> None:
            # A poem comes and goes with what keeps it: at every moment as many poems as favorites.
            with closing(sqlite3.connect(database)) as bot:
                while not stop.is_set():
                    with bot:
                        bot.execute("DELETE FROM favorites WHERE poem_id = (SELECT max(id) FROM poems)")
                        bot.execute("DELETE FROM poems WHERE id = (SELECT max(id) FROM poems)")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for number in range(5):
                assert run("backup", f"copy-{number}.sqlite3")[0] == 0
        finally:
            stop.set()
            writer.join()
        counts = set()
        for number in range(5):
            with closing(sqlite3.connect(f"copy-{number}.sqlite3")) as copy:
                [(poems, favorites)] = copy.execute(
                    "SELECT (SELECT count(*) FROM poems), (SELECT count(*) FROM favorites)"
                ).fetchall()
            assert poems == favorites
            counts.add(poems)
        assert len(counts) > 1

    def test_a_file_that_exists_is_left_alone(self, run: Run, database: Path) -> None:
        Path("copy.sqlite3").write_text("mine")
        code, _, told = run("backup", "copy.sqlite3")
        assert (code, told) == (2, "There is a copy.sqlite3 already; name a file that does not exist.\n")
        assert Path("copy.sqlite3").read_text() == "mine"
        assert database.exists()

    def test_a_folder_that_is_not_there_is_told(self, run: Run, database: Path) -> None:
        code, _, told = run("backup", "none/copy.sqlite3")
        assert (code, told) == (2, "none/copy.sqlite3 cannot be written (No such file or directory); name another.\n")
        assert database.exists()

    def test_without_a_database_none_is_made(self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        code, _, told = run("backup", "copy.sqlite3")
        assert (code, told) == (2, "There is no database data/shiren.sqlite3; correct database.path.\n")
        assert list(tmp_path.iterdir()) == []

    def test_a_damaged_database_gives_no_backup(self, run: Run, database: Path) -> None:
        flip_page(database, "favorites")
        code, out, told = run("backup", "copy.sqlite3")
        assert (code, out) == (2, "")
        assert told.startswith("The database data/shiren.sqlite3 is damaged (")
        assert told.endswith("put an older one in its place (python -m bot db restore BACKUP).\n")
        assert [file for file in Path().iterdir() if file.is_file()] == []

    def test_a_lock_that_is_held_too_long_is_told_instead_of_waited_for(
        self, run: Run, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backups, "_PATIENCE", 0.1)
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("PRAGMA journal_mode = DELETE")
            other.execute("BEGIN EXCLUSIVE")
            code, _, told = run("backup", "copy.sqlite3")
        assert code == 2
        assert told == "The database data/shiren.sqlite3 is in use by another program; end that, and try again.\n"


class TestCheck:
    def test_a_flipped_page_is_found(self, run: Run, database: Path) -> None:
        flip_page(database, "favorites")
        code, out, _ = run("check")
        assert code == 1
        assert out.startswith("data/shiren.sqlite3 is damaged (")
        assert out.endswith("stop the bot and put a backup in its place (python -m bot db restore BACKUP).\n")
        assert out.count("\n") == 1

    def test_a_favorite_without_its_poem_is_found(self, run: Run, database: Path) -> None:
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("DELETE FROM poems WHERE id <= 3")
        code, out, _ = run("check")
        assert code == 1
        assert out.startswith("data/shiren.sqlite3 has 3 rows that belong to nothing, in favorites; ")

    def test_a_database_that_is_behind_is_told_how_to_catch_up(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        upgrade(Path("data/shiren.sqlite3"), "0001")
        code, out, _ = run("check")
        assert code == 1
        assert out.startswith("data/shiren.sqlite3 is at revision 0001, and ")
        assert out.endswith("bring it there (python -m bot db migrate).\n")
        run("migrate")
        assert run("check")[0] == 0

    def test_without_a_database_none_is_made(self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        code, _, told = run("check")
        assert (code, told) == (2, "There is no data/shiren.sqlite3; correct database.path.\n")
        assert list(tmp_path.iterdir()) == []


class TestRestore:
    def test_a_backup_takes_the_place_of_a_damaged_database_which_is_set_aside(self, run: Run, database: Path) -> None:
        run("backup", "copy.sqlite3")
        before = all_of(database)
        flip_page(database, "favorites")
        damaged = database.read_bytes()
        code, out, _ = run("restore", "copy.sqlite3")
        assert code == 0
        [aside] = database.parent.glob("shiren-replaced-*.sqlite3")
        assert out == f"data/shiren.sqlite3 is what copy.sqlite3 holds; what it was is in {aside}\n"
        assert aside.read_bytes() == damaged
        assert all_of(database) == before
        assert run("check")[0] == 0

    def test_it_takes_the_place_of_what_is_no_database_and_of_nothing(self, run: Run, database: Path) -> None:
        run("backup", "copy.sqlite3")
        before = all_of(database)
        database.write_bytes(b"not a database" * 1000)
        assert run("restore", "copy.sqlite3")[0] == 0
        assert all_of(database) == before
        shutil.rmtree(database.parent)
        assert run("restore", "copy.sqlite3")[:2] == (0, "data/shiren.sqlite3 is what copy.sqlite3 holds\n")
        assert all_of(database) == before

    @pytest.mark.parametrize("is_readable", [True, False])
    def test_a_journal_of_the_old_database_does_not_get_into_the_new_one(
        self, run: Run, database: Path, *, is_readable: bool
    ) -> None:
        run("backup", "copy.sqlite3")
        before = all_of(database)
        # A bot that was killed leaves its log behind.
        script = f"""if True:
            import os, sqlite3
            connection = sqlite3.connect({str(database)!r}, isolation_level=None)
            connection.execute("DELETE FROM poems")
            os.kill(os.getpid(), 9)
        """
        subprocess.run([sys.executable, "-c", script], check=False)
        assert database.with_name("shiren.sqlite3-wal").exists()
        if not is_readable:  # then nobody can bring the log into its database either
            with database.open("r+b") as disk:
                disk.write(b"\xa5" * PAGE)
        assert run("restore", "copy.sqlite3")[0] == 0
        assert all_of(database) == before

    def test_a_database_that_is_in_use_is_not_replaced(
        self, run: Run, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backups, "_PATIENCE", 0.1)
        run("backup", "copy.sqlite3")
        with another_process(database, "SELECT count(*) FROM poems"):
            files = set(database.parent.iterdir())
            code, _, told = run("restore", "copy.sqlite3")
            assert set(database.parent.iterdir()) == files
        assert code == 2
        assert told == "The database data/shiren.sqlite3 is in use by another program; end that, and try again.\n"

    @pytest.mark.parametrize("page", ["favorites", None])
    def test_what_is_no_backup_is_refused(self, run: Run, database: Path, page: str | None) -> None:
        before = all_of(database)
        bad = Path("bad.sqlite3")
        if page:
            shutil.copy(database, bad)
            flip_page(bad, page)
        else:
            bad.write_bytes(b"not a database" * 1000)
        code, _, told = run("restore", bad)
        assert code == 2
        assert told.startswith("bad.sqlite3 is damaged (")
        assert told.endswith("; name another backup.\n")
        assert all_of(database) == before
