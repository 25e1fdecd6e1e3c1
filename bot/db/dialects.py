"""What SQLite and PostgreSQL say differently."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Function,
    SQLColumnExpression,
    String,
    TableClause,
    TypeDecorator,
    bindparam,
    func,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_POSTGRESQL = "postgresql"


def is_postgresql(session: AsyncSession) -> bool:
    """Whether the session's database is a PostgreSQL server's."""
    return session.get_bind().dialect.name == _POSTGRESQL


async def put(session: AsyncSession, table: type[DeclarativeBase], key: Mapping[str, int], **values: Any) -> None:
    """Set columns of the row that has the `key`, which is made where there is none; one statement."""
    names = list(key)
    if is_postgresql(session):
        row = postgresql.insert(table).values(**key, **values)
        await session.execute(row.on_conflict_do_update(index_elements=names, set_=values))
    else:
        made = sqlite.insert(table).values(**key, **values)
        await session.execute(made.on_conflict_do_update(index_elements=names, set_=values))


async def be_the_only_writer(session: AsyncSession, tables: tuple[TableClause, ...]) -> None:
    """Until the end of the transaction nobody else writes in `tables`. On SQLite any change has that effect."""
    if is_postgresql(session):
        names = ", ".join(table.name for table in tables)
        await session.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))


class ByCodePoint(FunctionElement[str]):
    """A text, for ORDER BY: in the order of Unicode, whatever language the server sorts by."""

    type = String()
    inherit_cache = True


@compiles(ByCodePoint, "sqlite")
def _sqlite_by_code_point(element: ByCodePoint, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(ByCodePoint, _POSTGRESQL)
def _postgresql_by_code_point(element: ByCodePoint, compiler: SQLCompiler, **options: Any) -> str:
    return f'({compiler.process(element.clauses, **options)}) COLLATE "C"'


class _Pattern(TypeDecorator[str]):
    """One of SQLite's GLOB patterns; for PostgreSQL, the regular expression that says the same."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """`*` at the ends and `[…]` alone mean anything in a pattern."""
        if value is None or dialect.name != _POSTGRESQL:
            return value
        begins, ends = not value.startswith("*"), not value.endswith("*")
        return "^" * begins + value.strip("*") + "$" * ends


class _Fits(FunctionElement[bool]):
    inherit_cache = True


@compiles(_Fits, "sqlite")
def _sqlite_fits(element: _Fits, compiler: SQLCompiler, **options: Any) -> str:
    text_, pattern = element.clauses
    return f"{compiler.process(text_, **options)} GLOB {compiler.process(pattern, **options)}"


@compiles(_Fits, _POSTGRESQL)
def _postgresql_fits(element: _Fits, compiler: SQLCompiler, **options: Any) -> str:
    text_, pattern = element.clauses
    return f"{compiler.process(text_, **options)} ~ {compiler.process(pattern, **options)}"


def fits(column: SQLColumnExpression[str], pattern: str) -> ColumnElement[bool]:
    """Whether a text fits a pattern of Chinese characters, `[…]` for one of several, and `*` at either end."""
    return _Fits(column, bindparam(None, pattern, type_=_Pattern()))


def first_character(column: SQLColumnExpression[str]) -> Function[str]:
    """The first character of a text."""
    return func.substr(column, 1, 1)
