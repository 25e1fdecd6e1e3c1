import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poetry_model.checkpoint import load_bundle
from poetry_model.corpus import read_corpus
from poetry_model.holdout import Split
from poetry_model.mood import Mood
from poetry_model.poem import MAX_SEED

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def write(command: Command, bundle_folder: Path) -> Command:
    """The `poem` command with the small model."""

    def run(*arguments: object) -> tuple[int, str, str]:
        return command("poem", *arguments, "--model", bundle_folder, "--device", "cpu")

    return run


def _objects(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def _one_sentence(told: str) -> bool:
    return re.fullmatch(r"[^\n]+\.\n", told) is not None


def test_a_poem_is_printed_with_its_punctuation(write: Command) -> None:
    code, out, told = write("月", "--form", 7, "--lines", 2)
    assert (code, told) == (0, "")
    assert re.fullmatch(r"月\w{6}，\n\w{7}。\n\n", out)


def test_a_poem_as_json_is_one_object_a_line(write: Command, bundle_folder: Path) -> None:
    code, out, told = write("云", "--seed", 3, "--json")
    assert (code, told) == (0, "")
    [poem] = _objects(out)
    assert {key: poem[key] for key in ("start", "form", "seed", "script")} == {
        "start": "云",
        "form": 5,
        "seed": 3,
        "script": "simplified",
    }
    assert poem["model"] == load_bundle(bundle_folder).version
    assert [len(line) for line in poem["lines"]] == [5, 5, 5, 5]
    one, two, three, four = poem["lines"]
    assert poem["text"] == f"{one}，\n{two}。\n{three}，\n{four}。"


def test_many_poems_have_seeds_in_a_row(write: Command) -> None:
    _, out, _ = write("月", "--count", 70, "--seed", 5, "--json")
    poems = _objects(out)
    assert [poem["seed"] for poem in poems] == list(range(5, 75))
    assert len({poem["text"] for poem in poems}) > 60
    _, out, _ = write("月", "--seed", 74, "--json")
    assert _objects(out) == poems[-1:]


def test_seeds_go_round_at_the_end(write: Command) -> None:
    _, out, _ = write("月", "--count", 2, "--seed", MAX_SEED, "--json")
    assert [poem["seed"] for poem in _objects(out)] == [MAX_SEED, 0]


def test_without_a_seed_poems_differ_from_time_to_time(write: Command) -> None:
    assert write("月", "--lines", 16)[1] != write("月", "--lines", 16)[1]


def test_the_reader_chooses_the_script(write: Command) -> None:
    _, out, _ = write("云", "--script", "traditional")
    assert out.startswith("雲")


def test_a_temperature_near_zero_takes_away_the_chance(write: Command) -> None:
    fixed = ("--style", "free", "--rhyme", "風")
    _, out, _ = write("月", "--temperature", 0.0001, "--count", 3, "--json", *fixed)
    assert len({poem["text"] for poem in _objects(out)}) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["moon"],
        [""],
        ["月" * 6],
        ["月", "--form", 6],
        ["月", "--lines", 17],
        ["月", "--temperature", "nan"],
        ["月", "--seed", -1],
        ["月", "--model", "nowhere"],
        ["月", "--rhyme", "moon"],
        ["月", "--rhyme", "雪"],
        ["月", "--candidates", 17],
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_in_one_sentence(
    command: Command, bundle_folder: Path, arguments: list[object]
) -> None:
    code, out, told = command("poem", "--model", bundle_folder, *arguments)
    assert (code, out) == (2, "")
    assert _one_sentence(told)


def test_json_reports_how_a_poem_sounds(write: Command) -> None:
    code, out, _ = write("月", "--form", 7, "--seed", 1, "--json")
    [poem] = _objects(out)
    assert code == 0
    assert poem["style"] == "regulated"
    assert re.fullmatch("[平仄]起首句不?入韻", poem["pattern"])
    assert [len(tones) for tones in poem["tones"]] == [7] * 4
    assert set("".join(poem["tones"])) <= set("平仄○")
    assert len(poem["rhyme"]) == 1
    assert poem["breaches"] == []
    assert poem["likelihood"] < 0


def test_json_names_each_breach_and_its_place(write: Command) -> None:
    _, out, _ = write("水日不一夜", "--json")
    assert _objects(out)[0]["breaches"] == [
        {"line": 0, "place": 3, "rule": "tone"},
        {"line": 0, "place": 4, "rule": "three alike"},
    ]


def test_the_reader_chooses_the_style(write: Command) -> None:
    _, out, _ = write("月", "--style", "free", "--json")
    [poem] = _objects(out)
    assert (poem["style"], poem["pattern"]) == ("free", None)
    assert poem["rhyme"]


def test_the_reader_chooses_the_rhyme(write: Command) -> None:
    _, out, _ = write("月", "--rhyme", "霜", "--script", "traditional", "--json")
    assert all(line[-1] in "香光霜鄉傷黃涼堂牀忘狂裳腸陽" for line in _objects(out)[0]["lines"][1::2])


def test_candidates_are_composed_and_one_is_kept(write: Command) -> None:
    one, six = (_objects(write("月", "--count", 5, "--json", "--candidates", number)[1]) for number in (1, 6))
    assert [poem["candidates"] for poem in one + six] == [1] * 5 + [6] * 5
    # Now and then the first is the best.
    assert [poem["text"] for poem in one] != [poem["text"] for poem in six]


def test_an_acrostic_has_a_line_for_each_character(command: Command, bundle_folder: Path) -> None:
    code, out, told = command("acrostic", "春江花月", "--form", 7, "--count", 2, "--seed", 3, "--model", bundle_folder)
    assert (code, told) == (0, "")
    assert re.fullmatch(r"(春\w{6}，\n江\w{6}。\n花\w{6}，\n月\w{6}。\n\n){2}", out)


def test_an_acrostic_is_repeatable_and_comes_as_json(command: Command, bundle_folder: Path) -> None:
    arguments = ("acrostic", "春江", "--seed", 3, "--style", "free", "--json", "--model", bundle_folder)
    _, out, _ = command(*arguments)
    [poem] = _objects(out)
    assert [line[0] for line in poem["lines"]] == ["春", "江"]
    assert (poem["seed"], poem["style"]) == (3, "free")
    assert command(*arguments)[1] == out


def test_a_line_is_continued_in_its_form(command: Command, bundle_folder: Path) -> None:
    code, out, told = command("continue", "山花水月天，", "--lines", 2, "--model", bundle_folder)
    assert (code, told) == (0, "")
    assert re.fullmatch(r"山花水月天，\n\w{5}。\n\n", out)


@pytest.mark.parametrize("name", ["acrostic", "continue"])
def test_standard_input_serves_all_commands_that_compose(
    command: Command, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("山花水月天\nmoon\n水日花天月\n"))
    code, out, told = command(name, "-", "--json", "--model", bundle_folder)
    assert code == 2
    assert [poem["lines"][0][0] for poem in _objects(out)] == ["山", "水"]
    assert _one_sentence(told)


@pytest.mark.parametrize(
    "arguments",
    [
        ["acrostic", "月"],
        ["acrostic", "月" * 17],
        ["acrostic", "moon"],
        ["acrostic", "春江", "--form", 6],
        ["acrostic", "春江", "--candidates", 17],
        ["continue", "月"],
        ["continue", "moons"],
        ["continue", "山花水月天", "--lines", 0],
    ],
)
def test_an_acrostic_or_a_continuation_that_cannot_be_is_refused_in_one_sentence(
    command: Command, bundle_folder: Path, arguments: list[object]
) -> None:
    code, out, told = command(*arguments, "--model", bundle_folder)
    assert (code, out) == (2, "")
    assert _one_sentence(told)


def test_each_line_of_standard_input_is_a_start(write: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("月\n 山 \n风"))
    code, out, told = write("-", "--json", "--count", 2)
    assert (code, told) == (0, "")
    assert [poem["start"] for poem in _objects(out)] == ["月", "月", "山", "山", "风", "风"]


def test_a_bad_line_is_refused_and_the_next_one_answered(write: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("moon\n\n月\n"))
    code, out, told = write("-", "--json")
    assert code == 2
    assert [poem["start"] for poem in _objects(out)] == ["月"]
    assert len(told.splitlines()) == 2


def test_a_line_that_is_no_text_is_refused_and_the_next_one_answered(
    write: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO("\udcff\n月\n".encode(errors="surrogateescape")), "utf-8")
    )
    code, out, told = write("-", "--json")
    assert code == 2
    assert [poem["start"] for poem in _objects(out)] == ["月"]
    assert _one_sentence(told)


