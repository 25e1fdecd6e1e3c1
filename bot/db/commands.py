"""`python -m bot db …`: the database from the command line. Each returns the exit code and blocks."""

from contextlib import closing
from pathlib import Path

from bot.db import backups
from bot.db.copying import copy_everything
from bot.db.faults import told_to_host
from bot.db.migrate import alembic_config, current_revision, upgrade
from bot.db.state import damage_of, problem_of, require_file
from bot.errors import ConfigError
from bot.place import Place, Server, read_place

_SOUND = 0
_UNSOUND = 1


def migrate_command(place: Place) -> int:
    """`db migrate`: bring the database at `place` up to date; a file is made where there is none."""
    upgrade(place)
    print(f"{place} is up to date")
    return _SOUND


def backup_command(place: Place, file: Path) -> int:
    """`db backup`: a verified copy in a new `file`, also while the bot is running."""
    path = _require_path(place)
    backups.back_up(path, file)
    print(f"{path} is backed up in {file}")
    return _SOUND


def check_command(place: Place) -> int:
    """`db check`: whether the database is whole and up to date, said in one sentence."""
    problem = problem_of(place)
    print(problem or f"{place} is whole and up to date")
    return _UNSOUND if problem else _SOUND


def restore_command(place: Place, file: Path) -> int:
    """`db restore`: put the backup `file` in the place of the database, which is set aside."""
    path = _require_path(place)
    require_file(file, "name a backup")
    with told_to_host(file):
        if problem := damage_of(file):
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


def copy_command(source: str, target: str) -> int:
    """`db copy`: everything from one database, a path or a URL, to another that is empty."""
    old, new = read_place(source), read_place(target)
    rows = copy_everything(old, new)
    print(f"{new} holds what {old} holds: {rows:,} rows, compared one by one")
    return _SOUND


def _require_path(place: Place) -> Path:
    if isinstance(place, Server):
        raise ConfigError(f"{place} is a server's: back it up with pg_dump and put a backup back with pg_restore.")
    return place
