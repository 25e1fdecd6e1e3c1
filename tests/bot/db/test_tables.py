from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import BigInteger, select
from sqlalchemy.exc import IntegrityError, StatementError

from bot.db.engine import Sessions
from bot.db.tables import Base, FavoriteRow, ModelVersionRow, PoemRow, TrainingRunRow, now
from tests.bot.conftest import Rows


def poem() -> PoemRow:
    return PoemRow(user_id=1, start="月", form=5, traditional="月", script="simplified", seed=1, model="m")


def run() -> TrainingRunRow:
    return TrainingRunRow(user_id=1, channel_id=2, epochs=1, parent="m", state="accepted")


async def store(sessions: Sessions, *rows: Base) -> None:
    async with sessions.begin() as session:
        session.add_all(rows)


async def test_a_time_comes_back_in_utc_as_the_same_moment(sessions: Sessions) -> None:
    taipei = datetime(2026, 1, 2, 3, 4, 5, 678901, timezone(timedelta(hours=8)))
    row = poem()
    row.created_at = taipei
    await store(sessions, row)
    async with sessions() as session:
        found = (await session.scalars(select(PoemRow.created_at))).one()
    assert found == taipei
    assert found.utcoffset() == timedelta(0)


async def test_a_time_without_a_zone_is_refused(sessions: Sessions) -> None:
    row = poem()
    row.created_at = datetime(2026, 1, 1)  # noqa: DTZ001 # the mistake in question
    with pytest.raises(StatementError, match="a time without a zone"):
        await store(sessions, row)


async def test_a_time_that_is_not_known_stays_unknown(sessions: Sessions) -> None:
    await store(sessions, run())
    async with sessions() as session:
        assert (await session.scalars(select(TrainingRunRow.finished_at))).one() is None


async def test_a_row_knows_when_it_was_made(sessions: Sessions) -> None:
    before = now()
    row = poem()
    await store(sessions, row)
    assert before <= row.created_at <= now()
    assert row.created_at.tzinfo is UTC


async def test_nobody_keeps_a_poem_twice(sessions: Sessions) -> None:
    await store(sessions, poem())
    await store(sessions, FavoriteRow(user_id=1, poem_id=1))
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        await store(sessions, FavoriteRow(user_id=1, poem_id=1))


async def test_no_favorite_points_at_nothing(sessions: Sessions) -> None:
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        await store(sessions, FavoriteRow(user_id=1, poem_id=404))


async def test_no_version_is_recorded_twice(sessions: Sessions) -> None:
    await store(sessions, run())
    await store(sessions, ModelVersionRow(version="v", folder="a", run_id=1))
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        await store(sessions, ModelVersionRow(version="v", folder="b", run_id=1))


async def test_favorites_go_with_their_poem(sessions: Sessions, rows: Rows) -> None:
    await store(sessions, poem())
    await store(sessions, FavoriteRow(user_id=1, poem_id=1))
    async with sessions.begin() as session:
        await session.delete(await session.get_one(PoemRow, 1))
    assert rows("SELECT count(*) FROM favorites") == [(0,)]


@pytest.mark.parametrize("make", [poem, run])
async def test_an_id_that_buttons_may_still_carry_is_not_given_again(sessions: Sessions, make: type[Base]) -> None:
    first, second = make(), make()
    await store(sessions, first)
    async with sessions.begin() as session:
        await session.delete(first)
    await store(sessions, second)
    assert [row.id for row in (first, second) if isinstance(row, PoemRow | TrainingRunRow)] == [1, 2]


def test_every_id_holds_64_bits() -> None:
    ids = [
        column
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name == "id" or column.name.endswith("_id")
    ]
    assert len(ids) == 30
    assert all(isinstance(column.type, BigInteger) for column in ids)


def test_every_constraint_has_a_name() -> None:
    constraints = [each for table in Base.metadata.tables.values() for each in table.constraints]
    assert [each for each in constraints if each.name is None] == []
