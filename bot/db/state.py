"""Whether a database is whole and up to date. It blocks."""

import asyncio
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

from bot.db import backups
from bot.db.faults import told_to_host
from bot.db.migrate import alembic_config, current_revision, target_revision
from bot.db.migrate_server import in_transaction, revision_of_server
from bot.errors import ConfigError
from bot.place import Place, Server


def require_file(file: Path, advice: str) -> None:
    """`ConfigError` where there is no such file."""
    if not file.is_file():
        raise ConfigError(f"There is no {file}; {advice}.")


def damage_of(path: Path) -> str | None:
    """What is wrong with the pages of a file, in words without a full stop; None where nothing is."""
    with closing(backups.connect(path)) as connection:
        found = backups.damage(connection)
    return f"{path} is damaged ({found})" if found else None


def problem_of(place: Place) -> str | None:
    """What is wrong with a database, in one sentence; None where it is whole and up to date.

    A server looks after the pages and the references of its databases by itself. Raises `ConfigError` where there is no
    such database, or it is none of this program's.
    """
    with told_to_host(place):
        return _problem_of_server(place) if isinstance(place, Server) else _problem_of_file(place)


def _problem_of_file(path: Path) -> str | None:
    require_file(path, "correct database.path")
    restore = "stop the bot and put a backup in its place (python -m bot db restore BACKUP)"
    if problem := damage_of(path):
        return f"{problem}; {restore}."
    with closing(backups.connect(path)) as connection:
        if broken := connection.execute("PRAGMA foreign_key_check").fetchall():
            tables = ", ".join(sorted({str(table) for table, *_ in broken}))
            return f"{path} has {len(broken):,} rows that belong to nothing, in {tables}; {restore}."
        return _behind(path, current_revision(connection, alembic_config(path), path))


def _problem_of_server(server: Server) -> str | None:
    found: list[str | None] = []

    def look(connection: Connection) -> None:
        found.append(revision_of_server(connection, server, alembic_config(server)))

    asyncio.run(in_transaction(server, look))
    return _behind(server, found[0])


def _behind(place: Place, current: str | None) -> str | None:
    newest = target_revision(alembic_config(place))
    if current == newest:
        return None
    found = f"is at revision {current}" if current else "is empty"
    return f"{place} {found}, and {newest} is the newest; bring it there (python -m bot db migrate)."
