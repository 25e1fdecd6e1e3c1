"""Shiren on a stand-in for Discord over real sockets, with the unmodified client, on lines that fail."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest
import pytest_asyncio

from benchmarks.standin import payloads
from benchmarks.standin.driver import Record, StandIn, point_discord_at
from benchmarks.standin.payloads import OWNER, person_id
from bot.client import Shiren
from bot.config import Settings
from bot.i18n import Languages
from bot.services import Services
from bot.services.daily_schedule import Schedule
from bot.ui import delivery
from bot.ui.card_press import CardPress
from tests.bot.conftest import Rows
from tests.bot.world import packaged_fonts

# The line to Discord fails here, whatever keeps the poems.
pytestmark = pytest.mark.sqlite

ROOT = Path(__file__).parents[2]
TOKEN = "stand-in"

KEPT = "❤ Kept. /favorites shows all you have kept."
KEPT_ALREADY = "You have kept this poem already. /favorites shows all you have kept."
FAILED = "Something went wrong on my side. Please try again in a moment."


def is_poem(message: dict[str, Any]) -> bool:
    return [embed["title"] for embed in message["embeds"]] == ["《月》"] and not message["loading"]


async def poem(line: StandIn, person: int = 1, *, direct: bool = False) -> Record:
    return await line.wait(await line.slash(person, "poem", start="月", direct=direct))


async def press(line: StandIn, button: str, shown: Record, person: int = 2) -> Record:
    [message] = shown.messages
    parts = [part["custom_id"] for row in message["components"] for part in row["components"]]
    [custom_id] = [part for part in parts if part.startswith(f"shiren:{button}:")]
    return await line.wait(await line.click(person, int(message["id"]), custom_id))


@pytest_asyncio.fixture
async def line(
    services: Services, settings: Settings, languages: Languages, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[StandIn]:
    """The stand-in with the bot on it."""
    monkeypatch.setattr(discord.http.Route, "BASE", "")
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", None)
    async with StandIn.start("--token", TOKEN) as stand_in:
        point_discord_at(stand_in.port)
        cards = CardPress(packaged_fonts())
        async with Shiren(services, languages, settings.retrain, press=cards) as client:
            running = asyncio.create_task(client.start(TOKEN))
            try:
                await stand_in.ready()
                yield stand_in
            finally:
                await services.admission.drain(10.0)
                await client.close()
                with contextlib.suppress(asyncio.CancelledError):
                    await running
                cards.close()


async def test_the_unmodified_client_starts_registers_its_commands_and_answers(line: StandIn) -> None:
    shown = await poem(line)
    assert [is_poem(message) for message in shown.messages] == [True]
    assert [is_poem(message) for message in (await poem(line, direct=True)).messages] == [True]
    assert (await press(line, "favorite", shown)).texts == [KEPT]
    stats = await line.stats()
    assert stats.breaches == {}
    assert stats.requests["put_commands"] == 1
    assert stats.gateway["identifies"] == 1


@pytest.mark.parametrize("how", ["close", "abort", "reconnect", "invalidate"])
async def test_a_command_given_while_the_connection_is_lost_is_answered_when_it_resumes(
    line: StandIn, how: str
) -> None:
    await line.disturb(how)
    assert [is_poem(message) for message in (await poem(line)).messages] == [True]
    stats = await line.stats()
    assert stats.breaches == {}
    assert (stats.gateway["identifies"], stats.gateway["resumes"]) == (1, 1)


async def test_an_invalid_session_is_followed_by_a_new_one_that_answers(line: StandIn) -> None:
    await line.disturb("invalidate", resumable=False)
    await asyncio.sleep(0.5)
    # discord.py waits five seconds, as Discord wants it.
    await line.ready()
    assert [is_poem(message) for message in (await poem(line)).messages] == [True]
    stats = await line.stats()
    assert stats.breaches == {}
    assert (stats.gateway["identifies"], stats.gateway.get("resumes")) == (2, None)


FAULTS = [
    pytest.param("callback", {"status": 429}, id="the acknowledgement is rate-limited"),
    pytest.param("callback", {"status": 500}, id="the acknowledgement fails"),
    pytest.param("callback", {"status": 502, "carried_out": True}, id="the acknowledgement seems to fail"),
    pytest.param("callback", {"close": True}, id="the line breaks before the acknowledgement"),
    pytest.param("callback", {"close": True, "carried_out": True}, id="the line breaks after the acknowledgement"),
    pytest.param("callback", {"delay": 60.0, "carried_out": True}, id="the acknowledgement is never confirmed"),
    pytest.param("edit_answer", {"status": 429}, id="the answer is rate-limited"),
    pytest.param("edit_answer", {"status": 500}, id="the answer fails"),
    pytest.param("edit_answer", {"status": 502, "carried_out": True}, id="the answer seems to fail"),
    pytest.param("edit_answer", {"close": True}, id="the line breaks before the answer"),
    pytest.param("edit_answer", {"close": True, "carried_out": True}, id="the line breaks after the answer"),
    pytest.param("edit_answer", {"delay": 60.0, "carried_out": True}, id="the answer is never confirmed"),
]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is never confirmed is given up sooner; what discord.py tries again after a second is not."""
    monkeypatch.setattr(delivery, "_FIRST_ANSWER", 1.5)
    monkeypatch.setattr(delivery, "_EDIT_PATIENCE", 1.5)
    monkeypatch.setattr(delivery, "_PAUSES", (0.1, 0.1))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("route", "fault"), FAULTS)
