"""Settings from `config.toml` and the environment, validated once."""

import logging
import os
import re
import shlex
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from bot.errors import ConfigError
from bot.log import LogFormat, LogLevel
from bot.place import Place, Server
from poetry_model.reading import shown

_log = logging.getLogger(__name__)

TOKEN_VARIABLE = "DISCORD_TOKEN"  # noqa: S105 # the variable's name, not a token

URL_VARIABLE = "DATABASE_URL"

SECRET_VARIABLES = frozenset({TOKEN_VARIABLE, URL_VARIABLE})
"""Of the environment, what no other process needs to know."""

MAX_EPOCHS = 100
"""Passes over the corpus that a retraining may take."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_Snowflake = Annotated[int, Field(gt=0, lt=2**63)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DiscordSettings(_Section):
    """How the bot reaches Discord."""

    token: SecretStr = SecretStr("")
    test_guild: _Snowflake | None = None
    """Commands appear at once in this server alone; None: everywhere."""

    @field_validator("token")
    @classmethod
    def _can_be_sent(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value().strip()
        # What a header cannot carry would fail far from here, in an error that quotes it.
        if not (token.isascii() and token.isprintable()):
            raise PydanticCustomError("token", "it has characters that no token has; copy it once more")
        return value


class ShardSettings(_Section):
    """Which part of the servers this process attends to; several processes share a database."""

    count: Annotated[int, Field(ge=0)] = 0
    """Of all processes together; 0: as many as Discord recommends."""
    ids: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """This process's; none: all of them."""

    @field_validator("ids")
    @classmethod
    def _are_shards(cls, value: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        count = info.data.get("count", 0)
        if value and not count:
            raise PydanticCustomError("shards", "shards.count must say of how many, the same in every process")
        if too_high := [number for number in value if number >= count]:
            raise PydanticCustomError(
                "shards",
                "there is no shard {number} of {count}, which are numbered from 0",
                {"number": too_high[0], "count": count},
            )
        if len(set(value)) < len(value):
            raise PydanticCustomError("shards", "each shard is named once")
        return value


class DatabaseSettings(_Section):
    """Where poems and favorites are kept: in the file at `path`, or where `url` leads."""

    path: Path = Path("data/shiren.sqlite3")
    url: SecretStr | None = None
    """Of a PostgreSQL server."""

    @property
    def place(self) -> Place:
        """The one that is used."""
        return self.path if self.url is None else Server.of(self.url.get_secret_value())

    @field_validator("url")
    @classmethod
    def _leads_somewhere(cls, value: SecretStr | None) -> SecretStr | None:
        url = value.get_secret_value().strip() if value else ""
        if not url:
            return None
        try:
            Server.of(url)
        except ValueError as error:
            problem = str(error)
        else:
            return SecretStr(url)
        raise PydanticCustomError("url", "{problem}", {"problem": problem})

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if self.url is not None and "path" in self.model_fields_set:
            raise PydanticCustomError("place", "it has both a path and a url; leave one of them out")
        return self


class ModelSettings(_Section):
    """What composes, and where new models go."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "single", "half"] = "auto"
    """Of weights and states while a poem is written."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Of the CPU, that one character of all poems being written takes."""
    folder: Path = Path("data/models")


_Share = Annotated[float, Field(ge=0, le=1)]


class ExaminationSettings(_Section):
    """What the examination poems of a new model must reach, each as a share from 0 to 1."""

    format: _Share = 1.0
    rhyme: _Share = 0.97
    metre: _Share = 0.97
    copied_lines: _Share = 0.02
    """At most; the others are at least."""


class LimitSettings(_Section):
    """How fast people may go, each alone and those of a server together, and how many poems may wait."""

    person_burst: Annotated[int, Field(ge=1)] = 10
    person_per_minute: Annotated[float, Field(ge=0)] = 30.0
    """0: without limit."""
    guild_burst: Annotated[int, Field(ge=1)] = 100
    guild_per_minute: Annotated[float, Field(ge=0)] = 300.0
    """0: without limit."""
    queue: Annotated[int, Field(ge=1)] = 2000


class RetrainSettings(_Section):
    """Who may retrain, from what and how, and what a new model must be to go live."""

    corpus: Path | None = None
    admins: frozenset[_Snowflake] = frozenset()
    admin_guilds: frozenset[_Snowflake] = frozenset()
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)] = 1
    fresh_epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)] = 14
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    favorites_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    favorites_per_person: Annotated[int, Field(ge=1)] = 100
    favorites_per_poem: Annotated[int, Field(ge=1)] = 5
    upload_limit: Annotated[float, Field(gt=0, le=16)] = 8.0
    """In MiB."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    niceness: Annotated[int, Field(ge=0, le=19)] = 10
    tolerance: _Share = 0.01
    examination: ExaminationSettings = ExaminationSettings()
    keep: Annotated[int, Field(ge=1, le=1000)] = 5

    @field_validator("corpus", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None


class CardSettings(_Section):
    """The picture of a poem."""

    font: str = ""
    """A font's file or family; empty: Noto Serif, or what the system has."""


