import asyncio
import re
import sys
from pathlib import Path

import pytest

from benchmarks.retrain_interference import Timings, _training, main, percentile
from bot.services.training_process import TrainingOrder
from poetry_model.errors import TrainingError


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 5), (0.51, 6), (0.95, 10), (1.0, 10)])
def test_a_percentile_is_one_of_the_values(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(10, 0, -1)], share) == value


def test_the_table_shows_milliseconds_and_how_many_times_longer_it_takes() -> None:
    table = Timings([0.1, 0.1, 0.2], [0.15, 0.15, 0.5]).as_markdown()
    assert "| without a training | 3 | 100 ms | 200 ms |" in table
    assert "| during a training | 3 | 150 ms | 500 ms |" in table
    assert "| ratio | | 1.50 | 2.50 |" in table


def test_poems_are_timed_without_and_beside_a_training_that_runs(
    corpus_folder: Path, bundle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(
        [
            "--corpus",
            str(corpus_folder),
            "--model",
            str(bundle_folder),
            "--seconds",
            "0.1",
            "--rounds",
            "1",
            "--niceness",
            "0",
        ]
    )
    out, told = capsys.readouterr()
    assert code == 0, told
    assert re.search(r"\| ratio \| \| [0-9.]+ \| [0-9.]+ \|", out)
    assert "during a training" in told


@pytest.mark.parametrize(
    ("script", "said"),
    [("import sys; sys.exit('The verse is spoilt.')", "The verse is spoilt"), ("pass", "was over too soon")],
)
async def test_a_training_that_ends_by_itself_ends_the_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    monkeypatch.setattr(TrainingOrder, "command", lambda _: [sys.executable, "-c", script])
    order = TrainingOrder(corpus=tmp_path, parent=tmp_path, out=tmp_path / "out", epochs=1, threads=1, device="cpu")
    with pytest.raises(TrainingError, match=said):
        async with _training(order):
            await asyncio.sleep(60)


async def test_a_training_that_runs_is_ended_with_the_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'import os, signal\nprint(\'{"event": "step", "pid": %d}\' % os.getpid(), flush=True)\nsignal.pause()'
    monkeypatch.setattr(TrainingOrder, "command", lambda _: [sys.executable, "-c", script])
    order = TrainingOrder(corpus=tmp_path, parent=tmp_path, out=tmp_path / "out", epochs=1, threads=1, device="cpu")
    async with asyncio.timeout(60), _training(order):
        pass


def test_a_corpus_that_is_not_there_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--corpus", str(tmp_path / "none")]) == 1
    assert "There is no folder" in capsys.readouterr().err