def test_a_model_is_judged_on_its_held_back_side(
    command: Command, corpus_folder: Path, bundle_folder: Path, split: Split
) -> None:
    code, out, _ = command("evaluate", "--corpus", corpus_folder, "--model", bundle_folder, "--json")
    metrics = load_bundle(bundle_folder).metadata["metrics"]
    assert code == 0
    [result] = _objects(out)
    assert result["model"] == load_bundle(bundle_folder).version
    assert result["split"] == "held-back"
    assert result["poems"] == len(split.held_back)
    assert result["characters"] == metrics["characters"]
    assert result["perplexity"] == pytest.approx(metrics["perplexity"], rel=1e-6)
    assert result["unknown_rate"] == metrics["unknown_rate"]


def test_a_model_without_prosody_is_judged_on_its_held_back_side(
    command: Command, corpus_folder: Path, toneless_bundle_folder: Path
) -> None:
    code, out, _ = command("evaluate", "--corpus", corpus_folder, "--model", toneless_bundle_folder, "--json")
    metrics = load_bundle(toneless_bundle_folder).metadata["metrics"]
    assert code == 0
    assert _objects(out)[0]["perplexity"] == pytest.approx(metrics["perplexity"], rel=1e-6)


def test_a_model_is_judged_on_all_of_a_corpus(command: Command, corpus_folder: Path, bundle_folder: Path) -> None:
    code, out, _ = command("evaluate", "--corpus", corpus_folder, "--model", bundle_folder, "--split", "all")
    assert code == 0
    assert f"on {len(read_corpus(corpus_folder).verses)} poems (all): perplexity" in out


