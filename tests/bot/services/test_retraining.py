"""What becomes of a run: real trainings on a small corpus, and children that play a part."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.errors import BotError
from bot.services.run_judge import Shortfall
from bot.services.runs import RunState, Source, Wish
from poetry_model.checkpoint import load_bundle
from poetry_model.poem import PoemRequest
from tests.bot.conftest import GOOD, MakeBundle, Rows
from tests.bot.services.conftest import Workshop
from tests.bot.world import until

Child = Callable[[str], None]


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
    monkeypatch.setattr("bot.services.retraining._PAUSE", 0.0)


@pytest.mark.usefixtures("talkative", "eager")
async def test_a_model_that_is_good_enough_goes_live_and_stays_live(workshop: Workshop, rows: Rows) -> None:
    old = workshop.services.models.live_version
    await workshop.retrain(Wish(epochs=1))
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
    started = await workshop.retrain(Wish(epochs=100))
    await until(lambda: any(snapshot.loss for snapshot in workshop.seen))
    await workshop.services.retraining.cancel(started.run_id)
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
    await workshop.change(corpus=corpus)
    await workshop.retrain()
    end = await workshop.ended()
    assert (end.state, end.can_go_on) == (RunState.FAILED, False)
    assert end.said is not None
    assert "poet.tang.0.json is not valid JSON" in end.said
    [line] = logged_errors
    assert "ended with code 2: " in line
    assert end.said in line
    logged_errors.clear()


@pytest.mark.usefixtures("eager")
async def test_a_training_made_worse_on_purpose_is_not_installed_and_says_why(
    workshop: Workshop, rows: Rows, logged_errors: list[str]
) -> None:
    old = workshop.services.models.live_version
    await workshop.change(learning_rate=1.0, tolerance=0.01)
    await workshop.retrain(Wish(epochs=1))
    end = await workshop.ended()
    assert (end.state, workshop.services.models.live_version) == (RunState.CANDIDATE, old)
    assert end.before is not None
    assert end.after is not None
    assert end.after > 2 * end.before
    assert Shortfall("perplexity", end.after, end.before * 1.01) in end.shortfalls
    assert rows("SELECT state FROM model_versions WHERE run_id = 1") == [("candidate",)]
    assert end.version is not None
    [bundle] = [path for path in workshop.settings.model.folder.iterdir() if path.is_dir()]
    assert load_bundle(bundle).version == end.version

    # One bit of its weights, and nobody can be talked into it.
    weights = bundle / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(BotError) as caught:
        await workshop.services.models.use(end.version, force=True)
    assert (caught.value.key, workshop.services.models.live_version) == ("model.damaged", old)
    assert "does not match the checksum" in logged_errors.pop()


class TestJudging:
    """The child's bundle has the figures that the test gives it; here it may be twice as bad as its parent."""

    @pytest.mark.parametrize(("before", "after"), [(50.0, 40.0), (50.0, 50.0), (50.0, 100.0)])
    async def test_as_good_as_is_tolerated_is_accepted(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle, before: float, after: float
    ) -> None:
        child(copy(made_bundle(before, after)))
        await workshop.retrain()
        end = await workshop.ended()
        assert (end.state, end.before, end.after) == (RunState.ACCEPTED, before, after)
        assert workshop.services.models.live_version == end.version
        assert len(end.poems) == 5
        assert end.history

    @pytest.mark.parametrize(("before", "after"), [(50.0, 100.1), (50.0, float("nan")), (50.0, float("inf"))])
    async def test_worse_than_that_stays_a_candidate_on_disk(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle, rows: Rows, before: float, after: float
    ) -> None:
        old = workshop.services.models.live_version
        child(copy(made_bundle(before, after)))
        await workshop.retrain()
        end = await workshop.ended()
        assert end.state is RunState.CANDIDATE
        assert [shortfall.figure for shortfall in end.shortfalls] == ["perplexity"]
        assert workshop.services.models.live_version == old
        [folder] = folders(workshop)
        assert rows("SELECT version, folder FROM model_versions WHERE state = 'candidate'") == [(end.version, folder)]
        await workshop.restart()
        assert workshop.services.models.live_version == old

    async def test_without_tolerance_a_little_worse_is_not_enough(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle
    ) -> None:
        await workshop.change(tolerance=0.0)
        child(copy(made_bundle(50.0, 50.01)))
        await workshop.retrain()
        assert (await workshop.ended()).shortfalls == (Shortfall("perplexity", 50.01, 50.0),)

    @pytest.mark.parametrize(
        ("figures", "short"),
        [({"metre": 0.9}, "metre"), ({"copied_lines": 0.1}, "copied_lines"), (None, "examination")],
    )
    async def test_poems_that_are_not_good_enough_make_a_candidate(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle, figures: dict[str, float] | None, short: str
    ) -> None:
        child(copy(made_bundle(examination=figures and GOOD | figures)))
        await workshop.retrain()
        end = await workshop.ended()
        assert end.state is RunState.CANDIDATE
        assert [shortfall.figure for shortfall in end.shortfalls] == [short]

    async def test_a_model_that_was_measured_beside_another_than_the_live_one_is_a_candidate(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle
    ) -> None:
        child(copy(made_bundle(nudge=0.02)))
        await workshop.retrain()
        await workshop.ended()
        workshop.seen.clear()
        # Its parent is the model that shipped, which is live no more.
        child(copy(made_bundle(nudge=0.03)))
        await workshop.retrain()
        assert (await workshop.ended()).shortfalls == (Shortfall("comparison"),)

    async def test_a_damaged_bundle_is_broken_and_removed(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle, logged_errors: list[str]
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

    async def test_a_model_from_random_weights_is_compared_with_the_live_one(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle, rows: Rows
    ) -> None:
        live = workshop.services.models.live_version
        child(copy(made_bundle(None, 40.0, rival=(live, 15.0))))
        await workshop.retrain(Wish(Source.FRESH))
        end = await workshop.ended()
        assert (end.before, end.start) == (15.0, None)
        assert end.shortfalls == (Shortfall("perplexity", 40.0, 30.0),)
        assert rows("SELECT source, epochs FROM training_runs") == [("fresh", 14)]

    async def test_the_live_model_handed_in_again_changes_nothing(
        self, workshop: Workshop, child: Child, shipped: Path
    ) -> None:
        live = workshop.services.models.live_version
        child(copy(shipped))
        await workshop.retrain()
        await workshop.ended()
        assert workshop.services.models.live_version == live
        assert folders(workshop) == []
        await workshop.restart()
        assert workshop.services.models.live_version == live

    async def test_the_next_run_starts_from_the_model_that_was_accepted(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle, rows: Rows
    ) -> None:
        child(copy(made_bundle(50.0, 40.0)))
        await workshop.retrain()
        first = await workshop.ended()
        child("wait()")
        await workshop.retrain()
        assert rows("SELECT parent FROM training_runs WHERE id = 2") == [(first.version,)]


class TestFailing:
    async def test_of_children_that_fail_the_last_ones_work_is_kept_and_the_place_is_free(
        self, workshop: Workshop, child: Child, logged_errors: list[str]
    ) -> None:
        child("os.mkdir(out + '.partial'); sys.exit(3)")
        for number in (1, 2):
            workshop.seen.clear()
            await workshop.retrain()
            end = await workshop.ended()
            assert (end.state, end.can_go_on) == (RunState.FAILED, True)
            assert [name.split("-")[1] for name in folders(workshop)] == [str(number)] * 2
        assert len(logged_errors) == 2
        logged_errors.clear()

    async def test_a_child_that_is_killed_from_outside_was_interrupted(
        self, workshop: Workshop, child: Child, logged_errors: list[str]
    ) -> None:
        child("step(5); os.kill(os.getpid(), signal.SIGKILL)")
        await workshop.retrain()
        end = await workshop.ended()
        assert (end.state, end.can_go_on) == (RunState.INTERRUPTED, False)
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
        self, workshop: Workshop, child: Child, monkeypatch: pytest.MonkeyPatch, made_bundle: MakeBundle
    ) -> None:
        monkeypatch.setattr("bot.services.retraining._SHOW_EVERY", 3600.0)
        child(f"[step(n) for n in range(10)]; {copy(made_bundle(50.0, 40.0))}")
        await workshop.retrain()
        await workshop.ended()
        assert [snapshot.state for snapshot in workshop.seen] == states(workshop)

    @pytest.mark.usefixtures("talkative")
    async def test_each_word_is_shown_when_there_is_time(
        self, workshop: Workshop, child: Child, made_bundle: MakeBundle
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

    async def test_the_run_knows_who_started_it_and_where_it_is_shown(
        self, workshop: Workshop, child: Child, rows: Rows
    ) -> None:
        child("wait()")
        await workshop.retrain(Wish(note="the first"))
        assert rows("SELECT user_id, channel_id, message_id, note FROM training_runs") == [(7, 8, 9, "the first")]

    async def test_a_long_run_is_shown_more_and_more_rarely(
        self,
        workshop: Workshop,
        child: Child,
        monkeypatch: pytest.MonkeyPatch,
        made_bundle: MakeBundle,
    ) -> None:
        monkeypatch.setattr("bot.services.retraining._SHOW_EVERY", 0.0)
        monkeypatch.setattr("bot.services.retraining._PAUSE", 0.5)
        child(f"[(step(n), time.sleep(0.01)) for n in range(40)]; {copy(made_bundle())}")
        await workshop.retrain()
        await workshop.ended()
        assert 2 < len(workshop.seen) < 20
