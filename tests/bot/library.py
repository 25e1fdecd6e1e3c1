"""Poems and hearts put straight into the database: many, at any time, of made-up lines."""

from datetime import UTC, datetime

from bot.db.engine import Sessions
from bot.db.tables import FavoriteRow, PoemRow

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def poem_row(
    lines: str, *, user_id: int | None = 1, guild_id: int | None = None, script: str = "simplified"
) -> PoemRow:
    """A poem of those traditional lines, a space between two."""
    traditional = lines.replace(" ", "\n")
    return PoemRow(
        user_id=user_id,
        guild_id=guild_id,
        start=lines[:1],
        form=len(lines.split(maxsplit=1)[0]),
        traditional=traditional,
        script=script,
        style="free",
        pattern=None,
        seed=1,
        model="made",
        created_at=LONG_AGO,
    )


async def put_poem(
    sessions: Sessions, lines: str, *, user_id: int | None = 1, guild_id: int | None = None, script: str = "simplified"
) -> int:
    """Its id."""
    async with sessions.begin() as session:
        session.add(row := poem_row(lines, user_id=user_id, guild_id=guild_id, script=script))
    return row.id


async def put_heart(sessions: Sessions, user_id: int, poem_id: int, when: datetime = LONG_AGO) -> None:
    """The person keeps the poem since then."""
    async with sessions.begin() as session:
        session.add(FavoriteRow(user_id=user_id, poem_id=poem_id, created_at=when))
