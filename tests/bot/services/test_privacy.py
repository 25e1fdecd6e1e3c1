"""What is a person's is found, handed over and deleted in every table; the tables are walked, not listed."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    String,
    Table,
    TypeDecorator,
    insert,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from bot.assembly import assemble
from bot.config import Settings
from bot.db import privacy_queries
from bot.db.engine import Sessions
from bot.db.privacy_queries import PERSONAL
from bot.db.tables import Base, TrainingRunRow, now
from bot.errors import BotError
from bot.services import Services
from bot.services.linked import Mode
from bot.services.poems import Kind
from bot.services.preferences import Preferences
from bot.services.privacy import Privacy
from bot.services.run_files import RunFiles
from bot.services.run_records import RunRecords
from bot.services.runs import RunState, Source, Wish
from poetry_model.mood import Mood
from poetry_model.poem import PoemRequest, Style
from poetry_model.script import Script
from tests.bot.conftest import Rows

ALICE, BOB = 111_222_333_444_555_666, 777_888_999_000_111_222
SERVER = 555_666_777_888_999_000

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

MEANT = {
    "script": Script.SIMPLIFIED.value,
    "style": Style.FREE.value,
    "form": 5,
    "traditional": "月明山水長\n風起白雲飛",
    "start": "月",
    "kind": Kind.POEM.value,
    "mood": Mood.WILD.value,
    "mode": Mode.STRICT.value,
    "state": RunState.ACCEPTED.value,
    "source": Source.CORPUS.value,
    "user_id": ALICE,
}
"""Columns that take no value but certain ones."""

IDS = {"id", "user_id", "guild_id", "channel_id", "message_id", "poem_id", "run_id", "linked_id"}
"""Columns that end in an id. One that is new may be a person's by another name than `user_id`: think, then add it."""


def value_of(column: Column[Any], number: int) -> Any:
    """Something that is in no other column."""
    if column.name in MEANT:
        return MEANT[column.name]
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    values: list[tuple[type[TypeEngine[Any]], Any]] = [
        (DateTime, LONG_AGO + timedelta(seconds=number)),
        (Date, (LONG_AGO + timedelta(days=number)).date()),
        (Boolean, False),
        (Integer, 900_000 + number),
        (Float, number + 0.5),
        (JSON, {"number": number}),
        (String, f"{number}-{column.name}"[: getattr(kind, "length", None)]),
    ]
    [value] = [value for meant, value in values if isinstance(kind, meant)]
    return value


async def fill(sessions: Sessions, table: Table) -> dict[str, Any]:
    """A row of alice's with something in every column, and the rows it points at; returns the row."""
    row = {column.name: value_of(column, number) for number, column in enumerate(table.columns)}
    for key in table.foreign_keys:
        row[key.parent.name] = (await fill_other(sessions, key.column.table))[key.column.name]
    async with sessions.begin() as session:
        await session.execute(insert(table).values(row))
    return row


async def fill_other(sessions: Sessions, table: Table) -> dict[str, Any]:
    """A row that is bob's, if anybody's."""
    row = {column.name: value_of(column, number + 100) for number, column in enumerate(table.columns)}
    row |= {"user_id": BOB} if "user_id" in row else {}
    row |= dict.fromkeys(key.parent.name for key in table.foreign_keys)
    async with sessions.begin() as session:
        await session.execute(insert(table).values(row))
    return row


def leaves(content: object) -> Iterator[object]:
    """The values in JSON, at every depth."""
    if isinstance(content, dict):
        for each in content.values():
            yield from leaves(each)
    elif isinstance(content, list):
        for each in content:
            yield from leaves(each)
    else:
        yield content


def cells(rows: Rows) -> set[object]:
    """Every value in the database."""
    return {cell for table in Base.metadata.tables for row in rows(f"SELECT * FROM {table}") for cell in row}


@pytest.fixture
def privacy(sessions: Sessions, settings: Settings) -> Privacy:
    return Privacy(sessions, RunRecords(sessions, settings.model.folder), Preferences(sessions))


def test_the_tables_about_people_are_found() -> None:
    assert {table.name for table in PERSONAL} >= {"poems", "favorites", "training_runs", "leases", "dailies"}
    names = {column.name for table in Base.metadata.tables.values() for column in table.columns}
    assert {name for name in names if name == "id" or name.endswith("_id")} == IDS


@pytest.mark.parametrize("table", PERSONAL, ids=lambda table: table.name)
async def test_every_table_is_counted(sessions: Sessions, privacy: Privacy, table: Table) -> None:
    await fill(sessions, table)
    stored = await privacy.stored(ALICE)
    assert stored.rows == {each.name: int(each is table) for each in PERSONAL}
    assert not stored.is_nothing


