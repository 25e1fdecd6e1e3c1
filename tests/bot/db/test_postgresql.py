"""A PostgreSQL server's database: its migrations, its commands, and what people and hosts are told where it fails."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from bot.__main__ import main
from bot.config import TOKEN_VARIABLE, URL_VARIABLE
from bot.db import postgresql
from bot.db.engine import open_sessions
from bot.db.faults import fault_of
from bot.db.migrate import alembic_config, target_revision, upgrade
from bot.db.migrate_server import in_transaction
from bot.db.postgresql import create_server_engine
from bot.db.tables import Base, PoemRow
from bot.errors import ConfigError
from bot.i18n import Strings
from bot.place import Place, Server
from bot.services import Fault
from tests.bot.conftest import Rows
from tests.bot.places import address
from tests.bot.postgresql import TestServer
from tests.bot.world import World, shown, told

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"

COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length"
    " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
)

INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"


@pytest.fixture
def empty(server: TestServer) -> Iterator[Server]:
    """A database in which there is nothing."""
    with server.database("template0", "ENCODING 'UTF8'") as made:
        yield made


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command on a database; gives its exit code, its output and what it said on standard error."""

    def call(place: Place, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv(URL_VARIABLE, address(place))
        return main([*arguments]), *capsys.readouterr()

    return call


def alembic(server: Server, work: Callable[[Config], object]) -> None:
    """Let Alembic work on a server's database."""
    config = alembic_config(server)

    def connected(connection: Connection) -> None:
        config.attributes["connection"] = connection
        work(config)

    asyncio.run(in_transaction(server, connected))


UNKNOWN = (
    "is at revision 9999, which this version does not know; install the version that made it, or correct database.url."
)

NOWHERE = (
    'cannot be used (database "shiren_nowhere" does not exist); look whether its server runs and has it, and correct'
    " database.url or DATABASE_URL."
)


class TestMigrations:
    def test_they_go_up_and_down_and_up_again(self, server: TestServer, empty: Server) -> None:
        upgrade(empty)
        first = [server.query(empty, query) for query in (TABLES, COLUMNS, INDEXES)]
        assert {name for (name,) in first[0]} == {*Base.metadata.tables, "alembic_version"}
        alembic(empty, lambda config: command.downgrade(config, "base"))
        assert server.query(empty, TABLES) == [("alembic_version",)]
        upgrade(empty)
        assert [server.query(empty, query) for query in (TABLES, COLUMNS, INDEXES)] == first

    def test_they_end_in_the_shape_of_the_mapped_tables(self, empty: Server) -> None:
        upgrade(empty)
        alembic(empty, command.check)

    def test_what_was_there_is_there_afterwards(self, server: TestServer, empty: Server) -> None:
        upgrade(empty, "0001")
        server.query(
            empty,
            "INSERT INTO poems (user_id, start, form, traditional, script, seed, model, created_at)"
            " VALUES (1, '月', 5, '月', 'simplified', 1, 'm', '2026-01-01')",
        )
        upgrade(empty)
        assert server.query(empty, "SELECT start, style, is_taken_away FROM poems") == [("月", "free", False)]

    def test_processes_that_start_together_migrate_once(
        self, server: TestServer, empty: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        migrated = []
        upgrade_once = command.upgrade

        def noted(config: Config, revision: str) -> None:
            migrated.append(revision)
            upgrade_once(config, revision)

        monkeypatch.setattr(command, "upgrade", noted)
        errors: list[BaseException] = []

        def start() -> None:
            try:
                upgrade(empty)
            except BaseException as error:  # noqa: BLE001 # of a thread
                errors.append(error)

        threads = [threading.Thread(target=start) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert migrated == ["head"]
        assert server.query(empty, "SELECT count(*) FROM alembic_version") == [(1,)]

    def test_one_that_fails_leaves_everything_as_it_was(
        self, server: TestServer, empty: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from alembic import op  # noqa: PLC0415 # patched as the migration finds it

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("in the middle")

        upgrade(empty, "0003")
        before = [server.query(empty, query) for query in (TABLES, COLUMNS, INDEXES)]
        monkeypatch.setattr(op, "create_index", fail)
        with pytest.raises(ConfigError) as caught:
            upgrade(empty)
        assert str(caught.value) == (
            f"The database {empty} could not be migrated (in the middle), and is as it was before; go back to the"
            " version that made it, or report this."
        )
        assert [server.query(empty, query) for query in (TABLES, COLUMNS, INDEXES)] == before


Run = Callable[..., tuple[int, str, str]]


class TestCommands:
    def test_migrate_and_check(self, run: Run, empty: Server) -> None:
        newest = target_revision(alembic_config(empty))
        assert run(empty, "db", "check") == (
            1,
            f"{empty} is empty, and {newest} is the newest; bring it there (python -m bot db migrate).\n",
            "",
        )
        assert run(empty, "db") == (0, f"{empty} is up to date\n", "")
        assert run(empty, "db", "check") == (0, f"{empty} is whole and up to date\n", "")

    @pytest.mark.parametrize("task", ["backup", "restore"])
    def test_copies_are_the_business_of_its_own_programs(self, run: Run, empty: Server, task: str) -> None:
        assert run(empty, "db", task, "file") == (
            2,
            "",
            f"{empty} is a server's: back it up with pg_dump and put a backup back with pg_restore.\n",
        )

    @pytest.mark.parametrize("command", ["db", "run"])
    @pytest.mark.parametrize(
        ("spoil", "sentence"),
        [
            ("DROP TABLE alembic_version", "is another program's; correct database.url."),
            (
                "UPDATE alembic_version SET version_num = '9999'",
                UNKNOWN,
            ),
        ],
    )
    def test_what_cannot_be_used_ends_the_start_with_2_and_one_sentence(
        self,
        run: Run,
        server: TestServer,
        monkeypatch: pytest.MonkeyPatch,
        command: str,
        spoil: str,
        sentence: str,
    ) -> None:
        monkeypatch.setenv(TOKEN_VARIABLE, "MTk4NjIy.secret.token")
        with server.database() as made:
            server.query(made, spoil)
            assert run(made, command) == (2, "", f"The database {made} {sentence}\n")

    def test_a_database_that_is_not_there_is_told(self, run: Run, server: TestServer) -> None:
        missing = server.at("shiren_nowhere")
        assert run(missing, "db") == (
            2,
            "",
            f"The database {missing} {NOWHERE}\n",
        )

    def test_one_without_chinese_characters_is_refused(self, run: Run, server: TestServer) -> None:
        with server.database("template0", "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'") as made:
            code, _, sentence = run(made, "db")
        assert code == 2
        assert sentence == (
            f"The database {made} holds SQL_ASCII, which has no Chinese characters; make one with"
            " createdb --encoding UTF8 --template template0, and name that in database.url.\n"
        )

    def test_one_that_may_not_be_written_is_told(self, run: Run, server: TestServer, empty: Server) -> None:
        forbid_writing(server, empty)
        code, _, sentence = run(empty, "db")
        assert code == 2
        assert sentence.startswith(
            f"The database {empty} cannot be written (cannot execute CREATE TABLE in a read-only"
        )


def forbid_writing(server: TestServer, place: Server, *, is_forbidden: bool = True) -> None:
    server.set_up(place, "default_transaction_read_only", "on" if is_forbidden else "off")
    # It holds for those who come.
    server.let_in(place, is_open=False)
    server.let_in(place, is_open=True)


@contextmanager
def gone(server: TestServer, place: Server) -> Iterator[None]:
    """The server takes nobody in."""
    server.let_in(place, is_open=False)
    yield
    server.let_in(place, is_open=True)


@contextmanager
def read_only(server: TestServer, place: Server) -> Iterator[None]:
    """It is a standby's."""
    forbid_writing(server, place)
    yield
    forbid_writing(server, place, is_forbidden=False)


@contextmanager
def full(server: TestServer, place: Server) -> Iterator[None]:
    """The server says what it says when its disk is full."""
    server.query(
        place,
        "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'No space left on device'; END $$",
    )
    for table in ("poems", "favorites"):
        server.query(place, f"CREATE TRIGGER filled BEFORE INSERT ON {table} EXECUTE FUNCTION fill()")
    yield
    server.query(place, "DROP FUNCTION fill CASCADE")


@contextmanager
def locked(server: TestServer, place: Server) -> Iterator[None]:
    """Another program holds the tables."""
    with server.holding(place, "LOCK TABLE poems, favorites IN EXCLUSIVE MODE"):
        yield


Faulty = Callable[[TestServer, Server], AbstractContextManager[None]]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a lock."""
    monkeypatch.setitem(postgresql._SESSION, "lock_timeout", "100ms")


@pytest.mark.postgresql
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("fault", "faulty"),
    [(Fault.UNREACHABLE, gone), (Fault.READ_ONLY, read_only), (Fault.FULL, full), (Fault.LOCKED, locked)],
)
async def test_poems_are_still_shown_and_a_heart_is_answered_with_what_is_wrong(
    server: TestServer,
    world: World,
    strings: Strings,
    rows: Rows,
    logged_errors: list[str],
    fault: Fault,
    faulty: Faulty,
) -> None:
    poem = shown(await world.poem())
    place = world.settings.database.place
    assert isinstance(place, Server)
    with faulty(server, place):
        answer = shown(await world.poem())
        assert str(answer.embeds[0].description).startswith("月")
        assert (answer.content, answer.components) == (strings("poem.not_stored"), [])
        assert told(await world.bob.click(poem, label="Favorite")) == strings(f"error.database_{fault}")
        assert [said.partition(":")[0] for said in logged_errors] == [
            "A poem could not be stored",
            "The database cannot be used",
        ]
        logged_errors.clear()
    assert shown(await world.poem()).components != []
    assert told(await world.bob.click(poem, label="Favorite")) == strings("poem.kept")
    assert rows("SELECT count(*) FROM favorites") == [(1,)]


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("40P01", Fault.LOCKED),
        ("55P03", Fault.LOCKED),
        ("53100", Fault.FULL),
        ("42501", Fault.READ_ONLY),
        ("25006", Fault.READ_ONLY),
        ("XX001", Fault.DAMAGED),
        ("53300", Fault.UNREACHABLE),
        ("57P01", Fault.UNREACHABLE),
        ("42P01", Fault.UNREACHABLE),
        ("23505", None),
        ("22001", None),
        ("42601", None),
    ],
)
@pytest.mark.postgresql
async def test_what_the_server_says_is_told_apart(place: Server, state: str, fault: Fault | None) -> None:
    engine = create_server_engine(place)
    with pytest.raises(DBAPIError) as caught:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")
    assert fault_of(caught.value) is fault
    await engine.dispose()


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InvalidPasswordError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.ObjectNotInPrerequisiteStateError,
        asyncpg.TooManyConnectionsError,
        ConnectionRefusedError,
        TimeoutError,
    ],
)
async def test_a_server_that_takes_nobody_in_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error("said the server")

    monkeypatch.setattr(asyncpg, "connect", fail)
    engine = create_server_engine(Server.of("postgresql://db/poems"))
    with pytest.raises(DBAPIError) as caught:
        async with engine.connect():
            pass
    assert fault_of(caught.value) is Fault.UNREACHABLE
    await engine.dispose()


@pytest.mark.postgresql
async def test_a_value_that_cannot_be_sent_is_a_mistake_of_ours(place: Server) -> None:
    engine = create_server_engine(place)
    with pytest.raises(DBAPIError) as caught:
        async with engine.connect() as connection:
            await connection.execute(select(PoemRow.id).where(PoemRow.user_id == 2**64))
    assert fault_of(caught.value) is None
    await engine.dispose()


@pytest.mark.postgresql
async def test_a_server_that_says_nothing_any_more_is_given_up(place: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "_ANSWERING", 0.05)
    engine = create_server_engine(place)
    with pytest.raises(DBAPIError) as caught:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("SELECT pg_sleep(60)")
    assert fault_of(caught.value) is Fault.UNREACHABLE
    await engine.dispose()


@pytest.mark.postgresql
async def test_connections_that_the_server_has_ended_are_made_anew(place: Server, server: TestServer) -> None:
    async with open_sessions(place) as sessions:
        async with sessions() as session:
            assert await session.scalar(select(func.count()).select_from(PoemRow)) == 0
        server.let_in(place, is_open=False)
        server.let_in(place, is_open=True)
        async with sessions() as session:
            assert await session.scalar(select(func.count()).select_from(PoemRow)) == 0
