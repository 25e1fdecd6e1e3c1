import asyncio
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.db.engine import Sessions, open_sessions
from bot.db.migrate import upgrade
from bot.db.tables import FavoriteRow, PoemRow
from bot.errors import ConfigError
from bot.place import Place
from bot.services.composer import Composer
from bot.services.favorites import Favorites
from bot.services.favorites_export import Exporter, export_command
from bot.services.poems import Poems
from poetry_model.poem import PoemRequest
from poetry_model.poet import Poet
from tests.bot.conftest import Rows

ALICE, BOB, CAROL = 1, 2, 3
ONE, TWO, THREE = "月山水雲風\n花春秋江門", "長東馬鳥魚龍書\n門江秋春花風雲", "風雲水山月"
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


async def keep(sessions: Sessions, kept: Iterable[tuple[int, str]]) -> None:
    """Each person keeps a poem of those lines, one after the other; the same lines are the same row."""
    async with sessions.begin() as session:
        poems: dict[str, PoemRow] = {}
        for number, (user_id, lines) in enumerate(kept):
            if lines not in poems:
                poems[lines] = poem(lines)
                session.add(poems[lines])
                await session.flush()
            when = _EPOCH + timedelta(seconds=number)
            session.add(FavoriteRow(user_id=user_id, poem_id=poems[lines].id, created_at=when))


def poem(lines: str) -> PoemRow:
    return PoemRow(
        user_id=ALICE,
        guild_id=None,
        start=lines[:1],
        form=5,
        traditional=lines,
        script="simplified",
        style="free",
        pattern=None,
        seed=1,
        model="made",
    )


async def exported(sessions: Sessions, per_person: int = 100, per_poem: int = 100) -> dict[str, int]:
    content = await Exporter(sessions, per_person=per_person, per_poem=per_poem).export()
    assert content["format"] == 1
    return {"\n".join(poem["lines"]): poem["keepers"] for poem in content["poems"]}


async def test_a_poem_weighs_as_much_as_people_kept_it(sessions: Sessions) -> None:
    await keep(sessions, [(ALICE, ONE), (BOB, ONE), (CAROL, ONE), (BOB, TWO)])
    assert list((await exported(sessions)).items()) == [(ONE, 3), (TWO, 1)]


async def test_what_nobody_keeps_is_left_out(sessions: Sessions) -> None:
    await keep(sessions, [(ALICE, ONE)])
    async with sessions.begin() as session:
        session.add(poem(TWO))
    assert await exported(sessions) == {ONE: 1}


async def test_one_poem_cannot_steer(sessions: Sessions) -> None:
    await keep(sessions, [*((user, ONE) for user in range(1, 51)), (ALICE, TWO)])
    assert await exported(sessions, per_poem=5) == {ONE: 5, TWO: 1}


async def test_one_person_cannot_steer_only_their_latest_count(sessions: Sessions) -> None:
    await keep(sessions, [(ALICE, ONE), (BOB, ONE), (ALICE, TWO), (ALICE, THREE)])
    assert await exported(sessions, per_person=2) == {ONE: 1, TWO: 1, THREE: 1}
    assert await exported(sessions, per_person=1) == {ONE: 1, THREE: 1}


async def test_favorites_of_the_same_moment_count_in_the_order_they_were_kept(sessions: Sessions, rows: Rows) -> None:
    await keep(sessions, [(ALICE, TWO), (ALICE, ONE)])
    rows("UPDATE favorites SET created_at = '2026-01-01 00:00:00.000000'")
    assert await exported(sessions, per_person=1) == {ONE: 1}


async def test_a_poem_that_was_written_twice_is_one_poem_and_one_keeper_counts_once(sessions: Sessions) -> None:
    await keep(sessions, [(ALICE, ONE), (BOB, TWO)])
    await keep(sessions, [(ALICE, ONE), (CAROL, ONE)])
    assert await exported(sessions) == {ONE: 2, TWO: 1}


