"""Settings from `config.toml` and the environment, validated once."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from bot.errors import ConfigError

TOKEN_VARIABLE = "DISCORD_TOKEN"  # noqa: S105 # the variable's name, not a token

MAX_EPOCHS = 100
"""Passes over the corpus that a retraining may take."""

_Snowflake = Annotated[int, Field(gt=0, lt=2**63)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DiscordSettings(_Section):
    """How the bot reaches Discord."""

    token: SecretStr = SecretStr("")
    test_guild: _Snowflake | None = None
    """Commands appear at once in this server alone; None: everywhere."""


class DatabaseSettings(_Section):
    """Where poems and favorites are kept."""

    path: Path = Path("data/shiren.sqlite3")


class ModelSettings(_Section):
    """What composes, and where new models go."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    folder: Path = Path("data/models")


_Share = Annotated[float, Field(ge=0, le=1)]


class ExaminationSettings(_Section):
    """What the examination poems of a new model must reach, each as a share from 0 to 1."""

    format: _Share = 1.0
    rhyme: _Share = 0.97
    metre: _Share = 0.97
    copied_lines: _Share = 0.02
    """At most; the others are at least."""


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


class PreviewSettings(_Section):
    """The local page that stands in for Discord."""

    folder: Path = Path("data/preview")
    port: Annotated[int, Field(ge=0, le=65535)] = 8765


class Settings(_Section):
    """All settings."""

    discord: DiscordSettings = DiscordSettings()
    database: DatabaseSettings = DatabaseSettings()
    model: ModelSettings = ModelSettings()
    retrain: RetrainSettings = RetrainSettings()
    preview: PreviewSettings = PreviewSettings()

    @property
    def token(self) -> str:
        """The Discord token, empty when there is none."""
        return self.discord.token.get_secret_value().strip()


def load_settings(file: Path | None, environment: dict[str, str] | None = None) -> Settings:
    """Settings from `file` (None or absent: the defaults), the token from `DISCORD_TOKEN` when that is set.

    Raises `ConfigError` with one sentence that names the file and the setting.
    """
    environment = dict(os.environ) if environment is None else environment
    values: dict[str, Any] = {}
    if file is not None and file.exists():
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file} is not valid TOML: {error}.") from error
        except OSError as error:
            raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    if token := environment.get(TOKEN_VARIABLE):
        discord = values.setdefault("discord", {})
        if isinstance(discord, dict):
            discord["token"] = token
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        # The input itself stays out of the message: it may be the token.
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        setting = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{file or 'The environment'}: {setting}: {first['msg']}.") from None
