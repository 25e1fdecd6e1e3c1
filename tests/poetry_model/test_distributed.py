"""Trainings by two processes, as torchrun starts them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import poetry_model
from poetry_model import learners
from poetry_model.batches import batches
from poetry_model.checkpoint import Bundle, load_bundle
from poetry_model.controls import not_given
from poetry_model.corpus import Verse
from poetry_model.distributed import ALONE, Ranks
from poetry_model.errors import TrainingError
from poetry_model.evaluation import perplexity
from poetry_model.holdout import Split
from poetry_model.vocabulary import Vocabulary

pytestmark = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this PyTorch has no gloo")

Command = Callable[..., tuple[int, str, str]]
CPU = torch.device("cpu")

SMALL = (
    *("--embedding", "8", "--hidden", "8", "--layers", "1", "--threads", "1", "--device", "cpu", "--examine", "0"),
    *("--progress", "json"),
)
EQUAL = (*SMALL, "--epochs", "2", "--batch-characters", "256", "--dropout", "0")
# One poem a batch, of which the second process has none: long enough to be broken off on the way.
SLOW = (*SMALL, "--epochs", "3", "--batch-characters", "1")

# bfloat16 rounds the parts of a batch otherwise than the whole.
IN_FP32 = """
import sys
from poetry_model import learners
from poetry_model.__main__ import main
learners.has_fast_bfloat16 = lambda device: False
sys.exit(main())
"""


@contextmanager
def _torchrun(*arguments: object, restarts: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Two processes under torchrun, which are gone at the latest with the block."""
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
            *("--max-restarts", str(restarts)),
            *map(str, arguments),
        ],
        cwd=Path(poetry_model.__file__).parents[1],
        env=os.environ | {"PYTHONUTF8": "1", "PYTHONPATH": str(Path(poetry_model.__file__).parents[1])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as process:
        # torchrun passes it on, and kills what does not end.
        alarm = threading.Timer(120, process.terminate)
        alarm.start()
        try:
            yield process
        finally:
            alarm.cancel()
            process.terminate()


def _finish(process: subprocess.Popen[str]) -> str:
    """All that is still said, and what the processes ended with is 0."""
    told, _ = process.communicate()
    assert process.returncode == 0, told
    return told


def _wait_for(process: subprocess.Popen[str], event: str) -> None:
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("{") and json.loads(line)["event"] == event:
            return
    pytest.fail("".join(said))


def _worker(agent: subprocess.Popen[str], rank: int) -> int:
    """The process that has a rank."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("which process has which rank is looked up in /proc")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            if parent == agent.pid and f"RANK={rank}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                return int(folder.name)
        except OSError:  # gone meanwhile
            continue
    return pytest.fail(f"there is no rank {rank}")


def _history(bundle: Bundle) -> list[dict[str, float]]:
    history: list[dict[str, float]] = bundle.metadata["training"]["history"]
    return history


@pytest.fixture(scope="module")
def unbroken(corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """What two processes make of the slow training when nothing befalls them."""
    out = tmp_path_factory.mktemp("unbroken") / "model"
    with _torchrun("-m", "poetry_model", "train", "--corpus", corpus_folder, "--out", out, *SLOW) as process:
        _finish(process)
    return load_bundle(out)


def test_two_processes_train_what_one_does(
    command: Command, corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "train.py"
    script.write_text(IN_FP32, encoding="utf-8")
    arguments = ("train", "--corpus", corpus_folder, *EQUAL, "--out")
    with _torchrun(script, *arguments, tmp_path / "two") as process:
        said = _finish(process)
    # One of them speaks.
    assert said.count('"event": "finished"') == 1
    monkeypatch.setattr(learners, "has_fast_bfloat16", lambda _: False)
    code, _, told = command(*arguments, tmp_path / "one")
    assert code == 0, told

    one, two = (load_bundle(tmp_path / name) for name in ("one", "two"))
    for before, after in zip(_history(one), _history(two), strict=True):
        assert after == pytest.approx(before, rel=1e-5)
    for name, weights in one.network.state_dict().items():
        torch.testing.assert_close(two.network.state_dict()[name], weights, rtol=1e-3, atol=1e-4)
    assert two.metadata["metrics"]["perplexity"] == pytest.approx(one.metadata["metrics"]["perplexity"], rel=1e-4)


# The one that writes is the worse one to lose.
@pytest.mark.parametrize("rank", [0, pytest.param(1, marks=pytest.mark.soak)])
def test_when_a_process_is_killed_the_training_goes_on_from_what_was_saved(
    unbroken: Bundle, corpus_folder: Path, tmp_path: Path, rank: int
) -> None:
    arguments = ("-m", "poetry_model", "train", "--corpus", corpus_folder, "--out", tmp_path / "model", *SLOW)
    with _torchrun(*arguments, restarts=1) as process:
        _wait_for(process, "note")
        worker = _worker(process, rank)
        _wait_for(process, "checkpoint")
        os.kill(worker, signal.SIGKILL)
        said = _finish(process)
    events: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    # They started twice, and what was saved was not trained again.
    assert any(event["event"] == "note" for event in events)
    assert 1 not in [event["epoch"] for event in events if event["event"] == "epoch"]
    assert load_bundle(tmp_path / "model").version == unbroken.version
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_torchrun_asked_to_stop_saves_and_one_process_may_go_on(
    command: Command, corpus_folder: Path, tmp_path: Path
) -> None:
    # Without chance and with one poem a batch, two processes and one have the same weights to the last bit.
    arguments = ("train", "--corpus", corpus_folder, *SLOW, "--dropout", "0", "--out")
    with _torchrun("-m", "poetry_model", *arguments, tmp_path / "model", restarts=1) as process:
        _wait_for(process, "step")
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate()
    assert process.returncode != 0
    assert said.count("the run is saved. Go on with the same command and --resume.") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.partial"]

    code, _, told = command(*arguments, tmp_path / "model", "--resume")
    assert code == 0, told
    assert command(*arguments, tmp_path / "unbroken")[0] == 0
    assert load_bundle(tmp_path / "model").version == load_bundle(tmp_path / "unbroken").version


def test_the_engine_by_hand_is_refused_in_one_sentence(corpus_folder: Path, tmp_path: Path) -> None:
    arguments = ("--corpus", corpus_folder, "--out", tmp_path / "model", "--engine", "numpy", "--progress", "json")
    with _torchrun("-m", "poetry_model", "train", *arguments) as process:
        said, _ = process.communicate()
    assert process.returncode != 0
    assert said.count("The numpy engine trains in one process; start it without torchrun.\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [2, 3, 7])
def test_the_parts_of_a_batch_are_the_whole_whatever_their_number(
    split: Split, vocabulary: Vocabulary, size: int
) -> None:
    def characters(ranks: Ranks) -> Iterator[list[list[int]]]:
        for batch in batches(split.training, vocabulary, 300, seed=1, ranks=ranks):
            yield [[place for place in row if place] for row in batch.targets.tolist()] if batch.weight else []

    parts = zip(*(characters(Ranks(rank, size)) for rank in range(size)), strict=True)
    for whole, several in zip(characters(ALONE), parts, strict=True):
        assert sorted(whole) == sorted(row for part in several for row in part)


@pytest.mark.parametrize("size", [2, 7])
@pytest.mark.parametrize("line_ends", [False, True])
def test_the_mean_of_the_parts_by_their_weights_is_that_of_all_places(
    split: Split, size: int, *, line_ends: bool
) -> None:
    vocabulary = Vocabulary.from_texts((verse.text for verse in split.training), line_ends=line_ends)
    found = [
        list(batches(split.training, vocabulary, 300, seed=1, ranks=ranks))
        for ranks in (ALONE, *(Ranks(rank, size) for rank in range(size)))
    ]
    for whole, *parts in zip(*found, strict=True):
        mean = whole.targets[whole.mask].float().mean().item()
        weighted = sum(part.targets[part.mask].float().mean().item() * part.weight for part in parts) / size
        assert weighted == pytest.approx(mean, rel=1e-5)


class Counted(Ranks):
    """Ranks whose sums are noted instead of sent."""

    def total(self, *values: float) -> list[float]:
        SUMS.append(values)
        return list(values)


SUMS: list[tuple[float, ...]] = []


def test_the_held_back_verse_is_read_in_parts(
    verses: tuple[Verse, ...], bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = load_bundle(bundle_folder)
    sums: list[tuple[float, ...]] = []
    monkeypatch.setattr(sys.modules[__name__], "SUMS", sums)
    for rank in range(3):
        perplexity(bundle.network, bundle.vocabulary, verses[:10], CPU, not_given, Counted(rank, 3))
    whole = perplexity(bundle.network, bundle.vocabulary, verses[:10], CPU, not_given)
    characters = sum(len(verse.text) for verse in verses[:10])
    assert sum(loss for loss, _ in sums) / characters == pytest.approx(float(torch.tensor(whole.perplexity).log()))
    assert sum(unknown for _, unknown in sums) / characters == pytest.approx(whole.unknown_rate)


def test_what_fails_between_processes_is_said_in_one_sentence() -> None:
    sentence = r"^A process of the training was lost \(Connection closed\); go on with the same command and --resume\.$"
    with pytest.raises(TrainingError, match=sentence), Ranks(0, 2).connected():
        raise RuntimeError("Connection closed\nC++ stack")
    with pytest.raises(torch.OutOfMemoryError), Ranks(0, 2).connected():
        raise torch.OutOfMemoryError
    with pytest.raises(RuntimeError, match="wrong"), ALONE.connected():
        raise RuntimeError("wrong")


def test_processes_started_anew_after_the_end_have_nothing_to_do(
    command: Command,
    corpus_folder: Path,
    bundle_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "model"
    shutil.copytree(bundle_folder, out)
    arguments = ("train", "--corpus", corpus_folder, "--out", out, *EQUAL)
    places = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "TORCHELASTIC_RUN_ID": "x"}
    for name, value in places.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")
    assert command(*arguments)[0] == 2
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    code, said, _ = command(*arguments)
    assert code == 0
    assert json.loads(said)["text"].endswith("was finished before the processes were started again.")
    assert load_bundle(out).version == load_bundle(bundle_folder).version