class PreviewSettings(_Section):
    """The local page that stands in for Discord."""

    folder: Path = Path("data/preview")
    port: Annotated[int, Field(ge=0, le=65535)] = 8765


class LogSettings(_Section):
    """What is written to standard error."""

    format: LogFormat = "text"
    level: LogLevel = "info"


class MonitorSettings(_Section):
    """What can be seen from outside, over HTTP."""

    port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """None: nothing is served; 0: a free one."""
    address: str = "127.0.0.1"
    metrics: bool = False
    """For Prometheus, beside the health."""

    @model_validator(mode="after")
    def _metrics_need_a_port(self) -> Self:
        if self.metrics and self.port is None:
            raise PydanticCustomError("port", "metrics = true needs a port to be served on; set monitor.port")
        return self


class Settings(_Section):
    """All settings."""

    discord: DiscordSettings = DiscordSettings()
    shards: ShardSettings = ShardSettings()
    database: DatabaseSettings = DatabaseSettings()
    model: ModelSettings = ModelSettings()
    limits: LimitSettings = LimitSettings()
    retrain: RetrainSettings = RetrainSettings()
    card: CardSettings = CardSettings()
    preview: PreviewSettings = PreviewSettings()
    log: LogSettings = LogSettings()
    monitor: MonitorSettings = MonitorSettings()

    @property
    def token(self) -> str:
        """The Discord token, empty when there is none."""
        return self.discord.token.get_secret_value().strip()


def load_settings(file: Path | None, environment: dict[str, str] | None = None) -> Settings:
    """Settings from `file` (None or absent: the defaults).

    `DISCORD_TOKEN` and `DATABASE_URL` go before it where they are set. A file that holds the token or a password, and
    that others can read, is warned of in the log. Raises `ConfigError` with one sentence that names the file and the
    setting, and in nothing it carries tells the token or a password.
    """
    environment = dict(os.environ) if environment is None else environment
    values: dict[str, Any] = {}
    if file is not None and file.exists():
        values = _read(file)
        _warn_of_readers(file, values)
    if token := environment.get(TOKEN_VARIABLE):
        discord = values.setdefault("discord", {})
        if isinstance(discord, dict):
            discord["token"] = token
    if url := environment.get(URL_VARIABLE):
        database = values.setdefault("database", {})
        if isinstance(database, dict):
            database.pop("path", None)
            database["url"] = url
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        names = [str(part) for part in first["loc"]]
        setting = ".".join(name if name.isidentifier() or name.isdecimal() else shown(name) for name in names)
        problem = f"{_without_secrets(setting)}: {first['msg']}"
    # Not from inside: the error that would hang on this one quotes the settings, and may quote the token.
    raise ConfigError(f"{file or 'The environment'}: {problem}.")


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        problem = f"is not valid TOML: {_without_secrets(f'{error!s:.200}')}"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    # As above: one of these errors holds the whole file.
    raise ConfigError(f"{file} {problem}.")


def _without_secrets(text: str) -> str:
    """What names a setting, without what has strayed to where the name should be.

    No name is as long as a token, or a URL.
    """
    return re.sub(r"\S*://\S*|[\w-]{24,}", "…", text)


def _warn_of_readers(file: Path, values: Mapping[str, Any]) -> None:
    secret = "the bot's token" if _value(values, "discord", "token") else None
    url = _value(values, "database", "url")
    if secret is None and isinstance(url, str):
        try:
            secret = "the database's password" if Server.of(url.strip()).has_password else None
        except ValueError:  # refused in a moment
            return
    # Elsewhere the bits do not say who may read.
    if secret is None or os.name != "posix":
        return
    if stat.S_IMODE(file.stat().st_mode) & _OTHERS:
        _log.warning(
            "%s holds %s and is open to others on this machine; run: chmod 600 %s",
            file,
            secret,
            shlex.quote(str(file)),
        )


def _value(values: Mapping[str, Any], section: str, name: str) -> object:
    found = values.get(section)
    return found.get(name) if isinstance(found, dict) else None
