import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import poetry_model
from poetry_model.checkpoint import load_bundle
from poetry_model.progress import JsonReporter
from poetry_model.training import Progress

Command = Callable[..., tuple[int, str, str]]
SMALL = ("--embedding", "8", "--hidden", "8", "--layers", "1", "--threads", "1", "--device", "cpu")
# One poem a batch: long enough to be stopped on the way, whatever else the machine does.
SLOW = (*SMALL, "--epochs", "3", "--batch-characters", "1", "--progress", "json")


@contextmanager
def _process(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, which ends at the latest with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "poetry_model", *map(str, arguments)],
        cwd=Path(poetry_model.__file__).parents[1],
        env=os.environ | {"PYTHONUTF8": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        alarm = threading.Timer(120, process.kill)
        alarm.start()
        try:
            yield process
        finally:
            alarm.cancel()
            process.kill()


def _events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_training_tells_its_way_to_the_bundle(command: Command, corpus_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    code, said, _ = command(
        "train", "--corpus", corpus_folder, "--out", out, *SMALL, "--epochs", 1, "--dropout", 0.1, "--progress", "json"
    )
    events = _events(said)
    bundle = load_bundle(out)
    assert code == 0
    assert {event["event"] for event in events} == {"note", "step", "epoch", "checkpoint", "finished"}
    assert events[-1]["version"] == bundle.version
    assert (bundle.network.config.hidden, bundle.network.config.dropout) == (8, 0.1)


def test_people_see_a_bar_on_standard_error_and_nothing_else(
    command: Command, corpus_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    code, said, told = command("train", "--corpus", corpus_folder, "--out", out, *SMALL, "--epochs", 1)
    assert (code, said) == (0, "")
    assert "Epoch 1: held-back perplexity" in told
    assert f"Version {load_bundle(out).version}" in told


def test_a_fine_tuning_is_short_and_gentle_when_nothing_is_said(
    command: Command, corpus_folder: Path, bundle_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    code, _, _ = command("train", "--corpus", corpus_folder, "--out", out, "--from", bundle_folder, "--seed", 4)
    training = load_bundle(out).metadata["training"]
    assert code == 0
    assert training["parent"] == load_bundle(bundle_folder).version
    assert (
        training["config"]["learning_rate"] < load_bundle(bundle_folder).metadata["training"]["config"]["learning_rate"]
    )
    assert (training["config"]["epochs"], training["config"]["seed"]) == (2, 4)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--dropout", "1"),
        ("--dropout", "-0.1"),
        ("--dropout", "nan"),
        ("--learning-rate", "0"),
        ("--learning-rate", "nan"),
        ("--seed", "99999999999999999999"),
        ("--from", "nowhere"),
    ],
)
def test_a_training_that_cannot_be_is_refused_in_one_sentence(
    command: Command, corpus_folder: Path, tmp_path: Path, option: str, value: str
) -> None:
    code, out, told = command(
        "train", "--corpus", corpus_folder, "--out", tmp_path / "model", *SMALL, "--epochs", 1, option, value
    )
    assert (code, out) == (2, "")
    assert told.splitlines()[-1].endswith(".")
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_a_training_saves_and_says_how_to_go_on(
    command: Command, corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def interrupt(_: object, progress: Progress) -> None:
        if progress.event == "step":
            signal.raise_signal(number)

    monkeypatch.setattr(JsonReporter, "progress", interrupt)
    before = signal.getsignal(number)
    code, out, told = command("train", "--corpus", corpus_folder, "--out", tmp_path / "model", *SLOW)
    assert code == 130
    assert not told
    assert _events(out)[-1]["text"].endswith("the run is saved. Go on with the same command and --resume.")
    assert [folder.name for folder in tmp_path.iterdir()] == ["model.partial"]
    assert signal.getsignal(number) is before


def test_asked_twice_a_training_stops_at_once(
    command: Command, corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt_twice(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(JsonReporter, "progress", interrupt_twice)
    code, _, _ = command("train", "--corpus", corpus_folder, "--out", tmp_path / "model", *SLOW)
    assert code == 130
    assert list(tmp_path.iterdir()) == []


def test_after_ctrl_c_a_run_resumes_to_the_version_of_an_unbroken_one(
    command: Command, corpus_folder: Path, tmp_path: Path
) -> None:
    arguments = ("train", "--corpus", corpus_folder, "--out")
    with _process(*arguments, tmp_path / "model", *SLOW) as process:
        assert process.stdout
        for line in process.stdout:
            if json.loads(line)["event"] == "step":
                break
        process.send_signal(signal.SIGINT)
        out, told = process.communicate()
        assert process.returncode == 130, told
    assert "--resume" in _events(out)[-1]["text"]
    assert not (tmp_path / "model").exists()

    code, _, told = command(*arguments, tmp_path / "model", *SLOW, "--resume")
    assert code == 0, told
    assert command(*arguments, tmp_path / "unbroken", *SLOW)[0] == 0
    assert load_bundle(tmp_path / "model").version == load_bundle(tmp_path / "unbroken").version


def test_a_training_whose_parent_is_no_more_saves_and_stops(corpus_folder: Path, tmp_path: Path) -> None:
    arguments = ("train", "--corpus", corpus_folder, "--out", tmp_path / "model", *SLOW, "--stop-on-eof")
    with _process(*arguments) as process:
        assert process.stdout
        assert process.stdin
        for line in process.stdout:
            if json.loads(line)["event"] == "step":
                break
        process.stdin.close()
        *_, last = process.stdout
        assert process.wait(timeout=60) == 130
    assert json.loads(last)["text"].endswith("the run is saved. Go on with the same command and --resume.")
    assert [folder.name for folder in tmp_path.iterdir()] == ["model.partial"]


def test_standard_input_is_answered_line_by_line(bundle_folder: Path) -> None:
    with _process("poem", "-", "--json", "--model", bundle_folder) as process:
        assert process.stdin
        assert process.stdout
        for start in ("月", "山"):
            process.stdin.write(f"{start}\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["start"] == start
        out, told = process.communicate()
        assert (process.returncode, out, told) == (0, "", "")
