"""Poems that were shown to people."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from bot.db import queries
from bot.db.engine import Sessions
from bot.db.faults import StorageError, fault_of
from bot.db.inserts import Inserts
from bot.db.tables import PoemRow, now
from bot.errors import BotError
from bot.services.composer import Composer
from poetry_model.form import punctuate
from poetry_model.mood import Mood
from poetry_model.poem import PoemRequest, Style, in_script
from poetry_model.prosody import Prosody
from poetry_model.script import Script

_log = logging.getLogger(__name__)

_NO_ROW = 0
"""No row of the database has this id."""


class Kind(StrEnum):
    """What the start of a poem is to it."""

    POEM = "poem"
    """Its first characters."""
    ACROSTIC = "acrostic"
    """The first character of every line."""
    LINKED = "linked"
    """Its first line; people and the bot wrote it in turn."""


@dataclass(frozen=True)
class ShownPoem:
    """A poem with the id its buttons carry."""

    id: int
    """`_NO_ROW` where the database could not take it."""
    user_id: int | None
    """Who asked for it; None when they had their data deleted, or nobody asked: a poem of the day."""
    guild_id: int | None
    """The server where it is shown; None: in a conversation."""
    start: str
    form: int
    traditional: tuple[str, ...]
    script: Script
    style: Style
    pattern: str | None
    """Name of its regulated pattern, in traditional characters; None in free verse."""
    model: str
    created_at: datetime
    seed: int = 0
    """It gives the same poem again, asked for in the same way of the same model; of a linked poem, nothing."""
    kind: Kind = Kind.POEM
    mood: Mood = Mood.LIVELY
    channel_id: int | None = None
    """The conversation where it is shown; None in a server."""
    shown: tuple[str, ...] = ()
    """The lines as they were typed and shown, where they do not follow from the traditional ones."""

    @classmethod
    def from_row(cls, row: PoemRow) -> "ShownPoem":
        """The poem of a row of the database."""
        return cls(
            id=row.id,
            user_id=row.user_id,
            guild_id=row.guild_id,
            channel_id=row.channel_id,
            start=row.start,
            form=row.form,
            traditional=tuple(row.traditional.split("\n")),
            script=Script(row.script),
            style=Style(row.style),
            pattern=row.pattern,
            model=row.model,
            created_at=row.created_at,
            seed=row.seed,
            kind=Kind(row.kind),
            mood=Mood(row.mood),
            shown=tuple(row.shown.split("\n")) if row.shown else (),
        )

    @property
    def is_stored(self) -> bool:
        """Whether it will be found by its id."""
        return self.id != _NO_ROW

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines in the script it was asked for in."""
        if self.shown:
            return self.shown
        step = self.form if self.kind is Kind.ACROSTIC else 1
        given = {place * step: character for place, character in enumerate(self.start)}
        return in_script(self.traditional, given, self.script)

    @property
    def text(self) -> str:
        """The lines with punctuation, a line each."""
        return punctuate(self.lines)

    def again(self, script: Script) -> PoemRequest:
        """A request for another poem of the same kind, in `script`."""
        if self.kind is Kind.ACROSTIC:
            return PoemRequest.acrostic(self.start, self.form, script=script, style=self.style, mood=self.mood)
        return PoemRequest.checked(
            self.start, self.form, len(self.traditional), script=script, style=self.style, mood=self.mood
        )


class Poems:
    """Writes poems and remembers them."""

    def __init__(self, composer: Composer, sessions: Sessions) -> None:
        self._composer = composer
        self._sessions = sessions
        self._inserts = Inserts(sessions)

    @property
    def prosody(self) -> Prosody | None:
        """What the live model knows of tones and rhymes; None where it knows nothing of them."""
        return self._composer.prosody

    def require_room(self) -> None:
        """`BotError` when too many poems are waiting to be written already."""
        self._composer.require_room()

    async def write(
        self, request: PoemRequest, user_id: int | None, guild_id: int | None, channel_id: int | None = None
    ) -> ShownPoem:
        """Compose what is asked for and store it, so that its buttons find it after a restart.

        `guild_id` and `channel_id` are where it will be shown; the channel is kept where there is no server.

        Where the database fails, the poem is given all the same, and is not `is_stored`.
        """
        poem = await self._composer.compose(request)
        row = PoemRow(
            user_id=user_id,
            guild_id=guild_id,
            channel_id=channel_id if guild_id is None else None,
            start=request.heads or request.start,
            form=request.form,
            traditional="\n".join(poem.traditional),
            script=request.script.value,
            style=request.style.value,
            pattern=poem.pattern,
            seed=request.seed,
            model=poem.model,
            created_at=now(),
            kind=(Kind.ACROSTIC if request.heads else Kind.POEM).value,
            mood=request.mood.value,
        )
        try:
            await self._inserts.insert(row)
        except StorageError as error:
            if fault_of(error) is None:
                raise
            _log.error("A poem could not be stored: %s", getattr(error, "orig", error))
            # It may have got an id before the commit failed; another poem will have that.
            return replace(ShownPoem.from_row(row), id=_NO_ROW)
        return ShownPoem.from_row(row)

    async def get(self, poem_id: int) -> ShownPoem:
        """The poem with that id; `BotError` when there is none."""
        async with self._sessions() as session:
            row = await queries.poem(session, poem_id)
        if row is None:
            raise BotError("poem.unknown")
        return ShownPoem.from_row(row)

    async def take_away(self, poem_id: int) -> None:
        """Show the poem to nobody any more but to those who keep it: its message was taken away."""
        async with self._sessions.begin() as session:
            await queries.take_away_poem(session, poem_id)
