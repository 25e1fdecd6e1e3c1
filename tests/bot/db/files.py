"""Database files for tests."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

PAGE = 4096
"""Bytes of a page, SQLite's default."""


def keep_poems(file: Path, count: int = 300) -> None:
    """Write poems, each of them kept by person 1, into a migrated database."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executemany(
            "INSERT INTO poems (user_id, start, form, traditional, script, seed, model, created_at)"
            " VALUES (?, '月', 5, ?, 'simplified', 1, 'm', '2026-01-01 00:00:00.000000')",
            [(1, "月明山水長\n" * 4 + str(number)) for number in range(count)],
        )
        connection.execute(
            "INSERT INTO favorites (user_id, poem_id, created_at) SELECT 1, id, created_at FROM poems ORDER BY id"
        )


def all_of(file: Path) -> list[str]:
    """Everything in a database, as SQL."""
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def flip_page(file: Path, table: str) -> None:
    """Write garbage over the page where `table` begins, as a failing disk does."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(page,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
    with file.open("r+b") as disk:
        disk.seek((page - 1) * PAGE)
        disk.write(b"\xa5" * PAGE)


@contextmanager
def another_process(file: Path, statement: str) -> Iterator[None]:
    """Somebody else has the database open, and has executed `statement`."""
    script = f"""if True:
        import sqlite3, sys
        connection = sqlite3.connect({str(file)!r}, isolation_level=None)
        connection.execute({statement!r}).fetchall()
        print(flush=True)
        sys.stdin.read()
    """
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield
