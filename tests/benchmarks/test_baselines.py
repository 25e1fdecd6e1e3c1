"""Other models beside this one, and settings beside each other, on nonsense."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import effects
from benchmarks.judge import Judge, Shape
from benchmarks.kneser_ney import KneserNey
from benchmarks.quality import main
from benchmarks.report import Table
from benchmarks.sources import NGRAMS, Baseline, Sampling, baseline_source
from poetry_model.checkpoint import load_bundle
from poetry_model.composing import Composing
from poetry_model.corpus import Verse
from poetry_model.errors import BundleError
from poetry_model.evaluation import perplexity
from poetry_model.holdout import HoldOut, Split
from poetry_model.mood import CANDIDATES, TEMPERATURE
from poetry_model.poet import NUCLEUS
from poetry_model.training_config import TrainingConfig
from poetry_model.training_run import TrainingRun
from poetry_model.vocabulary import Vocabulary

_CPU = torch.device("cpu")
_SHIPPED = Sampling(TEMPERATURE, NUCLEUS, CANDIDATES, _CPU)
_SHAPE = Shape(5, 4)


def _train(corpus: Path, out: Path, composing: Composing) -> Path:
    """A small model of the reports' kind, which holds back one poem in five."""
    TrainingRun(
        corpus=corpus,
        out=out,
        config=TrainingConfig(epochs=2, batch_characters=512, learning_rate=1e-2, held_back=5),
        device=_CPU,
        architecture={"embedding": 16, "hidden": 32, "tied": False, "dropout": 0.0, "conditions": {}},
        composing=composing,
    ).execute(lambda _progress: None, lambda: False, lambda _line: None)
    return out


