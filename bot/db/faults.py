"""What can be wrong with the database's file or its disk, told from what SQLite says."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from sqlalchemy.exc import DatabaseError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bot.errors import ConfigError


class Fault(StrEnum):
    """Each has a sentence for people, `error.database_…` of `bot/locales`, and one for whoever hosts the bot."""

    LOCKED = "locked"
    FULL = "full"
    READ_ONLY = "read_only"
    DAMAGED = "damaged"
    UNREACHABLE = "unreachable"


StorageError = (DatabaseError, PoolTimeoutError)
"""What a session raises when the file or its disk fails; `fault_of` tells it from a mistake of ours."""

_PRIMARY_CODE = 0xFF
"""The bits of SQLite's result codes that its extended codes share with their primary one (sqlite.org/rescode.html)."""

_FAULTS = {
    sqlite3.SQLITE_BUSY: Fault.LOCKED,
    sqlite3.SQLITE_LOCKED: Fault.LOCKED,
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_PERM: Fault.READ_ONLY,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: Fault.DAMAGED,
    sqlite3.SQLITE_NOTADB: Fault.DAMAGED,
}

_FOR_HOSTS = {
    Fault.LOCKED: "The database {path} is in use by another program; end that, and try again.",
    Fault.FULL: "The disk of the database {path} is full; make room, and try again.",
    Fault.READ_ONLY: "The database {path} cannot be written; correct its permissions or database.path.",
    Fault.DAMAGED: "The database {path} is damaged, or no database at all; stop the bot and put a backup in its place"
    " (python -m bot db restore BACKUP), or correct database.path.",
    Fault.UNREACHABLE: "The database {path} cannot be used ({reason}); correct database.path, its permissions or its"
    " disk.",
}


def fault_of(error: BaseException) -> Fault | None:
    """What is wrong with the storage when SQLAlchemy or sqlite3 raises `error`; None when it is something else."""
    if isinstance(error, PoolTimeoutError):  # every connection waits for a lock
        return Fault.LOCKED
    cause = error.orig if isinstance(error, DBAPIError) else error
    # Damage is a `DatabaseError` and nothing more special; a broken constraint is more special, and our own doing.
    if not isinstance(cause, sqlite3.OperationalError) and type(cause) is not sqlite3.DatabaseError:
        return None
    # What Python's own module raises carries no code.
    return _FAULTS.get(getattr(cause, "sqlite_errorcode", 0) & _PRIMARY_CODE, Fault.UNREACHABLE)


def sentence_for_hosts(path: Path, fault: Fault, reason: object = "") -> str:
    """One sentence on the database at `path` that says what to do."""
    return _FOR_HOSTS[fault].format(path=path, reason=reason)


@contextmanager
def told_to_host(path: Path) -> Iterator[None]:
    """What is wrong with the database at `path` leaves as a `ConfigError`, whoever meets it."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        fault = fault_of(error)
        if fault is None:
            raise
        raise ConfigError(sentence_for_hosts(path, fault, getattr(error, "orig", error))) from error
