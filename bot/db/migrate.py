"""Bringing a database to the shape of the tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError

from bot.db.engine import database_url
from bot.errors import ConfigError

_PACKAGE = Path(__file__).parents[1]


def alembic_config(path: Path) -> Config:
    """Alembic's configuration for the database at `path`."""
    # In a checkout migrations/ stands beside bot/; a wheel carries it inside.
    installed = _PACKAGE / "_migrations"
    config = Config()
    config.set_main_option("script_location", str(installed if installed.is_dir() else _PACKAGE.parent / "migrations"))
    config.attributes["url"] = database_url(path, driver="sqlite")
    return config


def upgrade(path: Path, revision: str = "head") -> None:
    """Run the migrations up to `revision` on the database at `path`; blocks. `ConfigError` when it cannot be opened."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        command.upgrade(alembic_config(path), revision)
    except (OSError, OperationalError) as error:
        raise ConfigError(f"The database {path} cannot be opened; correct database.path or its permissions.") from error
