"""联句: poems that people and the bot write line by line in turn."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.db import linked_queries
from bot.db.engine import Sessions
from bot.db.tables import LinkedLineRow, LinkedPoemRow, PoemRow, now
from bot.errors import BotError
from bot.i18n import DEFAULT_LANGUAGE, Language
from bot.services.composer import Composer
from bot.services.poems import Kind, ShownPoem
from poetry_model.metre_view import MetreView, view_metre
from poetry_model.mood import Mood
from poetry_model.next_line import view_next_line
from poetry_model.openings import draw_opening
from poetry_model.poem import PoemRequest, Style, draw_seed
from poetry_model.prosody import Prosody
from poetry_model.script import Script

LENGTHS = (4, 8)
"""Lines that a linked poem can have."""

_LIFE = timedelta(days=1)
"""After so long without a new line nobody goes on."""

_FEWEST = 2
"""Lines that make a poem of one that was ended early."""


class Mode(StrEnum):
    """What becomes of a line that breaks the rules; its form is exact in either."""

    EASY = "easy"
    """It is taken all the same."""
    STRICT = "strict"
    """The person is asked for another."""


@dataclass(frozen=True, slots=True)
class LinkedLine:
    """A line of a linked poem."""

    shown: str
    """As it was typed, or in the script of the poem."""
    traditional: str
    by_bot: bool
    user_id: int | None
    """Who wrote it; None for the bot, and for somebody who had their data deleted."""


@dataclass(frozen=True, slots=True)
class LinkedPoem:
    """A poem on its way: a person's line is next."""

    id: int
    user_id: int | None
    """Who began it; None when they had their data deleted."""
    guild_id: int | None
    channel_id: int
    form: int
    length: int
    """Lines that it will have."""
    mode: Mode
    script: Script
    language: Language
    """Of its message."""
    lines: tuple[LinkedLine, ...]
    ends_at: datetime
    """When it ends, unless somebody goes on."""

    @property
    def authors(self) -> tuple[int, ...]:
        """The people who wrote in it."""
        return tuple(dict.fromkeys(line.user_id for line in self.lines if line.user_id is not None))


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of a person's line."""

    line: str
    """As it is shown."""
    before: LinkedPoem
    after: LinkedPoem | None
    """The poem with the line, and the bot's after it; None: it was not taken."""
    view: MetreView | None
    """How the line sounds, with its faults; None where the model knows no tones."""
    finished: ShownPoem | None
    """The whole, where this was the last."""


