import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, OperationalError

from bot.db.engine import Sessions
from bot.db.inserts import Inserts
from bot.db.tables import PoemRow
from tests.bot.conftest import Rows
from tests.bot.library import poem_row


def _poem(number: int) -> PoemRow:
    return poem_row("月", user_id=number)


@contextmanager
def _at_commit(sessions: Sessions, act: Callable[[], None]) -> Iterator[None]:
    engine = sessions.kw["bind"].sync_engine

    def listener(connection: object) -> None:  # noqa: ARG001 # SQLAlchemy's signature
        act()

    event.listen(engine, "commit", listener)
    try:
        yield
    finally:
        event.remove(engine, "commit", listener)


async def test_what_comes_at_once_takes_two_transactions_and_each_row_has_its_id(
    sessions: Sessions, rows: Rows
) -> None:
    inserts, poems = Inserts(sessions), [_poem(number) for number in range(40)]
    commits: list[int] = []
    with _at_commit(sessions, lambda: commits.append(1)):
        await asyncio.gather(*(inserts.insert(poem) for poem in poems))
    # The first does not wait for the others.
    assert len(commits) == 2
    found = dict(await asyncio.to_thread(rows, "SELECT user_id, id FROM poems"))
    assert found == {poem.user_id: poem.id for poem in poems}


async def test_one_after_another_each_is_there_when_it_returns(sessions: Sessions, rows: Rows) -> None:
    inserts = Inserts(sessions)
    for number in range(3):
        await inserts.insert(_poem(number))
        assert (await asyncio.to_thread(rows, "SELECT count(*) FROM poems"))[0][0] == number + 1


async def test_a_row_that_is_refused_takes_no_other_with_it(sessions: Sessions, rows: Rows) -> None:
    inserts = Inserts(sessions)
    await inserts.insert(first := _poem(0))
    twice = _poem(99)
    twice.id = first.id
    poems = [_poem(1), _poem(2), twice, _poem(3)]
    found = await asyncio.gather(*(inserts.insert(poem) for poem in poems), return_exceptions=True)
    assert [type(error) for error in found] == [type(None), type(None), IntegrityError, type(None)]
    assert sorted(await asyncio.to_thread(rows, "SELECT user_id FROM poems")) == [(0,), (1,), (2,), (3,)]


async def test_a_fault_of_the_file_is_told_to_all_at_once(sessions: Sessions, rows: Rows) -> None:
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise OperationalError("COMMIT", {}, full)

    inserts, poems = Inserts(sessions), [_poem(number) for number in range(20)]
    with _at_commit(sessions, fail):
        found = await asyncio.gather(*(inserts.insert(poem) for poem in poems), return_exceptions=True)
    assert {type(error) for error in found} == {OperationalError}
    assert len(tries) == 2
    # And the next ones are stored again.
    await inserts.insert(_poem(99))
    assert await asyncio.to_thread(rows, "SELECT user_id FROM poems") == [(99,)]


async def test_what_is_cancelled_while_it_waits_is_not_inserted(sessions: Sessions, rows: Rows) -> None:
    inserts = Inserts(sessions)
    first, second, third = (asyncio.create_task(inserts.insert(_poem(number))) for number in range(3))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(first, third)
    assert second.cancelled()
    assert sorted(await asyncio.to_thread(rows, "SELECT user_id FROM poems")) == [(0,), (2,)]


async def test_what_went_with_one_that_was_cancelled_is_inserted_all_the_same(sessions: Sessions, rows: Rows) -> None:
    inserts = Inserts(sessions)
    ahead, taker, other = (asyncio.create_task(inserts.insert(_poem(number))) for number in range(3))
    await ahead
    # The second took both, and is in its transaction.
    taker.cancel()
    await asyncio.gather(taker, return_exceptions=True)
    await other
    found = {user for [user] in await asyncio.to_thread(rows, "SELECT user_id FROM poems")}
    assert {0, 2} <= found
