"""`python -m bot db …`: the database from the command line. Each returns the exit code and blocks."""

from contextlib import closing
from pathlib import Path

from bot.db import backups
from bot.db.faults import told_to_host
from bot.db.migrate import alembic_config, current_revision, target_revision, upgrade
from bot.errors import ConfigError

_SOUND = 0
_UNSOUND = 1


def migrate_command(path: Path) -> int:
    """`db migrate`: bring the database at `path` up to date; it is made where there is none."""
    upgrade(path)
    print(f"{path} is up to date")
    return _SOUND


def backup_command(path: Path, file: Path) -> int:
    """`db backup`: a verified copy in a new `file`, also while the bot is running."""
    backups.back_up(path, file)
    print(f"{path} is backed up in {file}")
    return _SOUND


def check_command(path: Path) -> int:
    """`db check`: whether the database is whole and up to date, said in one sentence."""
    _require(path, "correct database.path")
    with told_to_host(path):
        problem = _problem(path)
    print(problem or f"{path} is whole and up to date")
    return _UNSOUND if problem else _SOUND


def restore_command(path: Path, file: Path) -> int:
    """`db restore`: put the backup `file` in the place of the database, which is set aside."""
    _require(file, "name a backup")
    with told_to_host(file):
        if problem := _damage(file):
            raise ConfigError(f"{problem}; name another backup.")
        with closing(backups.connect(file)) as connection:
            if current_revision(connection, alembic_config(file), file) is None:
                raise ConfigError(f"{file} is empty; name a backup.")
    try:
        aside = backups.replace(path, file)
    except OSError as error:
        raise ConfigError(
            f"The database {path} cannot be replaced ({error.strerror}); correct its permissions."
        ) from error
    print(f"{path} is what {file} holds" + (f"; what it was is in {aside}" if aside else ""))
    return _SOUND


def _require(file: Path, advice: str) -> None:
    if not file.is_file():
        raise ConfigError(f"There is no {file}; {advice}.")


def _damage(path: Path) -> str | None:
    with closing(backups.connect(path)) as connection:
        found = backups.damage(connection)
    return f"{path} is damaged ({found})" if found else None


def _problem(path: Path) -> str | None:
    restore = "stop the bot and put a backup in its place (python -m bot db restore BACKUP)"
    if problem := _damage(path):
        return f"{problem}; {restore}."
    with closing(backups.connect(path)) as connection:
        if broken := connection.execute("PRAGMA foreign_key_check").fetchall():
            tables = ", ".join(sorted({str(table) for table, *_ in broken}))
            return f"{path} has {len(broken):,} rows that belong to nothing, in {tables}; {restore}."
        config = alembic_config(path)
        current = current_revision(connection, config, path)
    newest = target_revision(config)
    if current != newest:
        found = f"is at revision {current}" if current else "is empty"
        return f"{path} {found}, and {newest} is the newest; bring it there (python -m bot db migrate)."
    return None
