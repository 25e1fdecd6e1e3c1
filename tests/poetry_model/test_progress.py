import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from poetry_model.progress import BarReporter, JsonReporter
from poetry_model.training import Progress

STEP = Progress("step", 1, 2, 0.25, loss=4.5, characters_per_second=1234.0, seconds_left=3661.0)
EPOCH = Progress("epoch", 1, 2, 0.5, perplexity=90.04)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_parent_process_reads_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonReporter() as reporter:
        reporter.say("月")
        reporter.progress(STEP)
        reporter.progress(EPOCH)
        reporter.finish("abc", 90.04)
    note, step, epoch, finished = _lines(capsys)
    assert note == {"event": "note", "text": "月"}
    assert Progress(**step) == STEP
    assert Progress(**epoch) == EPOCH
    assert finished == {"event": "finished", "version": "abc", "perplexity": 90.04}


def test_steps_that_follow_closely_are_left_out_and_nothing_else_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([10.0, 10.4, 10.45, 10.6, 10.7])
    monkeypatch.setattr("poetry_model.progress.time", SimpleNamespace(perf_counter=lambda: next(times)))
    reporter = JsonReporter()
    for epoch, event in enumerate([STEP, STEP, EPOCH, STEP, STEP]):
        reporter.progress(replace(event, epoch=epoch))
    assert [line["epoch"] for line in _lines(capsys)] == [0, 2, 3]


def test_people_read_the_epochs_the_figures_and_the_end_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with BarReporter() as reporter:
        reporter.say("verse")
        reporter.progress(Progress("start", 0, 2, 0.0, perplexity=200.0))
        reporter.progress(STEP)
        reporter.progress(EPOCH)
        reporter.finish("abc", 90.04)
    out, told = capsys.readouterr()
    assert out == ""
    for piece in ("verse", "Before training: held-back perplexity 200.0", "Epoch 1: held-back perplexity 90.0", "abc"):
        assert piece in told
    assert "epoch 1/2" in told
    assert "25%" in told


@pytest.mark.parametrize(
    ("seconds", "clock"), [(3661.0, "1:01:01 left"), (59.6, "0:01:00 left"), (None, "1,234 characters/s")]
)
def test_the_bar_tells_loss_speed_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, seconds: float | None, clock: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with BarReporter() as reporter:
        reporter.progress(replace(STEP, seconds_left=seconds))
    told = capsys.readouterr().err
    assert "loss 4.500 · 1,234 characters/s" in told
    assert clock in told
    assert ("left" in told) is (seconds is not None)
