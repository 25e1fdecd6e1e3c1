"""Where a database is: a file of SQLite's, or a database of a PostgreSQL server."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from bot.errors import ConfigError

_SCHEMES = ("postgresql+asyncpg", "postgresql", "postgres")

FORM_OF_URL = (
    "it must have the form postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE, with special signs of the password as in"
    " %40 for @"
)


@dataclass(frozen=True, slots=True)
class Server:
    """A database of a PostgreSQL server. As a string it has no password. Made by `of`."""

    url: SecretStr

    @classmethod
    def of(cls, text: str) -> "Server":
        """The one that a URL names; `ValueError`, without the URL, where it names none."""
        try:
            _parts(text)
        except ValueError:
            is_url = False
        else:
            is_url = True
        if not is_url:  # not from inside: what went wrong may quote the password
            raise ValueError(FORM_OF_URL)
        return cls(SecretStr(text))

    @property
    def dsn(self) -> SecretStr:
        """The URL as PostgreSQL's own programs write it."""
        return SecretStr("postgresql:" + self.url.get_secret_value().partition(":")[2])

    @property
    def has_password(self) -> bool:
        """Whether the URL tells one."""
        parts = _parts(self.url.get_secret_value())
        return parts.password is not None or "password=" in parts.query

    def __str__(self) -> str:
        parts = _parts(self.url.get_secret_value())
        user, at, host = parts.netloc.rpartition("@")
        return f"postgresql://{user.partition(':')[0]}{at}{host}{parts.path}"


Place = Path | Server
"""Where a database is. As a string it tells no secret."""


def read_place(text: str) -> Place:
    """A path or a URL, as it is typed; `ConfigError` for a URL that is none of PostgreSQL's."""
    if "://" not in text:
        return Path(text)
    try:
        return Server.of(text)
    except ValueError as error:
        raise ConfigError(f"That URL names no database: {error}.") from None


def _parts(text: str) -> SplitResult:
    parts = urlsplit(text)
    # What stands behind an unescaped sign of a password must not be taken for a name, and told.
    is_torn = "@" in parts.path + parts.query or bool(parts.fragment) or not text.isprintable() or " " in text
    if parts.scheme not in _SCHEMES or is_torn or not parts.path.strip("/"):
        raise ValueError
    _ = parts.port  # raises where it is none
    return parts
