"""Bringing a database to the shape of the tables, or leaving it as it was."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine, NullPool, create_engine, event

from bot.db import backups
from bot.db.engine import database_url, prepare_file
from bot.db.faults import Fault, sentence_for_hosts, told_to_host
from bot.errors import ConfigError
from bot.place import Place, Server

_PACKAGE = Path(__file__).parents[1]

VERSION_TABLE = "alembic_version"
SELECT_REVISION = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608 # a constant
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"


def alembic_config(place: Place) -> Config:
    """Alembic's configuration for the database at `place`; for a server's, a connection has to be put into it."""
    # In a checkout migrations/ stands beside bot/; a wheel carries it inside.
    installed = _PACKAGE / "_migrations"
    config = Config()
    config.set_main_option("script_location", str(installed if installed.is_dir() else _PACKAGE.parent / "migrations"))
    if not isinstance(place, Server):
        config.attributes["url"] = database_url(place, driver="sqlite")
    return config


def migrating_engine(url: URL) -> Engine:
    """An engine whose transactions hold DDL too, and keep other writers out from the first statement on.

    Foreign keys are not enforced: Alembic changes a table by copying and dropping it, which would delete what refers
    to it.
    """
    engine = create_engine(url, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: object) -> None:  # noqa: ARG001 # SQLAlchemy's signature
        prepare_file(connection)
        # SQLite's driver commits before DDL by itself; BEGIN by hand makes the migrations one transaction.
        connection.isolation_level = None

    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def upgrade(place: Place, revision: str = "head") -> None:
    """Run the migrations up to `revision` on the database at `place`, all of them or none; blocks.

    A file that has been used is backed up beside itself first. Raises `ConfigError` when it cannot be opened, is
    damaged or not the bot's, or a migration fails: then it is as it was, and the message names the backup.
    """
    if isinstance(place, Server):
        from bot.db.migrate_server import upgrade_server  # noqa: PLC0415 # which needs this module

        upgrade_server(place, revision)
        return
    path, config = place, alembic_config(place)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(sentence_for_hosts(path, Fault.UNREACHABLE, error.strerror)) from error
    with told_to_host(path):
        if path.exists():
            with closing(backups.connect(path)) as connection:
                if backups.damage(connection, "quick_check"):
                    raise ConfigError(sentence_for_hosts(path, Fault.DAMAGED))
                if current_revision(connection, config, path) == target_revision(config, revision):
                    return
        _migrate(path, config, revision)


def current_revision(connection: sqlite3.Connection, config: Config, path: Path) -> str | None:
    """The revision of the database at `path`; None when it is empty.

    Raises `ConfigError` when it is another program's, or that of a newer version of this one.
    """
    tables = {name for (name,) in connection.execute(_TABLES)}
    if not require_ours(path, tables):
        return None
    return require_known(path, config, connection.execute(SELECT_REVISION).fetchone())


def require_ours(place: Place, tables: set[str]) -> bool:
    """Whether there is anything in a database that has those tables; `ConfigError` when it is another program's."""
    if tables and VERSION_TABLE not in tables:
        raise ConfigError(f"The database {place} is another program's; correct {_setting(place)}.")
    return bool(tables)


def require_known(place: Place, config: Config, found: Sequence[Any] | None) -> str | None:
    """The revision in the row that was `found`; None without one: every migration was taken back.

    Raises `ConfigError` when a newer version made it.
    """
    if found is None:
        return None
    revision = str(found[0])
    if revision not in {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}:
        raise ConfigError(
            f"The database {place} is at revision {revision}, which this version does not know; install the version"
            f" that made it, or correct {_setting(place)}."
        )
    return revision


def _setting(place: Place) -> str:
    return "database.url" if isinstance(place, Server) else "database.path"


def target_revision(config: Config, revision: str = "head") -> str | None:
    """The revision that `revision` stands for."""
    found = ScriptDirectory.from_config(config).get_revision(revision)
    return str(found.revision) if found else None


def _migrate(path: Path, config: Config, revision: str) -> None:
    with (
        migrating_engine(config.attributes["url"]).connect() as connection,
        connection.begin() as transaction,
        # Nobody else can write now: the backup is what the migrations begin with.
        closing(backups.connect(path)) as witness,
    ):
        current = current_revision(witness, config, path)
        if current == target_revision(config, revision):  # another process was faster
            return
        if current:
            # A file that may not be written is not found out before: BEGIN only reads there.
            connection.exec_driver_sql(f"DELETE FROM {VERSION_TABLE} WHERE FALSE")  # noqa: S608 # a constant
        backup = backups.keep_beside(path, current) if current else None
        before = _commits_seen(witness)
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except BaseException as error:  # Ctrl-C too
            # The first transaction is still open, or the migrations have committed: nobody else can have.
            is_torn = _commits_seen(witness) != before
            transaction.rollback()
            if backup is None:
                raise
            if is_torn:
                _put_back(backup, path)
            # Each start tries again, and each leaves a backup.
            backups.forget_old(path)
            if not isinstance(error, Exception):
                raise
            raise ConfigError(
                f"The database {path} could not be migrated ({first_line(error)}), and is as it was before; go back"
                f" to the version that made it, or report this. A backup is {backup}."
            ) from error
    if backup is not None:
        backups.forget_old(path)


def _put_back(backup: Path, path: Path) -> None:
    try:
        backups.put_back(backup, path)
    except sqlite3.Error as error:
        # Under a name that is never forgotten.
        needed = backup.rename(backup.with_name(f"needed-{backup.name}"))
        raise ConfigError(
            f"A migration of the database {path} failed and could not be taken back ({error}); stop every program that"
            f" uses it, then: python -m bot db restore {needed}"
        ) from error


def _commits_seen(connection: sqlite3.Connection) -> int:
    """A number that changes whenever another connection has committed (sqlite.org/pragma.html#pragma_data_version)."""
    [(version,)] = connection.execute("PRAGMA data_version").fetchall()
    return int(version)


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