@pytest.mark.parametrize(
    "lines",
    ["月山水雲", "月山水雲風\n月", f"{ONE}\n{TWO}", "月山水雲a", "月山水雲，", "", "\n".join(["月山水雲風"] * 17)],
)
async def test_what_the_training_cannot_learn_is_left_out(sessions: Sessions, lines: str) -> None:
    await keep(sessions, [(ALICE, lines), (ALICE, THREE)])
    assert await exported(sessions) == {THREE: 1}


async def test_the_file_says_nothing_of_who_kept_what(sessions: Sessions, tmp_path: Path) -> None:
    secret = 80351110224678912
    await keep(sessions, [(secret, ONE), (BOB, ONE)])
    file = tmp_path / "favorites.json"
    assert await Exporter(sessions, per_person=9, per_poem=9).write(file) == 1
    text = file.read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    assert content == {"format": 1, "poems": [{"lines": ONE.split("\n"), "keepers": 2}]}
    assert str(secret) not in text


async def test_the_same_favorites_give_the_same_file(sessions: Sessions, tmp_path: Path) -> None:
    await keep(sessions, [(ALICE, THREE), (ALICE, ONE), (BOB, TWO)])
    files = [tmp_path / "1", tmp_path / "2"]
    for file in files:
        await Exporter(sessions, per_person=9, per_poem=9).write(file)
    assert files[0].read_bytes() == files[1].read_bytes()


async def test_without_a_favorite_no_file_is_written(sessions: Sessions, tmp_path: Path) -> None:
    assert await Exporter(sessions, per_person=9, per_poem=9).write(tmp_path / "none.json") == 0
    assert not (tmp_path / "none.json").exists()


async def test_poems_are_exported_as_the_network_wrote_them(sessions: Sessions, poet: Poet) -> None:
    composer = Composer(poet)
    shown = await Poems(composer, sessions).write(PoemRequest.checked("风", 7, 2), ALICE, None)
    composer.close()
    await Favorites(sessions).add(BOB, shown.id)
    assert shown.lines != shown.traditional
    assert await exported(sessions) == {"\n".join(shown.traditional): 1}


@pytest.fixture
def database(place: Place) -> Place:
    """A database in which two people keep a poem, and one of them another."""

    async def fill() -> None:
        async with open_sessions(place) as sessions:
            await keep(sessions, [(ALICE, ONE), (BOB, ONE), (BOB, TWO)])

    upgrade(place)
    asyncio.run(fill())
    return place


def test_the_command_writes_the_file_and_says_how_much_is_in_it(
    database: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "favorites.json"
    assert export_command(database, file, per_person=9, per_poem=9) == 0
    assert capsys.readouterr().out == f"2 poems in {file}\n"
    assert [poem["keepers"] for poem in json.loads(file.read_text(encoding="utf-8"))["poems"]] == [2, 1]


def test_the_command_says_when_there_is_no_database_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no database"):
        export_command(tmp_path / "none.sqlite3", tmp_path / "out.json", per_person=9, per_poem=9)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_when_there_is_nothing_to_export(database: Place, tmp_path: Path, rows: Rows) -> None:
    rows("DELETE FROM favorites")
    with pytest.raises(ConfigError, match="Nobody keeps a poem"):
        export_command(database, tmp_path / "out.json", per_person=9, per_poem=9)
    assert not (tmp_path / "out.json").exists()


def test_the_command_says_when_the_file_cannot_be_written(database: Place, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        export_command(database, tmp_path / "no folder" / "out.json", per_person=9, per_poem=9)


@pytest.mark.sqlite
def test_favorites_can_be_exported_while_the_bot_holds_the_database(database: Place, tmp_path: Path) -> None:
    assert isinstance(database, Path)
    with closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM favorites")
        assert export_command(database, tmp_path / "out.json", per_person=9, per_poem=9) == 0
        other.rollback()
