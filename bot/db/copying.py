"""Moving everything from one database to another, whichever of the two each is, and comparing them row for row."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from itertools import zip_longest
from typing import Any

from sqlalchemy import ColumnElement, String, Table, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.db.dialects import ByCodePoint
from bot.db.engine import create_engine
from bot.db.faults import reason_of, told_to_host
from bot.db.migrate import upgrade
from bot.db.postgresql import create_server_engine
from bot.db.state import problem_of
from bot.db.tables import Base
from bot.errors import ConfigError
from bot.place import Place, Server

_AT_ONCE = 1000
"""Rows."""

_TABLES: tuple[Table, ...] = tuple(Base.metadata.sorted_tables)
"""Those that others point at first."""

_Row = tuple[Any, ...]


def copy_everything(source: Place, target: Place) -> int:
    """Copy every row of `source` to `target`, which is migrated first; returns how many rows there are. Blocks.

    `target` must have no rows. It gets all of them in one transaction, which ends when both have been read again, side
    by side, and are the same; until then others see nothing of it. An id that was given is not given again.

    Raises `ConfigError`, and no row has been copied, when that cannot be done.
    """
    if str(source) == str(target):
        raise ConfigError(f"{source} is where everything is already; name another place to copy it to.")
    if problem := problem_of(source):
        raise ConfigError(problem)
    upgrade(target)
    return asyncio.run(_copy(source, target))


async def _copy(source: Place, target: Place) -> int:
    rows = 0
    async with _transaction(source, is_written=False) as old, _transaction(target, is_written=True) as new:
        await _require_empty(new, target)
        for table in _TABLES:
            async with aclosing(_parts(old, source, table)) as parts:
                async for part in parts:
                    rows += len(part)
                    await _insert(new, target, table, part)
            if "id" in table.columns:
                await _number_on(new, target, table, await _last_id(old, source, table))
        for table in _TABLES:
            await _compare(old, source, new, target, table)
        with told_to_host(target):
            await new.commit()
    return rows


@asynccontextmanager
async def _transaction(place: Place, *, is_written: bool) -> AsyncIterator[AsyncConnection]:
    """A connection whose transaction sees one moment, or keeps all other writers out; undone unless it is committed."""
    engine = create_server_engine(place, is_for_upkeep=True) if isinstance(place, Server) else create_engine(place)
    try:
        with told_to_host(place):
            connection = await engine.connect()
        try:
            with told_to_host(place):
                await _begin(connection, place, is_written=is_written)
            yield connection
        finally:
            await connection.close()
    finally:
        await engine.dispose()


async def _begin(connection: AsyncConnection, place: Place, *, is_written: bool) -> None:
    if not isinstance(place, Server):
        # By itself SQLite's driver begins with the first change, and each reading sees another moment.
        await connection.exec_driver_sql("BEGIN IMMEDIATE" if is_written else "BEGIN")
    elif is_written:
        names = ", ".join(table.name for table in _TABLES)
        await connection.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
    else:
        await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


async def _require_empty(connection: AsyncConnection, place: Place) -> None:
    for table in _TABLES:
        with told_to_host(place):
            found = (await connection.execute(select(table).limit(1))).first()
        if found is not None:
            raise ConfigError(f"{place} has rows in {table.name} already; name a database that is empty.")


async def _parts(connection: AsyncConnection, place: Place, table: Table) -> AsyncGenerator[Sequence[_Row], None]:
    """All rows of a table in the order of its key, some at a time."""
    statement = select(table).order_by(*(_sorted(column) for column in table.primary_key))
    with _refused(f"A row of {table.name} in {place} cannot be read"), told_to_host(place):
        result = await connection.stream(statement, execution_options={"yield_per": _AT_ONCE})
        while part := await result.fetchmany(_AT_ONCE):
            yield [tuple(row) for row in part]


async def _insert(connection: AsyncConnection, place: Place, table: Table, rows: Sequence[_Row]) -> None:
    names = table.columns.keys()
    values = [dict(zip(names, row, strict=True)) for row in rows]
    with _refused(f"A row of {table.name} cannot be written to {place}"), told_to_host(place):
        await connection.execute(table.insert(), values)


async def _last_id(connection: AsyncConnection, place: Place, table: Table) -> int:
    """The last id that was given, though its row may be gone."""
    with told_to_host(place):
        last = await connection.scalar(select(func.max(table.columns.id)))
        if not isinstance(place, Server):
            counter = await connection.scalar(
                text("SELECT seq FROM sqlite_sequence WHERE name = :table"), {"table": table.name}
            )
        else:
            sequence = await _sequence(connection, table)
            counter = await connection.scalar(text(f"SELECT last_value FROM {sequence} WHERE is_called"))  # noqa: S608 # the server's own name for it
    return max(last or 0, counter or 0)


async def _number_on(connection: AsyncConnection, place: Place, table: Table, last: int) -> None:
    """Let ids begin after the last one."""
    with told_to_host(place):
        if last == 0:
            return
        if isinstance(place, Server):
            sequence = await _sequence(connection, table)
            await connection.execute(
                text("SELECT setval(CAST(:name AS regclass), :last)"), {"name": sequence, "last": last}
            )
        elif table.dialect_options["sqlite"]["autoincrement"]:
            values = {"table": table.name, "last": last}
            await connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), values)
            await connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"), values)


async def _sequence(connection: AsyncConnection, table: Table) -> str:
    return str(await connection.scalar(text("SELECT pg_get_serial_sequence(:table, 'id')"), {"table": table.name}))


async def _compare(old: AsyncConnection, source: Place, new: AsyncConnection, target: Place, table: Table) -> None:
    counts = []
    for connection, place in ((old, source), (new, target)):
        with told_to_host(place):
            counts.append(await connection.scalar(select(func.count()).select_from(table)))
    if counts[0] != counts[1]:
        raise ConfigError(
            f"{target} would not hold what {source} holds: {table.name} has {counts[1]:,} rows there and {counts[0]:,}"
            " here; nothing was copied."
        )
    keys = [column.name for column in table.primary_key]
    async with aclosing(_parts(old, source, table)) as ours, aclosing(_parts(new, target, table)) as theirs:
        async for part in ours:
            for row, other in zip_longest(part, await anext(theirs, [])):
                if row is None or other is None or _plain(row) != _plain(other):
                    there = dict(zip(table.columns.keys(), row or other, strict=True))
                    key = ", ".join(f"{name} {there[name]}" for name in keys)
                    raise ConfigError(
                        f"{target} would not hold what {source} holds: in {table.name}, the row with {key} would not be"
                        " the same; nothing was copied."
                    )


def _plain(row: _Row) -> _Row:
    """The values that both kinds of database know: SQLite has no number that is none."""
    return tuple(None if isinstance(value, float) and math.isnan(value) else value for value in row)


def _sorted(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return ByCodePoint(column) if isinstance(column.type, String) else column


@contextmanager
def _refused(what: str) -> Iterator[None]:
    """What a database does not take, or a value that cannot be read, leaves as a `ConfigError`."""
    try:
        yield
    except (SQLAlchemyError, ValueError) as error:
        raise ConfigError(f"{what} ({reason_of(error)}), so nothing was copied; correct it, and copy again.") from error