@pytest.mark.parametrize("table", PERSONAL, ids=lambda table: table.name)
async def test_every_column_of_every_table_is_exported(sessions: Sessions, privacy: Privacy, table: Table) -> None:
    row = await fill(sessions, table)
    content = json.loads(await privacy.export(ALICE))
    [exported] = content[table.name]
    assert exported.keys() >= row.keys()
    for name, value in row.items():
        told = exported[name]
        if isinstance(value, datetime):
            assert datetime.fromisoformat(told) == value
        elif name in IDS - {"id", "poem_id", "run_id", "linked_id"}:
            assert told == str(value)
        else:
            assert told == (value.isoformat() if isinstance(value, date) else value)
    assert str(BOB) not in map(str, leaves(content))


@pytest.mark.parametrize("table", PERSONAL, ids=lambda table: table.name)
async def test_every_table_is_cleared_of_the_person(
    sessions: Sessions, privacy: Privacy, rows: Rows, table: Table
) -> None:
    await fill(sessions, table)
    assert ALICE in cells(rows)
    await privacy.delete(ALICE)
    assert ALICE not in cells(rows)
    assert (await privacy.stored(ALICE)).is_nothing
    assert not any(
        leaves({name: rows for name, rows in json.loads(await privacy.export(ALICE)).items() if rows == [1]})
    )


@pytest.mark.parametrize("table", PERSONAL, ids=lambda table: table.name)
async def test_nobody_elses_rows_are_told_or_touched(
    sessions: Sessions, privacy: Privacy, rows: Rows, table: Table
) -> None:
    await fill(sessions, table)
    before = cells(rows)
    assert (await privacy.stored(BOB + 1)).is_nothing
    await privacy.delete(BOB + 1)
    assert cells(rows) == before


async def test_the_export_tells_whose_it_is_and_when(privacy: Privacy) -> None:
    content = json.loads(await privacy.export(ALICE))
    assert (content.pop("format"), content.pop("user_id")) == (1, str(ALICE))
    assert abs(datetime.fromisoformat(content.pop("exported_at")) - now()) < timedelta(minutes=1)
    assert content == {table.name: [] for table in PERSONAL}


@pytest.mark.parametrize(("start", "script"), [("云", Script.SIMPLIFIED), ("雲", Script.TRADITIONAL)])
async def test_poems_are_exported_as_they_were_shown(services: Services, start: str, script: Script) -> None:
    poem = await services.poems.write(PoemRequest.checked(start, lines=2, seed=3, script=script), ALICE, SERVER)
    await services.favorites.add(BOB, poem.id)
    [asked] = json.loads(await services.privacy.export(ALICE))["poems"]
    assert (asked["id"], asked["text"], asked["guild_id"]) == (poem.id, poem.text, str(SERVER))
    [favorite] = json.loads(await services.privacy.export(BOB))["favorites"]
    assert favorite["poem"]["text"] == poem.text
    assert favorite["poem"].keys().isdisjoint({"user_id", "guild_id"})


async def test_a_thousand_poems_are_exported_once_each(services: Services, rows: Rows) -> None:
    await services.poems.write(PoemRequest.checked("月", lines=1), ALICE, None)
    columns = "user_id, guild_id, start, form, traditional, script, style, pattern, seed, model, created_at"
    rows(
        f"INSERT INTO poems ({columns}) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
        f" SELECT {columns} FROM poems, n"
    )
    poems = json.loads(await services.privacy.export(ALICE))["poems"]
    assert [poem["id"] for poem in poems] == list(range(1, 1202))


async def test_poems_that_nobody_else_keeps_are_deleted(services: Services, rows: Rows) -> None:
    poem = await services.poems.write(PoemRequest.checked("月"), ALICE, SERVER)
    await services.favorites.add(ALICE, poem.id)
    deleted = await services.privacy.delete(ALICE)
    assert (deleted.poems, deleted.favorites, deleted.shared_poems, deleted.trainings) == (1, 1, 0, 0)
    assert rows("SELECT * FROM poems") == rows("SELECT * FROM favorites") == []
    with pytest.raises(BotError) as caught:
        await services.poems.get(poem.id)
    assert caught.value.key == "poem.unknown"


async def test_a_poem_that_others_keep_stays_theirs_and_is_nobodys(services: Services, rows: Rows) -> None:
    poem = await services.poems.write(PoemRequest.checked("月"), ALICE, SERVER)
    await services.favorites.add(ALICE, poem.id)
    await services.favorites.add(BOB, poem.id)
    assert (await services.privacy.stored(ALICE)).shared_poems == 1
    deleted = await services.privacy.delete(ALICE)
    assert (deleted.poems, deleted.favorites, deleted.shared_poems) == (0, 1, 1)
    assert rows("SELECT user_id, guild_id FROM poems") == [(None, SERVER)]
    [favorite] = (await services.favorites.page(BOB)).favorites
    assert (favorite.poem.text, favorite.poem.user_id) == (poem.text, None)


