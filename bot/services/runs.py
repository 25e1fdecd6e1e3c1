"""A retraining: what is asked for, where it stands, and what people are shown of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.db.tables import TrainingRunRow
from bot.i18n import DEFAULT_LANGUAGE, Language
from bot.services.run_judge import Shortfall
from bot.services.uploads import Upload
from poetry_model.poem import Poem


class Source(StrEnum):
    """What a run learns from."""

    CORPUS = "corpus"
    """The live model goes on with the configured corpus, or with one that was sent."""
    FRESH = "fresh"
    """A new model, from random weights."""
    FAVORITES = "favorites"
    """The live model goes on with the corpus and what people kept."""
    RESUME = "resume"
    """The last run that was interrupted; kept in no record, for the run has a source already."""


class RunState(StrEnum):
    """Where a run stands.

    waiting → running → examining → accepted | candidate | broken. Before it is examined a run may also end as
    cancelled, failed or interrupted; from the last two it goes back to waiting when it is resumed.
    """

    WAITING = "waiting"
    RUNNING = "running"
    EXAMINING = "examining"
    ACCEPTED = "accepted"
    CANDIDATE = "candidate"
    BROKEN = "broken"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self not in UNFINISHED


UNFINISHED = frozenset({RunState.WAITING, RunState.RUNNING, RunState.EXAMINING})
RESUMABLE = frozenset({RunState.INTERRUPTED, RunState.FAILED})
"""States from which a run can go on, where it had saved anything."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for."""

    source: Source = Source.CORPUS
    epochs: int | None = None
    minutes: float | None = None
    note: str | None = None
    upload: Upload | None = None
    """A corpus of their own."""
    language: Language = DEFAULT_LANGUAGE
    """Theirs."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run at one moment, for people."""

    run_id: int
    state: RunState
    epochs: int
    source: Source = Source.CORPUS
    minutes: float | None = None
    note: str | None = None
    language: Language = DEFAULT_LANGUAGE
    """Of whoever started it."""
    channel_id: int = 0
    message_id: int | None = None
    """The message that shows it, in that channel; None until there is one."""
    epoch: int = 0
    done: float = 0.0
    """0 to 1."""
    loss: float | None = None
    characters_per_second: float | None = None
    seconds_left: float | None = None
    before: float | None = None
    """Held-back perplexity of the model that it must not do worse than."""
    after: float | None = None
    """Held-back perplexity at the last epoch's end."""
    version: str | None = None
    shortfalls: tuple[Shortfall, ...] = ()
    """Why a candidate did not go live."""
    said: str | None = None
    """Why it failed."""
    can_go_on: bool = False
    """Whether it can be resumed."""
    history: tuple[Mapping[str, float], ...] = ()
    """Of each epoch of a finished training, `loss` and `perplexity`."""
    start: float | None = None
    """Held-back perplexity of the weights it began with; None for random ones."""
    poems: tuple[Poem, ...] = ()
    """What the new model writes."""

    @classmethod
    def of(cls, row: TrainingRunRow, **more: Any) -> "Snapshot":
        """As far as the database knows it."""
        return cls(
            run_id=row.id,
            state=RunState(row.state),
            epochs=row.epochs,
            source=Source(row.source),
            minutes=row.minutes,
            note=row.note,
            language=Language(row.language or DEFAULT_LANGUAGE),
            channel_id=row.channel_id or 0,
            message_id=row.message_id,
            before=row.parent_perplexity,
            after=row.perplexity,
            version=row.version,
            said=row.said,
            **more,
        )


Show = Callable[[Snapshot], Awaitable[bool]]
"""Lets people see a snapshot; returns whether it is settled: they saw it, or there is no way to show it any more."""
