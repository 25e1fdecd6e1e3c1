"""The mapped tables. `migrations/` brings a database to this shape; a test compares the two."""

from datetime import UTC, date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

# SQLite numbers rows by itself only in a column declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")


# Buttons carry ids for years: the id of a deleted row must never come back with another poem behind it.
_NEVER_REUSE_IDS = {"sqlite_autoincrement": True}


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC: what goes in must be aware, what comes out is."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 # SQLAlchemy's signature
        """Aware → naive UTC, as SQLite stores it."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 # SQLAlchemy's signature
        """Naive UTC → aware."""
        return value and value.replace(tzinfo=UTC)


def now() -> datetime:
    """The present time in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Common ground of the tables; every constraint has a name, so that a migration can alter it on SQLite."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[type, object]] = {int: BigInteger, datetime: UtcDateTime}


class PoemRow(Base):
    """A poem that was shown."""

    __tablename__ = "poems"
    __table_args__ = _NEVER_REUSE_IDS

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    user_id: Mapped[int | None] = mapped_column(index=True)
    """Who asked for it; None for a poem of the day, or when they had their data deleted while others keep the poem."""
    guild_id: Mapped[int | None] = mapped_column(index=True)
    channel_id: Mapped[int | None]
    """Where it is shown outside of servers; None in a server, or when whoever asked had their data deleted."""
    start: Mapped[str] = mapped_column(String(16))
    form: Mapped[int]
    traditional: Mapped[str] = mapped_column(String(256))
    """The lines, a newline between them."""
    script: Mapped[str] = mapped_column(String(16))
    style: Mapped[str] = mapped_column(String(16), server_default="free")
    pattern: Mapped[str | None] = mapped_column(String(16))
    seed: Mapped[int]
    model: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=now)
    kind: Mapped[str] = mapped_column(String(16), server_default="poem")
    """A `Kind`: what `start` is."""
    mood: Mapped[str] = mapped_column(String(16), server_default="lively")
    """A `Mood`."""
    shown: Mapped[str | None] = mapped_column(String(256))
    """The lines as they were typed and shown; None where they follow from the traditional ones."""
    is_taken_away: Mapped[bool] = mapped_column(default=False, server_default="0")
    """Whether its message was: it stays with those who keep it, and is shown to nobody else."""


