"""What is refused before anything is recorded, and what the training process is told."""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot.config import MAX_EPOCHS
from bot.errors import BotError
from bot.services.run_files import RunFiles, folder_size
from bot.services.run_plan import Plan
from bot.services.runs import Source, Wish
from bot.services.uploads import Upload, check_upload
from poetry_model.corpus import read_corpus
from poetry_model.poem import PoemRequest
from tests.bot.conftest import Rows
from tests.bot.services.conftest import Workshop

PLAN: dict[str, Any] = {
    "source": "corpus",
    "epochs": 1,
    "minutes": None,
    "corpus": None,
    "judge": None,
    "learning_rate": None,
    "favorites_share": None,
}
VERSE = "山高水長月，夜靜風清天。\n\n"


async def refused(workshop: Workshop, wish: Wish) -> BotError:
    """Why the wish cannot be granted; nothing is recorded."""
    with pytest.raises(BotError) as caught:
        await workshop.reserve(wish)
    assert await workshop.services.retraining.tenure() is None
    return caught.value


async def keep_a_poem(workshop: Workshop) -> None:
    poem = await workshop.services.poems.write(PoemRequest.checked("月"), 1, None)
    await workshop.services.favorites.add(1, poem.id)


def keepers(favorites: Path) -> list[int]:
    """How many keep each poem of the file."""
    return [poem["keepers"] for poem in json.loads(favorites.read_text(encoding="utf-8"))["poems"]]


