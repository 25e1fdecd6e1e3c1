"""One run at a time: reserving, cancelling, shutting down, and what is found at the next start."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from bot.config import RetrainSettings
from bot.db import queries
from bot.errors import BotError
from bot.services.retraining import RunState, Snapshot
from tests.bot.conftest import Rows
from tests.bot.services.conftest import Workshop
from tests.bot.world import until

Child = Callable[[str], None]
MadeBundle = Callable[[float, float], Path]


async def refused(workshop: Workshop) -> str:
    """Why no run can be had now."""
    with pytest.raises(BotError) as caught:
        await workshop.services.retraining.reserve(7, 8, None)
    return caught.value.key


async def heard(workshop: Workshop) -> None:
    """Wait until the child has said that it is half done."""
    await until(lambda: bool(workshop.seen) and workshop.last.done == 0.5)


@pytest.fixture(autouse=True)
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything the child says is shown."""
    monkeypatch.setattr("bot.services.retraining._SHOW_EVERY", 0.0)


async def test_no_corpus_is_told_apart_from_a_missing_one(workshop: Workshop, tmp_path: Path, rows: Rows) -> None:
    for corpus, key in ((None, "retrain.no_corpus"), (tmp_path / "nowhere", "retrain.corpus_missing")):
        workshop.settings = workshop.settings.model_copy(update={"retrain": RetrainSettings(corpus=corpus)})
        await workshop.restart()
        assert await refused(workshop) == key
    assert rows("SELECT count(*) FROM training_runs") == [(0,)]


class TestOneAtATime:
    async def test_a_second_run_is_refused_while_one_is_under_way(self, workshop: Workshop, child: Child) -> None:
        child("wait()")
        await workshop.retrain()
        assert await refused(workshop) == "retrain.running"

    async def test_two_requests_at_once_get_one_place(self, workshop: Workshop, rows: Rows) -> None:
        results = await asyncio.gather(
            *(workshop.services.retraining.reserve(user, 8, None) for user in range(5)), return_exceptions=True
        )
        assert sum(isinstance(result, Snapshot) for result in results) == 1
        assert {result.key for result in results if isinstance(result, BotError)} == {"retrain.running"}
        assert rows("SELECT count(*) FROM training_runs") == [(1,)]

    async def test_a_place_that_is_given_back_is_free(self, workshop: Workshop, rows: Rows) -> None:
        snapshot = await workshop.services.retraining.reserve(7, 8, None)
        assert await refused(workshop) == "retrain.running"
        await workshop.services.retraining.release(snapshot)
        assert (await workshop.services.retraining.reserve(7, 8, None)).run_id == 2
        assert rows("SELECT state FROM training_runs") == [("cancelled",), ("waiting",)]

    async def test_a_place_that_could_not_be_recorded_is_free(self, workshop: Workshop, rows: Rows) -> None:
        rows("ALTER TABLE training_runs RENAME TO hidden")
        with pytest.raises(OperationalError):
            await workshop.services.retraining.reserve(7, 8, None)
        rows("ALTER TABLE hidden RENAME TO training_runs")
        assert (await workshop.services.retraining.reserve(7, 8, None)).state is RunState.WAITING

    async def test_the_place_is_free_when_the_end_is_shown(
        self, workshop: Workshop, child: Child, logged_errors: list[str]
    ) -> None:
        child("sys.exit(1)")
        await workshop.retrain()
        await workshop.ended()
        assert (await workshop.services.retraining.reserve(7, 8, None)).state is RunState.WAITING
        logged_errors.clear()


