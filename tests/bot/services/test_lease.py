import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from bot.db.engine import Sessions
from bot.db.tables import now
from bot.services import lease as lease_module
from bot.services.lease import Lease, LeaseTakenError
from tests.bot.conftest import Rows
from tests.bot.world import until


async def take(lease: Lease, sessions: Sessions, user_id: int = 7, run_id: int = 1) -> bool:
    """Whether the lease could be had."""
    try:
        async with sessions.begin() as session:
            await lease.take(session, user_id, run_id)
    except LeaseTakenError:
        return False
    return True


async def give_back(lease: Lease, sessions: Sessions, run_id: int = 1) -> None:
    async with sessions.begin() as session:
        await lease.drop(session, run_id)


def expire(rows: Rows) -> None:
    """As if the holder had said nothing for a long time."""
    rows("UPDATE leases SET expires_at = '2026-01-01 00:00:00.000000'")


async def test_one_of_many_who_ask_at_once_gets_it(sessions: Sessions) -> None:
    asked = await asyncio.gather(*(take(Lease("x", sessions), sessions, run_id=number) for number in range(8)))
    assert sum(asked) == 1


async def test_one_of_many_who_ask_at_once_gets_what_has_expired(sessions: Sessions, rows: Rows) -> None:
    assert await take(Lease("x", sessions), sessions)
    await asyncio.to_thread(expire, rows)
    asked = await asyncio.gather(*(take(Lease("x", sessions), sessions, run_id=number) for number in range(8)))
    assert sum(asked) == 1


async def test_it_tells_who_has_it_and_since_when(sessions: Sessions, rows: Rows) -> None:
    lease = Lease("x", sessions)
    assert await lease.tenure() is None
    await take(lease, sessions, user_id=5, run_id=6)
    tenure = await Lease("x", sessions).tenure()
    assert tenure is not None
    assert (tenure.user_id, tenure.run_id) == (5, 6)
    assert now() - tenure.since < timedelta(seconds=30)
    await asyncio.to_thread(expire, rows)
    assert await lease.tenure() is None


async def test_leases_of_other_names_are_other_leases(sessions: Sessions) -> None:
    assert await take(Lease("x", sessions), sessions)
    assert await take(Lease("y", sessions), sessions)


async def test_what_was_given_back_can_be_had(sessions: Sessions) -> None:
    first, second = Lease("x", sessions), Lease("x", sessions)
    await take(first, sessions)
    await give_back(second, sessions)
    assert not await take(second, sessions)
    await give_back(first, sessions)
    assert await take(second, sessions)


async def test_what_is_renewed_does_not_expire_and_what_was_taken_cannot_be_renewed(
    sessions: Sessions, rows: Rows
) -> None:
    first, second = Lease("x", sessions), Lease("x", sessions)
    await take(first, sessions)
    await asyncio.to_thread(expire, rows)
    assert await first.renew(1)
    assert not await take(second, sessions)
    await asyncio.to_thread(expire, rows)
    assert await take(second, sessions, run_id=2)
    assert not await first.renew(1)
    assert await second.renew(2)


async def test_a_transaction_that_is_undone_gives_it_back(sessions: Sessions) -> None:
    first = Lease("x", sessions)

    async def fail() -> None:
        async with sessions.begin() as session:
            await first.take(session, 7, 1)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await take(Lease("x", sessions), sessions)


class TestKeeping:
    """Renewed every hundredth of a second."""

    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lease_module, "BEAT_SECONDS", 0.01)

    async def test_it_is_kept_as_long_as_nobody_takes_it(self, sessions: Sessions, rows: Rows) -> None:
        first, second = Lease("x", sessions), Lease("x", sessions)
        await take(first, sessions)
        keeping = asyncio.create_task(first.keep(1, lambda: None))
        for _ in range(3):
            await asyncio.to_thread(expire, rows)
            await until(lambda: rows("SELECT expires_at > '2026-01-01 00:00:01' FROM leases") == [(1,)])
        assert not keeping.done()
        assert not await take(second, sessions)
        # As if this process had stood still for a while.
        await asyncio.to_thread(rows, "UPDATE leases SET holder = 'another'")
        await asyncio.wait_for(keeping, timeout=10)

    @pytest.mark.parametrize("is_long", [True, False])
    async def test_a_database_that_cannot_be_reached_for_long_loses_it(
        self, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, *, is_long: bool
    ) -> None:
        lease, failures = Lease("x", sessions), 0
        await take(lease, sessions)

        async def fail(_: int) -> bool:
            nonlocal failures
            failures += 1
            raise OperationalError("UPDATE leases", {}, Exception("the disk is gone"))

        monkeypatch.setattr(lease, "renew", fail)
        monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.1 if is_long else 1000.0)
        keeping = asyncio.create_task(lease.keep(1, lambda: None))
        await until(lambda: keeping.done() if is_long else failures > 5)
        assert keeping.done() == is_long
        keeping.cancel()

    async def test_another_process_can_ask_for_the_end(self, sessions: Sessions) -> None:
        first, second, asked = Lease("x", sessions), Lease("x", sessions), asyncio.Event()
        await take(first, sessions)
        keeping = asyncio.create_task(first.keep(1, asked.set))
        assert not await second.request_stop(2)
        assert await second.request_stop(1)
        await asyncio.wait_for(asked.wait(), timeout=10)
        keeping.cancel()
        await give_back(first, sessions)
        assert not await second.request_stop(1)
        await take(second, sessions)
        assert not await second.stop_requested(1)


class TestTurns:
    """What must not be done twice at once."""

    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lease_module, "_LOOK_SECONDS", 0.01)

    async def test_each_process_has_its_own(self, sessions: Sessions) -> None:
        inside, most = 0, 0

        async def work() -> None:
            nonlocal inside, most
            async with Lease("x", sessions).turn():
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.01)
                inside -= 1

        await asyncio.wait_for(asyncio.gather(*(work() for _ in range(4))), timeout=30)
        assert most == 1

    async def test_a_process_that_died_in_its_own_is_not_waited_for(self, sessions: Sessions, rows: Rows) -> None:
        assert await take(Lease("x", sessions), sessions, user_id=0, run_id=0)
        second = Lease("x", sessions)
        waiting = asyncio.create_task(second.pace(60.0))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await asyncio.to_thread(expire, rows)
        await asyncio.wait_for(waiting, timeout=10)
        assert not await take(Lease("x", sessions), sessions)

    async def test_a_database_that_fails_is_not_waited_for(self, sessions: Sessions, rows: Rows) -> None:
        await asyncio.to_thread(rows, "ALTER TABLE leases RENAME TO hidden")
        async with Lease("x", sessions).turn():
            await asyncio.to_thread(rows, "ALTER TABLE hidden RENAME TO leases")