@pytest.fixture(scope="module")
def sampled_folder(corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _train(
        corpus_folder,
        tmp_path_factory.mktemp("baselines") / "sampled",
        Composing(format="sampled", initial_state=0.5, repeats=True),
    )


@pytest.fixture(scope="module")
def greedy_folder(corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _train(corpus_folder, tmp_path_factory.mktemp("baselines") / "greedy", Composing(greedy=True, repeats=True))


@pytest.fixture(scope="module")
def judge(verses: tuple[Verse, ...], bundle_folder: Path) -> Judge:
    """One who has enough poems to judge by; who learned them is not asked here."""
    split = Split(verses[::2], verses[1::2])
    ngrams = KneserNey(
        [verse.lines for verse in split.training], Vocabulary.from_texts(verse.text for verse in split.training)
    )
    prosody = load_bundle(bundle_folder).prosody
    assert prosody
    return Judge(split, prosody, ngrams, poems=40, seed=1)


@pytest.mark.parametrize("kind", ["sampled_folder", "greedy_folder"])
def test_every_figure_of_a_baseline_is_one(
    request: pytest.FixtureRequest, verses: tuple[Verse, ...], judge: Judge, kind: str
) -> None:
    folder: Path = request.getfixturevalue(kind)
    source = baseline_source(Baseline("old", folder), verses, HoldOut().split(verses), _SHIPPED)
    figures = judge.machine(_SHAPE, source)

    assert figures.start == 1
    assert figures.format < 0.5 if kind == "sampled_folder" else figures.format == 1
    assert 0 <= figures.both <= min(figures.rhyme, figures.metre) < 1
    assert 0 < figures.distinct_bigrams < 2
    assert 0.5 < figures.auc <= 1
    assert figures.ngram_perplexity > 1
    assert figures == judge.machine(_SHAPE, source)


def test_a_baseline_is_as_surprised_as_its_own_evaluation_says(sampled_folder: Path, verses: tuple[Verse, ...]) -> None:
    judged_by = HoldOut().split(verses)
    bundle = load_bundle(sampled_folder)
    source = baseline_source(Baseline("old", sampled_folder), verses, judged_by, _SHIPPED)

    expected = perplexity(bundle.network, bundle.vocabulary, judged_by.held_back, _CPU).perplexity
    assert source.perplexity(judged_by.held_back) == expected


def test_a_baseline_that_learned_what_is_judged_by_is_refused(bundle_folder: Path, verses: tuple[Verse, ...]) -> None:
    wider, narrower = HoldOut(5).split(verses), HoldOut().split(verses)

    baseline_source(Baseline("old", bundle_folder), verses, narrower, _SHIPPED)
    with pytest.raises(BundleError, match=r"^old learned \d+ of the \d+ poems that are held back here; .*\.$"):
        baseline_source(Baseline("old", bundle_folder), verses, wider, _SHIPPED)


def test_the_command_gives_each_baseline_a_row(
    corpus_folder: Path, bundle_folder: Path, sampled_folder: Path, greedy_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "figures.json"
    baselines = ["--baseline", f"first={greedy_folder}", "--baseline", f"second={sampled_folder}"]
    arguments = ["--corpus", str(corpus_folder), "--model", str(bundle_folder), "--poems", "5", "--json", str(file)]

    assert main([*arguments, *baselines]) == 0
    figures = json.loads(file.read_text(encoding="utf-8"))["perplexity"]
    assert list(figures)[-2:] == ["first", "second"]
    assert all(1 < value < 1000 for value in figures.values())


def test_the_command_refuses_a_baseline_that_learned_too_much(
    corpus_folder: Path, bundle_folder: Path, sampled_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--corpus", str(corpus_folder), "--model", str(sampled_folder), "--poems", "5"]

    assert main([*arguments, "--baseline", f"old={bundle_folder}"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("old learned ")


@pytest.mark.parametrize(
    "wrong",
    [
        ("--baseline", "model"),
        ("--baseline", "=model"),
        ("--baseline", "old="),
        ("--baseline", f"{NGRAMS}=model"),
        ("--baseline", "old=one", "--baseline", "old=other"),
        ("--effects", "--baseline", "old=one"),
    ],
)
def test_baselines_that_cannot_be_rows_are_refused_at_once(wrong: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        main(["--corpus", "anywhere", *wrong])


def test_candidates_and_temperatures_vary_one_at_a_time() -> None:
    varied = effects.settings(_SHIPPED)

    assert len(varied) == len(set(varied)) == 7
    assert varied.count(_SHIPPED) == 1
    assert all(one.candidates == CANDIDATES or one.temperature == TEMPERATURE for one in varied)
    assert {one.candidates for one in varied} == {1, 2, 4, 8}
    assert {one.temperature for one in varied} == {0.7, 0.8, 0.9, 1.0}


def test_what_the_settings_do_is_told_in_a_small_table(judge: Judge, bundle_folder: Path) -> None:
    bundle = load_bundle(bundle_folder)
    [one, other, *_] = effects.sources(bundle, replace(_SHIPPED, nucleus=0.9))
    rows = {source.name: judge.machine_in_short(_SHAPE, source) for source in (one, other)}
    table = Table({"seed": 1}, {}, {_SHAPE: rows}, effects.COLUMNS).as_markdown()

    assert list(rows) == ["1 candidate, temperature 0.9", "2 candidates, temperature 0.9"]
    for figures in rows.values():
        assert figures.poems == 2 * figures.auc_poems
        assert (figures.perplexity, figures.start, figures.format) == (None, None, 1)
    first = rows["1 candidate, temperature 0.9"]
    assert first == judge.machine_in_short(_SHAPE, one)
    assert "| poems by | poems | under n-grams | rhyme | both | repeated characters | distinct lines | AUC |" in table
    assert f"| 1 candidate, temperature 0.9 | {first.poems} | {first.ngram_perplexity:.0f} | " in table
    assert "whole held-back side" not in table


def test_the_command_tells_what_the_settings_do(
    corpus_folder: Path, bundle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # So few poems are held back that no shape can be judged.
    assert main(["--corpus", str(corpus_folder), "--model", str(bundle_folder), "--effects"]) == 0
    out, told = capsys.readouterr()
    assert f"poems {effects.POEMS}, " in out
    assert "passed over" in told
