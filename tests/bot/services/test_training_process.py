import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.services.training_process import TrainingOrder, TrainingProcess
from poetry_model.__main__ import _parser


@pytest.fixture
def order(tmp_path: Path) -> TrainingOrder:
    return TrainingOrder(
        corpus=tmp_path / "some verse",
        parent=tmp_path / "parent",
        out=tmp_path / "models" / "run-1",
        epochs=3,
        threads=2,
        device="cpu",
    )


async def heard(process: TrainingProcess) -> list[dict[str, Any]]:
    return [event async for event in process.events()]


def pid_of(process: TrainingProcess) -> int:
    return process._running().pid


def test_the_command_line_is_one_that_the_trainer_understands(order: TrainingOrder) -> None:
    python, *module = order.command()[:3]
    assert Path(python).is_file()
    assert module == ["-m", "poetry_model"]
    options = _parser().parse_args(order.command()[3:])
    assert (options.command, options.corpus, options.parent, options.out) == (
        "train",
        order.corpus,
        order.parent,
        order.out,
    )
    assert (options.epochs, options.threads, options.device, options.progress) == (3, 2, "cpu", "json")
    assert options.stop_on_eof
    assert (options.resume, options.minutes, options.favorites, options.compare_with) == (False, None, None, None)


def test_every_option_is_one_that_the_trainer_understands(order: TrainingOrder, tmp_path: Path) -> None:
    full = replace(
        order,
        parent=None,
        rival=tmp_path / "live",
        minutes=2.5,
        learning_rate=0.5,
        favorites=tmp_path / "favorites.json",
        favorites_share=0.25,
        resume=True,
    )
    options = _parser().parse_args(full.command()[3:])
    assert (options.parent, options.compare_with, options.favorites) == (None, full.rival, full.favorites)
    assert (options.minutes, options.learning_rate, options.favorites_share) == (2.5, 0.5, 0.25)
    assert options.resume


async def test_what_the_child_says_is_heard_in_order(order: TrainingOrder, child: Callable[[str], None]) -> None:
    child("say('start', perplexity=9.5); step(1); step(2)")
    async with TrainingProcess(order) as process:
        events = await heard(process)
        assert await process.wait() == 0
    assert [(event["event"], event["done"]) for event in events] == [("start", 0.0), ("step", 0.1), ("step", 0.2)]


async def test_what_is_no_event_is_passed_over(order: TrainingOrder, child: Callable[[str], None]) -> None:
    child("print('a warning'); print('[1, 2]'); print('{\"half'); print(); step(1); print('an end', end='')")
    async with TrainingProcess(order) as process:
        assert [event["event"] for event in await heard(process)] == ["step"]


async def test_the_childs_complaints_are_kept_beside_the_bundle(
    order: TrainingOrder, child: Callable[[str], None]
) -> None:
    child("sys.exit('the corpus is empty')")
    async with TrainingProcess(order) as process:
        assert await heard(process) == []
        assert await process.wait() == 1
    assert order.log == order.out.parent / "run-1.log"
    assert order.log.read_text() == "the corpus is empty\n"


async def test_an_interrupted_child_may_say_goodbye(order: TrainingOrder, child: Callable[[str], None]) -> None:
    # Said outside the handler, which may have interrupted another line.
    child("signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))\ntry: wait()\nfinally: step(9)")
    async with TrainingProcess(order) as process:
        events = process.events()
        assert (await anext(events))["event"] == "start"
        process.interrupt()
        assert [event["done"] async for event in events][-1] == 0.9
        assert await process.wait() == 130


async def test_leaving_the_context_ends_the_child(order: TrainingOrder, child: Callable[[str], None]) -> None:
    child("wait()")
    async with TrainingProcess(order) as process:
        pid = pid_of(process)
        await anext(process.events())
    assert await process.wait() == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_child_that_will_not_go_is_killed(
    order: TrainingOrder, child: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.training_process._GRACE_SECONDS", 0.05)
    child("signal.signal(signal.SIGTERM, signal.SIG_IGN); say('start')\nwhile True: signal.pause()")
    async with TrainingProcess(order) as process:
        await anext(process.events())
    assert await process.wait() == -signal.SIGKILL


async def test_an_error_beside_the_child_ends_it_too(order: TrainingOrder, child: Callable[[str], None]) -> None:
    child("wait()")
    process = TrainingProcess(order)
    with pytest.raises(asyncio.CancelledError):
        async with process:
            raise asyncio.CancelledError
    assert await process.wait() == -signal.SIGTERM


async def test_a_child_that_has_ended_can_be_interrupted_in_vain(
    order: TrainingOrder, child: Callable[[str], None]
) -> None:
    child("pass")
    async with TrainingProcess(order) as process:
        assert await process.wait() == 0
        process.interrupt()


async def test_ctrl_c_in_the_bots_terminal_does_not_reach_the_child(
    order: TrainingOrder, child: Callable[[str], None]
) -> None:
    child("wait()")
    async with TrainingProcess(order) as process:
        assert os.getpgid(pid_of(process)) != os.getpgid(0)


async def test_the_child_gives_way_to_the_bot(order: TrainingOrder, child: Callable[[str], None]) -> None:
    child("wait()")
    niceness = min(os.nice(0) + 1, 19)
    async with TrainingProcess(replace(order, niceness=niceness)) as process:
        assert os.getpriority(os.PRIO_PROCESS, pid_of(process)) == niceness


async def test_the_child_sees_when_the_bot_is_no_more(order: TrainingOrder, child: Callable[[str], None]) -> None:
    child("say('start'); sys.stdin.read(); sys.exit(130)")
    async with TrainingProcess(order) as process:
        assert (await anext(process.events()))["event"] == "start"
        # All that a process holds is closed when it ends, however it ends.
        stdin = process._running().stdin
        assert stdin is not None
        stdin.close()
        assert await process.wait() == 130


async def test_a_child_can_be_killed_at_once(order: TrainingOrder, child: Callable[[str], None]) -> None:
    child("signal.signal(signal.SIGTERM, signal.SIG_IGN); wait()")
    async with TrainingProcess(order) as process:
        await anext(process.events())
        process.kill()
        assert await process.wait() == -signal.SIGKILL
        process.kill()


async def test_a_priority_that_cannot_be_set_does_not_stop_the_training(
    order: TrainingOrder, child: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError("a process may not be made more important than the bot")

    monkeypatch.setattr(os, "setpriority", refuse)
    child("step(1)")
    async with TrainingProcess(order) as process:
        assert [event["event"] for event in await heard(process)] == ["step"]


def test_a_process_that_was_not_started_has_nothing_to_interrupt(order: TrainingOrder) -> None:
    with pytest.raises(RuntimeError, match="has not been started"):
        TrainingProcess(order).interrupt()
