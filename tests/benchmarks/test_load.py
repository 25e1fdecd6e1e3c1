import json
from pathlib import Path

import pytest

from benchmarks.load import main
from benchmarks.load_report import Report, Rest
from benchmarks.standin.bot import Sample


def test_a_small_load_during_a_retraining_is_answered_and_counted(
    bundle_folder: Path, large_corpus_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--commands", "30", "--seconds", "2", "--people", "10", "--hearts", "0.5", "--model", str(bundle_folder)]
    code = main([*words, "--retrain", str(large_corpus_folder), "--json"])
    out, told = capsys.readouterr()
    assert code == 0, told
    report = json.loads(out)
    assert report["broken"] == []
    assert report["breaches"] == {}
    assert (report["poems"], report["sentences"], report["unanswered"], report["doubled"]) == (30, {}, 0, 0)
    assert (report["hearts"], report["confirmed"], report["missing"]) == (15, 15, 0)
    assert report["lags"]["p99"] > 0.0
    assert report["before"]["memory"] > 0
    assert report["training"] == "still running"


def sample(at: float, memory: int) -> Sample:
    return Sample(at=at, memory=memory, tasks=3, descriptors=9, lags=[0.001, 0.2], errors=[])


def report() -> Report:
    return Report(
        commands=4,
        acknowledged=[0.1, 0.2, 0.3, 0.4],
        answered=[1.0, 2.0, 3.0],
        poems=3,
        sentences={"Come back later.": 1},
        hearts=0,
        seconds=2.0,
        before=Rest(3, 9, 2**28),
        after=Rest(3, 9, 2**28),
        samples=[sample(number, 100 + min(number, 30)) for number in range(120)],
    )


def test_the_table_shows_what_people_waited_for() -> None:
    table = report().as_markdown()
    assert "| acknowledged in time, hearts included | 4 of 4 |" in table
    assert "| answered with a sentence | 1 |\n| · Come back later. | 1 |" in table
    assert "| answered after, p50 / p95 / p99 | 2.0 s / 3.0 s / 3.0 s |" in table
    assert "| lag of the event loop, p50 / p99 / max | 1 ms / 200 ms / 200 ms |" in table
    assert "| poems a second | 1.5 |" in table


def test_memory_that_grows_before_it_settles_is_no_growth() -> None:
    settled = report()
    assert settled.settled == 127
    assert settled.growth == pytest.approx(130 / 127 - 1)
    assert settled.broken(0.75, is_soak=True) == []
    settled.samples += [sample(number, 150) for number in range(120, 180)]
    assert settled.broken(0.75, is_soak=True) == ["the memory grew by 15.4%"]


def test_each_promise_that_is_broken_is_said() -> None:
    broken = report()
    broken.unacknowledged = broken.unanswered = broken.doubled = broken.missing = 1
    broken.breaches, broken.errors = {"unknown message": 2}, ["It fell over."]
    broken.after = Rest(5, 12, 2**28)
    assert broken.broken(0.95, is_soak=True) == [
        "1 were not acknowledged within 3 s",
        "fewer than 95% were answered with a poem",
        "1 were not answered",
        "1 were answered twice",
        "1 confirmed favorites are not in the database",
        "2 breaches of Discord's rules",
        "1 errors in the log",
        "2 tasks left over",
        "3 descriptors left open",
    ]


def test_a_corpus_that_is_not_there_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--retrain", str(tmp_path / "none")]) == 1
    assert "There is no folder" in capsys.readouterr().err


def test_a_bot_that_does_not_come_up_is_told_with_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--commands", "1", "--model", str(tmp_path)]) == 1
    assert "The bot has stopped. Its log ends:" in capsys.readouterr().err


@pytest.mark.soak
def test_three_minutes_at_five_commands_a_second_leave_nothing_behind(
    bundle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--minutes", "3", "--rate", "5", "--model", str(bundle_folder)]) == 0, capsys.readouterr().err
