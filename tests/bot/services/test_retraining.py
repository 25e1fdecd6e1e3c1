from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config import RetrainSettings
from bot.services.retraining import RunState
from poetry_model.checkpoint import load_bundle
from poetry_model.poem import PoemRequest
from tests.bot.conftest import Rows
from tests.bot.services.conftest import Workshop
from tests.bot.world import until

Child = Callable[[str], None]
MadeBundle = Callable[[float, float], Path]


def states(workshop: Workshop) -> list[RunState]:
    """The states that were shown, each once."""
    return list(dict.fromkeys(snapshot.state for snapshot in workshop.seen))


def folders(workshop: Workshop) -> list[str]:
    """What lies where the models go, the logs aside."""
    return sorted(path.name for path in workshop.settings.model.folder.iterdir() if path.suffix != ".log")


def copy(bundle: Path) -> str:
    """A child that makes this bundle."""
    return f"step(5); shutil.copytree({str(bundle)!r}, out)"


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything the child says is shown."""
    monkeypatch.setattr("bot.services.retraining._SHOW_EVERY", 0.0)


@pytest.mark.usefixtures("talkative", "eager")
async def test_a_model_that_is_good_enough_goes_live_and_stays_live(workshop: Workshop, rows: Rows) -> None:
    old = workshop.services.models.live_version
    await workshop.retrain(epochs=1)
    end = await workshop.ended()
    assert states(workshop) == [RunState.RUNNING, RunState.EXAMINING, RunState.ACCEPTED]
    assert end.version == workshop.services.models.live_version != old
    assert {snapshot.epochs for snapshot in workshop.seen} == {1}
    assert any(snapshot.loss and snapshot.before and snapshot.characters_per_second for snapshot in workshop.seen)
    assert (await workshop.services.poems.write(PoemRequest.checked("月"), 1, None)).model == end.version
    [(state, version, parent)] = rows("SELECT state, version, parent FROM training_runs")
    assert (state, version, parent) == ("accepted", end.version, old)
    await workshop.restart()
    assert workshop.services.models.live_version == end.version
    assert load_bundle(workshop.services.models.live_folder).metadata["training"]["parent"] == old


@pytest.mark.usefixtures("talkative", "eager")
async def test_a_real_training_that_is_cancelled_leaves_nothing(workshop: Workshop, rows: Rows) -> None:
    old = workshop.services.models.live_version
    started = await workshop.retrain(epochs=100)
    await until(lambda: any(snapshot.loss for snapshot in workshop.seen))
    workshop.services.retraining.cancel(started.run_id)
    assert (await workshop.ended()).state is RunState.CANCELLED
    assert workshop.services.models.live_version == old
    assert folders(workshop) == []
    assert rows("SELECT state, version FROM training_runs") == [("cancelled", None)]


@pytest.mark.usefixtures("eager")
async def test_a_real_training_that_cannot_read_its_corpus_fails_with_a_word_in_the_log(
    workshop: Workshop, tmp_path: Path, logged_errors: list[str]
) -> None:
    corpus = tmp_path / "broken"
    corpus.mkdir()
    (corpus / "poet.tang.0.json").write_text("{")
    workshop.settings = workshop.settings.model_copy(update={"retrain": RetrainSettings(corpus=corpus)})
    await workshop.restart()
    await workshop.retrain()
    assert (await workshop.ended()).state is RunState.FAILED
    [line] = logged_errors
    assert "ended with code 2: " in line
    assert "poet.tang.0.json is not valid JSON" in line
    logged_errors.clear()


class TestJudging:
    """The child's bundle has the perplexities that the test gives it; here it may be twice as bad as its parent."""

    @pytest.mark.parametrize(("before", "after"), [(50.0, 40.0), (50.0, 50.0), (50.0, 100.0)])
    async def test_as_good_as_is_tolerated_is_accepted(
        self, workshop: Workshop, child: Child, made_bundle: MadeBundle, before: float, after: float
    ) -> None:
        child(copy(made_bundle(before, after)))
        await workshop.retrain()
        end = await workshop.ended()
        assert (end.state, end.before, end.after) == (RunState.ACCEPTED, before, after)
        assert workshop.services.models.live_version == end.version

    @pytest.mark.parametrize(("before", "after"), [(50.0, 100.1), (50.0, float("nan")), (50.0, float("inf"))])
    async def test_worse_than_that_is_refused_and_removed(
        self, workshop: Workshop, child: Child, made_bundle: MadeBundle, rows: Rows, before: float, after: float
    ) -> None:
        old = workshop.services.models.live_version
        child(copy(made_bundle(before, after)))
        await workshop.retrain()
        assert (await workshop.ended()).state is RunState.REFUSED
        assert workshop.services.models.live_version == old
        assert folders(workshop) == []
        assert rows("SELECT count(*) FROM model_versions") == [(0,)]
        await workshop.restart()
        assert workshop.services.models.live_version == old

    async def test_without_tolerance_a_little_worse_is_refused(
        self, workshop: Workshop, child: Child, made_bundle: MadeBundle
    ) -> None:
        changed = workshop.settings.retrain.model_copy(update={"tolerance": 0.0})
        workshop.settings = workshop.settings.model_copy(update={"retrain": changed})
        await workshop.restart()
        child(copy(made_bundle(50.0, 50.01)))
        await workshop.retrain()
        assert (await workshop.ended()).state is RunState.REFUSED

    async def test_a_damaged_bundle_is_broken_and_removed(
        self, workshop: Workshop, child: Child, made_bundle: MadeBundle, logged_errors: list[str]
    ) -> None:
        bundle = made_bundle(50.0, 40.0)
        (bundle / "vocabulary.json").write_text("{}")
        child(copy(bundle))
        await workshop.retrain()
        assert (await workshop.ended()).state is RunState.BROKEN
        assert folders(workshop) == []
        assert logged_errors[0].startswith("The model of training run 1 is refused: ")
        logged_errors.clear()

    async def test_a_child_that_makes_nothing_is_broken(
        self, workshop: Workshop, child: Child, logged_errors: list[str]
    ) -> None:
        child("pass")
        await workshop.retrain()
        assert (await workshop.ended()).state is RunState.BROKEN
        logged_errors.clear()

    async def test_a_bundle_without_figures_is_not_accepted(
        self, workshop: Workshop, child: Child, shipped: Path, logged_errors: list[str]
    ) -> None:
        child(copy(shipped))
        await workshop.retrain()
        assert (await workshop.ended()).state in {RunState.BROKEN, RunState.FAILED}
        assert folders(workshop) == []
        logged_errors.clear()

    async def test_the_next_run_starts_from_the_model_that_was_accepted(
        self, workshop: Workshop, child: Child, made_bundle: MadeBundle, rows: Rows
    ) -> None:
        child(copy(made_bundle(50.0, 40.0)))
        await workshop.retrain()
        first = await workshop.ended()
        workshop.seen.clear()
        await workshop.retrain()
        await workshop.ended()
        assert rows("SELECT parent FROM training_runs WHERE id = 2") == [(first.version,)]


