"""What is stored about a person: told, handed over, deleted."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.db import privacy_queries
from bot.db.engine import Sessions
from bot.db.tables import PoemRow, now
from bot.errors import BotError
from bot.services.poems import ShownPoem
from bot.services.preferences import Preferences
from bot.services.run_files import RunFiles
from bot.services.run_records import RunRecords
from bot.services.runs import RunState

FORMAT = 1

_SNOWFLAKES = frozenset({"user_id", "guild_id", "channel_id", "message_id"})
"""Discord's ids. Written as strings, as Discord does: many readers of JSON round numbers of that size."""

_OF_A_POEM = ("start", "form", "style", "pattern", "script", "model")
"""What is told of a poem to whoever keeps it; who asked for it, and where, is another's."""


@dataclass(frozen=True, slots=True)
class Stored:
    """How much is stored about a person."""

    rows: Mapping[str, int]
    """Table → rows; every table about people is there."""
    shared_poems: int
    """Of the poems, those that somebody else keeps."""

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing."""
        return not any(self.rows.values())


@dataclass(frozen=True, slots=True)
class Deleted:
    """What went, and what stays without the person's id."""

    poems: int
    favorites: int
    shared_poems: int
    """Poems that others keep."""
    trainings: int


class Privacy:
    """What each person may know of themselves, and take away."""

    def __init__(self, sessions: Sessions, records: RunRecords, preferences: Preferences) -> None:
        self._sessions = sessions
        self._records = records
        self._preferences = preferences

    async def stored(self, user_id: int) -> Stored:
        """How much there is of the person."""
        async with self._sessions() as session:
            rows = await privacy_queries.count_rows(session, user_id)
            return Stored(rows, await privacy_queries.count_shared_poems(session, user_id))

    async def export(self, user_id: int) -> bytes:
        """Every row about the person, as JSON in UTF-8: `format`, `user_id`, `exported_at`, then a list a table.

        Columns keep their names. Times are ISO 8601 in UTC; Discord's ids are strings; poems have a `text` in the
        script they were shown in, and favorites their `poem`, without whoever asked for it.
        """
        tables: dict[str, list[dict[str, Any]]] = {table.name: [] for table in privacy_queries.PERSONAL}
        async with self._sessions() as session:
            async for name, row in privacy_queries.rows(session, user_id):
                tables[name].append(row)
            kept = {row["id"]: row async for row in privacy_queries.kept_poems(session, user_id)}
        return await asyncio.to_thread(_as_json, user_id, tables, kept)

    async def refuse_in_training(self, user_id: int) -> None:
        """`BotError` while a training of the person's is under way: its lease and its reports need their id."""
        async with self._sessions() as session:
            if await privacy_queries.is_training(session, user_id, now()):
                raise BotError("privacy.training")

    async def delete(self, user_id: int) -> Deleted:
        """Delete all that is the person's in one transaction; when this returns it is gone, from a file's disk too.

        Poems that others keep stay, as do trainings, which models hang on; nothing in them tells of the person any
        more. Raises `BotError`, and nothing is deleted, while a training of theirs is under way.
        """
        async with self._sessions.begin() as session:
            # A change first: from here on nobody else writes, and no training begins after the look.
            await privacy_queries.be_the_only_writer(session)
            favorites = await privacy_queries.delete_favorites(session, user_id)
            if await privacy_queries.is_training(session, user_id, now()):
                raise BotError("privacy.training")
            runs = await privacy_queries.training_runs(session, user_id)
            left = [(self._records.files(run), RunState(run.state)) for run in runs]
            shared = await privacy_queries.disown_kept_poems(session, user_id)
            poems = await privacy_queries.delete_poems(session, user_id)
            trainings = await privacy_queries.disown_runs(session, user_id)
            await privacy_queries.disown_dailies(session, user_id)
            await privacy_queries.disown_linked(session, user_id)
            await privacy_queries.delete_rest(session, user_id)
        self._preferences.forget_person(user_id)
        for files, state in left:
            await asyncio.to_thread(_remove_upload, files, state)
        return Deleted(poems, favorites, shared, trainings)


def _remove_upload(files: RunFiles, state: RunState) -> None:
    """Delete a corpus that was sent, and with it what could only go on with it."""
    if not files.corpus.is_dir():
        return
    if state in {RunState.ACCEPTED, RunState.CANDIDATE}:
        files.remove_work()
    else:
        files.remove_all()


def _as_json(user_id: int, tables: Mapping[str, list[dict[str, Any]]], kept: Mapping[int, Mapping[str, Any]]) -> bytes:
    content: dict[str, Any] = {"format": FORMAT, "user_id": str(user_id), "exported_at": now().isoformat()}
    content |= {name: [_readable(row) for row in rows] for name, rows in tables.items()}
    for poem, row in zip(content["poems"], tables["poems"], strict=True):
        poem["text"] = _text(row)
    for favorite in content["favorites"]:
        if shown := kept.get(favorite["poem_id"]):
            favorite["poem"] = {name: shown[name] for name in _OF_A_POEM} | {"text": _text(shown)}
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if name in _SNOWFLAKES and value is not None else value


def _text(row: Mapping[str, Any]) -> str:
    """A poem as it was shown."""
    return ShownPoem.from_row(PoemRow(**row)).text
