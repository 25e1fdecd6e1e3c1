"""A PostgreSQL server for tests: the one at `SHIREN_TEST_DATABASE_URL`, where each test has its own database."""

import asyncio
import os
import re
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeVar

import asyncpg

from bot.db.migrate import upgrade
from bot.place import Server

VARIABLE = "SHIREN_TEST_DATABASE_URL"
"""Of the environment: the URL of a database whose user may make others. Unset: those tests are left out."""

_Result = TypeVar("_Result")


class TestServer:
    """Makes and drops databases, in a thread of its own: any test can ask it, whatever loop it runs."""

    __test__ = False

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._admin: asyncpg.Connection[Any] = self._do(asyncpg.connect(Server.of(url).dsn.get_secret_value()))
        self._template = self._name()
        self._execute(f"CREATE DATABASE {self._template} ENCODING 'UTF8' TEMPLATE template0")
        upgrade(self.at(self._template))

    def close(self) -> None:
        """Drop what is left."""
        self._drop(self._template)
        self._do(self._admin.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def database(self, template: str | None = None, options: str = "") -> Iterator[Server]:
        """A database for a while: migrated and without rows, or a copy of `template0` in which there is nothing."""
        name = self._name()
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template or self._template} {options}")
        try:
            yield self.at(name)
        finally:
            self._drop(name)

    def at(self, name: str) -> Server:
        """The database of that name on this server, which need not be there."""
        return Server.of(re.sub(r"/[^/?]*(\?|$)", rf"/{name}\1", self._url))

    def query(self, server: Server, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a statement finds, with `?` for each value, as SQLite has it."""
        numbers = count(1)
        numbered = re.sub(r"\?", lambda _: f"${next(numbers)}", sql)

        async def ask() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(server.dsn.get_secret_value(), server_settings={"lock_timeout": "5s"})
            try:
                return [tuple(row) for row in await connection.fetch(numbered, *values)]
            finally:
                await connection.close()

        return self._do(ask())

    @contextmanager
    def holding(self, server: Server, sql: str) -> Iterator[None]:
        """Somebody has executed a statement in a transaction that goes on."""

        async def begin() -> "asyncpg.Connection[Any]":
            connection = await asyncpg.connect(server.dsn.get_secret_value())
            await connection.execute("BEGIN")
            await connection.execute(sql)
            return connection

        connection = self._do(begin())
        yield
        self._do(connection.close())

    def let_in(self, server: Server, *, is_open: bool) -> None:
        """Let nobody connect to a database any more and end who is, or let everybody in again."""
        name = str(server).rpartition("/")[2]
        self._execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {is_open}")
        if not is_open:
            self._execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def set_up(self, server: Server, setting: str, value: str) -> None:
        """Let a database have a setting of PostgreSQL's for those who connect from now on."""
        name = str(server).rpartition("/")[2]
        self._execute(f"ALTER DATABASE {name} SET {setting} = {value}")

    def _name(self) -> str:
        return f"shiren_test_{os.getpid()}_{next(self._numbers)}"

    def _drop(self, name: str) -> None:
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, sql: str) -> None:
        self._do(self._admin.execute(sql))

    def _do(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)
