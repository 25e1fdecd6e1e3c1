"""What people chose is at hand, soon true in every process, and never in the way."""

import asyncio
import re
import time

import pytest

from bot.db.engine import Sessions
from bot.i18n import Language
from bot.services.preferences import GuildPreferences, PersonPreferences, Preferences
from poetry_model.script import Script
from tests.bot.conftest import Rows

ALICE, BOB, SERVER = 11, 12, 13


class Clock:
    """Seconds, which pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    # The name in that module alone: the event loop goes by the real one.
    monkeypatch.setattr("bot.services.preferences.time", type("Time", (), {"monotonic": staticmethod(made)}))
    return made


@pytest.fixture
def preferences(sessions: Sessions, clock: Clock) -> Preferences:
    del clock
    return Preferences(sessions)


async def test_who_chose_nothing_has_chosen_nothing(preferences: Preferences) -> None:
    assert await preferences.of_person(ALICE) == PersonPreferences()
    assert await preferences.of_guild(SERVER) == GuildPreferences()


async def test_what_is_chosen_is_remembered_and_read_at_once(preferences: Preferences, rows: Rows) -> None:
    await preferences.of_person(ALICE)
    await preferences.set_person_language(ALICE, Language.TRADITIONAL)
    await preferences.set_script(ALICE, Script.SIMPLIFIED)
    await preferences.set_guild_language(SERVER, Language.SIMPLIFIED)
    assert await preferences.of_person(ALICE) == PersonPreferences(Language.TRADITIONAL, Script.SIMPLIFIED)
    assert await preferences.of_guild(SERVER) == GuildPreferences(Language.SIMPLIFIED)
    assert await preferences.of_person(BOB) == PersonPreferences()
    assert rows("SELECT user_id, language, script FROM person_preferences") == [(ALICE, "zh-TW", "simplified")]


async def test_who_takes_every_choice_back_leaves_no_row(preferences: Preferences, rows: Rows) -> None:
    await preferences.set_script(ALICE, Script.TRADITIONAL)
    await preferences.set_out_of_top(ALICE, is_out=True)
    await preferences.set_script(ALICE, None)
    assert rows("SELECT script, is_out_of_top FROM person_preferences") == [(None, 1)]
    await preferences.set_out_of_top(ALICE, is_out=False)
    assert rows("SELECT count(*) FROM person_preferences") == [(0,)]


async def test_the_database_is_asked_once_a_minute(preferences: Preferences, rows: Rows, clock: Clock) -> None:
    await preferences.set_person_language(ALICE, Language.SIMPLIFIED)
    await preferences.of_person(ALICE)
    rows("UPDATE person_preferences SET language = 'zh-TW'")
    clock.now += 59
    assert (await preferences.of_person(ALICE)).language is Language.SIMPLIFIED
    clock.now += 2
    assert (await preferences.of_person(ALICE)).language is Language.TRADITIONAL


async def test_what_another_process_writes_is_seen_within_a_minute(
    sessions: Sessions, preferences: Preferences, clock: Clock
) -> None:
    await preferences.of_guild(SERVER)
    await Preferences(sessions).set_guild_language(SERVER, Language.SIMPLIFIED)
    clock.now += 61
    assert (await preferences.of_guild(SERVER)).language is Language.SIMPLIFIED


async def test_a_broken_database_costs_nobody_their_answer(
    preferences: Preferences, rows: Rows, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await preferences.set_person_language(ALICE, Language.SIMPLIFIED)
    await preferences.of_person(ALICE)
    await asyncio.to_thread(rows, "ALTER TABLE person_preferences RENAME TO hidden")
    clock.now += 61
    assert (await preferences.of_person(ALICE)).language is Language.SIMPLIFIED
    assert await preferences.of_person(BOB) == PersonPreferences()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    # Without the statement, whose values are people's.
    for message in said:
        assert re.fullmatch(
            r"What was chosen in /settings cannot be read: "
            r'(no such table: person_preferences|relation "person_preferences" does not exist)',
            message,
        )
    await asyncio.to_thread(rows, "ALTER TABLE hidden RENAME TO person_preferences")
    rows("UPDATE person_preferences SET language = 'en-US'")
    clock.now += 6
    assert (await preferences.of_person(ALICE)).language is Language.ENGLISH


async def test_a_slow_database_is_not_waited_for_and_what_it_says_is_there_the_next_time(
    sessions: Sessions, preferences: Preferences, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Preferences(sessions).set_person_language(ALICE, Language.SIMPLIFIED)
    gate, read = asyncio.Event(), preferences._read_person

    async def slow(user_id: int) -> PersonPreferences:
        await gate.wait()
        return await read(user_id)

    monkeypatch.setattr(preferences._people, "_read", slow)
    monkeypatch.setattr("bot.services.preferences._PATIENCE", 0.05)
    began = time.perf_counter()
    assert await asyncio.gather(*(preferences.of_person(ALICE) for _ in range(5))) == [PersonPreferences()] * 5
    assert time.perf_counter() - began < 1
    assert len(preferences._people._reading) == 1
    gate.set()
    await preferences.close()
    assert (await preferences.of_person(ALICE)).language is Language.SIMPLIFIED


async def test_what_is_changed_while_it_is_read_is_read_again(
    preferences: Preferences, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, read = asyncio.Event(), preferences._read_person

    async def overtaken(user_id: int) -> PersonPreferences:
        found = await read(user_id)
        await gate.wait()
        return found

    monkeypatch.setattr(preferences._people, "_read", overtaken)
    reading = asyncio.create_task(preferences.of_person(ALICE))
    await asyncio.sleep(0.05)
    await preferences.set_person_language(ALICE, Language.SIMPLIFIED)
    gate.set()
    await reading
    assert (await preferences.of_person(ALICE)).language is Language.SIMPLIFIED


async def test_memory_holds_so_many_and_the_last_used(
    preferences: Preferences, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.preferences._CAPACITY", 3)
    for user_id in (1, 2, 3, 1, 4):
        await preferences.of_person(user_id)
    assert set(preferences._people._kept) == {3, 1, 4}


@pytest.mark.parametrize(
    ("language", "script"),
    [(None, "simplified"), (Language.ENGLISH, "simplified"), (Language.TRADITIONAL, "traditional")],
)
async def test_the_poems_of_a_server_are_in_the_script_of_its_language(
    preferences: Preferences, language: Language | None, script: str
) -> None:
    await preferences.set_guild_language(SERVER, language)
    assert await preferences.script_of_guild(SERVER) == Script(script)
