"""Databases, as settings and as a word on a command line."""

from pathlib import Path

from bot.config import DatabaseSettings
from bot.place import Place, read_place


def settings_for(place: Place) -> DatabaseSettings:
    """The settings of a bot whose database is there."""
    return DatabaseSettings(path=place) if isinstance(place, Path) else DatabaseSettings(url=place.url)


def address(place: Place) -> str:
    """What a process of its own is told."""
    return str(place) if isinstance(place, Path) else place.url.get_secret_value()


def database_at(address: str) -> DatabaseSettings:
    """The settings that it makes of that."""
    return settings_for(read_place(address))
