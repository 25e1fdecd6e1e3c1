"""Trainings that are cut off in the middle, and what the next start says and does."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bot.config import Settings
from bot.db.tables import now
from bot.errors import BotError
from bot.services.runs import RunState, Snapshot, Source, Wish
from poetry_model.checkpoint import load_bundle
from tests.bot.conftest import MakeBundle, Rows
from tests.bot.places import address
from tests.bot.services.conftest import Workshop
from tests.bot.trainer import EPOCHS
from tests.bot.world import until

ROOT = Path(__file__).parents[3]

RESUME = Wish(Source.RESUME)

Child = Callable[[str], None]

LEASE_SECONDS = 2.0


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


def partials(workshop: Workshop) -> list[Path]:
    """The saved runs on disk."""
    return list(workshop.settings.model.folder.glob("*.partial"))


@contextmanager
def another_bot(settings: Settings, shipped: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A bot in a process of its own whose child has saved its training once; with the child's id."""
    places = [shipped, address(settings.database.place), settings.model.folder, settings.retrain.corpus, LEASE_SECONDS]
    command = [sys.executable, "-m", "tests.bot.trainer", *map(str, places)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ) as bot:
        assert bot.stdout is not None
        child = 0
        try:
            while not list(settings.model.folder.glob("*.partial")):
                told = json.loads(bot.stdout.readline())
                assert told["state"] in {RunState.WAITING, RunState.RUNNING}
                child = told["child"] or child
            yield bot, child
        finally:
            bot.kill()
            if child and is_alive(child):
                os.kill(child, signal.SIGKILL)


@pytest.mark.usefixtures("eager")
async def test_a_child_that_is_killed_can_be_resumed_to_a_live_model(
    workshop: Workshop, rows: Rows, logged_errors: list[str]
) -> None:
    old = workshop.services.models.live_version
    await workshop.retrain(Wish(epochs=EPOCHS, note="long"))
    await until(lambda: bool(partials(workshop)))
    run = workshop.services.retraining._current
    assert run is not None
    assert run.process is not None
    run.process.kill()
    end = await workshop.ended()
    assert (end.state, end.can_go_on) == (RunState.INTERRUPTED, True)
    assert "ended with code -9" in logged_errors.pop()
    workshop.seen.clear()

    again = await workshop.retrain(RESUME)
    assert (again.run_id, again.note, again.epochs) == (end.run_id, "long", EPOCHS)
    end = await workshop.ended()
    assert (end.state, end.version) == (RunState.ACCEPTED, workshop.services.models.live_version)
    assert rows("SELECT state, parent FROM training_runs") == [("accepted", old)]
    assert partials(workshop) == []
    training = load_bundle(workshop.services.models.live_folder).metadata["training"]
    assert (training["parent"], training["config"]["epochs"]) == (old, EPOCHS)


@pytest.mark.parametrize("killed", ["bot", "both"])
async def test_a_bot_that_is_killed_is_found_out_and_its_run_goes_on_in_another(
    settings: Settings, shipped: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    monkeypatch.setattr("bot.services.lease.LEASE_SECONDS", LEASE_SECONDS)
    monkeypatch.setattr("bot.services.lease.BEAT_SECONDS", LEASE_SECONDS / 4)
    monkeypatch.setattr("bot.services.run_upkeep._EVERY", 0.2)
    monkeypatch.setattr("bot.services.training_process._lower_priority", lambda *_: None)
    with another_bot(settings, shipped) as (bot, child):
        workshop = Workshop(settings)
        await workshop.open()
        with pytest.raises(BotError) as caught:
            await workshop.reserve()
        assert (caught.value.key, caught.value.values["user"]) == ("retrain.running", 7)
        if killed == "both":
            os.kill(child, signal.SIGKILL)
        bot.kill()
        # Nobody has told the child to stop; it sees by itself that the bot is no more.
        await until(lambda: not is_alive(child))
    # It is shown where it was shown before.
    end = await workshop.ended()
    assert (end.state, end.message_id, end.version) == (RunState.ACCEPTED, 9, workshop.services.models.live_version)
    assert rows("SELECT state, user_id FROM training_runs") == [("accepted", 7)]
    assert RunState.INTERRUPTED not in {snapshot.state for snapshot in workshop.seen}
    await workshop.close()


class TestWhatIsKept:
    """Children that play a part: they save something, and are cut off."""

    SAVES = "os.mkdir(out + '.partial'); wait()"

    async def interrupt(self, workshop: Workshop, child: Child, script: str = SAVES) -> int:
        child(script)
        workshop.seen.clear()
        snapshot = await workshop.retrain()
        await until(lambda: bool(workshop.seen) and workshop.last.done == 0.5)
        await workshop.restart()
        return snapshot.run_id

    @pytest.fixture(autouse=True)
    def talkative(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.services.retraining._SHOW_EVERY", 0.0)
        monkeypatch.setattr("bot.services.retraining._PAUSE", 0.0)

    async def test_the_last_one_is_resumed(self, workshop: Workshop, child: Child) -> None:
        await self.interrupt(workshop, child)
        last = await self.interrupt(workshop, child)
        assert len(partials(workshop)) == 1
        found = await workshop.services.retraining.last_interrupted()
        assert found is not None
        assert found.run_id == last
        assert (await workshop.reserve(RESUME)).run_id == last

    async def test_a_run_that_had_saved_nothing_is_not_resumed(self, workshop: Workshop, child: Child) -> None:
        await self.interrupt(workshop, child, "wait()")
        assert (workshop.last.state, workshop.last.can_go_on) == (RunState.INTERRUPTED, False)
        assert [path.suffix for path in workshop.settings.model.folder.iterdir()] == [".log"]
        with pytest.raises(BotError) as caught:
            await workshop.reserve(RESUME)
        assert caught.value.key == "retrain.nothing_to_resume"

    async def test_a_run_that_was_cancelled_leaves_nothing_to_resume(self, workshop: Workshop, child: Child) -> None:
        child(self.SAVES)
        await workshop.retrain()
        await until(lambda: bool(workshop.seen) and workshop.last.done == 0.5)
        await workshop.services.retraining.cancel()
        await workshop.ended()
        assert partials(workshop) == []
        assert await workshop.services.retraining.last_interrupted() is None

    async def test_another_run_in_between_does_not_take_it_away(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle
    ) -> None:
        first = await self.interrupt(workshop, child)
        workshop.seen.clear()
        child(f"shutil.copytree({str(made_bundle())!r}, out)")
        await workshop.retrain()
        assert (await workshop.ended()).state is RunState.ACCEPTED
        assert (await workshop.reserve(RESUME)).run_id == first

    async def test_a_resumed_run_that_cannot_be_shown_can_still_be_resumed(
        self, workshop: Workshop, child: Child, rows: Rows
    ) -> None:
        run_id = await self.interrupt(workshop, child)
        await workshop.reserve(RESUME)
        await workshop.services.retraining.release(run_id)
        assert rows("SELECT state FROM training_runs") == [("interrupted",)]
        assert (await workshop.reserve(RESUME)).run_id == run_id

    async def test_a_training_that_was_finished_is_examined_without_another(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle
    ) -> None:
        await self.interrupt(workshop, child, f"shutil.copytree({str(made_bundle())!r}, out); wait()")
        workshop.seen.clear()
        child("sys.exit('it trained again')")
        await workshop.retrain(RESUME)
        assert (await workshop.ended()).state is RunState.ACCEPTED
        assert RunState.RUNNING not in {snapshot.state for snapshot in workshop.seen}

    async def test_a_run_whose_corpus_is_gone_says_so(
        self, workshop: Workshop, child: Child, tmp_path: Path, corpus_folder: Path
    ) -> None:
        moving = tmp_path / "moving"
        moving.symlink_to(corpus_folder)
        await workshop.change(corpus=moving)
        await self.interrupt(workshop, child)
        moving.unlink()
        with pytest.raises(BotError) as caught:
            await workshop.reserve(RESUME)
        assert caught.value.key == "retrain.corpus_missing"

    async def test_the_model_it_began_with_is_kept_for_it(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle, rows: Rows
    ) -> None:
        await workshop.change(keep=1)
        child(f"shutil.copytree({str(made_bundle(nudge=0.01))!r}, out)")
        await workshop.retrain()
        parent = (await workshop.ended()).version
        await self.interrupt(workshop, child)
        for nudge in (0.02, 0.03):
            workshop.seen.clear()
            live = workshop.services.models.live_version
            child(f"shutil.copytree({str(made_bundle(None, nudge=nudge, rival=(live, 50.0)))!r}, out)")
            await workshop.retrain()
            assert (await workshop.ended()).state is RunState.ACCEPTED
        removed = rows("SELECT version FROM model_versions WHERE state = 'removed'")
        assert (parent,) not in removed
        assert len(removed) == 1
        await workshop.reserve(RESUME)


async def test_a_run_whose_lease_is_lost_stops_itself_and_leaves_the_record_alone(
    workshop: Workshop, child: Child, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.lease.BEAT_SECONDS", 0.02)
    child("open(out + '.pid.log', 'w').write(str(os.getpid())); wait()")
    await workshop.retrain()
    await until(lambda: bool(list(workshop.settings.model.folder.glob("*.pid.log"))))
    [note] = workshop.settings.model.folder.glob("*.pid.log")
    await until(lambda: bool(note.read_text()))
    # Another process took it over, and goes on with the run.
    await asyncio.to_thread(rows, "UPDATE leases SET holder = 'another'")
    await until(lambda: not is_alive(int(note.read_text())))
    await asyncio.sleep(0.2)
    assert rows("SELECT state FROM training_runs") == [("running",)]
    # That one is no more either.
    await asyncio.to_thread(rows, "DELETE FROM leases")
    workshop.services.retraining._upkeep.look()
    await until(lambda: rows("SELECT state, told FROM training_runs") == [("interrupted", 1)])
    assert workshop.last.state is RunState.INTERRUPTED


async def test_a_run_in_another_process_can_be_cancelled(
    workshop: Workshop, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.lease.BEAT_SECONDS", 0.02)
    child("wait()")
    await workshop.retrain()
    await until(lambda: bool(workshop.seen))
    other = Workshop(workshop.settings)
    await other.open()
    await other.services.retraining.cancel()
    assert (await workshop.ended()).state is RunState.CANCELLED
    with pytest.raises(BotError) as caught:
        await other.services.retraining.cancel()
    assert caught.value.key == "retrain.not_running"
    await other.close()


class TestTakingOver:
    """A process that trained is no more: its lease has run out, and its run stands on record as it was."""

    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.services.retraining._SHOW_EVERY", 0.0)
        monkeypatch.setattr("bot.services.retraining._PAUSE", 0.0)
        monkeypatch.setattr("bot.services.run_upkeep._EVERY", 0.02)

    async def die(self, workshop: Workshop, rows: Rows, state: str = "running") -> None:
        """Leave a run as a process that was killed does."""
        lease = rows("SELECT * FROM leases WHERE name = 'retrain'")
        await workshop.close()
        workshop.seen.clear()
        await asyncio.to_thread(rows, "UPDATE training_runs SET state = ?, finished_at = NULL, told = FALSE", state)
        if lease:
            await asyncio.to_thread(rows, "INSERT INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)", *lease[0])
        await asyncio.to_thread(rows, "UPDATE leases SET expires_at = '2026-01-01 00:00:00.000000'")

    async def begin(self, workshop: Workshop, child: Child, script: str = TestWhatIsKept.SAVES) -> None:
        child(script)
        await workshop.retrain()
        await until(lambda: bool(workshop.seen) and workshop.last.done == 0.5)

    @pytest.mark.parametrize("state", ["waiting", "running", "examining"])
    async def test_the_next_start_goes_on_with_it(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle, rows: Rows, state: str
    ) -> None:
        await self.begin(workshop, child)
        await self.die(workshop, rows, state)
        child(f"shutil.copytree({str(made_bundle())!r}, out)")
        await workshop.open()
        end = await workshop.ended()
        assert (end.state, end.run_id, end.message_id) == (RunState.ACCEPTED, 1, 9)
        assert partials(workshop) == []
        assert list(workshop.settings.model.folder.glob("*.takeovers")) == []

    async def test_of_two_processes_one_does(
        self, workshop: Workshop, child: Child, rows: Rows, tmp_path: Path
    ) -> None:
        await self.begin(workshop, child)
        await self.die(workshop, rows)
        child(f"open({str(tmp_path / 'children')!r}, 'a').write('x'); wait()")
        others = [Workshop(workshop.settings) for _ in range(3)]
        await asyncio.gather(*(other.open() for other in others))
        await until(lambda: any(other.seen and other.last.done == 0.5 for other in others))
        assert (tmp_path / "children").read_text() == "x"
        assert rows("SELECT state FROM training_runs") == [("running",)]
        for other in others:
            await other.close()

    async def test_one_that_dies_again_and_again_at_the_same_place_is_left_alone(
        self, workshop: Workshop, child: Child, rows: Rows, logged_errors: list[str]
    ) -> None:
        await self.begin(workshop, child)
        for _ in range(3):
            await self.die(workshop, rows)
            child("wait()")
            await workshop.open()
            await until(lambda: bool(workshop.seen) and workshop.last.done == 0.5)
        await self.die(workshop, rows)
        await workshop.open()
        end = await workshop.ended()
        assert (end.state, end.can_go_on) == (RunState.INTERRUPTED, True)
        assert logged_errors == ["Training run 1 has ended its process 3 times, and is not begun again"]
        logged_errors.clear()

    async def test_one_that_comes_further_each_time_is_taken_over_each_time(
        self, workshop: Workshop, child: Child, rows: Rows
    ) -> None:
        await self.begin(workshop, child)
        for number in range(5):
            await self.die(workshop, rows)
            child(f"open(out + '.partial/{number}', 'w').close(); wait()")
            await workshop.open()
            await until(lambda: bool(workshop.seen) and workshop.last.done == 0.5)

    async def test_a_process_that_has_not_its_files_leaves_it_to_others_and_then_says_so(
        self,
        workshop: Workshop,
        child: Child,
        rows: Rows,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr("bot.services.run_upkeep._EVERY", 1000.0)
        await self.begin(workshop, child)
        await self.die(workshop, rows)
        await asyncio.to_thread(rows, f"UPDATE leases SET expires_at = '{now():%Y-%m-%d %H:%M:%S.%f}'")
        elsewhere = workshop.settings.model.model_copy(update={"folder": tmp_path / "elsewhere"})
        other = Workshop(workshop.settings.model_copy(update={"model": elsewhere}))
        await other.open()
        assert rows("SELECT state FROM training_runs") == [("running",)]
        assert "let model.folder be one folder that every process sees" in caplog.text
        # Nobody else comes.
        await asyncio.to_thread(rows, "UPDATE leases SET expires_at = '2026-01-01 00:00:00.000000'")
        other.services.retraining._upkeep.look()
        await until(lambda: rows("SELECT state FROM training_runs") == [("interrupted",)])
        await other.close()
        assert len(partials(workshop)) == 1

    async def test_one_whose_model_is_on_record_already_is_not_begun_again(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle, rows: Rows
    ) -> None:
        child(f"shutil.copytree({str(made_bundle())!r}, out)")
        live = workshop.services.models.live_version
        await workshop.retrain()
        [plan] = workshop.settings.model.folder.glob("*.plan.json")
        written = plan.read_text()
        await workshop.ended()
        await workshop.services.models.rollback()
        await self.die(workshop, rows, "examining")
        plan.write_text(written)
        long_ago = "'2026-01-01 00:00:00.000000'"
        await asyncio.to_thread(
            rows, f"INSERT INTO leases VALUES ('retrain', 'x', 7, 1, {long_ago}, {long_ago}, FALSE)"
        )
        await workshop.open()
        await until(lambda: rows("SELECT state FROM training_runs") == [("accepted",)])
        assert workshop.services.models.live_version == live

    async def test_a_process_that_was_taken_for_dead_records_nothing_any_more(
        self, workshop: Workshop, child: Child, rows: Rows
    ) -> None:
        await self.begin(workshop, child)
        await asyncio.to_thread(rows, "UPDATE leases SET holder = 'another'")
        await workshop.close()
        assert rows("SELECT state FROM training_runs") == [("running",)]
        assert rows("SELECT holder FROM leases WHERE name = 'retrain'") == [("another",)]
        assert RunState.INTERRUPTED not in {snapshot.state for snapshot in workshop.seen}

    @pytest.mark.parametrize("state", [RunState.RUNNING, RunState.EXAMINING])
    async def test_a_process_that_was_taken_for_dead_makes_nothing_live(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle, rows: Rows, state: RunState
    ) -> None:
        live = workshop.services.models.live_version
        child(f"shutil.copytree({str(made_bundle())!r}, out)")

        async def lose(snapshot: Snapshot) -> bool:
            if snapshot.state is state:
                await asyncio.to_thread(rows, "UPDATE leases SET holder = 'another'")
            return True

        workshop.services.retraining.attach(lose)
        await workshop.retrain()
        await until(lambda: workshop.services.retraining._current is None)
        assert workshop.services.models.live_version == live
        assert rows("SELECT state FROM training_runs") == [(state.value,)]
        assert rows("SELECT count(*) FROM model_versions") == [(1,)]