async def test_one_poem_and_one_confirmation_come_through(
    line: StandIn, services: Services, rows: Rows, route: str, fault: dict[str, Any]
) -> None:
    shown = await poem(line)
    # One fault each: neither is to have something to read before it answers.
    await services.preferences.of_person(person_id(2))
    await line.fault(route, times=2, **fault)
    other, kept = await asyncio.gather(poem(line), press(line, "favorite", shown))
    assert [is_poem(message) for message in other.messages] == [True]
    assert kept.texts == [KEPT]

    # Whatever is said again has been said then.
    await services.admission.drain(10.0)
    assert [is_poem(message) for message in await line.messages()] == [True, True]
    assert rows("SELECT user_id, poem_id FROM favorites") == [(person_id(2), 1)]
    assert set((await line.stats()).breaches) <= {"second first answer"}


@pytest.mark.usefixtures("impatient")
async def test_a_favorite_whose_confirmation_is_lost_is_kept_and_told_when_pressed_again(
    line: StandIn, rows: Rows
) -> None:
    shown = await poem(line)
    await line.fault("edit_answer", close=True, times=3)
    pressed = await press(line, "favorite", shown)
    assert pressed.texts == [FAILED]
    assert rows("SELECT user_id, poem_id FROM favorites") == [(person_id(2), 1)]
    assert (await press(line, "favorite", shown)).texts == [KEPT_ALREADY]


@pytest.mark.usefixtures("impatient")
async def test_a_poem_that_cannot_be_shown_is_excused_with_a_sentence(line: StandIn) -> None:
    await line.fault("edit_answer", close=True, times=3)
    shown = await poem(line)
    assert shown.texts == [FAILED]
    assert [is_poem(message) for message in shown.messages] == [False]
    assert (await line.stats()).breaches == {}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", [{"status": 500}, {"close": True}, {"delay": 60.0, "carried_out": True}])
async def test_a_picture_whose_line_fails_arrives_whole(line: StandIn, fault: dict[str, Any]) -> None:
    shown = await poem(line)
    [first] = (await press(line, "card", shown)).messages
    await line.fault("edit_answer", times=2, **fault)
    [second] = (await press(line, "card", shown)).messages
    sizes = [attachment["size"] for message in (first, second) for attachment in message["attachments"]]
    assert sizes == [sizes[0]] * 2
    assert sizes[0] > 10_000


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        pytest.param({"status": 503}, 2, id="it fails"),
        pytest.param({"status": 502, "carried_out": True}, 1, id="it seems to fail"),
    ],
)
async def test_a_poem_of_the_day_comes_once_though_discord_fails(
    line: StandIn, services: Services, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], times: int
) -> None:
    daily = services.daily
    plan = await daily.set(payloads.GUILD, payloads.CHANNEL, Schedule(9, "UTC"), person_id(1))
    due = daily.next_due(plan)
    monkeypatch.setattr(daily, "_clock", lambda: due)
    await line.fault("send", times=times, **fault)
    async with asyncio.timeout(30.0):
        # The client counts as ready some seconds after it has begun to listen.
        while not await line.messages():
            await daily.run_due()
            await asyncio.sleep(0.2)
    await daily.run_due()
    assert (await line.stats()).requests["send"] == times + 1
    assert len([message for message in await line.messages() if message["embeds"]]) == 1


async def test_a_deletion_that_seemed_to_fail_is_no_error(line: StandIn) -> None:
    shown = await poem(line)
    await line.fault("delete_answer", status=502, carried_out=True)
    assert (await press(line, "delete", shown, person=1)).messages == []
    # discord.py tries again after a second, and finds nothing.
    await asyncio.sleep(1.5)
    stats = await line.stats()
    assert stats.requests["delete_answer"] == 2
    assert stats.requests.get("follow_up") is None


async def test_a_retraining_whose_message_seemed_to_fail_has_one_message(line: StandIn) -> None:
    await line.fault("send", status=502, carried_out=True)
    answer = await line.wait(await line.slash(OWNER, "retrain"))
    assert len(answer.texts) == 1
    assert (await line.stats()).requests["send"] == 2
    titles = [embed["title"] for message in await line.messages() for embed in message["embeds"]]
    assert titles == ["Retraining"]


@pytest.mark.parametrize("command", ["favorites", "privacy show", "model history"])
async def test_a_private_answer_comes_though_its_acknowledgement_seemed_to_fail(line: StandIn, command: str) -> None:
    await line.fault("callback", close=True, carried_out=True)
    [message] = (await line.wait(await line.slash(OWNER, command))).messages
    assert message["embeds"]
    assert (message["ephemeral"], message["loading"]) == (True, False)


async def test_what_is_in_flight_at_sigterm_is_answered_within_ten_seconds(
    settings: Settings, shipped: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.touch(mode=0o600)
    config.write_text(
        f'[discord]\ntoken = "{TOKEN}"\n[database]\npath = "{settings.database.path}"\n'
        f'[model]\ndevice = "cpu"\nfolder = "{settings.model.folder}"\n'
    )
    async with StandIn.start("--token", TOKEN) as line:
        words = ["--port", str(line.port), "--config", str(config), "--model", str(shipped)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.standin.bot", *words, stdout=asyncio.subprocess.DEVNULL, cwd=ROOT
        )
        try:
            await line.ready()
            asked = [await line.slash(person, "poem", start="月", lines=8) for person in range(1, 31)]
            process.send_signal(signal.SIGTERM)
            begin = time.perf_counter()
            answers = [await line.wait(interaction, 10.0) for interaction in asked]
            assert time.perf_counter() - begin < 10.0
            assert await asyncio.wait_for(process.wait(), 30.0) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert all(answer.answered is not None for answer in answers)
        assert (await line.stats()).breaches == {}
