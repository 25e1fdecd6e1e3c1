"""Bringing a database to the shape of the tables, or leaving it as it was."""

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine, NullPool, create_engine, event

from bot.db import backups
from bot.db.engine import database_url, prepare_file
from bot.db.faults import Fault, sentence_for_hosts, told_to_host
from bot.errors import ConfigError

_PACKAGE = Path(__file__).parents[1]

_VERSION_TABLE = "alembic_version"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"


def alembic_config(path: Path) -> Config:
    """Alembic's configuration for the database at `path`."""
    # In a checkout migrations/ stands beside bot/; a wheel carries it inside.
    installed = _PACKAGE / "_migrations"
    config = Config()
    config.set_main_option("script_location", str(installed if installed.is_dir() else _PACKAGE.parent / "migrations"))
    config.attributes["url"] = database_url(path, driver="sqlite")
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


def upgrade(path: Path, revision: str = "head") -> None:
    """Run the migrations up to `revision` on the database at `path`, all of them or none; blocks.

    A database that has been used is backed up beside itself first. Raises `ConfigError` when it cannot be opened, is
    damaged or not the bot's, or a migration fails: then it is as it was, and the message names the backup.
    """
    config = alembic_config(path)
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
    if not tables:
        return None
    if _VERSION_TABLE not in tables:
        raise ConfigError(f"The database {path} is another program's; correct database.path.")
    found = connection.execute(f"SELECT version_num FROM {_VERSION_TABLE}").fetchone()  # noqa: S608 # a constant
    if found is None:  # every migration was taken back
        return None
    revision = str(found[0])
    if revision not in {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}:
        raise ConfigError(
            f"The database {path} is at revision {revision}, which this version does not know; install the version that"
            " made it, or correct database.path."
        )
    return revision


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
            connection.exec_driver_sql(f"DELETE FROM {_VERSION_TABLE} WHERE FALSE")  # noqa: S608 # a constant
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
                f"The database {path} could not be migrated ({_first_line(error)}), and is as it was before; go back"
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


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