async def test_what_one_deletes_stays_with_the_other(services: Services, rows: Rows) -> None:
    theirs = await services.poems.write(PoemRequest.checked("月"), BOB, SERVER)
    await services.favorites.add(ALICE, theirs.id)
    await services.privacy.delete(ALICE)
    assert rows("SELECT user_id, guild_id FROM poems") == [(BOB, SERVER)]


async def test_a_servers_poem_of_the_day_goes_on_without_whoever_set_it(
    sessions: Sessions, privacy: Privacy, rows: Rows
) -> None:
    row = await fill(sessions, Base.metadata.tables["dailies"])
    await privacy.delete(ALICE)
    assert rows("SELECT user_id, channel_id FROM dailies") == [(None, row["channel_id"])]


async def test_a_poem_in_turns_goes_on_without_the_id_of_whoever_leaves(services: Services, rows: Rows) -> None:
    begun = await services.linked.begin(ALICE, SERVER, 5, form=5, length=8, mode=Mode.EASY, script=Script.TRADITIONAL)
    await services.linked.add(begun.id, 0, ALICE, "水日不花月")
    await services.linked.add(begun.id, 2, BOB, "水日不花月")
    stored = await services.privacy.stored(ALICE)
    assert (stored.rows["linked_poems"], stored.rows["linked_lines"]) == (1, 1)
    await services.privacy.delete(ALICE)
    assert ALICE not in cells(rows)
    poem = await services.linked.get(begun.id)
    assert (poem.user_id, len(poem.lines), poem.authors) == (None, 4, (BOB,))
    assert [line.by_bot for line in poem.lines] == [False, True, False, True]


async def test_a_poem_that_somebody_stops_keeping_before_is_deleted(services: Services, rows: Rows) -> None:
    poem = await services.poems.write(PoemRequest.checked("月"), ALICE, None)
    await services.favorites.add(BOB, poem.id)
    await services.favorites.remove(BOB, poem.id)
    await services.privacy.delete(ALICE)
    assert rows("SELECT count(*) FROM poems") == [(0,)]


def run(rows: Rows, state: RunState, user: int | None = ALICE) -> None:
    """Record a run, number 1."""
    rows(
        "INSERT INTO training_runs (id, user_id, channel_id, message_id, epochs, note, parent, state, started_at)"
        " VALUES (1, ?, 2, 3, 1, 'for my grandmother', 'm', ?, '2026-01-01')",
        user,
        state.value,
    )


async def files_of_the_run(sessions: Sessions, settings: Settings) -> RunFiles:
    async with sessions() as session:
        row = (await session.scalars(select(TrainingRunRow))).one()
    return RunRecords(sessions, settings.model.folder).files(row)


def lease(rows: Rows, user: int, *, is_live: bool) -> None:
    expires_at = "2999-01-01 00:00:00.000000" if is_live else "2020-01-01 00:00:00.000000"
    rows(
        "INSERT INTO leases (name, holder, user_id, run_id, since, expires_at, stop_requested)"
        f" VALUES ('retrain', 'somewhere', ?, 1, '2026-01-01', '{expires_at}', FALSE)",
        user,
    )


async def test_a_training_keeps_its_model_and_loses_the_person(
    privacy: Privacy, rows: Rows, sessions: Sessions
) -> None:
    del sessions  # it has made the tables
    run(rows, RunState.ACCEPTED)
    rows("INSERT INTO model_versions (version, folder, run_id, state) VALUES ('v', 'run-1', 1, 'accepted')")
    assert (await privacy.delete(ALICE)).trainings == 1
    assert rows("SELECT user_id, channel_id, message_id, note, state FROM training_runs") == [
        (None, None, None, None, "accepted")
    ]
    assert rows("SELECT version, run_id FROM model_versions") == [("v", 1)]


@pytest.mark.parametrize(("started", "goes_on"), [(ALICE, ALICE), (ALICE, BOB), (BOB, ALICE)])
async def test_nothing_is_deleted_while_a_training_of_theirs_is_under_way(
    services: Services, rows: Rows, started: int, goes_on: int
) -> None:
    await services.poems.write(PoemRequest.checked("月"), ALICE, None)
    run(rows, RunState.RUNNING, started)
    lease(rows, goes_on, is_live=True)
    before = cells(rows)
    for refuse in (services.privacy.refuse_in_training, services.privacy.delete):
        with pytest.raises(BotError) as caught:
            await refuse(ALICE)
        assert caught.value.key == "privacy.training"
    assert cells(rows) == before


