"""What people kept, as the training reads it: `{"format": 1, "poems": [{"lines": [...], "keepers": 3}, ...]}`.

It says how many kept a poem, never who.
"""

import asyncio
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from bot.db import favorites_queries
from bot.db.engine import Sessions, open_sessions
from bot.db.migrate import upgrade
from bot.errors import ConfigError
from bot.place import Place
from poetry_model.form import FORMS, MAX_LINES
from poetry_model.script import is_han

FORMAT = 1


class Exporter:
    """Weighs the favorites so that neither one person nor one poem can steer."""

    def __init__(self, sessions: Sessions, *, per_person: int, per_poem: int) -> None:
        """`per_person`: a person's favorites that count, the latest; `per_poem`: keepers of a poem that count."""
        self._sessions = sessions
        self._per_person = per_person
        self._per_poem = per_poem

    async def export(self) -> dict[str, Any]:
        """The regular poems that are kept, those with the most keepers first."""
        async with self._sessions() as session:
            favorites = await favorites_queries.latest_favorites(session, self._per_person)
        # By its lines: a poem that was written twice is one poem, and who kept it twice kept it once.
        keepers: dict[tuple[str, ...], set[int]] = defaultdict(set)
        for user_id, traditional in favorites:
            keepers[tuple(traditional.split("\n"))].add(user_id)
        weighed = [(lines, min(len(people), self._per_poem)) for lines, people in keepers.items() if _is_regular(lines)]
        weighed.sort(key=lambda poem: (-poem[1], poem[0]))
        return {"format": FORMAT, "poems": [{"lines": list(lines), "keepers": weight} for lines, weight in weighed]}

    async def write(self, path: Path) -> int:
        """Export to the file at `path`; returns how many poems it holds. Without any, no file is written."""
        content = await self.export()
        if not content["poems"]:
            return 0
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        await asyncio.to_thread(path.write_text, text, encoding="utf-8")
        return len(content["poems"])


def export_command(database: Place, file: Path, *, per_person: int, per_poem: int) -> int:
    """`favorites export`: write the favorites in `database` to `file`; the exit code.

    Raises `ConfigError` when there is no database, nothing to export, or no way to write there.
    """
    if isinstance(database, Path) and not database.exists():
        raise ConfigError(f"There is no database {database}; correct database.path.")
    upgrade(database)
    try:
        count = asyncio.run(_export(database, file, per_person, per_poem))
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}); name another.") from error
    if not count:
        raise ConfigError(
            f"Nobody keeps a poem in {database}, so there is nothing to export; press ❤ under some first."
        )
    print(f"{count:,} poems in {file}")
    return 0


async def _export(database: Place, file: Path, per_person: int, per_poem: int) -> int:
    async with open_sessions(database) as sessions:
        return await Exporter(sessions, per_person=per_person, per_poem=per_poem).write(file)


def _is_regular(lines: tuple[str, ...]) -> bool:
    """Whether the training can learn it."""
    return (
        len(lines) <= MAX_LINES
        and {len(line) for line in lines} in ({form} for form in FORMS)
        and all(is_han(character) for line in lines for character in line)
    )
