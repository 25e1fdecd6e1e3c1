"""One run at a time: reserving, cancelling, shutting down, and what is found at the next start."""

import asyncio
import os
from collections.abc import Callable

import pytest
from sqlalchemy.exc import DBAPIError

from bot.db import run_queries
from bot.errors import BotError
from bot.services.runs import RunState, Snapshot, Wish
from tests.bot.conftest import MakeBundle, Rows
from tests.bot.services.conftest import Workshop
from tests.bot.world import until

Child = Callable[[str], None]


async def refused(workshop: Workshop) -> str:
    """Why no run can be had now."""
    with pytest.raises(BotError) as caught:
        await workshop.reserve()
    return caught.value.key


def left(workshop: Workshop) -> list[str]:
    """The folders where the models go."""
    return sorted(path.name for path in workshop.settings.model.folder.iterdir() if path.is_dir())


async def heard(workshop: Workshop) -> None:
    """Wait until the child has said that it is half done."""
    await until(lambda: bool(workshop.seen) and workshop.last.done == 0.5)


@pytest.fixture(autouse=True)
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything the child says is shown."""
    monkeypatch.setattr("bot.services.retraining._SHOW_EVERY", 0.0)
    monkeypatch.setattr("bot.services.retraining._PAUSE", 0.0)


class TestOneAtATime:
    async def test_a_second_run_is_refused_while_one_is_under_way(self, workshop: Workshop, child: Child) -> None:
        child("wait()")
        await workshop.retrain()
        assert await refused(workshop) == "retrain.running"

    async def test_two_requests_at_once_get_one_place(self, workshop: Workshop, rows: Rows) -> None:
        results = await asyncio.gather(
            *(workshop.services.retraining.reserve(user, 8, Wish()) for user in range(5)), return_exceptions=True
        )
        assert sum(isinstance(result, Snapshot) for result in results) == 1
        assert {result.key for result in results if isinstance(result, BotError)} == {"retrain.running"}
        assert rows("SELECT count(*) FROM training_runs") == [(1,)]

    async def test_a_place_that_is_given_back_is_free(self, workshop: Workshop, rows: Rows) -> None:
        snapshot = await workshop.reserve()
        assert await refused(workshop) == "retrain.running"
        await workshop.services.retraining.release(snapshot.run_id)
        assert (await workshop.reserve()).run_id == 2
        assert rows("SELECT state FROM training_runs ORDER BY id") == [("cancelled",), ("waiting",)]

    async def test_a_place_that_could_not_be_recorded_is_free(self, workshop: Workshop, rows: Rows) -> None:
        await asyncio.to_thread(rows, "ALTER TABLE training_runs RENAME TO hidden")
        with pytest.raises(DBAPIError):
            await workshop.reserve()
        await asyncio.to_thread(rows, "ALTER TABLE hidden RENAME TO training_runs")
        assert (await workshop.reserve()).state is RunState.WAITING

    async def test_a_place_that_was_held_too_long_without_a_launch_is_lost(
        self, workshop: Workshop, rows: Rows
    ) -> None:
        snapshot = await workshop.reserve()
        await asyncio.to_thread(rows, "UPDATE leases SET expires_at = '2026-01-01 00:00:00.000000'")
        workshop.services.retraining._upkeep.look()
        await until(lambda: rows("SELECT state FROM training_runs") == [("interrupted",)])
        with pytest.raises(BotError) as caught:
            await workshop.services.retraining.launch(snapshot.run_id, 8, 9)
        assert caught.value.key == "retrain.not_running"

    async def test_the_place_is_free_when_the_end_is_shown(
        self, workshop: Workshop, child: Child, logged_errors: list[str]
    ) -> None:
        child("sys.exit(1)")
        await workshop.retrain()
        await workshop.ended()
        assert (await workshop.reserve()).state is RunState.WAITING
        logged_errors.clear()


class TestCancelling:
    async def test_a_running_child_is_cancelled(self, workshop: Workshop, child: Child, rows: Rows) -> None:
        child("os.mkdir(out + '.partial'); wait()")
        started = await workshop.retrain()
        await heard(workshop)
        await workshop.services.retraining.cancel(started.run_id)
        assert (await workshop.ended()).state is RunState.CANCELLED
        assert rows("SELECT state FROM training_runs") == [("cancelled",)]
        assert left(workshop) == []

    async def test_a_run_that_was_not_launched_yet_is_cancelled_without_a_child(
        self, workshop: Workshop, child: Child
    ) -> None:
        child("open(out + '.started', 'w'); wait()")
        retraining = workshop.services.retraining
        snapshot = await workshop.reserve()
        await retraining.cancel(snapshot.run_id)
        await retraining.launch(snapshot.run_id, 8, 9)
        assert (await workshop.ended()).state is RunState.CANCELLED
        assert list(workshop.settings.model.folder.iterdir()) == []

    async def test_a_run_is_cancelled_while_its_child_is_being_started(self, workshop: Workshop, child: Child) -> None:
        child("wait()")
        retraining = workshop.services.retraining
        snapshot = await workshop.reserve()

        async def impatient(shown: Snapshot) -> bool:
            if not workshop.seen:
                assert shown.state is RunState.RUNNING
                await retraining.cancel(shown.run_id)
            workshop.seen.append(shown)
            return True

        retraining.attach(impatient)
        await retraining.launch(snapshot.run_id, 8, 9)
        await until(lambda: bool(workshop.seen) and workshop.last.state is RunState.CANCELLED, deadline=10)

    async def test_a_run_that_is_not_under_way_cannot_be_cancelled(self, workshop: Workshop, child: Child) -> None:
        child("wait()")
        started = await workshop.retrain()
        for run_id in (0, started.run_id + 1):
            with pytest.raises(BotError) as caught:
                await workshop.services.retraining.cancel(run_id)
            assert caught.value.key == "retrain.not_running"

    async def test_a_model_under_examination_cannot_be_cancelled_any_more(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle
    ) -> None:
        child(f"shutil.copytree({str(made_bundle(50.0, 40.0))!r}, out)")
        keys: list[str] = []
        retraining = workshop.services.retraining
        snapshot = await workshop.reserve()

        async def late(shown: Snapshot) -> bool:
            workshop.seen.append(shown)
            if shown.state is RunState.EXAMINING:
                with pytest.raises(BotError) as caught:
                    await retraining.cancel(shown.run_id)
                keys.append(caught.value.key)
            return True

        retraining.attach(late)
        await retraining.launch(snapshot.run_id, 8, 9)
        assert (await workshop.ended()).state is RunState.ACCEPTED
        assert keys == ["retrain.not_running"]


class TestShuttingDown:
    async def test_a_run_is_interrupted_and_its_child_is_gone(
        self, workshop: Workshop, child: Child, rows: Rows
    ) -> None:
        child("os.mkdir(out + '.partial'); open(out + '.log.pid', 'w').write(str(os.getpid())); wait()")
        await workshop.retrain()
        await heard(workshop)
        await workshop.close()
        assert (workshop.last.state, workshop.last.can_go_on) == (RunState.INTERRUPTED, True)
        assert rows("SELECT state, finished_at IS NULL FROM training_runs") == [("interrupted", 0)]
        [note] = workshop.settings.model.folder.glob("*.pid")
        with pytest.raises(ProcessLookupError):
            os.kill(int(note.read_text()), 0)
        assert [name.split(".")[1] for name in left(workshop)] == ["partial"]

    @pytest.mark.parametrize("broken", ["database", "message"])
    async def test_an_end_that_cannot_be_told_does_not_keep_the_bot_from_stopping(
        self, workshop: Workshop, child: Child, monkeypatch: pytest.MonkeyPatch, broken: str, logged_errors: list[str]
    ) -> None:
        child("wait()")
        await workshop.retrain()
        await heard(workshop)

        async def fail(*_: object, **__: object) -> bool:
            raise RuntimeError("out of reach")

        if broken == "database":
            monkeypatch.setattr(run_queries, "update_run", fail)
        else:
            workshop.services.retraining.attach(fail)
        await asyncio.wait_for(workshop.close(), timeout=10)
        logged_errors.clear()


class TestTheNextStart:
    """The process before was killed: its lease runs out, and its runs stand on record as they were."""

    @pytest.mark.parametrize("state", ["waiting", "running", "examining"])
    async def test_a_run_that_was_going_is_marked_and_told(
        self, workshop: Workshop, child: Child, rows: Rows, state: str
    ) -> None:
        child("os.mkdir(out + '.partial'); wait()")
        await workshop.retrain()
        await heard(workshop)
        await workshop.close()
        workshop.seen.clear()
        await asyncio.to_thread(rows, "UPDATE training_runs SET state = ?, finished_at = NULL, told = FALSE", state)
        await workshop.open()
        await until(lambda: bool(workshop.seen))
        assert (workshop.last.state, workshop.last.can_go_on) == (RunState.INTERRUPTED, True)
        assert (workshop.last.channel_id, workshop.last.message_id) == (8, 9)
        await until(lambda: rows("SELECT told FROM training_runs") == [(1,)])
        assert rows("SELECT state, finished_at IS NULL FROM training_runs") == [("interrupted", 0)]

    async def test_a_run_that_another_process_attends_to_is_left_alone(
        self, workshop: Workshop, child: Child, rows: Rows
    ) -> None:
        child("wait()")
        await workshop.retrain()
        await heard(workshop)
        other = Workshop(workshop.settings)
        await other.open()
        assert rows("SELECT state FROM training_runs") == [("running",)]
        assert await refused(other) == "retrain.running"
        await other.close()
        assert rows("SELECT state FROM training_runs") == [("running",)]

    async def test_what_people_could_not_be_told_they_are_told_then(
        self, workshop: Workshop, child: Child, rows: Rows, logged_errors: list[str]
    ) -> None:
        child("sys.exit('out of luck')")

        async def deaf(_: Snapshot) -> bool:
            return False

        workshop.services.retraining.attach(deaf)
        await workshop.retrain()
        await until(lambda: rows("SELECT state, told FROM training_runs") == [("failed", 0)])
        await workshop.restart()
        await until(lambda: rows("SELECT told FROM training_runs") == [(1,)])
        assert [snapshot.state for snapshot in workshop.seen] == [RunState.FAILED]
        await workshop.restart()
        assert len(workshop.seen) == 1
        logged_errors.clear()

    async def test_runs_that_had_ended_stay_as_they_were(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle, rows: Rows
    ) -> None:
        child(f"shutil.copytree({str(made_bundle(50.0, 40.0))!r}, out)")
        await workshop.retrain()
        version = (await workshop.ended()).version
        await until(lambda: rows("SELECT told FROM training_runs") == [(1,)])
        recorded = rows("SELECT * FROM training_runs")
        await workshop.restart()
        assert rows("SELECT * FROM training_runs") == recorded
        assert workshop.services.models.live_folder.is_dir()
        assert workshop.services.models.live_version == version

    @pytest.mark.parametrize(("after", "became"), [(40.0, "accepted"), (200.0, "candidate")])
    async def test_a_model_that_was_recorded_just_before_the_bot_was_killed_is_kept(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle, rows: Rows, after: float, became: str
    ) -> None:
        child(f"shutil.copytree({str(made_bundle(50.0, after))!r}, out)")
        await workshop.retrain()
        await workshop.ended()
        await until(lambda: rows("SELECT told FROM training_runs") == [(1,)])
        live = workshop.services.models.live_version
        # Killed between the two commits: the version is on record, its run does not say so yet.
        await asyncio.to_thread(rows, "UPDATE training_runs SET state = 'examining', finished_at = NULL")
        await workshop.restart()
        assert workshop.services.models.live_version == live
        assert rows("SELECT state FROM training_runs") == [(became,)]
        assert len(left(workshop)) == 1

    async def test_a_run_can_be_had_after_one_that_was_interrupted(self, workshop: Workshop, child: Child) -> None:
        child("wait()")
        await workshop.retrain()
        await workshop.restart()
        assert (await workshop.reserve()).run_id == 2
