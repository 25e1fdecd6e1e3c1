"""Copies of the database: whole, verified, and made while others go on writing.

All of it blocks.
"""

import os
import re
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bot.db.faults import Fault, fault_of, told_to_host
from bot.errors import ConfigError

_PATIENCE = 5.0
"""Seconds to wait for a lock of another process."""

_KEPT = 3
"""Backups that are kept of those taken before migrations."""

_TIME = "%Y%m%dT%H%M%S%fZ"


def connect(path: Path) -> sqlite3.Connection:
    """A connection of one's own to the database at `path`, which must exist; transactions are begun by hand."""
    # As an address: the mode keeps SQLite from making a file.
    address = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=_PATIENCE, isolation_level=None)


def damage(connection: sqlite3.Connection, check: str = "integrity_check") -> str | None:
    """The first thing that is wrong with the pages of a database; None when nothing is.

    `check`: or `quick_check`, which leaves out whether indexes agree with their tables.
    """
    try:
        [(found,)] = connection.execute(f"PRAGMA {check}(1)").fetchall()
    except sqlite3.DatabaseError as error:
        if fault_of(error) is not Fault.DAMAGED:
            raise
        return str(error)
    return None if found == "ok" else " ".join(str(found).split())


def copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Make `target` what `source` is at this moment, in one transaction, whoever else has either open.

    Raises what sqlite3 raises; the database is `LOCKED` when another process keeps it for `_PATIENCE` seconds.
    """
    deadline = time.perf_counter() + _PATIENCE

    def give_up_in_time(status: int, remaining: int, total: int) -> None:  # noqa: ARG001 # sqlite3's signature
        # By itself `backup` waits for ever.
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.perf_counter() > deadline:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = status
            raise error

    # All pages in one step: a writer would make several steps begin again each time.
    source.backup(target, pages=-1, progress=give_up_in_time)


def back_up(path: Path, file: Path) -> None:
    """Copy the database at `path` to a new `file`, which is there whole or not at all.

    Raises `ConfigError` when there is no such database, it is damaged, or `file` exists or cannot be written.
    """
    if not path.exists():
        raise ConfigError(f"There is no database {path}; correct database.path.")
    if file.exists():
        raise ConfigError(f"There is a {file} already; name a file that does not exist.")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}); name another.") from error
    os.close(descriptor)
    temporary = Path(name)
    try:
        with told_to_host(path):
            _fill(temporary, path, file)
        shutil.copymode(path, temporary)
        _sync(temporary)
        temporary.rename(file)
        _sync(file.parent)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}); name another.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _fill(temporary: Path, path: Path, file: Path) -> None:
    with closing(connect(path)) as source, closing(connect(temporary)) as target:
        try:
            copy(source, target)
            # One file, which needs no other beside it; the bot sets WAL again.
            target.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            if fault_of(error) is not Fault.FULL:
                raise
            raise ConfigError(f"{file} cannot be written: its disk is full; make room, or name another.") from error
        if found := damage(target):
            raise ConfigError(
                f"The database {path} is damaged ({found}), so no backup was made; put an older one in its place"
                " (python -m bot db restore BACKUP)."
            )


def keep_beside(path: Path, revision: str) -> Path:
    """A backup of the database at `path` beside it, named with its revision and the time in UTC."""
    file = path.with_name(f"{path.stem}-{revision}-{datetime.now(UTC).strftime(_TIME)}{path.suffix}")
    back_up(path, file)
    return file


def forget_old(path: Path) -> None:
    """Of the backups that stand beside `path`, keep the last few."""
    pattern = re.compile(rf"{re.escape(path.stem)}-\w+-(\d{{8}}T\d{{12}}Z){re.escape(path.suffix)}")
    found = [(match[1], file) for file in path.parent.iterdir() if (match := pattern.fullmatch(file.name))]
    for _, file in sorted(found)[:-_KEPT]:
        file.unlink(missing_ok=True)


def put_back(backup: Path, path: Path) -> None:
    """Make the database at `path` what it was, through SQLite: whoever has it open sees one more transaction."""
    with closing(connect(backup)) as source, closing(connect(path)) as target:
        copy(source, target)


def replace(path: Path, backup: Path) -> Path | None:
    """Put a copy of `backup` at `path`; what stood there is set aside, and its new path returned.

    A damaged database cannot be written through SQLite, hence by name. Raises `ConfigError` when another process has
    the database open, which only a database that can still be read tells, and all that `back_up` raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)  # of a restoring that was interrupted
    back_up(backup, new)
    aside = None
    if path.exists():
        try:
            _require_alone(path)
        except ConfigError:
            new.unlink()
            raise
        aside = path.with_name(f"{path.stem}-replaced-{datetime.now(UTC).strftime(_TIME)}{path.suffix}")
        # A journal goes before its database: SQLite would replay it into whatever has the name.
        for ending in ("-journal", "-wal", "-shm", ""):
            file = path.with_name(path.name + ending)
            if file.exists():
                file.rename(aside.with_name(aside.name + ending))
    new.rename(path)
    _sync(path.parent)
    return aside


def _require_alone(path: Path) -> None:
    with told_to_host(path), closing(connect(path)) as connection:
        try:
            # In WAL mode every open connection holds a lock that this one cannot share.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if fault_of(error) is not Fault.DAMAGED:
                raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
