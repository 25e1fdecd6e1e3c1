"""Poems that were shown to people."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from bot.db import queries
from bot.db.engine import Sessions
from bot.db.faults import StorageError, fault_of
from bot.db.tables import PoemRow, now
from bot.errors import BotError
from bot.services.composer import Composer
from poetry_model.form import punctuate
from poetry_model.poem import PoemRequest, Style, in_script
from poetry_model.script import Script

_log = logging.getLogger(__name__)

_NO_ROW = 0
"""No row of the database has this id."""


@dataclass(frozen=True)
class ShownPoem:
    """A poem with the id its buttons carry."""

    id: int
    """`_NO_ROW` where the database could not take it."""
    user_id: int | None
    """Who asked for it; None when they had their data deleted."""
    guild_id: int | None
    """The server where it is shown; None: to that person, in direct messages."""
    start: str
    form: int
    traditional: tuple[str, ...]
    script: Script
    style: Style
    pattern: str | None
    """Name of its regulated pattern, in traditional characters; None in free verse."""
    model: str
    created_at: datetime

    @classmethod
    def from_row(cls, row: PoemRow) -> "ShownPoem":
        """The poem of a row of the database."""
        return cls(
            id=row.id,
            user_id=row.user_id,
            guild_id=row.guild_id,
            start=row.start,
            form=row.form,
            traditional=tuple(row.traditional.split("\n")),
            script=Script(row.script),
            style=Style(row.style),
            pattern=row.pattern,
            model=row.model,
            created_at=row.created_at,
        )

    @property
    def is_stored(self) -> bool:
        """Whether it will be found by its id."""
        return self.id != _NO_ROW

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines in the script it was asked for in."""
        return in_script(self.traditional, dict(enumerate(self.start)), self.script)

    @property
    def text(self) -> str:
        """The lines with punctuation, a line each."""
        return punctuate(self.lines)

    def again(self) -> PoemRequest:
        """A request for another poem of the same kind."""
        return PoemRequest.checked(self.start, self.form, len(self.traditional), script=self.script, style=self.style)


class Poems:
    """Writes poems and remembers them."""

    def __init__(self, composer: Composer, sessions: Sessions) -> None:
        self._composer = composer
        self._sessions = sessions

    def require_room(self) -> None:
        """`BotError` when too many poems are waiting to be written already."""
        self._composer.require_room()

    async def write(self, request: PoemRequest, user_id: int, guild_id: int | None) -> ShownPoem:
        """Compose what is asked for and store it, so that its buttons find it after a restart.

        Where the database fails, the poem is given all the same, and is not `is_stored`.
        """
        poem = await self._composer.compose(request)
        row = PoemRow(
            user_id=user_id,
            guild_id=guild_id,
            start=request.start,
            form=request.form,
            traditional="\n".join(poem.traditional),
            script=request.script.value,
            style=request.style.value,
            pattern=poem.pattern,
            seed=request.seed,
            model=poem.model,
            created_at=now(),
        )
        try:
            async with self._sessions.begin() as session:
                session.add(row)
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