class FavoriteRow(Base):
    """A poem that somebody keeps."""

    __tablename__ = "favorites"
    __table_args__ = (
        UniqueConstraint("user_id", "poem_id"),
        Index("ix_favorites_user_id_created_at", "user_id", "created_at"),
        # All that the counting of a poem's hearts asks for.
        Index("ix_favorites_poem_id_created_at_user_id", "poem_id", "created_at", "user_id"),
    )

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    user_id: Mapped[int]
    poem_id: Mapped[int] = mapped_column(ForeignKey("poems.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(default=now)

    poem: Mapped[PoemRow] = relationship(lazy="joined", innerjoin=True)


class RemovedFavoriteRow(Base):
    """The favorite that a person removed last, for them to take back."""

    __tablename__ = "removed_favorites"

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    poem_id: Mapped[int] = mapped_column(ForeignKey("poems.id", ondelete="CASCADE"), index=True)
    kept_at: Mapped[datetime]
    removed_at: Mapped[datetime] = mapped_column(default=now, index=True)


class TrainingRunRow(Base):
    """A retraining."""

    __tablename__ = "training_runs"
    __table_args__ = _NEVER_REUSE_IDS

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    user_id: Mapped[int | None]
    """Who started it, or went on with it last; None when they had their data deleted.

    Then the next two, the note and the language are, too.
    """
    channel_id: Mapped[int | None]
    message_id: Mapped[int | None]
    """The message that shows its progress."""
    source: Mapped[str] = mapped_column(String(16), server_default="corpus")
    """A `Source`."""
    epochs: Mapped[int]
    minutes: Mapped[float | None]
    """Its time budget; None: as long as the epochs take."""
    note: Mapped[str | None] = mapped_column(String(200))
    language: Mapped[str | None] = mapped_column(String(16))
    """A `Language`, that of whoever started it: its message is in it; None: the default."""
    parent: Mapped[str] = mapped_column(String(64))
    """Version of the model that was live when it began."""
    state: Mapped[str] = mapped_column(String(16))
    """A `RunState`."""
    said: Mapped[str | None] = mapped_column(String(500))
    """Why it failed, in the words of the process that trained."""
    told: Mapped[bool] = mapped_column(server_default="1")
    """Whether its message shows the state."""
    version: Mapped[str | None] = mapped_column(String(64))
    perplexity: Mapped[float | None]
    parent_perplexity: Mapped[float | None]
    """Held-back perplexity of the model that it was compared with."""
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]


class ModelVersionRow(Base):
    """A model; the live one is the last activated of those that are accepted."""

    __tablename__ = "model_versions"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    version: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[str] = mapped_column(String(16), server_default="accepted")
    """A `VersionState`."""
    folder: Mapped[str | None] = mapped_column(String(255))
    """Name of the bundle's folder under `model.folder`; None: the one that ships with shiren."""
    run_id: Mapped[int | None] = mapped_column(ForeignKey("training_runs.id", ondelete="CASCADE"), index=True)
    shortfalls: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    """Where it falls short of what a live model must be."""
    examination: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Figures of its examination poems."""
    activated_at: Mapped[datetime | None]
    """When it last went live; None: never by anybody's doing."""

    run: Mapped[TrainingRunRow | None] = relationship(lazy="joined")


class LeaseRow(Base):
    """What one process may do at a time, among all that share the database."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    """The process."""
    user_id: Mapped[int]
    """For whom."""
    run_id: Mapped[int]
    since: Mapped[datetime]
    expires_at: Mapped[datetime]
    """When another may take it, unless it is renewed."""
    stop_requested: Mapped[bool]


class DailyRow(Base):
    """A server's poem of the day."""

    __tablename__ = "dailies"

    guild_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel_id: Mapped[int]
    hour: Mapped[int]
    zone: Mapped[str] = mapped_column(String(64))
    """IANA's name."""
    last_date: Mapped[date]
    """The last day that got its poem, or was over when this was set; by the zone's calendar."""
    stop: Mapped[str | None] = mapped_column(String(16))
    """A `Stop`; None: it is given."""
    user_id: Mapped[int | None] = mapped_column(index=True)
    """Who set it; None when they had their data deleted."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class PersonPreferenceRow(Base):
    """What a person chose for themselves."""

    __tablename__ = "person_preferences"

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    language: Mapped[str | None] = mapped_column(String(16))
    """A `Language`; None: the one their Discord has."""
    script: Mapped[str | None] = mapped_column(String(16))
    """A `Script`, of poems; None: the language's."""
    is_out_of_top: Mapped[bool] = mapped_column(default=False, server_default="0")
    """Whether poems of theirs are left out of `/top`, and their hearts are not counted there."""


class GuildPreferenceRow(Base):
    """What a server's moderators chose for it."""

    __tablename__ = "guild_preferences"

    guild_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    language: Mapped[str | None] = mapped_column(String(16))
    """A `Language`; None: the one Discord has for the server."""
    is_out_of_top: Mapped[bool] = mapped_column(default=False, server_default="0")
    """Whether the server has no `/top`."""


class LinkedPoemRow(Base):
    """A poem that people and the bot write line by line."""

    __tablename__ = "linked_poems"
    __table_args__ = _NEVER_REUSE_IDS

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    user_id: Mapped[int | None] = mapped_column(index=True)
    """Who began it; None when they had their data deleted."""
    guild_id: Mapped[int | None]
    channel_id: Mapped[int]
    form: Mapped[int]
    lines: Mapped[int]
    """That it will have."""
    mode: Mapped[str] = mapped_column(String(16))
    """A `Mode`."""
    script: Mapped[str] = mapped_column(String(16))
    language: Mapped[str] = mapped_column(String(16))
    """A `Language`, that of whoever began it: all who write in it see one message."""
    written: Mapped[int]
    """Lines that it has; whoever adds one must have seen as many."""
    poem_id: Mapped[int | None] = mapped_column(ForeignKey("poems.id", ondelete="CASCADE"), index=True)
    """What became of it; None: it is being written."""
    touched_at: Mapped[datetime] = mapped_column(default=now)
    """When it was begun, or last got a line."""


class LinkedLineRow(Base):
    """A line of one."""

    __tablename__ = "linked_lines"
    __table_args__ = (UniqueConstraint("linked_id", "number"),)

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    linked_id: Mapped[int] = mapped_column(ForeignKey("linked_poems.id", ondelete="CASCADE"))
    number: Mapped[int]
    """From 0."""
    user_id: Mapped[int | None] = mapped_column(index=True)
    """Who wrote it; None: the bot, or somebody who had their data deleted."""
    by_bot: Mapped[bool]
    shown: Mapped[str] = mapped_column(String(16))
    """As it was typed."""
    traditional: Mapped[str] = mapped_column(String(16))