async def test_a_training_of_another_hinders_nobody(privacy: Privacy, rows: Rows, sessions: Sessions) -> None:
    del sessions  # it has made the tables
    run(rows, RunState.RUNNING, BOB)
    lease(rows, BOB, is_live=True)
    await privacy.refuse_in_training(ALICE)
    await privacy.delete(ALICE)
    assert rows("SELECT count(*) FROM leases") == [(1,)]


async def test_a_deletion_lets_nobody_write_in_between(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    poem = await services.poems.write(PoemRequest.checked("月"), ALICE, SERVER)
    theirs = await services.poems.write(PoemRequest.checked("月"), BOB, SERVER)
    await services.favorites.add(ALICE, theirs.id)
    delete_poems, adding = privacy_queries.delete_poems, []

    async def keep_first(session: AsyncSession, user_id: int) -> int:
        # Hers alone, it would be left behind as nobody's, kept by nobody.
        adding.append(asyncio.create_task(services.favorites.add(ALICE, poem.id)))
        done, _ = await asyncio.wait(adding, timeout=0.2)
        assert not done
        return await delete_poems(session, user_id)

    monkeypatch.setattr("bot.db.privacy_queries.delete_poems", keep_first)
    assert (await services.privacy.delete(ALICE)).poems == 1
    with pytest.raises(BotError):
        await adding[0]
    assert (await services.privacy.stored(ALICE)).is_nothing


async def test_what_a_process_that_died_has_left_is_deleted(privacy: Privacy, rows: Rows, sessions: Sessions) -> None:
    del sessions  # it has made the tables
    run(rows, RunState.RUNNING)
    lease(rows, ALICE, is_live=False)
    await privacy.delete(ALICE)
    assert rows("SELECT count(*) FROM leases") == [(0,)]
    assert rows("SELECT user_id, note FROM training_runs") == [(None, None)]


@pytest.mark.parametrize("state", [RunState.INTERRUPTED, RunState.FAILED, RunState.ACCEPTED])
async def test_a_corpus_that_was_sent_goes_and_a_finished_model_stays(
    privacy: Privacy, sessions: Sessions, settings: Settings, rows: Rows, state: RunState
) -> None:
    run(rows, state)
    files = await files_of_the_run(sessions, settings)
    for folder in (files.corpus, files.partial, files.bundle):
        folder.mkdir(parents=True)
    files.plan.write_text("{}")
    await privacy.delete(ALICE)
    assert not files.corpus.exists()
    assert not files.can_go_on()
    assert files.bundle.exists() is (state is RunState.ACCEPTED)


async def test_an_interrupted_training_from_no_file_of_theirs_can_go_on(
    privacy: Privacy, sessions: Sessions, settings: Settings, rows: Rows
) -> None:
    run(rows, RunState.INTERRUPTED)
    files = await files_of_the_run(sessions, settings)
    files.partial.mkdir(parents=True)
    files.plan.write_text("{}")
    await privacy.delete(ALICE)
    assert files.can_go_on()


async def test_a_deletion_that_fails_in_the_middle_deletes_nothing(
    services: Services, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    poem = await services.poems.write(PoemRequest.checked("月"), ALICE, SERVER)
    await services.favorites.add(BOB, poem.id)
    await services.favorites.add(ALICE, poem.id)
    before = cells(rows)

    async def fail(*_: object) -> None:
        raise LookupError

    monkeypatch.setattr("bot.db.privacy_queries.delete_rest", fail)
    with pytest.raises(LookupError):
        await services.privacy.delete(ALICE)
    assert cells(rows) == before


@pytest.mark.sqlite
async def test_what_was_deleted_is_not_left_in_the_file(settings: Settings, rows: Rows) -> None:
    def is_left() -> bool:
        folder, name = settings.database.path.parent, settings.database.path.name
        return any(b"a trace of alice" in file.read_bytes() for file in folder.glob(f"{name}*"))

    async with assemble(settings) as services:
        for _ in range(100):
            rows(
                "INSERT INTO poems (user_id, start, form, traditional, script, seed, model, created_at)"
                " VALUES (?, '月', 5, '月', 'simplified', 1, 'a trace of alice', '2026-01-01')",
                ALICE,
            )
        assert is_left()
        await services.privacy.delete(ALICE)
    assert not is_left()


@pytest.mark.parametrize(("who", "note"), [(ALICE, "for my grandmother"), (BOB, None)])
async def test_a_training_belongs_to_whoever_went_on_with_it_last(
    sessions: Sessions, settings: Settings, rows: Rows, who: int, note: str | None
) -> None:
    run(rows, RunState.INTERRUPTED)
    await RunRecords(sessions, settings.model.folder).begin_again(1, who, 9, Wish())
    assert rows("SELECT user_id, channel_id, message_id, note FROM training_runs") == [(who, 9, None, note)]
