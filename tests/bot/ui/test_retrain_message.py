from collections.abc import Callable
from dataclasses import replace
from typing import cast

import discord
import pytest

from bot.i18n import Languages, Strings
from bot.services.run_judge import Shortfall
from bot.services.runs import RunState, Snapshot, Source
from bot.ui.retrain_message import retrain_embed, retrain_view, show_through
from tests.bot.conftest import Rows
from tests.bot.world import World, shown, told, until


@pytest.fixture
async def running(world: World, child: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> discord.Message:
    """The message of a retraining that is half done and goes no further."""
    monkeypatch.setattr("bot.services.retraining._SHOW_EVERY", 0.0)
    monkeypatch.setattr("bot.services.retraining._PAUSE", 0.0)
    child("wait()")
    await world.retrain(world.owner)
    [message] = world.seen_by(world.bob)
    await until(lambda: "50 %" in description(world, message))
    return message


def description(world: World, message: discord.Message) -> str:
    [found] = [each for each in world.channel.history() if each.id == message.id]
    return str(found.embeds[0].description)


async def test_the_owner_cancels_a_retraining(world: World, running: discord.Message, rows: Rows) -> None:
    answer = told(await world.owner.click(running, label="Cancel"))
    assert answer == "I'm stopping the retraining."
    await until(lambda: description(world, running) == "Cancelled. The old model stays.")
    [message] = world.seen_by(world.bob)
    assert message.components == []
    assert rows("SELECT state FROM training_runs") == [("cancelled",)]


async def test_others_may_not_cancel(world: World, running: discord.Message, rows: Rows) -> None:
    for other in (world.alice, world.admin):
        assert told(await other.click(running, label="Cancel")).startswith("Only the bot's owner")
    assert "50 %" in description(world, running)
    assert rows("SELECT state FROM training_runs") == [("running",)]


async def test_the_cancel_button_of_before_a_restart_says_that_it_is_over(
    world: World, running: discord.Message
) -> None:
    await world.restart()
    await running.edit(view=retrain_view(Snapshot(1, RunState.RUNNING, 1), world.strings))
    assert told(await world.owner.click(running, label="Cancel")) == "This retraining has ended already."


async def test_the_cancel_button_works_with_a_bot_that_was_connected_anew(
    world: World, running: discord.Message
) -> None:
    await world.reconnect()
    assert told(await world.owner.click(running, label="Cancel")) == "I'm stopping the retraining."
    await until(lambda: description(world, running) == "Cancelled. The old model stays.")


async def test_the_button_of_an_earlier_run_does_not_cancel_the_present_one(
    world: World, running: discord.Message, rows: Rows
) -> None:
    await world.restart()
    await world.retrain(world.owner)
    await running.edit(view=retrain_view(Snapshot(1, RunState.RUNNING, 1), world.strings))
    assert told(await world.owner.click(running, label="Cancel")) == "This retraining has ended already."
    assert rows("SELECT state FROM training_runs WHERE id = 2") != [("cancelled",)]


async def test_a_retraining_is_cancelled_before_its_first_word(world: World, child: Callable[[str], None]) -> None:
    child("wait()")
    await world.retrain(world.owner)
    [message] = world.seen_by(world.bob)
    await world.owner.click(message, label="Cancel")
    await until(lambda: description(world, message) == "Cancelled. The old model stays.", deadline=10)


async def test_a_message_that_was_deleted_does_not_stop_the_training(
    world: World, running: discord.Message, rows: Rows
) -> None:
    await running.delete()
    await world.restart()
    assert rows("SELECT state FROM training_runs") == [("interrupted",)]
    assert shown(await world.poem()).embeds


class Unreachable:
    """A client whose messages cannot be edited."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_partial_messageable(self, _: int) -> "Unreachable":
        return self

    def get_partial_message(self, _: int) -> "Unreachable":
        return self

    async def edit(self, **_: object) -> None:
        raise self._error


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(RuntimeError("Session is closed"), id="the client was closed"),
        pytest.param(ConnectionResetError("the line is dead"), id="the connection was lost"),
        pytest.param(TimeoutError(), id="nobody answered"),
    ],
)
async def test_a_message_that_cannot_be_edited_now_is_to_be_edited_later(
    languages: Languages, error: Exception
) -> None:
    show = show_through(cast(discord.Client, Unreachable(error)), languages)
    assert not await show(Snapshot(1, RunState.RUNNING, 1, channel_id=8, message_id=9))


async def test_a_message_that_is_gone_is_not_tried_again(world: World, running: discord.Message) -> None:
    show = show_through(world.bot, world.languages)
    snapshot = Snapshot(1, RunState.RUNNING, 1, channel_id=world.channel.id, message_id=running.id)
    assert await show(snapshot)
    await running.delete()
    assert await show(snapshot)


@pytest.mark.parametrize("state", RunState)
def test_every_state_is_told_in_words(strings: Strings, state: RunState) -> None:
    text = str(retrain_embed(Snapshot(1, state, 2), strings).description)
    assert text
    assert "{" not in text


@pytest.mark.parametrize("state", RunState)
async def test_only_what_can_be_cancelled_has_a_cancel_button(strings: Strings, state: RunState) -> None:
    view = retrain_view(Snapshot(1, state, 2), strings)
    assert (view is not None) == (state in {RunState.WAITING, RunState.RUNNING})


def test_a_run_that_has_only_begun_shows_what_is_known(strings: Strings) -> None:
    text = retrain_embed(Snapshot(1, RunState.RUNNING, 2, epoch=1, done=0.25, loss=7.0), strings).description
    assert text == "▰▰▰▰▱▱▱▱▱▱▱▱▱▱▱▱ 25 %\nEpoch 1 of 2 · loss 7.000"


def test_a_run_with_a_time_budget_names_it(strings: Strings) -> None:
    text = retrain_embed(
        Snapshot(1, RunState.RUNNING, 100, minutes=30.0, epoch=3, done=0.5, loss=6.0), strings
    ).description
    assert text == "▰▰▰▰▰▰▰▰▱▱▱▱▱▱▱▱ 50 %\nEpoch 3, within 30 min · loss 6.000"


@pytest.mark.parametrize(("seconds", "clock"), [(5.0, "0:05"), (3599.0, "59:59"), (3600.0, "1:00:00")])
def test_the_time_left_is_told_as_a_clock_tells_it(strings: Strings, seconds: float, clock: str) -> None:
    snapshot = Snapshot(1, RunState.RUNNING, 1, loss=6.0, characters_per_second=10.0, seconds_left=seconds)
    assert f" · {clock} left" in str(retrain_embed(snapshot, strings).description)


def test_a_run_names_its_source_and_its_note(strings: Strings) -> None:
    plain = Snapshot(1, RunState.WAITING, 1, Source.FRESH)
    assert retrain_embed(plain, strings).footer.text == "From random weights"
    noted = replace(plain, note="for the autumn")
    assert retrain_embed(noted, strings).footer.text == "From random weights · for the autumn"


def test_an_interrupted_run_says_whether_it_can_go_on(strings: Strings) -> None:
    for can_go_on, way in ((True, "goes on from where it was saved"), (False, "Nothing was saved yet")):
        snapshot = Snapshot(1, RunState.INTERRUPTED, 1, can_go_on=can_go_on)
        assert way in str(retrain_embed(snapshot, strings).description)


def test_a_model_without_a_comparison_says_so(strings: Strings) -> None:
    snapshot = Snapshot(1, RunState.CANDIDATE, 1, after=3.0, version="v", shortfalls=(Shortfall("comparison"),))
    text = str(retrain_embed(snapshot, strings).description)
    assert "• it was not compared with the model that is live now\n" in text
    assert "→" not in text


def test_a_run_far_on_shows_both_perplexities(strings: Strings) -> None:
    snapshot = Snapshot(
        1,
        RunState.RUNNING,
        2,
        epoch=2,
        done=0.999,
        loss=6.0,
        characters_per_second=900.0,
        seconds_left=3.0,
        before=210.0,
        after=205.5,
    )
    assert retrain_embed(snapshot, strings).description == (
        "▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰ 99 %\nEpoch 2 of 2 · loss 6.000\n900 characters/s · 0:03 left\n"
        "Held-back perplexity before: 210.0\nHeld-back perplexity now: 205.5"
    )


def test_success_and_failure_differ_in_colour(strings: Strings) -> None:
    ends = (RunState.ACCEPTED, RunState.CANDIDATE, RunState.FAILED, RunState.CANCELLED)
    assert len({str(retrain_embed(Snapshot(1, state, 1), strings).colour) for state in ends}) == len(ends)