class TestCancelling:
    async def test_a_running_child_is_cancelled(self, workshop: Workshop, child: Child, rows: Rows) -> None:
        child("os.mkdir(out + '.partial'); wait()")
        started = await workshop.retrain()
        await heard(workshop)
        workshop.services.retraining.cancel(started.run_id)
        assert (await workshop.ended()).state is RunState.CANCELLED
        assert rows("SELECT state FROM training_runs") == [("cancelled",)]
        assert [path for path in workshop.settings.model.folder.iterdir() if path.is_dir()] == []

    async def test_a_run_that_was_not_launched_yet_is_cancelled_without_a_child(
        self, workshop: Workshop, child: Child
    ) -> None:
        child("open(out + '.started', 'w'); wait()")
        retraining = workshop.services.retraining
        snapshot = await retraining.reserve(7, 8, None)
        retraining.cancel(snapshot.run_id)
        await retraining.launch(snapshot, 9, workshop._watch)
        assert (await workshop.ended()).state is RunState.CANCELLED
        assert not workshop.settings.model.folder.exists()

    async def test_a_run_is_cancelled_while_its_child_is_being_started(self, workshop: Workshop, child: Child) -> None:
        child("wait()")
        retraining = workshop.services.retraining
        snapshot = await retraining.reserve(7, 8, None)

        async def impatient(shown: Snapshot) -> None:
            if not workshop.seen:
                assert shown.state is RunState.RUNNING
                retraining.cancel(shown.run_id)
            workshop.seen.append(shown)

        await retraining.launch(snapshot, 9, impatient)
        await until(lambda: bool(workshop.seen) and workshop.last.state is RunState.CANCELLED, deadline=10)

    async def test_a_run_that_is_not_under_way_cannot_be_cancelled(self, workshop: Workshop, child: Child) -> None:
        child("wait()")
        started = await workshop.retrain()
        for run_id in (0, started.run_id + 1):
            with pytest.raises(BotError) as caught:
                workshop.services.retraining.cancel(run_id)
            assert caught.value.key == "retrain.not_running"

    async def test_a_model_under_examination_cannot_be_cancelled_any_more(
        self, workshop: Workshop, child: Child, made_bundle: MadeBundle
    ) -> None:
        child(f"shutil.copytree({str(made_bundle(50.0, 40.0))!r}, out)")
        keys: list[str] = []
        retraining = workshop.services.retraining
        snapshot = await retraining.reserve(7, 8, None)

        async def late(shown: Snapshot) -> None:
            workshop.seen.append(shown)
            if shown.state is RunState.EXAMINING:
                with pytest.raises(BotError) as caught:
                    retraining.cancel(shown.run_id)
                keys.append(caught.value.key)

        await retraining.launch(snapshot, 9, late)
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
        assert workshop.last.state is RunState.INTERRUPTED
        assert rows("SELECT state, finished_at IS NULL FROM training_runs") == [("interrupted", 0)]
        [note] = workshop.settings.model.folder.glob("*.pid")
        with pytest.raises(ProcessLookupError):
            os.kill(int(note.read_text()), 0)
        assert [path for path in workshop.settings.model.folder.iterdir() if path.is_dir()] == []

    @pytest.mark.parametrize("broken", ["database", "message"])
    async def test_an_end_that_cannot_be_told_does_not_keep_the_bot_from_stopping(
        self, workshop: Workshop, child: Child, monkeypatch: pytest.MonkeyPatch, broken: str, logged_errors: list[str]
    ) -> None:
        child("wait()")
        await workshop.retrain()
        await heard(workshop)

        async def fail(*_: object, **__: object) -> None:
            raise RuntimeError("out of reach")

        if broken == "database":
            monkeypatch.setattr(queries, "update_run", fail)
        else:
            current = workshop.services.retraining._current
            assert current is not None
            current.show = fail
        await asyncio.wait_for(workshop.close(), timeout=10)
        logged_errors.clear()


class TestTheNextStart:
    async def test_runs_that_were_going_are_marked_and_what_they_left_is_removed(
        self, workshop: Workshop, rows: Rows
    ) -> None:
        left = []
        for state in ("waiting", "running", "examining"):
            snapshot = await workshop.services.retraining.reserve(7, 8, None)
            current = workshop.services.retraining._current
            assert current is not None
            left += [current.folder, current.folder.with_name(current.folder.name + ".partial")]
            workshop.services.retraining._current = None
            rows("UPDATE training_runs SET state = ? WHERE id = ?", state, snapshot.run_id)
        for folder in left:
            folder.mkdir(parents=True)
        await workshop.restart()
        assert rows("SELECT state, finished_at IS NULL FROM training_runs") == [("interrupted", 0)] * 3
        assert [folder for folder in left if folder.exists()] == []

    async def test_runs_that_had_ended_stay_as_they_were(
        self, workshop: Workshop, child: Child, made_bundle: MadeBundle, rows: Rows
    ) -> None:
        child(f"shutil.copytree({str(made_bundle(50.0, 40.0))!r}, out)")
        await workshop.retrain()
        version = (await workshop.ended()).version
        recorded = rows("SELECT * FROM training_runs")
        await workshop.restart()
        assert rows("SELECT * FROM training_runs") == recorded
        assert workshop.services.models.live_folder.is_dir()
        assert workshop.services.models.live_version == version

    async def test_a_model_that_went_live_just_before_the_bot_was_killed_is_kept(
        self, workshop: Workshop, child: Child, made_bundle: MadeBundle, rows: Rows
    ) -> None:
        child(f"shutil.copytree({str(made_bundle(50.0, 40.0))!r}, out)")
        await workshop.retrain()
        version = (await workshop.ended()).version
        # Killed between the two commits: the version is active, its run does not say so yet.
        rows("UPDATE training_runs SET state = 'examining', finished_at = NULL")
        await workshop.restart()
        assert workshop.services.models.live_version == version
        await workshop.restart()
        assert workshop.services.models.live_version == version

    async def test_a_run_can_be_had_after_one_that_was_interrupted(self, workshop: Workshop, child: Child) -> None:
        child("wait()")
        await workshop.retrain()
        await workshop.restart()
        assert (await workshop.services.retraining.reserve(7, 8, None)).run_id == 2
