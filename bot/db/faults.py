"""What can be wrong with the database's file, disk or server, told from what SQLite or PostgreSQL says."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bot.errors import ConfigError
from bot.place import Place, Server


class Fault(StrEnum):
    """Each has a sentence for people, `error.database_…` of `bot/locales`, and one for whoever hosts the bot."""

    LOCKED = "locked"
    FULL = "full"
    READ_ONLY = "read_only"
    DAMAGED = "damaged"
    UNREACHABLE = "unreachable"


StorageError = (DBAPIError, PoolTimeoutError)
"""What a session raises when the file, its disk or the server fails; `fault_of` tells it from a mistake of ours."""

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

_STATES = {
    "55P03": Fault.LOCKED,  # lock_not_available
    "40P01": Fault.LOCKED,  # deadlock_detected
    "40001": Fault.LOCKED,  # serialization_failure
    "53100": Fault.FULL,
    "25006": Fault.READ_ONLY,  # a standby
    "42501": Fault.READ_ONLY,  # insufficient_privilege
    "XX001": Fault.DAMAGED,
    "XX002": Fault.DAMAGED,
    "42P01": Fault.UNREACHABLE,  # undefined_table, as where SQLite has no such table
}

_UNREACHABLE_CLASSES = frozenset({"08", "28", "53", "57", "58"})
"""Connections, authorization, resources, operators, the system (postgresql.org/docs/current/errcodes-appendix.html)."""

_FOR_HOSTS = {
    Fault.LOCKED: "The database {path} is in use by another program; end that, and try again.",
    Fault.FULL: "The disk of the database {path} is full; make room, and try again.",
    Fault.READ_ONLY: "The database {path} cannot be written; correct its permissions or database.path.",
    Fault.DAMAGED: "The database {path} is damaged, or no database at all; stop the bot and put a backup in its place"
    " (python -m bot db restore BACKUP), or correct database.path.",
    Fault.UNREACHABLE: "The database {path} cannot be used ({reason}); correct database.path, its permissions or its"
    " disk.",
}

_FOR_HOSTS_OF_SERVERS = {
    Fault.LOCKED: "The database {path} is held up by another program ({reason}); end that, and try again.",
    Fault.FULL: "The disk of the database {path} is full ({reason}); make room on its server, and try again.",
    Fault.READ_ONLY: "The database {path} cannot be written ({reason}); let its user own it, or correct database.url.",
    Fault.DAMAGED: "The database {path} is damaged ({reason}); put a backup in its place (pg_restore).",
    Fault.UNREACHABLE: "The database {path} cannot be used ({reason}); look whether its server runs and has it, and"
    " correct database.url or DATABASE_URL.",
}


def fault_of(error: BaseException) -> Fault | None:
    """What is wrong with the storage when SQLAlchemy or a driver raises `error`; None when it is something else."""
    if isinstance(error, PoolTimeoutError):  # every connection waits for a lock
        return Fault.LOCKED
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, DBAPIError) and not isinstance(cause, sqlite3.Error):
        return _fault_of_server(cause)
    # Damage is a `DatabaseError` and nothing more special; a broken constraint is more special, and our own doing.
    if not isinstance(cause, sqlite3.OperationalError) and type(cause) is not sqlite3.DatabaseError:
        return None
    # What Python's own module raises carries no code.
    return _FAULTS.get(getattr(cause, "sqlite_errorcode", 0) & _PRIMARY_CODE, Fault.UNREACHABLE)


def _fault_of_server(cause: BaseException | None) -> Fault | None:
    if isinstance(cause, OSError):
        return Fault.UNREACHABLE
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return _STATES.get(state) or (Fault.UNREACHABLE if state[:2] in _UNREACHABLE_CLASSES else None)
    # The driver's own: a connection that is closed, or a value that it cannot send, which is our doing.
    is_ours = cause is None or isinstance(cause.__cause__, ValueError)
    return None if is_ours or type(cause).__name__ != "InterfaceError" else Fault.UNREACHABLE


def reason_of(error: BaseException) -> str:
    """What a driver says, without the statement, whose values are people's."""
    cause = getattr(error, "orig", None) or error
    return (str(getattr(cause, "strerror", None) or cause).split("\n", 1)[0].strip()) or type(cause).__name__


def sentence_for_hosts(place: Place, fault: Fault, reason: object = "") -> str:
    """One sentence on the database at `place` that says what to do."""
    sentences = _FOR_HOSTS_OF_SERVERS if isinstance(place, Server) else _FOR_HOSTS
    return sentences[fault].format(path=place, reason=reason)


@contextmanager
def told_to_host(place: Place) -> Iterator[None]:
    """What is wrong with the database at `place` leaves as a `ConfigError`, whoever meets it."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        fault = fault_of(error)
        if fault is None:
            raise
        raise ConfigError(sentence_for_hosts(place, fault, reason_of(error))) from error