@pytest.fixture
def upload(corpus_folder: Path) -> Upload:
    """A corpus that was sent: the tests' own."""
    [file] = (corpus_folder / "全唐诗").glob("*.json")
    return check_upload("mine.json", file.read_bytes())


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class TestRefusing:
    async def test_no_corpus_is_told_apart_from_a_missing_one(
        self, workshop: Workshop, tmp_path: Path, rows: Rows
    ) -> None:
        for corpus, key in ((None, "retrain.no_corpus"), (tmp_path / "nowhere", "retrain.corpus_missing")):
            await workshop.change(corpus=corpus)
            for source in (Source.CORPUS, Source.FRESH, Source.FAVORITES):
                assert (await refused(workshop, Wish(source))).key == key
        assert rows("SELECT count(*) FROM training_runs") == [(0,)]

    async def test_favorites_need_favorites(self, workshop: Workshop) -> None:
        assert (await refused(workshop, Wish(Source.FAVORITES))).key == "retrain.no_favorites"

    async def test_there_must_be_something_to_resume(self, workshop: Workshop) -> None:
        assert (await refused(workshop, Wish(Source.RESUME))).key == "retrain.nothing_to_resume"

    @pytest.mark.parametrize("wish", [Wish(Source.RESUME, epochs=1), Wish(Source.RESUME, minutes=5)])
    async def test_what_is_resumed_goes_on_as_it_began(self, workshop: Workshop, wish: Wish) -> None:
        assert (await refused(workshop, wish)).key == "retrain.resume_alone"

    async def test_a_disk_that_is_too_full_is_told_with_figures(
        self, workshop: Workshop, shipped: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 10_000, 10_000))
        error = await refused(workshop, Wish())
        assert (error.key, error.values["free"]) == ("retrain.no_room", 0)
        # Twenty bundles, in MiB rounded up.
        assert error.values["needed"] == -(-20 * folder_size(shipped) // 2**20)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, 10**9))
        await workshop.reserve()

    async def test_a_disk_that_cannot_be_written_leaves_the_place_free(
        self, workshop: Workshop, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Plan, "write", full)
            with pytest.raises(OSError, match="No space"):
                await workshop.reserve()
        assert rows("SELECT state FROM training_runs") == [("cancelled",)]
        await workshop.reserve()


class TestPlanning:
    @pytest.mark.parametrize(
        ("wish", "epochs"),
        [
            (Wish(), 1),
            (Wish(epochs=5), 5),
            (Wish(minutes=2.0), MAX_EPOCHS),
            (Wish(epochs=5, minutes=2.0), 5),
            (Wish(Source.FRESH), 14),
        ],
    )
    async def test_epochs_come_from_the_command_or_else_from_the_settings(
        self, workshop: Workshop, rows: Rows, wish: Wish, epochs: int
    ) -> None:
        snapshot = await workshop.reserve(wish)
        assert (snapshot.epochs, snapshot.minutes) == (epochs, wish.minutes)
        assert rows("SELECT epochs, minutes, source FROM training_runs") == [(epochs, wish.minutes, wish.source)]

    async def told(self, workshop: Workshop, wish: Wish) -> tuple[dict[str, Any], list[str]]:
        """The options that the child is given, and its flags."""
        await workshop.reserve(wish)
        run = workshop.services.retraining._current
        assert run is not None
        order = await workshop.services.retraining.planner.order(run.plan, run.files, run.parent)
        words = order.command()[4:]
        flags = [word for word in words if word in {"--resume", "--stop-on-eof"}]
        rest = [word for word in words if word not in flags]
        return dict(zip(rest[::2], rest[1::2], strict=True)), flags

    async def test_the_live_model_goes_on_with_the_corpus(
        self, workshop: Workshop, shipped: Path, corpus_folder: Path
    ) -> None:
        await workshop.change(learning_rate=0.5, threads=3)
        options, flags = await self.told(workshop, Wish(minutes=2.0))
        assert options == {
            "--corpus": str(corpus_folder),
            "--out": options["--out"],
            "--from": str(shipped),
            "--epochs": "100",
            "--minutes": "2.0",
            "--learning-rate": "0.5",
            "--threads": "3",
            "--device": "cpu",
            "--progress": "json",
        }
        assert flags == ["--stop-on-eof"]

    async def test_a_fresh_model_is_measured_beside_the_live_one(self, workshop: Workshop, shipped: Path) -> None:
        await workshop.change(learning_rate=0.5)
        options, _ = await self.told(workshop, Wish(Source.FRESH))
        assert "--from" not in options
        assert "--learning-rate" not in options
        assert options["--compare-with"] == str(shipped)

    async def test_favorites_lie_beside_the_run(self, workshop: Workshop) -> None:
        await keep_a_poem(workshop)
        await workshop.change(favorites_share=0.25)
        options, _ = await self.told(workshop, Wish(Source.FAVORITES))
        assert keepers(Path(options["--favorites"])) == [1]
        assert options["--favorites-share"] == "0.25"

    async def test_a_corpus_that_was_sent_is_written_to_our_own_folder(
        self, workshop: Workshop, upload: Upload
    ) -> None:
        await workshop.change(corpus=None)
        options, _ = await self.told(workshop, Wish(upload=upload))
        corpus = Path(options["--corpus"])
        assert corpus.parent == workshop.settings.model.folder
        assert len(read_corpus(corpus).verses) == upload.summary.kept

    async def test_a_corpus_that_was_sent_is_judged_by_the_configured_one(
        self, workshop: Workshop, upload: Upload
    ) -> None:
        options, _ = await self.told(workshop, Wish(upload=upload))
        assert options["--judge-by"] == str(workshop.settings.retrain.corpus)

    async def test_a_few_poems_are_enough_where_another_corpus_judges(self, workshop: Workshop) -> None:
        upload = await workshop.services.retraining.planner.read_upload("few.txt", VERSE.encode())
        options, _ = await self.told(workshop, Wish(upload=upload))
        assert len(read_corpus(Path(options["--corpus"])).verses) == upload.summary.kept


async def test_a_corpus_of_a_few_poems_alone_is_too_little(workshop: Workshop) -> None:
    await workshop.change(corpus=None)
    with pytest.raises(BotError) as caught:
        await workshop.services.retraining.planner.read_upload("few.txt", VERSE.encode())
    assert caught.value.key == "upload.too_small"


async def test_a_file_that_is_too_large_need_not_be_fetched(workshop: Workshop) -> None:
    await workshop.change(upload_limit=0.5)
    planner = workshop.services.retraining.planner
    planner.check_upload_size(2**19)
    with pytest.raises(BotError) as caught:
        planner.check_upload_size(2**19 + 1)
    assert caught.value.key == "upload.too_large"


def test_a_plan_survives_the_disk(tmp_path: Path) -> None:
    plan = Plan(Source.FAVORITES, 3, 2.5, None, "corpus", 1e-4, 0.1)
    plan.write(tmp_path / "plan.json")
    assert Plan.read(tmp_path / "plan.json") == plan


def test_of_a_run_that_is_over_nothing_stays_but_its_log(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, "run-1")
    for folder in (files.bundle, files.partial, files.corpus):
        folder.mkdir()
    for file in (files.log, files.plan, files.favorites):
        file.touch()
    assert files.can_go_on()
    files.remove_all()
    assert [path.name for path in tmp_path.iterdir()] == ["run-1.log"]
    assert not files.can_go_on()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"source": "nowhere"}',
        json.dumps(PLAN | {"epochs": "x"}).encode(),
        json.dumps(PLAN | {"corpus": 5}).encode(),
        b" " * 2**21,
    ],
    ids=["nothing", "bytes", "list", "empty", "nested", "another source", "another number", "another folder", "pages"],
)
def test_a_plan_that_is_none_is_an_error_that_the_planner_knows(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises((OSError, ValueError)):
        Plan.read(tmp_path / "plan.json")


def test_the_plan_of_before_is_read(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(PLAN), encoding="utf-8")
    assert Plan.read(tmp_path / "plan.json") == Plan(Source.CORPUS, 1, None, None, None, None, None)