class Linked:
    """Keeps linked poems, and writes the bot's lines."""

    def __init__(self, composer: Composer, sessions: Sessions, clock: Callable[[], datetime] = now) -> None:
        """`clock`: the present time, aware."""
        self._composer = composer
        self._sessions = sessions
        self._clock = clock

    async def begin(  # noqa: PLR0913 # what can be asked of one
        self,
        user_id: int,
        guild_id: int | None,
        channel_id: int,
        *,
        form: int,
        length: int,
        mode: Mode,
        script: Script,
        language: Language = DEFAULT_LANGUAGE,
        bot_first: bool = False,
    ) -> LinkedPoem:
        """A new one; where the bot is first, with a line."""
        lines = [await self._opening(form, length, script)] if bot_first else []
        row = LinkedPoemRow(
            user_id=user_id,
            guild_id=guild_id,
            channel_id=channel_id,
            form=form,
            lines=length,
            mode=mode.value,
            script=script.value,
            language=language.value,
            written=len(lines),
            touched_at=self._clock(),
        )
        async with self._sessions.begin() as session:
            await linked_queries.remove_abandoned(session, self._clock() - _LIFE)
            session.add(row)
            await session.flush()
            session.add_all(_rows(row.id, 0, lines))
        return _linked(row, lines)

    async def get(self, linked_id: int) -> LinkedPoem:
        """The one with that id; `BotError` when there is none, or it has ended."""
        async with self._sessions() as session:
            row = await linked_queries.linked_poem(session, linked_id)
            rows = await linked_queries.linked_lines(session, linked_id)
        if row is None or row.poem_id is not None or row.touched_at < self._clock() - _LIFE:
            raise BotError("linked.over")
        return _linked(row, [LinkedLine(each.shown, each.traditional, each.by_bot, each.user_id) for each in rows])

    async def add(self, linked_id: int, number: int, user_id: int, typed: str) -> Turn:
        """Take a person's line for the place `number`, from 0, and write the next one.

        Raises `RequestError` for one that has not the form, `BotError` when the poem has ended, or somebody else was
        faster.
        """
        poem = await self.get(linked_id)
        if len(poem.lines) != number:
            raise _taken(number, typed)
        written = [line.traditional for line in poem.lines]
        composed = await self._composer.compose(
            PoemRequest.resumed(written, typed, poem.form, poem.length, script=poem.script)
        )
        prosody = self._composer.prosody
        view = view_next_line(written, composed.traditional[number], prosody) if prosody else None
        shown = composed.lines[number]
        if poem.mode is Mode.STRICT and view is not None and view.faults:
            return Turn(shown, poem, None, view, None)
        lines = [
            LinkedLine(line, traditional, by_bot, None if by_bot else user_id)
            for line, traditional, by_bot in zip(
                composed.lines[number:], composed.traditional[number:], (False, True), strict=False
            )
        ]
        after, finished = await self._write(poem, lines, typed, prosody)
        return Turn(shown, poem, after, view, finished)

    async def end(self, linked_id: int) -> tuple[LinkedPoem, ShownPoem | None]:
        """End one before its time, and what it has become: a poem of fewer lines, or none where there is but one."""
        poem = await self.get(linked_id)
        async with self._sessions.begin() as session:
            written = len(poem.lines)
            if not await linked_queries.advance(session, linked_id, written, written, self._clock()):
                raise BotError("linked.over")
            if written < _FEWEST:
                await linked_queries.remove(session, linked_id)
                return poem, None
            row = _finished(poem, self._composer.version, self._composer.prosody)
            session.add(row)
            await session.flush()
            await linked_queries.set_poem(session, linked_id, row.id)
        return poem, ShownPoem.from_row(row)

    async def forget_abandoned(self) -> None:
        """Delete those that have ended because nobody went on."""
        async with self._sessions.begin() as session:
            await linked_queries.remove_abandoned(session, self._clock() - _LIFE)

    async def _opening(self, form: int, length: int, script: Script) -> LinkedLine:
        request = PoemRequest.checked(draw_opening(draw_seed()), form, length, script=script)
        composed = await self._composer.compose(request)
        return LinkedLine(composed.lines[0], composed.traditional[0], by_bot=True, user_id=None)

    async def _write(
        self, poem: LinkedPoem, lines: list[LinkedLine], typed: str, prosody: Prosody | None
    ) -> tuple[LinkedPoem, ShownPoem | None]:
        """Put down what was added, all of it or none."""
        number = len(poem.lines)
        moment = self._clock()
        async with self._sessions.begin() as session:
            if not await linked_queries.advance(session, poem.id, number, number + len(lines), moment):
                raise _taken(number, typed)
            session.add_all(_rows(poem.id, number, lines))
            after = replace(poem, lines=(*poem.lines, *lines), ends_at=moment + _LIFE)
            if len(after.lines) < poem.length:
                return after, None
            row = _finished(after, self._composer.version, prosody)
            session.add(row)
            await session.flush()
            await linked_queries.set_poem(session, poem.id, row.id)
        return after, ShownPoem.from_row(row)


def _taken(number: int, typed: str) -> BotError:
    # What was typed is said back: a form that was handed in is gone.
    return BotError("linked.taken", line=number + 1, typed=typed)


def _linked(row: LinkedPoemRow, lines: Iterable[LinkedLine]) -> LinkedPoem:
    return LinkedPoem(
        id=row.id,
        user_id=row.user_id,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        form=row.form,
        length=row.lines,
        mode=Mode(row.mode),
        script=Script(row.script),
        language=Language(row.language),
        lines=tuple(lines),
        ends_at=row.touched_at + _LIFE,
    )


def _rows(linked_id: int, number: int, lines: Iterable[LinkedLine]) -> list[LinkedLineRow]:
    """The rows of lines that stand from the place `number` on."""
    return [
        LinkedLineRow(
            linked_id=linked_id,
            number=place,
            user_id=line.user_id,
            by_bot=line.by_bot,
            shown=line.shown,
            traditional=line.traditional,
        )
        for place, line in enumerate(lines, start=number)
    ]


def _finished(poem: LinkedPoem, model: str, prosody: Prosody | None) -> PoemRow:
    """The poem that it has become: regulated where every line keeps the rules, else free."""
    lines = [line.traditional for line in poem.lines]
    view = view_metre(lines, prosody) if prosody else None
    pattern = view.pattern.name if view and view.pattern and not view.faults else None
    return PoemRow(
        user_id=poem.user_id,
        guild_id=poem.guild_id,
        channel_id=poem.channel_id if poem.guild_id is None else None,
        start=poem.lines[0].shown,
        form=poem.form,
        traditional="\n".join(lines),
        script=poem.script.value,
        style=(Style.REGULATED if pattern else Style.FREE).value,
        pattern=pattern,
        seed=0,
        model=model,
        created_at=now(),
        kind=Kind.LINKED.value,
        mood=Mood.LIVELY.value,
        shown="\n".join(line.shown for line in poem.lines),
    )