def test_a_corpus_with_nothing_held_back_cannot_judge(
    command: Command, bundle_folder: Path, write_corpus: Callable[[object], Path]
) -> None:
    folder = write_corpus([{"paragraphs": ["月山水雲風。"]}])
    code, out, told = command("evaluate", "--corpus", folder, "--model", bundle_folder)
    assert (code, out) == (2, "")
    assert _one_sentence(told)


def test_a_corpus_is_described(command: Command, corpus_folder: Path, split: Split) -> None:
    code, out, told = command("corpus", "check", corpus_folder)
    corpus = read_corpus(corpus_folder)
    assert (code, told) == (0, "")
    assert out.splitlines() == [
        corpus.summary(),
        f"{len(split.training)} poems to learn, {len(split.held_back)} held back",
        f"digest {corpus.digest}",
    ]


@pytest.mark.parametrize(
    "arguments", [["corpus", "check"], ["evaluate", "--corpus"], ["train", "--out", "x", "--corpus"]]
)
def test_a_folder_that_is_not_there_is_refused(
    command: Command, tmp_path: Path, bundle_folder: Path, arguments: list[str]
) -> None:
    model = ["--model", bundle_folder] if "evaluate" in arguments else []
    code, out, told = command(*arguments, tmp_path / "nowhere", *model)
    assert (code, out) == (2, "")
    assert told.strip().startswith(f"There is no folder {tmp_path}")


def test_a_mood_brings_its_temperature_and_candidates(command: Command, bundle_folder: Path) -> None:
    code, out, _ = command("poem", "月", "--mood", "wild", "--seed", 3, "--json", "--model", bundle_folder)
    poem = json.loads(out)
    assert (code, poem["mood"]) == (0, "wild")
    assert (poem["temperature"], poem["candidates"]) == (Mood.WILD.temperature, Mood.WILD.candidates)


def test_who_asks_for_a_poem_waits_for_no_import_that_only_training_needs() -> None:
    code = "import sys, poetry_model.writing; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "poetry_model.poet" in imported
    others = {"rich", "networkx", "matplotlib", "sklearn", "pydantic", "poetry_model.training", "poetry_model.download"}
    assert not others.intersection(imported)
