"""What is read of all people's favorites at once."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.tables import FavoriteRow, PoemRow


async def latest_favorites(session: AsyncSession, per_person: int) -> Sequence[tuple[int, str]]:
    """Each person's last `per_person` favorites: the person, and the poem's lines with a newline between them."""
    newest_first = (FavoriteRow.created_at.desc(), FavoriteRow.id.desc())
    ranked = select(
        FavoriteRow.user_id,
        FavoriteRow.poem_id,
        func.row_number().over(partition_by=FavoriteRow.user_id, order_by=newest_first).label("rank"),
    ).subquery()
    rows = await session.execute(
        select(ranked.c.user_id, PoemRow.traditional)
        .join(PoemRow, PoemRow.id == ranked.c.poem_id)
        .where(ranked.c.rank <= per_person)
    )
    return [(user_id, traditional) for user_id, traditional in rows]