class TestFailing:
    async def test_a_child_that_fails_leaves_nothing_and_frees_the_place(
        self, workshop: Workshop, child: Child, logged_errors: list[str]
    ) -> None:
        child("os.mkdir(out + '.partial'); sys.exit(3)")
        for _ in range(2):
            workshop.seen.clear()
            await workshop.retrain()
            assert (await workshop.ended()).state is RunState.FAILED
            assert folders(workshop) == []
        assert len(logged_errors) == 2
        logged_errors.clear()

    async def test_a_child_that_is_killed_from_outside_has_failed(
        self, workshop: Workshop, child: Child, logged_errors: list[str]
    ) -> None:
        child("step(5); os.kill(os.getpid(), signal.SIGKILL)")
        await workshop.retrain()
        assert (await workshop.ended()).state is RunState.FAILED
        assert "ended with code -9" in logged_errors[0]
        logged_errors.clear()

    async def test_a_child_that_cannot_be_started_has_failed(
        self, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, logged_errors: list[str]
    ) -> None:
        monkeypatch.setattr("bot.services.training_process.TrainingOrder.command", lambda _: ["/no/such/program"])
        await workshop.retrain()
        assert (await workshop.ended()).state is RunState.FAILED
        assert logged_errors == ["Training run 1 failed"]
        logged_errors.clear()

    async def test_a_child_that_talks_nonsense_has_failed_and_is_ended(
        self, workshop: Workshop, child: Child, logged_errors: list[str]
    ) -> None:
        child("print(json.dumps({'event': 'step'}), flush=True); signal.pause()")
        await workshop.retrain()
        assert (await workshop.ended()).state is RunState.FAILED
        logged_errors.clear()


class TestShowing:
    async def test_much_talk_is_shown_at_a_polite_pace(
        self, workshop: Workshop, child: Child, monkeypatch: pytest.MonkeyPatch, made_bundle: MadeBundle
    ) -> None:
        monkeypatch.setattr("bot.services.retraining._SHOW_EVERY", 3600.0)
        child(f"[step(n) for n in range(10)]; {copy(made_bundle(50.0, 40.0))}")
        await workshop.retrain()
        await workshop.ended()
        assert [snapshot.state for snapshot in workshop.seen] == states(workshop)

    @pytest.mark.usefixtures("talkative")
    async def test_each_word_is_shown_when_there_is_time(
        self, workshop: Workshop, child: Child, made_bundle: MadeBundle
    ) -> None:
        child(
            "say('start', perplexity=60.0); step(2); say('note', text='x')\n"
            "say('epoch', epoch=1, done=0.5, perplexity=55.0); say('checkpoint', epoch=2)\n"
            + copy(made_bundle(50.0, 40.0))
        )
        await workshop.retrain()
        await workshop.ended()
        figures = [(each.done, each.before, each.after) for each in workshop.seen if each.state is RunState.RUNNING]
        assert figures == [(0, None, None), (0, 60, None), (0.2, 60, None), (0.5, 60, 55), (0.5, 60, 55)]

    async def test_epochs_come_from_the_command_or_else_from_the_settings(
        self, workshop: Workshop, child: Child, rows: Rows
    ) -> None:
        child("sys.exit(0)")
        first = await workshop.services.retraining.reserve(7, 8, None)
        await workshop.services.retraining.release(first)
        second = await workshop.services.retraining.reserve(7, 8, 5)
        await workshop.services.retraining.release(second)
        assert (first.epochs, second.epochs) == (workshop.settings.retrain.epochs, 5)
        assert rows("SELECT epochs FROM training_runs") == [(1,), (5,)]

    async def test_the_run_knows_who_started_it_and_where_it_is_shown(
        self, workshop: Workshop, child: Child, rows: Rows
    ) -> None:
        child("wait()")
        await workshop.retrain()
        assert rows("SELECT user_id, channel_id, message_id FROM training_runs") == [(7, 8, 9)]
