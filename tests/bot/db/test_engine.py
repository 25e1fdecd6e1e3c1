import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.db.engine import create_engine, database_url, open_sessions


async def test_every_connection_has_its_settings(tmp_path: Path) -> None:
    engine = create_engine(tmp_path / "new" / "shiren.sqlite3")
    wanted = {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 5000, "synchronous": 2, "secure_delete": 1}
    async with engine.connect() as first, engine.connect() as second:
        for connection in (first, second):
            found = {name: (await connection.execute(text(f"PRAGMA {name}"))).scalar() for name in wanted}
            assert found == wanted
    await engine.dispose()


async def test_the_folder_of_the_database_is_made(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "shiren.sqlite3"
    async with open_sessions(file) as sessions, sessions() as session:
        await session.execute(text("CREATE TABLE t (x)"))
    assert file.is_file()


async def test_what_was_read_stays_readable_after_the_commit(tmp_path: Path) -> None:
    async with open_sessions(tmp_path / "x.sqlite3") as sessions:
        assert sessions.kw["expire_on_commit"] is False


async def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    async with open_sessions(tmp_path / "x.sqlite3") as sessions:
        async with sessions.begin() as session:
            await session.execute(text("CREATE TABLE t (x)"))
        async with sessions() as writer, sessions() as reader:
            await writer.execute(text("INSERT INTO t VALUES (1)"))
            assert (await reader.execute(text("SELECT count(*) FROM t"))).scalar() == 0
            await writer.commit()
        async with sessions() as reader:
            assert (await reader.execute(text("SELECT count(*) FROM t"))).scalar() == 1


async def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    async with open_sessions(tmp_path / "x.sqlite3") as sessions:
        async with sessions.begin() as session:
            await session.execute(text("CREATE TABLE t (x)"))

        async def write(value: int) -> None:
            async with sessions.begin() as session:
                await session.execute(text("INSERT INTO t VALUES (:value)"), {"value": value})
                await asyncio.sleep(0.001)

        await asyncio.gather(*(write(value) for value in range(30)))
        async with sessions() as reader:
            assert (await reader.execute(text("SELECT count(*) FROM t"))).scalar() == 30


async def test_an_error_inside_takes_the_changes_back(tmp_path: Path) -> None:
    async with open_sessions(tmp_path / "x.sqlite3") as sessions:
        async with sessions.begin() as session:
            await session.execute(text("CREATE TABLE t (x)"))

        async def fail() -> None:
            async with sessions.begin() as session:
                await session.execute(text("INSERT INTO t VALUES (1)"))
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        async with sessions() as reader:
            assert (await reader.execute(text("SELECT count(*) FROM t"))).scalar() == 0


@pytest.mark.parametrize("name", ["plain.sqlite3", "with space?.sqlite3", "诗.sqlite3", "50%.sqlite3"])
def test_an_address_holds_the_path_as_it_is(name: str) -> None:
    assert database_url(Path("/data") / name).database == f"/data/{name}"
